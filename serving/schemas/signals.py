"""Documents of ``/v1/signals``: what Coop sends and reads, and what is answered about a picture."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from model.verdict import Decision
from serving.schemas.verdict import ItemErrorDoc
from serving.schemas.wire import Scores, Wire

#: What a signal of Coop's tells: a score, or whether the decision is this or a stricter one.
SignalName = Literal["score", "review", "block"]
_OTHERS_IGNORED = ConfigDict(extra="ignore", strict=True, frozen=True)


class PictureAnswerDoc(Wire):
    """A picture that may be published. ``judged`` is false where it, or a part of it, was not, which means review."""

    decision: Decision
    judged: bool
    decision_id: str | None = Field(description="For feedback; null where nothing of it was judged.")
    reasons: list[str]
    error: ItemErrorDoc | None = Field(description="Why it, or a part of it, was not judged.")


class CoopString(BaseModel):
    """Words of an item."""

    model_config = _OTHERS_IGNORED

    type: Literal["STRING"]
    value: str


class CoopImageValue(BaseModel):
    """Where a picture is; its hashes are not looked at."""

    model_config = _OTHERS_IGNORED

    url: str


class CoopImage(BaseModel):
    """A picture of an item."""

    model_config = _OTHERS_IGNORED

    type: Literal["IMAGE"]
    value: CoopImageValue


class CoopContainer(BaseModel):
    """What the values of a list or a map are."""

    model_config = _OTHERS_IGNORED

    valueScalarType: str | None = None  # noqa: N815  Coop's names


class CoopField(BaseModel):
    """A field of an item type; ``container`` where its type is ARRAY or MAP."""

    model_config = _OTHERS_IGNORED

    name: str
    type: str
    container: CoopContainer | None = None


class CoopItemType(BaseModel):
    """The type of an item: which fields it has."""

    model_config = _OTHERS_IGNORED

    schema_: list[CoopField] = Field(alias="schema", min_length=1)


class CoopItem(BaseModel):
    """A whole item: its strings are one text, and each picture is judged with it."""

    model_config = _OTHERS_IGNORED

    itemType: CoopItemType  # noqa: N815  Coop's names
    data: dict[str, Any]


def _kind(value: Any) -> str | None:
    """By what the three kinds of values are told apart; None where it is none of them."""
    if not isinstance(value, dict):
        return None
    return "ITEM" if "itemType" in value else str(value.get("type"))


_Value = Annotated[
    Annotated[CoopString, Tag("STRING")] | Annotated[CoopImage, Tag("IMAGE")] | Annotated[CoopItem, Tag("ITEM")],
    Discriminator(_kind),
    Field(description="A string, a picture or a whole item."),
]


class CoopRequest(BaseModel):
    """The input of a signal as Coop gives it to a plugin; its other members (orgId, contentId ...) are ignored."""

    model_config = _OTHERS_IGNORED

    value: _Value


class CoopOutputType(Wire):
    """Of which type ``score`` is."""

    scalarType: Literal["NUMBER", "BOOLEAN"]  # noqa: N815  Coop's names


class CoopDetailsDoc(Wire):
    """What the score was made of; Coop does not look at it."""

    decision: Decision
    decision_ids: list[str]
    scores: Scores
    reasons: list[str]
    errors: list[ItemErrorDoc]


class CoopSignalDoc(Wire):
    """The result of a signal as Coop reads it."""

    outputType: CoopOutputType  # noqa: N815  Coop's names
    score: float | bool
    memeguard: CoopDetailsDoc


def coop_request_body() -> dict[str, Any]:
    """OpenAPI request body of ``/v1/signals/coop``."""
    schema = CoopRequest.model_json_schema()
    schema = _with_parts(schema, schema.pop("$defs"))
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _with_parts(schema: Any, parts: dict[str, Any]) -> Any:
    """``schema`` with its parts in the places that refer to them: a request body has no definitions of its own."""
    if isinstance(schema, list):
        return [_with_parts(one, parts) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _with_parts(parts[schema["$ref"].rpartition("/")[2]], parts)
    return {name: _with_parts(value, parts) for name, value in schema.items()}
