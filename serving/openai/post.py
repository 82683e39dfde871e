"""Posts are judged: every picture with the words of the post and with its own, all words at least once."""

from collections.abc import Sequence
from dataclasses import dataclass

from model import Verdict
from serving.inference.classifier import Desk
from serving.inference.concurrency import together
from serving.openai.request import Picture, Post
from serving.problems import ProblemError
from serving.requests.base64_image import from_data_url, is_data_url
from serving.requests.classify_body import BadItem, ClassifyInput
from serving.requests.context import Asking


@dataclass(frozen=True)
class Part:
    """One judgement of a post: of the picture at place ``part`` (None: of words alone), with words of the caller's.

    ``outcome`` is its verdict, or why there is none.
    """

    part: int | None
    with_picture: bool
    with_words: bool
    outcome: Verdict | ProblemError


async def judge_post(desk: Desk, post: Post, asking: Asking) -> list[Part]:
    """Every judgement of one post; an empty list when there is nothing to be seen in it.

    The words of a post are not those on its pictures, as far as anybody knows, so each picture is judged twice: with
    the words of the post, and with those that are read from it. (Without OCR, only with those of the post.) Words that
    were judged with no picture are judged alone.

    The caller holds places for the post. Raises ``ProblemError`` 503, which asks for the whole request again.
    """
    words = post.words
    pictures = await together(_opened(desk, picture, asking) for picture in post.pictures)
    read = words is None or desk.settings.ocr != "none"
    judgements = []
    for picture, content in zip(post.pictures, pictures, strict=True):
        if words is not None:
            judgements.append(_judge(desk, picture.part, content, words, asking))
        if read:
            judgements.append(_judge(desk, picture.part, content, None, asking))
    parts = await together(judgements)
    if words is not None and not any(part.with_words and isinstance(part.outcome, Verdict) for part in parts):
        parts.append(await _judge(desk, None, None, words, asking))
    return parts


def errors_of(parts: Sequence[Part]) -> list[tuple[int | None, ProblemError]]:
    """What could not be judged, each once: a picture by its place, words by None."""
    seen = {part.part for part in parts if isinstance(part.outcome, Verdict)}
    found: dict[int | None, ProblemError] = {}
    for part in parts:
        if isinstance(part.outcome, ProblemError):
            # A picture that was judged without these words is not to blame.
            found.setdefault(None if part.part in seen else part.part, part.outcome)
    return list(found.items())


async def _opened(desk: Desk, picture: Picture, asking: Asking) -> bytes | ProblemError:
    try:
        if is_data_url(picture.url):
            return await desk.run(lambda: from_data_url(picture.url))
        return await desk.fetcher.fetch(picture.url, asking.deadline, asking.hold)
    except ProblemError as problem:
        return _kept(problem)


async def _judge(
    desk: Desk, part: int | None, picture: bytes | ProblemError | None, words: str | None, asking: Asking
) -> Part:
    item = BadItem(None, picture) if isinstance(picture, ProblemError) else ClassifyInput(picture, words)
    outcome = await desk.outcome(item, asking)
    if isinstance(outcome, ProblemError):
        outcome = _kept(outcome)
    return Part(part, part is not None, words is not None, outcome)


def _kept(problem: ProblemError) -> ProblemError:
    """The problem of one part; one of the server's own load is raised: the caller had better come again."""
    if problem.status == 503:
        raise problem
    return problem
