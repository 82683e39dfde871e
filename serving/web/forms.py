"""Reader of what a page sends: a form of ours, from a page of ours.

A form carries the token of its session, which no other site knows; and a browser says where a request comes from.
"""

import hmac
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request

from serving.problems import ProblemError
from serving.requests.body import whole_body
from serving.web.sessions import Session

_MAX_FIELDS = 200
_TYPE = "application/x-www-form-urlencoded"
_SAME = ("same-origin", "none")

Form = dict[str, list[str]]


async def form_of(request: Request, session: Session | None) -> Form:
    """The fields of a form, each with its values in the order sent; raises ``ProblemError`` 400, 403, 413 or 415.

    Without a session (where one signs in) only the origin is checked.
    """
    check_origin(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise ProblemError(415, "unsupported_media_type", f"a form of these pages is sent as {_TYPE}")
    body = await whole_body(request)
    try:
        form = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise ProblemError(400, "malformed_form", "the form cannot be read") from None
    if session is not None:
        check_token(session, form.pop("csrf", [""])[-1] or request.headers.get("x-csrf-token", ""))
    return form


def check_token(session: Session, token: str) -> None:
    """Raises ``ProblemError`` 403 for a form that is not of this session."""
    if not hmac.compare_digest(session.csrf.encode(), token.encode()):
        raise ProblemError(403, "form_not_ours", "this form is of another session: go back, load its page again")


def check_origin(request: Request) -> None:
    """Raises ``ProblemError`` 403 for what the page of another site sends."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    host = request.headers.get("host", "")
    is_elsewhere = origin is not None and (origin == "null" or urlsplit(origin).netloc.lower() != host.lower())
    if is_elsewhere or (site is not None and site not in _SAME):
        raise ProblemError(403, "form_not_ours", "this was sent by a page of another site")
