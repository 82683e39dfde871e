"""The JSON that goes over the wire, as pydantic models: requests are validated with them, answers are documented."""

from serving.schemas.problems import ProblemDoc
from serving.schemas.readiness import ReadinessDoc
from serving.schemas.requests import ClassifyItem, classify_request_body
from serving.schemas.verdict import FailureDoc, ModelDoc, ResultsDoc, TextDoc, VerdictDoc

__all__ = [
    "ClassifyItem",
    "FailureDoc",
    "ModelDoc",
    "ProblemDoc",
    "ReadinessDoc",
    "ResultsDoc",
    "TextDoc",
    "VerdictDoc",
    "classify_request_body",
]
