"""Judgements of a post: of every picture with the words of the post and with its own, of all words at least once."""

from collections.abc import Sequence
from dataclasses import dataclass

from model import Policy, Verdict
from serving.app_state import AppState
from serving.inference.concurrency import together
from serving.openai.request import Picture, Post
from serving.problems import ProblemError
from serving.requests.base64_image import from_data_url, is_data_url
from serving.requests.classify_body import OF_WORDS, BadItem, ClassifyInput
from serving.requests.context import RequestContext


@dataclass(frozen=True)
class JudgedPart:
    """One judgement of a post: of the picture at index ``part`` (None: of words alone), with words of the caller's.

    ``outcome`` is its verdict, or why there is none.
    """

    part: int | None
    with_picture: bool
    with_words: bool
    outcome: Verdict | ProblemError


class PostJudge:
    """Judges the posts of one request under ``policy``."""

    def __init__(self, state: AppState, policy: Policy, context: RequestContext) -> None:
        self._state = state
        self._policy = policy
        self._context = context

    async def judge(self, post: Post) -> list[JudgedPart]:
        """Every judgement of one post; an empty list when there is nothing to be seen in it.

        The words of a post are not those on its pictures, as far as anybody knows, so each picture is judged twice:
        with the words of the post, and with those that are read from it. (Without OCR, only with those of the post.)
        Words that were judged with no picture are judged alone.

        The caller holds room for the post. Raises ``ProblemError`` 503, which asks for the whole request again.
        """
        words = post.words
        pictures = await together(self._opened(picture) for picture in post.pictures)
        read = words is None or self._state.settings.ocr != "none"
        judgements = []
        for picture, content in zip(post.pictures, pictures, strict=True):
            if words is not None:
                judgements.append(self._judge(post, picture, content, words))
            if read:
                judgements.append(self._judge(post, picture, content, None))
        parts = await together(judgements)
        if words is not None and not any(part.with_words and isinstance(part.outcome, Verdict) for part in parts):
            parts.append(await self._judge(post, None, None, words))
        return parts

    async def _opened(self, picture: Picture) -> bytes | ProblemError:
        try:
            if is_data_url(picture.url):
                return await self._state.classifier.pipeline.run(lambda: from_data_url(picture.url, picture.place))
            return await self._state.fetcher.fetch(picture.url, self._context.deadline, self._context.hold_fetched)
        except ProblemError as problem:
            return _kept(problem, picture.place)

    async def _judge(
        self, post: Post, picture: Picture | None, content: bytes | ProblemError | None, words: str | None
    ) -> JudgedPart:
        item = BadItem(None, content) if isinstance(content, ProblemError) else ClassifyInput(content, words)
        outcome = await self._state.classifier.outcome(item, self._context, self._policy)
        if isinstance(outcome, ProblemError):
            place = post.place if picture is None or outcome.code in OF_WORDS else picture.place
            outcome = _kept(outcome, place)
        part = None if picture is None else picture.part
        return JudgedPart(part, picture is not None, words is not None, outcome)


def errors_of(parts: Sequence[JudgedPart]) -> list[tuple[int | None, ProblemError]]:
    """What could not be judged, each once: a picture by its index, words by None."""
    seen = {part.part for part in parts if isinstance(part.outcome, Verdict)}
    found: dict[int | None, ProblemError] = {}
    for part in parts:
        if isinstance(part.outcome, ProblemError):
            # A picture that was judged without these words is not to blame.
            is_of_words = part.part in seen or part.outcome.code in OF_WORDS
            found.setdefault(None if is_of_words else part.part, part.outcome)
    return list(found.items())


def _kept(problem: ProblemError, place: str) -> ProblemError:
    """The problem of one part, told its place; one of the server's own load is raised: it had better come again."""
    if problem.status == 503:
        raise problem
    return problem if problem.place else problem.at(place)
