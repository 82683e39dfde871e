"""Errors as Perspective and Google's clients know them, beside the problem document that every route answers with.

Messages are Perspective's own where it has the error: programs look for them.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from serving.perspective.paths import PATHS
from serving.problems import ProblemError
from serving.schemas import GoogleErrorDoc
from serving.schemas.perspective import GoogleErrorDetailDoc, LanguageErrorDoc

MAX_COMMENT_BYTES = 20_480
_BAD_REQUEST = 400
_OF_BAD_REQUESTS = (413, 422)
#: Perspective's kinds of errors by our codes; every other bad request is an INVALID_REQUEST.
_ERROR_TYPES = {
    "empty": "COMMENT_EMPTY",
    "text_too_long": "COMMENT_TOO_LONG",
    "no_attributes": "NO_REQUESTED_ATTRIBUTES",
    "language_not_supported": "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
}
#: Names of google.rpc's codes by the status that they are sent with.
_STATUSES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class LanguageProblemError(ProblemError):
    """A comment in a language in which an attribute is not answered."""

    def __init__(self, attribute: str, languages: Sequence[str], *, detected: bool) -> None:
        message = f"Attribute {attribute} does not support request languages: {', '.join(languages)}"
        super().__init__(_BAD_REQUEST, "language_not_supported", message)
        self.language_error = LanguageErrorDoc(
            attribute=attribute,
            requested_languages=None if detected else list(languages),
            detected_languages=list(languages) if detected else None,
        )


def empty_comment() -> ProblemError:
    """The answer to a comment in which nothing can be seen."""
    return ProblemError(_BAD_REQUEST, "empty", "Comment must be non-empty.", place="comment.text")


def long_comment(n_bytes: int) -> ProblemError:
    """The answer to a comment that is over Perspective's limit."""
    message = f"Comment text was too many bytes. Value ({n_bytes}) exceeded limit ({MAX_COMMENT_BYTES})."
    return ProblemError(_BAD_REQUEST, "text_too_long", message, place="comment.text")


def partly_judged(n_chars: int) -> ProblemError:
    """The answer where not all of a comment could be judged: a score in this shape could not say so."""
    message = f"Comment text too long. Only its first {n_chars} characters can be judged; send it in parts."
    return ProblemError(_BAD_REQUEST, "text_too_long", message, place="comment.text")


def no_attributes(member: str) -> ProblemError:
    """The answer to a request that asks for nothing."""
    return ProblemError(_BAD_REQUEST, "no_attributes", f"Missing {member}")


def no_summary(attribute: str) -> ProblemError:
    """The answer to a suggestion that says nothing of the comment as a whole, of which a label is."""
    message = f"attributeScores.{attribute} needs a summaryScore with a value: what is kept is a label of all of it"
    return ProblemError(_BAD_REQUEST, "invalid_body", message, place="attributeScores")


def unknown_attribute(name: str | None, answered: Collection[str]) -> ProblemError:
    """The answer to an attribute that is not answered. ``name`` None: one that Perspective has not either."""
    named = f"Unknown requested attribute: {name}" if name else "Unknown requested attribute"
    known = ", ".join(answered) or "none, since no task of its bundle asks for one"
    return ProblemError(_BAD_REQUEST, "unknown_attribute", f"{named}. This server answers: {known}")


def unknown_score_type(score_type: str, attribute: str) -> ProblemError:
    """The answer to scores that are no probabilities."""
    message = f"Requested score type {score_type} is not supported by attribute {attribute}"
    return ProblemError(_BAD_REQUEST, "unknown_score_type", message)


def two_contexts() -> ProblemError:
    """The answer to a context of both kinds."""
    message = "Context can have either entries or article_and_parent_comment, but both fields were populated."
    return ProblemError(_BAD_REQUEST, "invalid_body", message, place="context")


@contextmanager
def bad_requests() -> Iterator[None]:
    """What is wrong with a comment or a body, with the one status that Google has for it."""
    try:
        yield
    except ProblemError as problem:
        if problem.status not in _OF_BAD_REQUESTS:
            raise
        # A copy: requests for the same words may share what was raised.
        copy = ProblemError(
            _BAD_REQUEST,
            problem.code,
            problem.detail,
            problem.headers,
            limit=problem.limit,
            limit_value=problem.limit_value,
            place=problem.place,
        )
        raise copy from problem


def extra_members(path: str, problem: ProblemError) -> dict[str, Any]:
    """What a problem document holds besides, on this path: the member that clients of Google's APIs read."""
    if path not in PATHS:
        return {}
    error = GoogleErrorDoc(
        code=problem.status,
        message=problem.detail,
        status=_STATUSES.get(problem.status, "INVALID_ARGUMENT"),
        details=[_detail(problem)] if problem.status == _BAD_REQUEST else None,
    )
    return {"error": error.model_dump(by_alias=True, exclude_none=True)}


def _detail(problem: ProblemError) -> GoogleErrorDetailDoc:
    language_error = problem.language_error if isinstance(problem, LanguageProblemError) else None
    return GoogleErrorDetailDoc(
        error_type=_ERROR_TYPES.get(problem.code, "INVALID_REQUEST"),
        language_not_supported_by_attribute_error=language_error,
    )
