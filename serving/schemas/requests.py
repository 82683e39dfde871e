"""Documents that are sent to ``/v1/classify``."""

from typing import Any, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from model.meme import has_words
from model.verdict import EXPLAIN_LEVELS, Explain
from serving.schemas.wire import Wire

MAX_ID_CHARS = 200
_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)
POLICY = "Name of the policy that decides; absent: the default one. GET /v1/policies lists them."
POLICY_HEADER = "X-Memeguard-Policy"
#: OpenAPI's parameter of a route whose body is of another interface's shape and need not name a policy.
POLICY_PARAMETER: dict[str, Any] = {
    "name": POLICY_HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The policy that decides, where the body names none.",
}
_EXPLAIN = (
    "How much of why to tell. words (or true): what each modality says alone, and which words moved the scores; "
    "regions: and which regions of the picture did; full: and what words and regions did together. Each takes longer "
    "than the one before."
)


class ClassifyItem(Wire):
    """One meme in a JSON request: a picture, words, or both."""

    model_config = _STRICT | ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["image"]}, {"required": ["image_url"]}, {"required": ["text"]}]}
    )

    image: str | None = Field(
        None,
        description="The picture file in base64 (either alphabet, padded or not), or a data: URL of it.",
        json_schema_extra={"contentEncoding": "base64"},
    )
    image_url: str | None = Field(
        None, description="Instead of image: a data: URL in base64, or a https URL where the operator allows it."
    )
    text: str | None = Field(
        None,
        description="The words on the picture; null or blank: they are read from it. Alone: a comment.",
    )
    tags: list[str] | None = Field(None, description="Short strings that say what the picture shows.")
    id: str | None = Field(None, min_length=1, max_length=MAX_ID_CHARS, description="Given back in the answer.")

    @model_validator(mode="after")
    def _is_a_meme(self) -> Self:
        if self.image is not None and self.image_url is not None:
            raise ValueError("give image or image_url, not both")
        if self.image is None and self.image_url is None and not has_words(self.text or ""):
            raise ValueError("give image, image_url or a text that is not blank")
        return self


class ClassifyOptions(Wire):
    """What a JSON request asks for beside its memes."""

    model_config = _STRICT

    policy: str | None = Field(None, min_length=1, max_length=200, description=POLICY)
    explain: Explain | None = Field(None, description=_EXPLAIN)

    @field_validator("explain", mode="before")
    @classmethod
    def _is_a_level(cls, given: object) -> object:
        """Said once, where a union of types would say what is wrong for each of them."""
        if given is None or isinstance(given, bool) or given in EXPLAIN_LEVELS:
            return given
        raise ValueError(f"give true, false or one of {', '.join(EXPLAIN_LEVELS)}")


class ClassifyOne(ClassifyItem, ClassifyOptions):
    """A JSON request for one meme."""


class ClassifyMany(ClassifyOptions):
    """A JSON request for several memes; each gets an answer or an error of its own."""

    items: list[ClassifyItem] = Field(min_length=1)


def classify_request_body(examples: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI request body of ``/v1/classify``, with ``examples`` in JSON."""
    many = ClassifyMany.model_json_schema()
    many["properties"]["items"]["items"] = many.pop("$defs")[ClassifyItem.__name__]
    return {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FORM},
            "application/json": {
                "schema": {"anyOf": [ClassifyOne.model_json_schema(), many]},
                "examples": examples,
            },
        },
    }


def _several(description: str, **content: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", **content}, "description": description}


_FORM: dict[str, Any] = {
    "type": "object",
    "anyOf": [{"required": ["image"]}, {"required": ["text"]}],
    "additionalProperties": False,
    "properties": {
        "image": _several(
            "A picture file: JPEG, PNG, WebP, GIF or BMP, or a data: URL of one. Repeat the field for several pictures "
            "(image[] is the same); leave it out to have words judged that stand alone.",
            format="binary",
        ),
        "text": _several(
            "The words on the picture, in UTF-8 or in the charset that the part or a field _charset_ declares; "
            "absent or blank: they are read from it. With several pictures: for none, or one field for each."
        ),
        "tags": _several(
            "Tags, separated by commas; may be repeated. With several pictures: for none, or one field for each."
        ),
        "policy": {"type": "string", "minLength": 1, "maxLength": 200, "description": POLICY},
        "explain": {"type": "string", "enum": ["true", "false", *EXPLAIN_LEVELS], "description": _EXPLAIN},
    },
}
