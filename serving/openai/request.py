"""Parser of a moderation request's body, to posts, each of which gets one result."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from model.meme import has_words
from serving.problems import ProblemError
from serving.requests.json_body import json_object, validated
from serving.schemas.moderations import ImagePart, ModerationOptions, TextPart
from serving.settings import Settings

#: By its type the parts of OpenAI's moderations, and those of its newer Responses, which mean the same.
_PARTS: dict[str, type[TextPart | ImagePart]] = {
    "text": TextPart,
    "input_text": TextPart,
    "image_url": ImagePart,
    "input_image": ImagePart,
}
#: A client that writes out every member that a part can have writes null for those that it has not.
_MAY_BE_NULL = ("text", "image_url", "file_id", "detail")
_MEMBERS = frozenset({"input", "model", "policy", "type", "url", *_MAY_BE_NULL})


@dataclass(frozen=True)
class Picture:
    """A picture of a post: the index of its part in the input, where its bytes are, and what an error calls it."""

    part: int
    url: str = field(repr=False)
    place: str


@dataclass(frozen=True)
class Post:
    """What one result is about: words, pictures or both. ``words`` is None where nothing of them can be seen.

    ``place`` is what an error calls the words.
    """

    words: str | None = field(repr=False)
    place: str
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
        return [_post(given, "input")]
    if not isinstance(given, list) or not given:
        raise ProblemError(422, "invalid_body", "input must be a string, a list of strings or a list of parts")
    strings = [one for one in given if isinstance(one, str)]
    if len(strings) == len(given):
        return [_post(words, f"input[{index}]") for index, words in enumerate(strings)]
    return [_post_of_parts(given)]


def _post_of_parts(given: Sequence[object]) -> Post:
    words: list[str] = []
    places: list[str] = []
    pictures: list[Picture] = []
    for index, one in enumerate(given):
        location = f"input[{index}]"
        part = _part(one, location)
        if isinstance(part, TextPart):
            words.append(part.text)
            places.append(f"{location}.text")
        else:
            pictures.append(Picture(index, part.image_url.url, f"{location}.{_url_member(one)}"))
    return _post("\n".join(words), places[0] if len(places) == 1 else "input", tuple(pictures))


def _part(given: object, location: str) -> TextPart | ImagePart:
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(given, dict) or not isinstance(kind, str) or kind not in _PARTS:
        kinds = f"{', '.join(list(_PARTS)[:-1])} or {list(_PARTS)[-1]}"
        detail = f"a list holds only strings, or only parts of type {kinds}"
        raise ProblemError(422, "invalid_body", detail).at(location)
    members = {name: value for name, value in given.items() if value is not None or name not in _MAY_BE_NULL}
    return validated(_PARTS[kind], members, _MEMBERS, location, within=location)


def _url_member(part: object) -> str:
    is_plain = isinstance(part, dict) and isinstance(part["image_url"], str)
    return "image_url" if is_plain else "image_url.url"


def _post(words: str, place: str, pictures: tuple[Picture, ...] = ()) -> Post:
    return Post(words if has_words(words) else None, place, pictures)
