"""Documents of errors."""

from pydantic import Field

from serving.schemas.perspective import GoogleErrorDetailDoc
from serving.schemas.wire import Wire


class ProblemDoc(Wire):
    """An error (RFC 9457). ``code`` is stable; ``detail`` is for people. ``limit`` names the setting that was hit."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    limit: str | None = Field(None, description="The setting that was hit, without its prefix; absent: none was.")
    limit_value: float | None = Field(None, description="What that setting is set to.")


class OpenAIErrorDoc(Wire):
    """An error as OpenAI's clients read it."""

    message: str
    type: str
    param: str | None
    code: str


class OpenAIProblemDoc(ProblemDoc):
    """An error of the routes that OpenAI's clients call: ``error`` is what the official client shows."""

    error: OpenAIErrorDoc


class GoogleErrorDoc(Wire):
    """An error as Google's clients read it. ``status`` is the name of a code of google.rpc."""

    code: int
    message: str
    status: str
    details: list[GoogleErrorDetailDoc] | None = Field(None, description="Absent: none.")


class PerspectiveProblemDoc(ProblemDoc):
    """An error of the routes that clients of the Perspective API call: ``error`` is what they show."""

    error: GoogleErrorDoc
