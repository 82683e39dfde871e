"""Documents of ``POST /v1/search``."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from serving.schemas.requests import ClassifyItem, classify_request_body
from serving.schemas.wire import Wire


class FoundDoc(Wire):
    """A past decision with what it has in common with the query: cosines, and bits in which hashes differ.

    Null: the query or the decision has no such thing.
    """

    decision_id: str
    id: str | None = Field(description="What its caller called it.")
    created_at: datetime
    decision: Literal["allow", "review", "block"]
    scores: dict[str, float | dict[str, float]]
    picture: float | None
    meaning: float | None
    description: float | None
    pdq_distance: int | None


class SearchDoc(Wire):
    """Past decisions, those that fit best first."""

    by: Literal["picture", "pdq", "meaning", "description"]
    found: list[FoundDoc]


def search_request_body(examples: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI request body: that of ``/v1/classify``, for one meme; none with ``like``."""
    body = classify_request_body(examples)
    body["content"]["application/json"]["schema"] = ClassifyItem.model_json_schema()
    return body | {"required": False}
