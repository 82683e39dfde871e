"""HTTP client that bears with a server: a rate, a budget, ``Retry-After``, and an end where asking on is no use.

What it says of a failure never holds a header, a query or what was sent.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from training.stress.targets.base import NotJudgedError, TargetStoppedError

#: Our own waits grow no longer; those that a server asks for may, up to ``Manners.max_wait_s``.
_MAX_BACKOFF_S = 30.0
_TOO_MANY = 429
#: These say that no request of ours will be answered.
_REFUSED = {401: "it wants other credentials", 403: "it does not let us in", 404: "nothing is at this address",
            405: "it takes no POST here"}  # fmt: skip


@dataclass(frozen=True)
class Manners:
    """How a server is asked: at most ``per_second`` calls and ``max_calls`` in all (None: no bound).

    A call that is answered 429 or 5xx, or not within ``timeout_s``, is sent up to ``max_tries`` times, after what
    ``Retry-After`` says or waits that double from ``first_wait_s``; who asks for more than ``max_wait_s`` is left
    alone. After ``max_failed`` items in a row that failed so, the server is held for broken.
    """

    timeout_s: float = 30.0
    per_second: float | None = None
    max_calls: int | None = None
    max_tries: int = 5
    first_wait_s: float = 0.5
    max_wait_s: float = 120.0
    max_failed: int = 3


@dataclass
class PoliteClient:
    """Sends POSTs to ``url``, one at a time. ``shown_url`` stands for it in messages. ``n_calls`` counts the sent."""

    url: str = field(repr=False)
    shown_url: str
    headers: Mapping[str, str] = field(repr=False)
    manners: Manners = Manners()
    n_calls: int = 0
    _n_failed: int = 0
    _next_at: float = 0.0

    def __post_init__(self) -> None:
        self._client = httpx.Client(headers=dict(self.headers), timeout=self.manners.timeout_s, follow_redirects=False)

    def post(self, **content: Any) -> Any:
        """The JSON of the answer to one POST; ``content`` is httpx's ``json``, or ``data`` and ``files``.

        Raises ``NotJudgedError`` for one that is refused or has no JSON, ``TargetStoppedError`` when there is no use in
        asking on.
        """
        response = self._answered(content)
        if response.status_code in _REFUSED or response.is_redirect:
            why = _REFUSED.get(response.status_code, "it sends us elsewhere")
            raise TargetStoppedError(f"{self.shown_url} answers {response.status_code}: {why}")
        if not response.is_success:
            self._n_failed = 0
            raise NotJudgedError(f"answered {response.status_code}", is_final=True)
        try:
            answer = response.json()
        except ValueError:
            raise self.failed("the answer is no JSON") from None
        return answer

    def failed(self, why: str) -> NotJudgedError | TargetStoppedError:
        """What to raise for an item without a usable answer: after several in a row, the server is held for broken."""
        self._n_failed += 1
        if self._n_failed >= self.manners.max_failed:
            return TargetStoppedError(f"{self.shown_url} failed {self._n_failed} times in a row, at last so: {why}")
        return NotJudgedError(why, is_final=False)

    def succeeded(self) -> None:
        """An answer was of use."""
        self._n_failed = 0

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _answered(self, content: Mapping[str, Any]) -> httpx.Response:
        """An answer that is neither 429 nor 5xx."""
        why = ""
        for attempt in range(self.manners.max_tries):
            self._take_turn()
            wait_s = min(_MAX_BACKOFF_S, self.manners.first_wait_s * 2**attempt)
            try:
                response = self._client.post(self.url, **content)
            except httpx.HTTPError as error:
                why = f"no answer ({type(error).__name__})"
            else:
                if response.status_code != _TOO_MANY and not response.is_server_error:
                    return response
                why = f"answered {response.status_code}"
                wait_s = self._asked_wait_s(response, wait_s)
            # Of the last try too: the next item waits as long.
            self._next_at = max(self._next_at, time.monotonic() + wait_s)
        raise self.failed(f"{why}, {self.manners.max_tries} times")

    def _take_turn(self) -> None:
        """Wait for the rate and for what the server asked, and count the call.

        Raises ``TargetStoppedError`` when the budget is spent.
        """
        if self.manners.max_calls is not None and self.n_calls >= self.manners.max_calls:
            raise TargetStoppedError(
                f"the budget of {self.manners.max_calls} calls to {self.shown_url} is spent; raise max_calls to go on"
            )
        now = time.monotonic()
        if now < self._next_at:
            time.sleep(self._next_at - now)
        if self.manners.per_second is not None:
            self._next_at = time.monotonic() + 1 / self.manners.per_second
        self.n_calls += 1

    def _asked_wait_s(self, response: httpx.Response, own_s: float) -> float:
        """The wait that ``Retry-After`` asks for, seconds or a date, where it is longer than our own."""
        wait_s = max(own_s, _seconds(response.headers.get("Retry-After", "")))
        if wait_s > self.manners.max_wait_s:
            raise TargetStoppedError(
                f"{self.shown_url} answers {response.status_code} and asks to come again in {wait_s:.0f} s; "
                "run the same command then"
            )
        return wait_s


def _seconds(retry_after: str) -> float:
    """Seconds from now; 0 where it says nothing that is understood."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    with suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    return 0.0
