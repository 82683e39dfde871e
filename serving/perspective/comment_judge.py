"""Judgements of a comment: of all of it, and of each of its sentences where they are asked for."""

from model import Policy, Verdict
from serving.app_state import AppState
from serving.inference.concurrency import together
from serving.observability import tracing
from serving.perspective.comment import Span
from serving.perspective.errors import partly_judged
from serving.perspective.request import Asked
from serving.perspective.response import Judged
from serving.requests.classify_body import ClassifyInput
from serving.requests.context import RequestContext


class CommentJudge:
    """Judges the comment of one request under ``policy``. Its coroutines raise ``ProblemError``."""

    def __init__(self, state: AppState, policy: Policy, context: RequestContext) -> None:
        self._state = state
        self._policy = policy
        self._context = context

    async def judge(self, asked: Asked) -> Judged:
        """The verdict on a comment, and on its parts: a score of all of it always has a place in it."""
        words = asked.comment.words
        whole = Span(0, len(words))
        # The comment is judged too, so one less than may come in a request.
        at_most = max(1, self._state.settings.max_items - 1)
        parts = asked.comment.sentences(at_most) if asked.with_sentences else []
        if len(parts) < 2:  # one sentence is the comment
            parts = []
        self._context.rate_limiter.count_memes(1 + len(parts))
        of_parts = await together(self._part(words[one.start : one.end]) for one in parts)
        # Last: a request that is refused for want of room or time leaves no decision behind.
        verdict = await self._whole(words, is_stored=asked.is_stored)
        return Judged(verdict, list(zip(parts, of_parts, strict=True)) or [(whole, verdict)])

    async def _whole(self, words: str, *, is_stored: bool) -> Verdict:
        """The decision on a comment. One that is not to be stored is counted, and leaves nothing in the ledger."""
        if is_stored:
            item = ClassifyInput(None, words)
            verdict = await self._state.classifier.classify(item, self._context, self._policy)
        else:
            verdict = await self._part(words)
            self._state.metrics.saw_verdict(verdict)
            tracing.saw_verdict(verdict)
        if verdict.text.status != "ok":
            raise partly_judged(verdict.text.judged_chars)
        return verdict

    async def _part(self, words: str) -> Verdict:
        """A score that is no decision of its own."""
        item = ClassifyInput(None, words)
        return await self._state.classifier.preview(item, self._context, self._policy, explain=False)
