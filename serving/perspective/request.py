"""Parser of the bodies of both calls, to a comment and what is asked of it or said of it."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar, get_args

from pydantic import BaseModel

from model.meme import has_words
from serving.perspective.attributes import LANGUAGE, answered, are_supported, is_of_perspective, seen_language
from serving.perspective.comment import Comment, html_comment, plain_comment
from serving.perspective.errors import (
    MAX_COMMENT_BYTES,
    LanguageProblemError,
    empty_comment,
    long_comment,
    no_attributes,
    no_summary,
    two_contexts,
    unknown_attribute,
    unknown_score_type,
)
from serving.requests.json_body import json_object, validated
from serving.schemas.perspective import (
    AnalyzeCommentRequest,
    AttributeParameters,
    Context,
    ScoreType,
    SuggestCommentScoreRequest,
    TextEntry,
)
from serving.settings import Settings

_PROBABILITY = ("SCORE_TYPE_UNSPECIFIED", "PROBABILITY")
_Request = TypeVar("_Request", AnalyzeCommentRequest, SuggestCommentScoreRequest)


@dataclass(frozen=True)
class Asked:
    """What one call of ``analyze`` asks for. ``thresholds``: by attribute the score under which it is left out.

    An attribute that was dropped is not there: with none left, nothing is to be judged.
    """

    comment: Comment
    thresholds: dict[str, float | None]
    languages: list[str]
    with_sentences: bool
    is_stored: bool
    client_token: str | None


@dataclass(frozen=True)
class Suggested:
    """What one call of ``suggestscore`` says: by attribute the score that a comment should have got."""

    comment: Comment
    scores: dict[str, float]
    community: str | None
    client_token: str | None


def parse_analyze(content_type: str | None, body: bytes, limits: Settings, tasks: Collection[str]) -> Asked:
    """Read a body for a bundle with these ``tasks``; raises ``ProblemError`` 400, 413, 415 or 422."""
    request = _parsed(AnalyzeCommentRequest, content_type, body, limits)
    drops = request.drop_unsupported_attributes is True
    thresholds = _thresholds(request.requested_attributes or {}, answered(tasks), drops=drops)
    comment = _comment(request.comment, request.context)
    languages = request.languages or [seen_language(comment.words) or LANGUAGE]
    if not are_supported(languages):
        if thresholds and not drops:
            raise LanguageProblemError(next(iter(thresholds)), languages, detected=not request.languages)
        thresholds = {}
    return Asked(
        comment,
        thresholds,
        languages,
        with_sentences=request.span_annotations is True,
        is_stored=request.do_not_store is not True,
        client_token=request.client_token,
    )


def parse_suggestion(content_type: str | None, body: bytes, limits: Settings, tasks: Collection[str]) -> Suggested:
    """Read a body for a bundle with these ``tasks``; raises ``ProblemError`` 400, 413, 415 or 422."""
    request = _parsed(SuggestCommentScoreRequest, content_type, body, limits)
    given, known = request.attribute_scores or {}, answered(tasks)
    if not given:
        raise no_attributes("attribute_scores")
    _check_names(given, known)
    scores = {}
    for name, said in given.items():
        summary = said.summary_score
        if summary is None or summary.value is None:
            raise no_summary(name)
        _check_score_type(summary.type, name)
        scores[name] = summary.value
    comment = _comment(request.comment, request.context)
    return Suggested(comment, scores, request.community_id, request.client_token)


def _thresholds(
    asked: dict[str, AttributeParameters], known: Collection[str], *, drops: bool
) -> dict[str, float | None]:
    if not asked:
        raise no_attributes("requested_attributes")
    _check_names([name for name in asked if not (drops and is_of_perspective(name))], known)
    found = {name: parameters for name, parameters in asked.items() if name in known}
    for name, parameters in found.items():
        _check_score_type(parameters.score_type, name)
    return {name: parameters.score_threshold for name, parameters in found.items()}


def _check_names(names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            # Any other name is the caller's content, and not repeated.
            raise unknown_attribute(name if is_of_perspective(name) else None, known)


def _check_score_type(score_type: ScoreType | None, attribute: str) -> None:
    if score_type is not None and score_type not in _PROBABILITY:
        raise unknown_score_type(score_type, attribute)


def _comment(entry: TextEntry | None, context: Context | None) -> Comment:
    if context is not None and context.entries and context.article_and_parent_comment is not None:
        raise two_contexts()
    text = (entry.text if entry else None) or ""
    n_bytes = len(text.encode("utf-8", "replace"))
    if n_bytes > MAX_COMMENT_BYTES:
        raise long_comment(n_bytes)
    comment = html_comment(text) if entry and entry.type == "HTML" else plain_comment(text)
    if not has_words(comment.words):
        raise empty_comment()
    return comment


def _parsed(model: type[_Request], content_type: str | None, body: bytes, limits: Settings) -> _Request:
    document = json_object(content_type, body, limits.max_items * (limits.max_text_chars + 1000))
    return validated(model, document, _MEMBERS[model], "body")


def _names(model: object) -> Iterator[str]:
    """The names that a request may have, at any depth: those that an error may repeat."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, member in model.model_fields.items():
            yield from (name, member.alias or name)
            yield from _names(member.annotation)
    for part in get_args(model):
        yield from _names(part)


_MEMBERS: dict[type[BaseModel], frozenset[str]] = {
    model: frozenset(_names(model)) for model in (AnalyzeCommentRequest, SuggestCommentScoreRequest)
}
