"""``POST /v1/signals/coop``: the input of a signal as Coop's rules have it, to the result that Coop reads.

Coop asks signals through plugins; ours, in ``deploy/coop/``, posts here what it is given and returns the answer.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from model import Failure, Verdict
from model.verdict import DECISIONS, Decision, strictest
from serving.app_state import AppState, app_state
from serving.inference.image_fetcher import with_pictures
from serving.problems import ProblemError
from serving.requests.body import whole_body
from serving.requests.classify_body import BadItem, ClassifyInput, LinkedItem, check_count
from serving.requests.context import RequestContext, request_context
from serving.requests.json_body import json_object, validated
from serving.schemas.requests import POLICY
from serving.schemas.responses import problems
from serving.schemas.signals import (
    CoopDetailsDoc,
    CoopOutputType,
    CoopRequest,
    CoopSignalDoc,
    SignalName,
    coop_request_body,
)
from serving.schemas.verdict import ItemErrorDoc
from serving.signals.coop_content import Content, content_of
from serving.signals.partly_judged import not_judged
from serving.signals.paths import COOP

router = APIRouter()
_MEMBERS = frozenset({"value", "type", "url", "itemType", "schema", "data", "name", "container", "valueScalarType"})


@router.post(
    COOP,
    operation_id="signal_coop",
    summary="A signal for Coop's rules",
    response_model=CoopSignalDoc,
    responses=problems(400, 404, 413, 415, 422),
    openapi_extra={"requestBody": coop_request_body()},
)
async def coop(
    request: Request,
    signal: Annotated[
        SignalName, Query(description="score: a number. review, block: whether the decision is that or a stricter one.")
    ] = "score",
    task: Annotated[str, Query(max_length=100, description="The yes/no task whose score it is.")] = "hateful",
    policy: Annotated[str | None, Query(min_length=1, max_length=200, description=POLICY)] = None,
) -> Response:
    """A string, a picture by its URL, or a whole item of both.

    Each picture of an item is judged with the item's strings and with the words that are read from it; the highest
    score and the strictest decision count. What could not be judged means review: the signals ``review`` and ``block``
    answer with it in ``errors``, and ``score``, which would be a made-up number, is an error. So do they where a
    part was not judged: words that nobody could read, or the end of a long text.
    """
    state, context = app_state(request), request_context(request)
    content_type, body = request.headers.get("content-type"), await whole_body(request)
    run = state.classifier.pipeline.run
    content = await run(lambda: _content(content_type, body, state))
    outcomes = await _judged(state, context, content, policy)
    return JSONResponse(_answer(outcomes, signal, task).model_dump(mode="json"))


def _content(content_type: str | None, body: bytes, state: AppState) -> Content:
    limits = state.settings
    document = json_object(content_type, body, limits.max_text_chars + 1000)
    value = validated(CoopRequest, document, _MEMBERS, "body").value
    content = content_of(value)
    check_count(content.n_memes, limits.max_items)
    return content


async def _judged(
    state: AppState, context: RequestContext, content: Content, policy: str | None
) -> list[Verdict | Failure]:
    classifier = state.classifier
    chosen = classifier.policies.get(policy)
    links = [LinkedItem(url, ClassifyInput(None)) for url in content.urls]
    context.rate_limiter.count_memes(content.n_memes)
    items: list[ClassifyInput | BadItem] = [*content.unjudged]
    for item in await with_pictures(state.fetcher, links, context):
        items += _readings(item, content.words)
    if content.words is not None and not any(isinstance(item, ClassifyInput) and item.text for item in items):
        items.append(ClassifyInput(None, content.words))
    return await classifier.classify_many(items, context, chosen, explain=False)


def _readings(item: ClassifyInput | BadItem, words: str | None) -> Iterator[ClassifyInput | BadItem]:
    """A picture with the words beside it and, since those are seldom the ones on it, with what can be read from it."""
    if isinstance(item, ClassifyInput) and words is not None:
        yield ClassifyInput(item.image, words)
    yield item


def _answer(outcomes: Sequence[Verdict | Failure], signal: SignalName, task: str) -> CoopSignalDoc:
    verdicts = [outcome for outcome in outcomes if isinstance(outcome, Verdict)]
    errors = [ItemErrorDoc(code=code, message=message) for code, message in dict.fromkeys(_errors(outcomes))]
    unjudged: Decision = "review" if errors else "allow"
    decision = strictest([unjudged, *(verdict.decision for verdict in verdicts)])
    score: float | bool
    if signal == "score":
        score = _score(verdicts, errors, task)
    else:
        score = DECISIONS.index(decision) >= DECISIONS.index(signal)
    highest = max(verdicts, key=lambda verdict: DECISIONS.index(verdict.decision), default=None)
    details = CoopDetailsDoc(
        decision=decision,
        decision_ids=[verdict.decision_id for verdict in verdicts],
        scores={} if highest is None else highest.scores,
        reasons=[] if highest is None else list(highest.policy.reasons),
        errors=errors,
    )
    kind = CoopOutputType(scalarType="NUMBER" if signal == "score" else "BOOLEAN")
    return CoopSignalDoc(outputType=kind, score=score, memeguard=details)


def _errors(outcomes: Sequence[Verdict | Failure]) -> Iterator[tuple[str, str]]:
    """Codes and messages of why something, or a part of it, was not judged; a picture that is judged twice has two."""
    for outcome in outcomes:
        if isinstance(outcome, Failure):
            yield outcome.code, outcome.message
            continue
        if (part := not_judged(outcome)) is not None:
            yield part.code, part.message


def _score(verdicts: Sequence[Verdict], errors: Sequence[ItemErrorDoc], task: str) -> float:
    """The highest; raises ``ProblemError`` where a part was not judged, or where there is no such score."""
    if errors:
        raise ProblemError(422, errors[0].code, f"not all of it was judged: {errors[0].message}")
    scores = [score for verdict in verdicts if isinstance(score := verdict.scores.get(task), float)]
    if not scores:
        known = [name for name, score in verdicts[0].scores.items() if isinstance(score, float)]
        raise ProblemError(
            422, "unknown_task", f"task: there is no such yes/no task; this bundle has {', '.join(known)}"
        )
    return max(scores)
