"""Problem documents (RFC 9457) of what goes wrong: one shape, a stable ``code``, never the content that was sent."""

from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from model.errors import MemeError, MemeErrorCode
from model.meme import MemeLimits

PROBLEM_TYPE = "application/problem+json"

_STATUS_OF_MEME_ERROR: dict[MemeErrorCode, int] = {
    "empty": 400,
    "corrupt": 400,
    "unreadable_file": 400,
    "too_many_bytes": 413,
    "too_many_pixels": 413,
    "too_many_scans": 413,
    "too_many_parts": 413,
    "text_too_long": 413,
    "unsupported_format": 415,
    "bad_tags": 422,
    "out_of_time": 503,
}
#: The setting that a meme was over, where its error says which.
_LIMIT_OF_MEME_ERROR: dict[MemeErrorCode, str] = {
    "too_many_bytes": "max_bytes",
    "too_many_pixels": "max_pixels",
    "too_many_scans": "max_scans",
    "too_many_parts": "max_parts",
    "text_too_long": "max_text_chars",
}


class ProblemError(Exception):
    """A request, or one item of it, that gets an error as its answer.

    ``limit`` names the setting that was hit, if one was, and ``limit_value`` is what it is set to. ``place`` is the
    member of the request that is to blame, where ``at`` named it.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        headers: dict[str, str] | None = None,
        *,
        limit: str | None = None,
        limit_value: float | None = None,
        place: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers
        self.limit = limit
        self.limit_value = limit_value
        self.place = place

    @classmethod
    def from_meme_error(cls, error: MemeError, limits: MemeLimits) -> "ProblemError":
        """The answer to a picture, text or tags that ``model`` refused under ``limits``."""
        limit = _LIMIT_OF_MEME_ERROR.get(error.code)
        value = None if limit is None else getattr(limits, limit)
        return cls(_STATUS_OF_MEME_ERROR[error.code], error.code, error.message, limit=limit, limit_value=value)

    def at(self, place: str) -> "ProblemError":
        """The same problem, said of one place of the request, such as ``items.2.image``; unchanged where it is empty.

        A copy: several items may share what was raised for one of them.
        """
        if not place:
            return self
        return ProblemError(
            self.status,
            self.code,
            f"{place}: {self.detail}",
            self.headers,
            limit=self.limit,
            limit_value=self.limit_value,
            place=place,
        )

    def response(self, request_id: str, extra: dict[str, Any]) -> JSONResponse:
        """The error document that every route answers with; ``extra`` is what one route adds."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.limit is not None:
            document |= {"limit": self.limit, "limit_value": self.limit_value}
        document |= extra
        return JSONResponse(document, status_code=self.status, media_type=PROBLEM_TYPE, headers=self.headers)


def internal_error() -> ProblemError:
    """The answer where a bug of ours was logged."""
    return ProblemError(500, "internal_error", "this is our fault; it was logged")
