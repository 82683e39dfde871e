"""Scores that a caller says a comment should have got, kept as feedback on the decision about the same words."""

from model import Policy
from model.errors import MemeError
from model.meme import Meme
from model.taxonomy import TASKS
from serving.app_state import AppState
from serving.ledger.database import Database
from serving.ledger.feedback_labels import checked_labels
from serving.ledger.queries import Label, Review, last_decision_about
from serving.perspective.attributes import TASK_OF
from serving.perspective.request import Suggested
from serving.problems import ProblemError
from serving.requests.classify_body import ClassifyInput
from serving.requests.context import RequestContext

#: A score from here on says that it holds.
_HOLDS_FROM = 0.5


async def keep_suggestion(state: AppState, said: Suggested, policy: Policy, context: RequestContext) -> None:
    """Write feedback on the last decision about these words; where there is none, the words are judged first.

    Raises ``ProblemError``: 503 where the server keeps no decisions, or cannot now.
    """
    ledger, words = state.decisions, said.comment.words
    timeout_s = state.settings.request_timeout_s
    try:
        digest = Meme.from_text(words, limits=state.settings.limits).digest
    except MemeError as error:
        raise ProblemError.from_meme_error(error, state.settings.limits) from error

    def look(database: Database) -> str | None:
        with database.reading() as connection:
            return last_decision_about(connection, digest)

    decision_id = await ledger.run(look, timeout_s)
    if decision_id is None:
        context.rate_limiter.count_memes(1)
        verdict = await state.classifier.classify(ClassifyInput(None, words), context, policy)
        decision_id = verdict.decision_id
    labels = checked_labels(_labels(said))
    review = Review(decision_id, labels, _reason(said), None, context.key_name, closes_item=False)
    if await ledger.feedback(review, timeout_s) is None:
        raise ProblemError(503, "ledger_unavailable", "the decision was deleted meanwhile; send it again")


def _labels(said: Suggested) -> dict[str, Label]:
    tasks = {TASK_OF[name]: score for name, score in said.scores.items()}
    return {task: TASKS[task].classes[score >= _HOLDS_FROM] for task, score in tasks.items()}


def _reason(said: Suggested) -> str:
    """The scores as they were said, since a label has no more of them than a side."""
    scores = ", ".join(f"{name} {score:g}" for name, score in said.scores.items())
    return f"suggested {scores}" + (f", community {said.community}" if said.community else "")
