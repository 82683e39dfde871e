"""An endpoint in the shape of OpenAI's moderation as a target: ``POST /v1/moderations``."""

import base64
import os
from typing import Any
from urllib.parse import urlsplit

from model.picture.containers.sniff import format_of
from training.stress.relations.base import StressItem
from training.stress.targets.base import Answer
from training.stress.targets.http_target import HttpTarget
from training.stress.targets.polite_client import Manners, PoliteClient

KEY_VARIABLE = "OPENAI_API_KEY"
_MODEL = "omni-moderation-latest"
_ROUTE = "/moderations"


class OpenAIShape(HttpTarget):
    """An endpoint that answers as OpenAI's: what it flags, for whatever reason, does not just go through."""

    def __init__(self, url: str, shown_url: str, manners: Manners) -> None:
        key = os.environ.get(KEY_VARIABLE)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        super().__init__(PoliteClient(_route(url), shown_url, headers, manners))
        self._shown_url = shown_url

    @property
    def name(self) -> str:
        """Its address."""
        return f"OpenAI-shaped endpoint at {self._shown_url}"

    @property
    def identity(self) -> dict[str, Any]:
        """Its address, and the model that is asked for."""
        return {"kind": "openai", "url": self._shown_url, "model": _MODEL}

    def ask(self, item: StressItem) -> Answer:
        """``flagged`` of its one result, and the score of hate."""
        answer = self._client.post(json={"model": _MODEL, "input": _parts(item)})
        try:
            (result,) = answer["results"]
            flagged, score = result["flagged"], result["category_scores"].get("hate")
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._client.failed("the answer is not that of /v1/moderations") from None
        self._client.succeeded()
        return Answer(bool(flagged), float(score) if isinstance(score, int | float) else None)


def _route(url: str) -> str:
    """The address of the route: of a bare host it is ``/v1/moderations``, as with ``base_url`` of OpenAI's client."""
    url = url.rstrip("/")
    if url.endswith(_ROUTE):
        return url
    return f"{url}{_ROUTE}" if urlsplit(url).path else f"{url}/v1{_ROUTE}"


def _parts(item: StressItem) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [] if item.text is None else [{"type": "text", "text": item.text}]
    if item.picture is not None:
        parts.append({"type": "image_url", "image_url": {"url": data_url(item.picture)}})
    return parts


def data_url(picture: bytes) -> str:
    """A picture's file as a ``data:`` URL."""
    return f"data:{media_type(picture)};base64,{base64.b64encode(picture).decode('ascii')}"


def media_type(picture: bytes) -> str:
    """The media type of a picture's file, told from its bytes."""
    return f"image/{(format_of(picture) or 'png').lower()}"
