"""Documents of ``/v1/moderations``: OpenAI's shape, with one member of our own."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from model.verdict import Decision
from serving.schemas.requests import POLICY
from serving.schemas.verdict import ItemErrorDoc, PolicyDoc, TextDoc
from serving.schemas.wire import Probability, Wire

#: All that OpenAI has. Only "hate" is judged here.
Category = Literal[
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
]
N_CATEGORIES = 13
InputType = Literal["text", "image"]
_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)


#: OpenAI takes these values, and what they say of a picture's size is nothing to who judges the whole picture.
_Ignored = Annotated[Any, Field(description="Taken and ignored.")]


class TextPart(Wire):
    """Words that belong to the post."""

    model_config = _STRICT

    type: Literal["text", "input_text"]
    text: str


class ImageUrl(Wire):
    """Where a picture is: a data: URL in base64, or a https URL where the operator allows it."""

    model_config = _STRICT

    url: str
    detail: _Ignored = None


def _as_object(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


class ImagePart(Wire):
    """A picture of the post. ``image_url`` may be the URL itself."""

    model_config = _STRICT

    type: Literal["image_url", "input_image"]
    image_url: Annotated[ImageUrl, BeforeValidator(_as_object)]
    detail: _Ignored = None


Part = Annotated[TextPart | ImagePart, Field(discriminator="type")]


class ModerationOptions(Wire):
    """What a request asks for beside its input."""

    model_config = _STRICT

    model: str | None = Field(
        None, description="This model's name, or any omni-moderation-* or text-moderation-*: the same model judges."
    )
    policy: str | None = Field(None, min_length=1, max_length=200, description=POLICY)


class ModerationRequest(ModerationOptions):
    """A string, or several (a result each), or the parts of one post (one result for all of them)."""

    input: str | Annotated[list[str], Field(min_length=1)] | Annotated[list[Part], Field(min_length=1)]


def moderation_schema() -> dict[str, Any]:
    """JSON schema of a request, with nothing outside it."""
    schema = ModerationRequest.model_json_schema()
    definitions = schema.pop("$defs")
    image = definitions["ImagePart"]
    image["properties"]["image_url"] = {"anyOf": [definitions["ImageUrl"], {"type": "string"}]}
    schema["properties"]["input"]["anyOf"][2]["items"] = {"anyOf": [definitions["TextPart"], image]}
    return schema


class ModerationTextDoc(Wire):
    """The words by which the picture at place ``part`` of the input was judged."""

    part: int
    text: TextDoc


class ModerationErrorDoc(ItemErrorDoc):
    """Why a part could not be judged: the picture at place ``part`` of the input, or the words (null)."""

    part: int | None


class MemeguardDoc(Wire):
    """What OpenAI's shape has no place for.

    ``scores`` are the highest of each yes/no task. Feedback names one of ``decision_ids``. With ``errors`` the decision
    is review at least.
    """

    decision: Decision
    policy: PolicyDoc
    scores: dict[str, Probability]
    decision_ids: list[str]
    pictures: list[ModerationTextDoc]
    errors: list[ModerationErrorDoc]


def _for_each_category(description: str) -> Any:
    return Field(min_length=N_CATEGORIES, max_length=N_CATEGORIES, description=description)


class ModerationResultDoc(Wire):
    """What is said of one input."""

    flagged: bool = Field(description="Whether the decision is review or block.")
    categories: Annotated[
        dict[Category, bool],
        _for_each_category("hate: its score reaches the policy's review threshold, or a word list decided."),
    ]
    category_scores: Annotated[
        dict[Category, Probability], _for_each_category("hate: the calibrated score 'hateful'. The others: 0.")
    ]
    category_applied_input_types: Annotated[
        dict[Category, list[InputType]],
        _for_each_category("What was judged. An empty list says that this category was not judged at all."),
    ]
    memeguard: MemeguardDoc


class ModerationsDoc(Wire):
    """The answer: a result for each string of the input, or one for all its parts."""

    id: str
    model: str
    results: list[ModerationResultDoc]
