"""Errors of pages, as pages: what a browser asked for is answered in words for its reader."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from serving.problems import ProblemError
from serving.web.render import PAGE_HEADERS, TEMPLATES

#: The pages, and what lies below them.
PAGES = ("/sign-in", "/sign-out", "/review", "/try")
_REDIRECT = 303


def is_page(path: str) -> bool:
    """Whether a path is a page's (the home page's too), and not a program's."""
    return path == "/" or path.startswith(tuple(f"{one}/" for one in PAGES)) or path in PAGES


def problem_page(request: Request, problem: ProblemError, request_id: str) -> Response:
    """The page that tells a problem; where it sends the browser elsewhere, that."""
    headers = PAGE_HEADERS | (problem.headers or {})
    if problem.status == _REDIRECT:
        if "hx-request" not in request.headers:
            return Response(status_code=_REDIRECT, headers=headers)
        headers |= {"HX-Redirect": headers.pop("Location")}  # a fragment's place is no place for another page
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers=headers)
    title = HTTPStatus(problem.status).phrase
    content = TEMPLATES.get_template("problem.html.j2").render(
        session=None, path=request.url.path, has_try_page=False, has_ledger=False,
        title=title, detail=problem.detail, code=problem.code, request_id=request_id,
    )  # fmt: skip
    return HTMLResponse(content, status_code=problem.status, headers=headers)
