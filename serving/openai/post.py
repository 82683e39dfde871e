"""Judgements of a post: of every picture with the words of the post and with its own, of all words at least once."""

from collections.abc import Sequence
from dataclasses import dataclass

from model import Policy, Verdict
from serving.app_state import AppState
from serving.inference.concurrency import together
from serving.openai.request import Picture, Post
from serving.problems import ProblemError
from serving.requests.base64_image import from_data_url, is_data_url
from serving.requests.classify_body import BadItem, ClassifyInput
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
                judgements.append(self._judge(picture.part, content, words))
            if read:
                judgements.append(self._judge(picture.part, content, None))
        parts = await together(judgements)
        if words is not None and not any(part.with_words and isinstance(part.outcome, Verdict) for part in parts):
            parts.append(await self._judge(None, None, words))
        return parts

    async def _opened(self, picture: Picture) -> bytes | ProblemError:
        try:
            if is_data_url(picture.url):
                return await self._state.classifier.pipeline.run(lambda: from_data_url(picture.url))
            return await self._state.fetcher.fetch(picture.url, self._context.deadline, self._context.hold_fetched)
        except ProblemError as problem:
            return _kept(problem)

    async def _judge(self, part: int | None, picture: bytes | ProblemError | None, words: str | None) -> JudgedPart:
        item = BadItem(None, picture) if isinstance(picture, ProblemError) else ClassifyInput(picture, words)
        outcome = await self._state.classifier.outcome(item, self._context, self._policy)
        if isinstance(outcome, ProblemError):
            outcome = _kept(outcome)
        return JudgedPart(part, part is not None, words is not None, outcome)


def errors_of(parts: Sequence[JudgedPart]) -> list[tuple[int | None, ProblemError]]:
    """What could not be judged, each once: a picture by its index, words by None."""
    seen = {part.part for part in parts if isinstance(part.outcome, Verdict)}
    found: dict[int | None, ProblemError] = {}
    for part in parts:
        if isinstance(part.outcome, ProblemError):
            # A picture that was judged without these words is not to blame.
            found.setdefault(None if part.part in seen else part.part, part.outcome)
    return list(found.items())


def _kept(problem: ProblemError) -> ProblemError:
    """The problem of one part; one of the server's own load is raised: the caller had better come again."""
    if problem.status == 503:
        raise problem
    return problem
