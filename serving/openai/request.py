"""Parser of a moderation request's body, to posts, each of which gets one result."""

from dataclasses import dataclass, field

from model.meme import has_words
from serving.problems import ProblemError
from serving.requests.json_body import json_object, validated
from serving.schemas.moderations import ImagePart, ModerationOptions, TextPart
from serving.settings import Settings

_PARTS: dict[str, type[TextPart | ImagePart]] = {"text": TextPart, "image_url": ImagePart}
_MEMBERS = frozenset({"input", "model", "policy", "type", "text", "image_url", "url"})


@dataclass(frozen=True)
class Picture:
    """A picture of a post: the index of its part in the input, and where its bytes are."""

    part: int
    url: str = field(repr=False)


@dataclass(frozen=True)
class Post:
    """What one result is about: words, pictures or both. ``words`` is None where nothing of them can be seen."""

    words: str | None = field(repr=False)
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class ModerationRequest:
    """What one request asks for."""

    posts: list[Post]
    model: str | None
    policy: str | None

    @property
    def n_memes(self) -> int:
        """Strings and pictures to be judged."""
        return sum(max(1, len(post.pictures)) for post in self.posts)


def parse_moderation(content_type: str | None, body: bytes, limits: Settings) -> ModerationRequest:
    """Read a body; raises ``ProblemError`` (400, 413, 415 or 422) for one that holds none."""
    document = json_object(content_type, body, limits.max_items * (limits.max_text_chars + 1000))
    posts = _posts(document.pop("input", None))
    options = validated(ModerationOptions, document, _MEMBERS, "body")
    n_items = max(len(posts), *(len(post.pictures) for post in posts))
    if n_items > limits.max_items:
        raise ProblemError(
            413, "too_many_items", f"{n_items} strings or pictures in one request; the limit is {limits.max_items}"
        )
    return ModerationRequest(posts, options.model, options.policy)


def _posts(given: object) -> list[Post]:
    if isinstance(given, str):
        return [_post(given)]
    if not isinstance(given, list) or not given:
        raise ProblemError(422, "invalid_body", "input must be a string, a list of strings or a list of parts")
    strings = [one for one in given if isinstance(one, str)]
    if len(strings) == len(given):
        return [_post(words) for words in strings]
    return [_post_of_parts([_part(one, f"input.{index}") for index, one in enumerate(given)])]


def _part(given: object, location: str) -> TextPart | ImagePart:
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(kind, str) or kind not in _PARTS:
        raise ProblemError(
            422, "invalid_body", f"{location}: a list holds only strings, or only parts of type text or image_url"
        )
    return validated(_PARTS[kind], given, _MEMBERS, location)


def _post_of_parts(parts: list[TextPart | ImagePart]) -> Post:
    words = "\n".join(part.text for part in parts if isinstance(part, TextPart))
    pictures = (Picture(index, part.image_url.url) for index, part in enumerate(parts) if isinstance(part, ImagePart))
    return _post(words, tuple(pictures))


def _post(words: str, pictures: tuple[Picture, ...] = ()) -> Post:
    return Post(words if has_words(words) else None, pictures)
