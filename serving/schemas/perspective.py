"""Documents of ``/v1alpha1/comments:*``: the shapes of the Perspective API, with one member of our own in the answer.

Names are written in camel case, and read with underscores too: protobuf's JSON, which Perspective reads, takes both.
Source: the discovery document of commentanalyzer v1alpha1, and github.com/conversationai/perspectiveapi.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from model.verdict import Decision
from serving.schemas.verdict import PolicyDoc
from serving.schemas.wire import Probability

TextType = Literal["TEXT_TYPE_UNSPECIFIED", "PLAIN_TEXT", "HTML"]
ScoreType = Literal["SCORE_TYPE_UNSPECIFIED", "PROBABILITY", "STD_DEV_SCORE", "PERCENTILE", "RAW"]
#: A language as ISO 639 and BCP 47 write it, with its script and region where they are given: "en", "hi-Latn", "pt-BR".
LanguageCode = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?$")]
Number = Annotated[float, Field(allow_inf_nan=False)]
_IGNORED = "Taken and ignored."


class _Named(BaseModel):
    """An object whose members have Google's names."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True)


class TextEntry(_Named):
    """A text. HTML is judged as people see it: without its tags."""

    text: str | None = None
    type: TextType | None = None


class ArticleAndParentComment(_Named):
    """What a comment answers."""

    article: TextEntry | None = None
    parent_comment: TextEntry | None = None


class Context(_Named):
    """What a comment is about. One of the two may be given."""

    entries: list[TextEntry] | None = None
    article_and_parent_comment: ArticleAndParentComment | None = None


class AttributeParameters(_Named):
    """How an attribute is to be answered."""

    score_type: ScoreType | None = None
    score_threshold: Number | None = Field(None, description="Scores below it are left out of the answer.")


class _AboutComment(_Named):
    """What both requests hold."""

    comment: TextEntry | None = None
    context: Context | None = Field(None, description=_IGNORED)
    languages: list[LanguageCode] | None = Field(
        None, description="Those of the comment; absent: it is judged as English."
    )
    client_token: str | None = Field(None, description="Given back in the answer.")
    session_id: str | None = Field(None, description=_IGNORED)


class AnalyzeCommentRequest(_AboutComment):
    """A comment to be scored."""

    requested_attributes: dict[str, AttributeParameters] | None = Field(
        None, description="By name of the attribute. IDENTITY_ATTACK is answered."
    )
    span_annotations: bool | None = Field(None, description="Whether each sentence is scored too.")
    do_not_store: bool | None = Field(None, description="Nothing of the comment is kept, nor of its decision.")
    drop_unsupported_attributes: bool | None = Field(
        None, description="Leave out what is not answered, in place of an error."
    )
    community_id: str | None = Field(None, description=_IGNORED)


class Score(_Named):
    """A score."""

    value: Probability | None = None
    type: ScoreType | None = None


class SpanScore(_Named):
    """A score of a part of the comment."""

    begin: int | None = None
    end: int | None = None
    score: Score | None = None


class AttributeScores(_Named):
    """What the caller says that an attribute should have been."""

    summary_score: Score | None = None
    span_scores: list[SpanScore] | None = None


class SuggestCommentScoreRequest(_AboutComment):
    """What a comment's scores should have been."""

    attribute_scores: dict[str, AttributeScores] | None = Field(
        None, description="By name of the attribute. IDENTITY_ATTACK is kept: hateful from 0.5 on."
    )
    community_id: str | None = Field(None, max_length=200, description="Kept with the feedback.")


class ScoreDoc(_Named):
    """A calibrated probability."""

    value: Probability
    type: Literal["PROBABILITY"]


class SpanScoreDoc(_Named):
    """The score of the comment from ``begin`` to before ``end``, counted in units of UTF-16."""

    begin: int
    end: int
    score: ScoreDoc


class AttributeScoresDoc(_Named):
    """What is said of one attribute. A score that is not there was below its threshold."""

    span_scores: list[SpanScoreDoc] | None = None
    summary_score: ScoreDoc | None = None


class PerspectiveDecisionDoc(_Named):
    """What Perspective's shape has no place for.

    Word lists and banks of the policy may have decided, whatever the scores are. Without ``decisionId`` nothing was
    kept.
    """

    decision: Decision
    policy: PolicyDoc
    scores: dict[str, Probability]
    decision_id: str | None = None


class AnalyzeCommentDoc(_Named):
    """The scores of a comment."""

    attribute_scores: dict[str, AttributeScoresDoc] | None = None
    languages: list[str]
    client_token: str | None = None
    memeguard: PerspectiveDecisionDoc


class SuggestCommentScoreDoc(_Named):
    """The answer to a suggestion."""

    client_token: str | None = None


class LanguageErrorDoc(_Named):
    """Which attribute cannot be answered, and in which languages: those of the request, or those that were seen."""

    attribute: str
    requested_languages: list[str] | None = None
    detected_languages: list[str] | None = None


class GoogleErrorDetailDoc(_Named):
    """Which kind of error it is, for programs."""

    type_url: Literal["type.googleapis.com/google.commentanalyzer.v1alpha1.Error"] = Field(
        "type.googleapis.com/google.commentanalyzer.v1alpha1.Error", alias="@type"
    )
    error_type: str
    language_not_supported_by_attribute_error: LanguageErrorDoc | None = None


def request_body(model: type[BaseModel], examples: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI request body: a JSON schema with nothing outside it."""
    schema = model.model_json_schema()
    schema = _inlined(schema, schema.pop("$defs", {}))
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": examples}}}


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(one, definitions) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(definitions[node["$ref"].rpartition("/")[2]], definitions)
    return {key: _inlined(value, definitions) for key, value in node.items()}
