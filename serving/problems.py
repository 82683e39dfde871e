"""What goes wrong, as RFC 9457 problem documents: one shape, a stable ``code``, and never the content that was sent."""

from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from model.errors import MemeError, MemeErrorCode

PROBLEM_TYPE = "application/problem+json"

_STATUS_OF_MEME_ERROR: dict[MemeErrorCode, int] = {
    "empty": 400,
    "corrupt": 400,
    "unreadable_file": 400,
    "too_many_bytes": 413,
    "too_many_pixels": 413,
    "text_too_long": 413,
    "unsupported_format": 415,
    "bad_tags": 422,
}


class ProblemError(Exception):
    """A request, or one item of it, that gets an error as its answer."""

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers

    @classmethod
    def from_meme_error(cls, error: MemeError) -> "ProblemError":
        """The answer to a picture, text or tags that ``model`` refused."""
        return cls(_STATUS_OF_MEME_ERROR[error.code], error.code, error.message)

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
        document |= extra
        return JSONResponse(document, status_code=self.status, media_type=PROBLEM_TYPE, headers=self.headers)
