"""``/try``: a meme judged on a page, with its evidence. It is no decision: nothing of it is kept or logged."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from python_multipart.multipart import parse_options_header
from starlette.responses import Response

from model import Policy
from model.meme import MemeLimits, has_words
from serving.app_state import app_state
from serving.html import picture_url
from serving.problems import ProblemError
from serving.requests.body import whole_body
from serving.requests.classify_body import ClassifyInput
from serving.requests.context import request_context
from serving.requests.multipart import FormPart, parse_parts
from serving.web.evidence import shown_evidence, shown_view
from serving.web.forms import check_origin, check_token
from serving.web.render import page
from serving.web.sessions import Session, session_of, signed_in

router = APIRouter(include_in_schema=False)
_FIELDS = ("image", "text", "policy", "heat", "csrf")
_SHOWN_SIDE_PX = 900
_UTF_8 = "utf-8"


@dataclass(frozen=True)
class _Asked:
    """What the form holds: a picture, words or both."""

    image: bytes | None
    text: str | None
    policy: str | None
    wants_heat: bool
    csrf: str


@router.get("/try")
async def try_page(request: Request) -> Response:
    """The empty form."""
    return _page(request, await _who(request))


@router.post("/try")
async def try_meme(request: Request) -> Response:
    """The form again, with the verdict on what was sent, or what was wrong with it."""
    session = await _who(request)
    state, context = app_state(request), request_context(request)
    check_origin(request)
    content_type, body = request.headers.get("content-type", ""), await whole_body(request)
    classifier = state.classifier
    asked = await classifier.pipeline.run(lambda: _asked(content_type, body))
    if session is not None:
        check_token(session, asked.csrf)
    if asked.image is None and not has_words(asked.text or ""):
        return _page(request, session, status=422, asked=asked, problem="Choose a picture, write words, or both.")
    try:
        policy = classifier.policies.get(asked.policy)
        context.rate_limiter.count_request()  # which pages to look at are not
        context.rate_limiter.count_memes(1)
        item = ClassifyInput(asked.image, asked.text, ())
        verdict = await classifier.preview(item, context, policy, explain="regions" if asked.wants_heat else "words")
    except ProblemError as problem:
        return _page(request, session, status=problem.status, asked=asked, problem=problem.detail)
    evidence = shown_evidence(verdict)
    shown = await classifier.pipeline.run(lambda: _shown_picture(asked.image, evidence.view, state.settings.limits))
    return _page(request, session, asked=asked, verdict=verdict, evidence=evidence, picture=shown, policy=policy)


async def _who(request: Request) -> Session | None:
    """Who is signed in, where the server has keys somebody must be; raises ``ProblemError`` 303 or 404."""
    state = app_state(request)
    if not state.settings.try_page:
        raise ProblemError(404, "not_found", "this page is switched off (MEMEGUARD_TRY_PAGE=false)")
    return await (session_of(request) if state.keys is None else signed_in(request))


def _page(
    request: Request,
    session: Session | None,
    *,
    status: int = 200,
    asked: _Asked | None = None,
    problem: str | None = None,
    policy: Policy | None = None,
    **found: object,
) -> Response:
    values = {"verdict": None, "evidence": None, "picture": None} | found
    state = app_state(request)
    return page(
        request,
        "try.html.j2",
        session,
        status=status,
        text="" if asked is None else asked.text or "",
        chosen=policy.name if policy is not None else "",
        policies=tuple(state.classifier.policies.current.policies),
        reads_words=state.settings.ocr != "none",
        problem=problem,
        **values,
    )


def _asked(content_type: str, body: bytes) -> _Asked:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise ProblemError(415, "unsupported_media_type", "the form of this page is sent as multipart/form-data")
    parts = {part.name: part for part in parse_parts(body, options[b"boundary"], max_parts=2 * len(_FIELDS))}
    image = parts.get("image")
    return _Asked(
        None if image is None or image.is_unchosen else image.content("image"),
        _text(parts.get("text")) or None,
        _text(parts.get("policy")) or None,
        bool(_text(parts.get("heat"))),
        _text(parts.get("csrf")),
    )


def _text(part: FormPart | None) -> str:
    return "" if part is None else part.text(part.name, _UTF_8)


def _shown_picture(image: bytes | None, view: int, limits: MemeLimits) -> str | None:
    """The view that decided, made anew and small enough for a page, as a ``data:`` URL."""
    shown = None if image is None else shown_view(image, view, limits)
    return None if shown is None else picture_url(shown, _SHOWN_SIDE_PX)
