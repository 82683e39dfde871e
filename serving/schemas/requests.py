"""What is sent to ``/v1/classify``."""

from typing import Any

from pydantic import ConfigDict, Field

from serving.schemas.wire import Wire


class ClassifyItem(Wire):
    """One meme in a JSON request."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    image: str = Field(
        description="The picture file in standard base64.", json_schema_extra={"contentEncoding": "base64"}
    )
    text: str | None = Field(None, description="The words on the picture; null or blank: they are read from it.")
    tags: list[str] | None = Field(None, description="Short strings that say what the picture shows.")
    id: str | None = Field(None, min_length=1, max_length=200, description="Given back in the answer.")


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
