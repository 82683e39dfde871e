"""Documents of ``/v1/feedback`` and ``/v1/decisions``."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from model.taxonomy import TASKS, Task
from model.verdict import Decision
from serving.schemas.verdict import EnginesDoc, WordMatchDoc
from serving.schemas.wire import Scores, Wire

MAX_REASON_CHARS = 4000


def _class_of(task: Task) -> dict[str, Any]:
    one = {"type": "string", "enum": list(task.classes)}
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]} if task.kind == "multilabel" else one


_LABELS: dict[str, Any] = {
    "additionalProperties": False,
    "minProperties": 1,
    "properties": {task.name: _class_of(task) for task in TASKS.values()},
}


class FeedbackRequest(Wire):
    """What a reviewer says of a decision."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"oneOf": [{"required": ["labels"]}, {"required": ["label"]}]},
    )

    decision_id: str = Field(min_length=1, max_length=200, description="As the verdict has it.")
    labels: dict[str, str | list[str]] | SkipJsonSchema[None] = Field(
        None,
        description="By task the class that is right; of a multilabel task those that hold.",
        json_schema_extra=_LABELS,
    )
    label: Literal["hateful", "not_hateful"] | SkipJsonSchema[None] = Field(
        None, description="Short for labels of the task hateful."
    )
    reason: str | None = Field(None, max_length=MAX_REASON_CHARS, description="Why; kept as it is.")
    reviewer: str | None = Field(None, min_length=1, max_length=200, description="Who says so; a name or a number.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        given = {"labels", "label"} & self.model_fields_set
        if len(given) != 1 or not (self.labels or self.label):
            raise ValueError("give labels or label, one of them, and say something in it")
        return self


class FeedbackDoc(Wire):
    """Feedback as it is kept. Of several on one decision the last that names a task counts for it."""

    feedback_id: int
    decision_id: str
    created_at: datetime
    labels: dict[str, str | list[str]]
    reason: str | None
    reviewer: str | None
    key_name: str | None = Field(description="Name of the API key that it came with.")


class MeasuresDoc(Wire):
    """What is kept of a decision's content without keeping any of it."""

    characters: int = Field(description="Of the words that were judged.")
    words: int
    script: str = Field(description="The one that most letters are in, such as latin; none without letters.")
    ocr_confidence: float | None = Field(description="Null where no words were read from the picture.")
    banks: list[str] = Field(description="Banks that knew the meme.")


class DecisionDoc(Wire):
    """What is kept of a decision. ``text``, ``tags`` and ``matches`` are null unless the server keeps text."""

    decision_id: str
    caller_id: str | None = Field(description="The id that the caller gave the meme.")
    created_at: datetime
    kind: Literal["picture", "text"]
    content_digest: str = Field(description="sha256 of the picture file, or of words that stand alone.")
    text_digest: str = Field(description="sha256 of the words that were judged.")
    text_source: str
    text_status: str
    text_engine: str | None
    text_engine_version: str | None
    scores: Scores
    decision: Decision
    reasons: list[str]
    severity: dict[str, str]
    model_name: str
    model_version: str
    model_digest: str
    model_engines: EnginesDoc | None = Field(description="What computed the networks; null in older rows.")
    policy_name: str
    policy_version: str
    policy_digest: str
    key_name: str | None
    request_id: str
    route: str | None
    measures: MeasuresDoc | None = Field(description="Of the content, and no content; null in older rows.")
    text: str | None
    tags: list[str] | None
    matches: list[WordMatchDoc] | None
    picture_stored: bool
    feedback: list[FeedbackDoc]


def feedback_request_body() -> dict[str, Any]:
    """OpenAPI request body of ``/v1/feedback``."""
    return {"required": True, "content": {"application/json": {"schema": FeedbackRequest.model_json_schema()}}}
