"""The JSON that goes over the wire, as pydantic models: requests are validated with them, answers are documented.

Read ``wire`` (what they have in common), ``requests`` and ``verdict``, then those of the other routes.
"""

from serving.schemas.problems import GoogleErrorDoc, OpenAIErrorDoc, OpenAIProblemDoc, PerspectiveProblemDoc, ProblemDoc
from serving.schemas.readiness import ReadinessDoc
from serving.schemas.requests import MAX_ID_CHARS, ClassifyItem, ClassifyOne, ClassifyOptions, classify_request_body
from serving.schemas.verdict import FailureDoc, ModelDoc, ResultsDoc, TextDoc, VerdictDoc

__all__ = [
    "MAX_ID_CHARS",
    "ClassifyItem",
    "ClassifyOne",
    "ClassifyOptions",
    "FailureDoc",
    "GoogleErrorDoc",
    "ModelDoc",
    "OpenAIErrorDoc",
    "OpenAIProblemDoc",
    "PerspectiveProblemDoc",
    "ProblemDoc",
    "ReadinessDoc",
    "ResultsDoc",
    "TextDoc",
    "VerdictDoc",
    "classify_request_body",
]
