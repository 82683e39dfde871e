"""The JSON that goes over the wire, as pydantic models: requests are validated with them, answers are documented.

An answer is ``Verdict.to_dict()`` as it is; a test holds the models here against it.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from model.ocr.types import OcrStatus

Probability = Annotated[float, Field(ge=0, le=1)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ClassifyItem(_Wire):
    """One meme in a JSON request."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    image: str = Field(
        description="The picture file in standard base64.", json_schema_extra={"contentEncoding": "base64"}
    )
    text: str | None = Field(None, description="The words on the picture; null or blank: they are read from it.")
    tags: list[str] | None = Field(None, description="Short strings that say what the picture shows.")
    id: str | None = Field(None, min_length=1, max_length=200, description="Given back in the answer.")


class PolicyDoc(_Wire):
    """Which policy decided, and why."""

    name: str
    version: str
    digest: str
    reasons: list[str]


class WordDoc(_Wire):
    """A word that was read: ``box`` is left, top, right, bottom in pixels of the picture."""

    text: str
    box: tuple[int, int, int, int]
    confidence: Probability


class TextDoc(_Wire):
    """The words that were judged, and where they come from."""

    content: str
    source: Literal["caller", "ocr"]
    status: OcrStatus
    engine: str | None
    engine_version: str | None
    confidence: Probability | None
    words: list[WordDoc]
    detail: str | None


class ModelDoc(_Wire):
    """The bundle that judged; ``digest`` is the sha256 of its manifest."""

    name: str
    version: str
    digest: str


Scores = Annotated[
    dict[str, Probability | dict[str, Probability]],
    Field(description="Calibrated probabilities: a number for a yes/no task, a number a class for the others."),
]


class WordMatchDoc(_Wire):
    """An entry of a policy's word list, at characters ``start`` to ``end`` of the judged text."""

    word_list: str
    start: int
    end: int
    action: Literal["review", "block"]


class WordEffectDoc(_Wire):
    """A word, and by yes/no task the score with it less the score without it."""

    text: str
    start: int
    end: int
    effects: dict[str, float]


class ExplanationDoc(_Wire):
    """What each modality says alone, and the words that moved the scores most."""

    text_alone: Scores | None
    image_alone: Scores | None
    words: list[WordEffectDoc]


class VerdictDoc(_Wire):
    """What is said of one meme. ``id`` is the caller's, or else ``decision_id``, which feedback names."""

    id: str
    decision_id: str
    decision: Literal["allow", "review", "block"]
    policy: PolicyDoc
    scores: Scores
    severity: dict[str, str] = Field(description="By task, the band of the policy that its score falls into.")
    matches: list[WordMatchDoc]
    text: TextDoc
    model: ModelDoc
    timings_ms: dict[str, float]
    explanation: ExplanationDoc | None


class ItemErrorDoc(_Wire):
    """Why one item has no verdict."""

    code: str
    message: str


class FailureDoc(_Wire):
    """An item of a request for many that could not be judged."""

    id: str
    error: ItemErrorDoc


class ResultsDoc(_Wire):
    """The answer to a request for many, in the order of the request."""

    results: list[VerdictDoc | FailureDoc]


class ProblemDoc(_Wire):
    """An error (RFC 9457). ``code`` is stable; ``detail`` is for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str


class ReadinessDoc(_Wire):
    """Which parts are in force; ``problems`` names those that are missing."""

    ready: bool
    model: ModelDoc | None
    providers: list[str]
    ocr_engine: str
    ocr_version: str | None
    problems: list[str]


def classify_request_body() -> dict[str, Any]:
    """OpenAPI request body of ``/v1/classify``."""
    item = ClassifyItem.model_json_schema()
    many = {
        "type": "object",
        "title": "ClassifyItems",
        "required": ["items"],
        "additionalProperties": False,
        "properties": {"items": {"type": "array", "minItems": 1, "items": item}},
    }
    return {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FORM},
            "application/json": {"schema": {"anyOf": [item, many]}},
        },
    }


_FORM = {
    "type": "object",
    "required": ["image"],
    "additionalProperties": False,
    "properties": {
        "image": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "format": "binary"},
            "description": "A picture file: JPEG, PNG, WebP, GIF or BMP. Repeat the field for several pictures.",
        },
        "text": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The words on the picture; absent or blank: they are read from it. "
            "With several pictures: for none, or one field for each.",
        },
        "tags": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Tags, separated by commas; may be repeated. "
            "With several pictures: for none, or one field for each.",
        },
    },
}
