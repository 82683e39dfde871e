"""Rate limits: what one request takes from the rates of its key, and what its answer says of them.

The headers are those of the IETF's draft "RateLimit header fields for HTTP": a policy and what is left of it, by name.
"""

import math

from serving.problems import ProblemError
from serving.security.keys import KeyEntry
from serving.security.token_bucket import BucketLevel, Rate, TokenBuckets


class RateLimiter:
    """The rates of one request's key; nothing is counted without a key or without a rate."""

    def __init__(self, buckets: TokenBuckets, entry: KeyEntry | None) -> None:
        self._buckets = buckets
        self._key_id = entry.id if entry else ""
        self._rates = entry.rates() if entry else {}
        self._levels: dict[str, BucketLevel] = {}

    def count_request(self) -> None:
        """Count the request; raises ``ProblemError`` 429 when there was one too many, or no meme is left to it."""
        self._take("requests", 1, need=1)
        self._take("memes", 0, need=1)

    def count_memes(self, n_memes: int) -> None:
        """Count the memes of a request when they are known; raises ``ProblemError`` 429 when they are too many now."""
        self._take("memes", n_memes, need=n_memes)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """What an answer says of the limits of its key."""
        return [(name.lower().encode(), value.encode()) for name, value in self._header_values().items()]

    def _take(self, limit: str, tokens: int, need: int) -> None:
        rate = self._rates.get(limit)
        if rate is None:
            return
        level = self._levels[limit] = self._buckets.take(f"{self._key_id}_{limit}", rate, tokens, need=need)
        if level.wait_s > 0:
            wait_s = math.ceil(level.wait_s)
            raise ProblemError(
                429,
                "rate_limited",
                f"this key's limit of {limit} is reached: {rate.count} in {rate.window_s} s; try again in {wait_s} s",
                {"Retry-After": str(wait_s), **self._header_values()},
            )

    def _header_values(self) -> dict[str, str]:
        if not self._levels:
            return {}
        shown = {limit: (self._rates[limit], level) for limit, level in self._levels.items()}
        policies = (f'"{limit}";q={rate.count};w={rate.window_s}' for limit, (rate, _) in shown.items())
        left = (
            f'"{limit}";r={max(0, math.floor(level.tokens))};t={_full_in_s(rate, level)}'
            for limit, (rate, level) in shown.items()
        )
        return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)}


def _full_in_s(rate: Rate, level: BucketLevel) -> int:
    """Seconds until the whole burst is there again."""
    return math.ceil((rate.burst - level.tokens) / rate.per_second)
