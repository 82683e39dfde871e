"""Any HTTP moderator as a target, as a YAML file describes it."""

import base64
import math
from pathlib import Path
from typing import Any

from training.stress.relations.base import StressItem
from training.stress.targets.base import Answer, NotJudgedError
from training.stress.targets.description import Description, RequestEntry, filled, read_description, with_secrets
from training.stress.targets.http_target import HttpTarget
from training.stress.targets.openai_shape import data_url, media_type
from training.stress.targets.polite_client import Manners, PoliteClient


class DescribedTarget(HttpTarget):
    """A moderator that is asked as its description says."""

    def __init__(self, description: Description, name: str) -> None:
        """Raises ``TargetError`` where the environment lacks a secret."""
        headers = {key: with_secrets(value, f"header {key}") for key, value in description.headers.items()}
        manners = Manners(description.timeout_s, description.per_second, description.max_calls)
        self._description, self._request = description, description.request.with_secrets()
        self._name = name
        super().__init__(PoliteClient(with_secrets(description.url, "url"), name, headers, manners))

    @classmethod
    def of_file(cls, path: Path, max_calls: int | None = None, per_second: float | None = None) -> "DescribedTarget":
        """``max_calls`` and ``per_second`` come before the file's own. Raises ``TargetError`` for one of no use."""
        asked = {"max_calls": max_calls, "per_second": per_second}
        update = {name: value for name, value in asked.items() if value is not None}
        return cls(read_description(path).model_copy(update=update), path.stem)

    @property
    def name(self) -> str:
        """The name of its file."""
        return self._name

    @property
    def identity(self) -> dict[str, Any]:
        """Its description, without secrets."""
        return self._description.identity

    def ask(self, item: StressItem) -> Answer:
        """What its answer says at the places that the description names."""
        request = self._description.request
        if item.picture is not None and not request.takes_picture:
            raise NotJudgedError("the request has no place for a picture", is_final=True)
        if item.text is not None and not request.takes_text:
            raise NotJudgedError("the request has no place for words", is_final=True)
        document = self._client.post(**_content(self._request, item))
        answer = self._read(document)
        self._client.succeeded()
        return answer

    def _read(self, document: Any) -> Answer:
        where = self._description.answer
        score = None if where.score is None else self._score(document, where.score)
        if where.flag is None:
            return Answer(score is not None and score >= (where.threshold or 0.0), score)
        flag = self._at(document, where.flag)
        if not isinstance(flag, bool) and flag not in (0, 1):
            raise self._client.failed(f"at {where.flag} of the answer there is no true or false")
        return Answer(bool(flag), score)

    def _score(self, document: Any, pointer: str) -> float:
        score = self._at(document, pointer)
        if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
            raise self._client.failed(f"at {pointer} of the answer there is no number")
        return float(score)

    def _at(self, document: Any, pointer: str) -> Any:
        try:
            return at_pointer(document, pointer)
        except (KeyError, IndexError, ValueError, TypeError):
            raise self._client.failed(f"the answer has nothing at {pointer}") from None


def at_pointer(document: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) names; raises ``LookupError``, ``ValueError`` or ``TypeError`` for nothing."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        document = document[int(name)] if isinstance(document, list) else document[name]
    return document


def _content(request: RequestEntry, item: StressItem) -> dict[str, Any]:
    picture = item.picture
    values = {
        "{text}": item.text,
        "{image_base64}": None if picture is None else base64.b64encode(picture).decode("ascii"),
        "{image_url}": None if picture is None else data_url(picture),
    }
    if request.multipart is None:
        return {"json": filled(request.json_body, values)}
    fields = filled({k: v for k, v in request.multipart.items() if v != "{image}"}, values)
    files: dict[str, Any] = {key: (None, value) for key, value in fields.items()}
    for key, value in request.multipart.items():
        if value == "{image}" and picture is not None:
            kind = media_type(picture)
            files[key] = (f"meme.{kind.removeprefix('image/')}", picture, kind)
    return {"files": files}
