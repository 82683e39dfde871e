"""A Memeguard server as a target: ``POST /v1/classify``."""

import base64
import os
from typing import Any

from training.stress.relations.base import StressItem
from training.stress.targets.base import Answer
from training.stress.targets.http_target import HttpTarget
from training.stress.targets.polite_client import Manners, PoliteClient
from training.stress.targets.verdicts import strictest

#: The environment variable that holds the key of a server that wants one.
KEY_VARIABLE = "MODERATOR_API_KEY"


class MemeguardServer(HttpTarget):
    """A server under its default policy. A meme is flagged when it is blocked or sent to review.

    A picture with words of a post beside it is judged with these and with its own, as ``/v1/moderations`` does.
    """

    def __init__(self, url: str, shown_url: str, manners: Manners) -> None:
        key = os.environ.get(KEY_VARIABLE)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        super().__init__(PoliteClient(f"{url.rstrip('/')}/v1/classify", shown_url, headers, manners))
        self._shown_url = shown_url

    @property
    def name(self) -> str:
        """Its address."""
        return f"Memeguard at {self._shown_url}"

    @property
    def identity(self) -> dict[str, Any]:
        """Its address: what lies behind it is not ours to know."""
        return {"kind": "memeguard", "url": self._shown_url}

    def ask(self, item: StressItem) -> Answer:
        """The strictest of its judgements."""
        answer = self._client.post(json={"items": _items(item)})
        try:
            judged = strictest(answer["results"])
        except (KeyError, TypeError, AttributeError):
            raise self._client.failed("the answer is not that of /v1/classify") from None
        self._client.succeeded()
        return judged


def _items(item: StressItem) -> list[dict[str, str]]:
    if item.picture is None:
        return [{"text": item.text or ""}]
    image = base64.b64encode(item.picture).decode("ascii")
    alone = {"image": image}
    return [alone] if item.text is None else [{"image": image, "text": item.text}, alone]
