"""How every error looks."""

from serving.schemas.wire import Wire


class ProblemDoc(Wire):
    """An error (RFC 9457). ``code`` is stable; ``detail`` is for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
