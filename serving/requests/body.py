"""Reader of a request's whole body, which is refused where it is compressed."""

from starlette.requests import Request

from serving.problems import ProblemError

_IDENTITY = "identity"
#: How a gzip file begins; nothing that is read here does.
_GZIP = b"\x1f\x8b"


async def whole_body(request: Request) -> bytes:
    """The body; raises ``ProblemError`` 415 for one in a Content-Encoding, and what the reading of it raises."""
    body = await request.body()  # first: who is not let finish does not hear the answer
    sent = ",".join(request.headers.getlist("content-encoding")).lower().split(",")
    if any(one.strip() not in ("", _IDENTITY) for one in sent):
        raise _compressed("the request has a Content-Encoding, and no compressed body is read here")
    if body.startswith(_GZIP):
        raise _compressed("the body is compressed with gzip, and no compressed body is read here")
    return body


def _compressed(what: str) -> ProblemError:
    detail = f"{what}: send it as it is, without the header Content-Encoding"
    return ProblemError(415, "unsupported_encoding", detail, {"Accept-Encoding": _IDENTITY})
