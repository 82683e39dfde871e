"""The same content is judged once: kept judgements, and company for whoever asks while one is being made."""

import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from model import Judgement
from serving.pipeline.cache import JudgementCache
from serving.pipeline.flights import Flights


class Reuse:
    """Judgements by key. ``saw_cache(hit)`` hears of each look-up: joining work under way is a hit too."""

    def __init__(self, cache: JudgementCache, saw_cache: Callable[[bool], None]) -> None:
        self._cache = cache
        self._flights = Flights[Judgement]()
        self._saw_cache = saw_cache

    async def get(self, key: bytes, work: Callable[[], Coroutine[Any, Any, Judgement]]) -> Judgement:
        """The judgement under ``key``, made by ``work`` where there is none; an error of ``work`` is not kept.

        One that was not made for this caller says so in ``timings_ms``: ``cache`` is the time that finding it took.
        """
        started = time.perf_counter()
        found = self._cache.get(key)
        made_here = found is None and key not in self._flights
        self._saw_cache(not made_here)
        if found is None:
            found = await self._flights.join(key, lambda: self._kept(key, work))
        if made_here:
            return found
        return replace(found, timings_ms={"cache": (time.perf_counter() - started) * 1000})

    async def _kept(self, key: bytes, work: Callable[[], Coroutine[Any, Any, Judgement]]) -> Judgement:
        judgement = await work()
        self._cache.put(key, judgement)
        return judgement
