"""Evidence of an item: what raised its scores, asked of the network anew from the words and the picture that were kept.

Computed when a page asks for it, through the queue that every request goes through, and never recorded as a decision.
"""

from collections.abc import Mapping
from typing import Any

from model.verdict import ExplainLevel
from serving.app_state import AppState
from serving.requests.classify_body import ClassifyInput
from serving.requests.context import RequestContext
from serving.web.evidence import Evidence, shown_evidence

_OTHER_MODEL = "This server now runs another model than the one that decided; this is what it sees."


async def evidence_of(
    row: Mapping[str, Any], picture: bytes | None, state: AppState, context: RequestContext, level: ExplainLevel
) -> Evidence:
    """Of the decision in ``row``, as much as ``level`` says.

    Raises ``ProblemError`` as a request for the same meme would.
    """
    if row["kind"] == "picture" and picture is None:
        return Evidence(note="The picture was not kept, so that the network cannot be asked again.")
    if row["kind"] == "text" and not row["text"]:
        return Evidence(note="The words were not kept, so that the network cannot be asked again.")
    item = ClassifyInput(picture, row["text"] or None, tuple(row["tags"] or ()))
    classifier = state.classifier
    with state.admission.memes(1):
        judgement = await classifier.pipeline.judge(item, explain=level, deadline=context.deadline)
    is_other_model = judgement.model.digest != row["model_digest"]
    return shown_evidence(judgement, _OTHER_MODEL if is_other_model else None)
