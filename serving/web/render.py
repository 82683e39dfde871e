"""Renderer of pages: templates to answers, with the headers that every page has."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from serving.app_state import app_state
from serving.html import html_templates
from serving.web.sessions import Session
from serving.web.static_files import static_url
from serving.web.titles import task_title

_MEDIA = "'self' data: blob:"  # data: of the style sheet's own icons, blob: of a picture that somebody pasted
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        f"img-src {_MEDIA}",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
)
#: Of every page and of every picture that one shows.
PAGE_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_rooms: dict[str, FileSystemLoader] = {}
_SEE_OTHER = 303


def age(moment: datetime) -> str:
    """How long ago a moment is, in the largest unit that fits."""
    seconds = max(0.0, (datetime.now(UTC) - moment).total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            n = int(seconds // length)
            return f"{n} {unit}{'s' if n != 1 else ''}"
    return "under a minute"


def _made_environment() -> Environment:
    own = FileSystemLoader(Path(__file__).parent / "templates")
    environment = html_templates(ChoiceLoader([own, PrefixLoader(_rooms)]))
    environment.globals["static_url"] = static_url
    environment.filters["age"] = age
    environment.filters["task_title"] = task_title
    environment.filters["moment"] = lambda moment: f"{moment:%Y-%m-%d %H:%M} UTC"
    return environment


#: Of all pages.
TEMPLATES = _made_environment()


def add_templates(room: str, folder: Path, filters: Mapping[str, Callable[..., Any]]) -> None:
    """Make the templates of ``folder`` known as ``ROOM/NAME``, with the filters that they use."""
    _rooms[room] = FileSystemLoader(folder)
    TEMPLATES.filters.update(filters)


def page(request: Request, template: str, session: Session | None, *, status: int = 200, **values: Any) -> HTMLResponse:
    """The answer that a template makes; ``session`` is of who is signed in, if anybody is."""
    content = TEMPLATES.get_template(template).render(
        session=session,
        path=request.url.path,
        has_try_page=app_state(request).settings.try_page,
        has_ledger=app_state(request).ledger is not None,
        **values,
    )
    return HTMLResponse(content, status_code=status, headers=PAGE_HEADERS)


def see_other(address: str) -> Response:
    """Send the browser on after a form, so that reloading sends nothing again."""
    return RedirectResponse(address, status_code=_SEE_OTHER, headers=PAGE_HEADERS)
