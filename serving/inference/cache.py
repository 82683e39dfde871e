"""LRU cache of judgements by content: the same meme sent again is not judged again.

The key holds the picture's bytes, the words and tags as sent, the bundle, the engines and how much of an explanation
was asked for. It holds no policy, because what is kept are scores and evidence and not decisions: every answer is held
against the policy in force when it is given, so a changed policy counts at once and nothing has to be thrown away.
"""

import hashlib
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from cachetools import LRUCache

from model import Judgement, Scorer
from model.verdict import Explain, explain_level
from serving.inference.singleflight import SingleFlight
from serving.requests.classify_body import ClassifyInput

#: Python objects around the characters: of a judgement, of a word with its box, of an effect.
_JUDGEMENT_BYTES = 3000
_WORD_BYTES = 500


class JudgementCache:
    """The judgements asked for last, at most ``max_items`` of them and about ``max_bytes`` of memory."""

    def __init__(self, max_items: int, max_bytes: int) -> None:
        self._max_items = max_items
        self._held: LRUCache[bytes, Judgement] = LRUCache(max_bytes, getsizeof=size_bytes)

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: bytes) -> Judgement | None:
        """The judgement under ``key``, which is then the one asked for last."""
        return self._held.get(key)

    def put(self, key: bytes, judgement: Judgement) -> None:
        """Keep a judgement, and let go of those not asked for longest.

        One that is larger than the whole cache is not kept; nor is one whose words nobody could read, or that there was
        no time to read or to explain: it may be done better the next time.
        """
        if not _is_whole(judgement) or key in self._held or size_bytes(judgement) > self._held.maxsize:
            return
        self._held[key] = judgement
        while len(self._held) > self._max_items:
            self._held.popitem()


def _is_whole(judgement: Judgement) -> bool:
    explained = judgement.explanation is None or judgement.explanation.detail is None
    return explained and judgement.text.status in ("ok", "partial")


def size_bytes(judgement: Judgement) -> int:
    """About what a judgement takes in memory: its characters, and the objects around them."""
    words: list[Any] = [*judgement.text.words]
    n_regions = 0
    if judgement.explanation is not None:
        words += [*judgement.explanation.words, *judgement.explanation.pairs]
        n_regions = len(judgement.explanation.regions)
    n_chars = len(judgement.text.content) + sum(len(word.text) for word in words)
    return _JUDGEMENT_BYTES + _WORD_BYTES * (len(words) + n_regions) + 4 * n_chars


def content_key(item: ClassifyInput, explain: Explain, scorer: Scorer, *, fingerprint: bool = False) -> bytes:
    """sha256 over everything that a judgement depends on, and over what it holds."""
    parts = [
        scorer.model.digest,
        str(scorer.model.engines),
        scorer.ocr.name,
        scorer.ocr.version,
        explain_level(explain),
        "fingerprint" if fingerprint else None,
        item.image,
        item.text,
        *item.tags,
    ]
    hashed = hashlib.sha256()
    for part in parts:
        content = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        # Lengths keep ("ab", "c") from looking like ("a", "bc"); nothing is not the same as an empty string.
        hashed.update(b"-" if content is None else f"{len(content)}:".encode())
        hashed.update(content or b"")
    return hashed.digest()


class ReadThroughCache:
    """Judgements by key. ``saw_cache(hit)`` hears of each look-up: joining work under way is a hit too."""

    def __init__(self, cache: JudgementCache, saw_cache: Callable[[bool], None]) -> None:
        self._cache = cache
        self._single_flight = SingleFlight[Judgement]()
        self._saw_cache = saw_cache

    async def get(self, key: bytes, work: Callable[[], Coroutine[Any, Any, Judgement]]) -> Judgement:
        """The judgement under ``key``, made by ``work`` where there is none; an error of ``work`` is not kept.

        One that was not made for this caller says so in ``timings_ms``: ``cache`` is the time that finding it took.
        """
        started = time.perf_counter()
        found = self._cache.get(key)
        made_here = found is None and key not in self._single_flight
        self._saw_cache(not made_here)
        if found is None:
            found = await self._single_flight.join(key, lambda: self._kept(key, work))
        if made_here:
            return found
        return replace(found, timings_ms={"cache": (time.perf_counter() - started) * 1000})

    async def _kept(self, key: bytes, work: Callable[[], Coroutine[Any, Any, Judgement]]) -> Judgement:
        judgement = await work()
        self._cache.put(key, judgement)
        return judgement
