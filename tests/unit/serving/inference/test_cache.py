import asyncio
from dataclasses import replace

import pytest
from support.judgements import judgement

from model import Judgement, Scorer
from model.engine import Engines
from model.verdict import Explanation, PairEffect, RegionEffect
from serving.inference.cache import JudgementCache, ReadThroughCache, content_key, size_bytes
from serving.inference.singleflight import SingleFlight
from serving.requests.classify_body import ClassifyInput

LARGE = 1_000_000


class _Work:
    """Counts how often it is done, and is not finished before it is told."""

    def __init__(self) -> None:
        self.n_begun = 0
        self.n_cancelled = 0
        self.go_on = asyncio.Event()

    async def __call__(self) -> Judgement:
        self.n_begun += 1
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.n_cancelled += 1
            raise
        return judgement("made")


def test_the_cache_lets_go_of_what_was_not_asked_for_longest() -> None:
    cache = JudgementCache(max_items=2, max_bytes=LARGE)
    cache.put(b"a", judgement("a"))
    cache.put(b"b", judgement("b"))
    assert cache.get(b"a") is not None
    cache.put(b"c", judgement("c"))
    assert [cache.get(key) is not None for key in (b"a", b"b", b"c")] == [True, False, True]


def test_the_cache_is_bounded_by_memory_as_well() -> None:
    wordy = judgement("wordy", n_words=100)
    cache = JudgementCache(max_items=1000, max_bytes=5 * size_bytes(wordy))
    for n in range(50):
        cache.put(bytes([n]), wordy)
    assert len(cache) == 5


def test_one_judgement_larger_than_the_cache_is_not_kept() -> None:
    cache = JudgementCache(max_items=10, max_bytes=10_000)
    cache.put(b"a", judgement("a"))
    cache.put(b"b", judgement("b", n_words=1000))
    assert cache.get(b"b") is None


def test_a_judgement_that_there_was_no_time_to_explain_is_made_anew() -> None:
    cache = JudgementCache(max_items=10, max_bytes=LARGE)
    explanation = Explanation(None, None, (), detail="the time was over")
    cache.put(b"a", replace(judgement("a"), explanation=explanation))
    cache.put(b"b", replace(judgement("b"), explanation=replace(explanation, detail=None)))
    assert (cache.get(b"a") is None, cache.get(b"b") is None) == (True, False)


def test_regions_and_pairs_of_an_explanation_count_as_memory() -> None:
    effects = {"hateful": 0.5}
    regions = (RegionEffect((0, 0, 9, 9), effects),) * 16
    pairs = (PairEffect("word", 0, 4, (0, 0, 9, 9), effects),) * 10
    plain = replace(judgement("a"), explanation=Explanation(None, None, ()))
    explained = replace(plain, explanation=Explanation(None, None, (), regions, pairs))
    assert size_bytes(explained) > size_bytes(plain) + 26 * 400


@pytest.mark.parametrize("status", ["unavailable", "failed"])
def test_a_picture_whose_words_could_not_be_read_is_tried_anew(status: str) -> None:
    cache = JudgementCache(max_items=10, max_bytes=LARGE)
    unread = judgement("")
    cache.put(b"a", replace(unread, text=replace(unread.text, status=status)))  # type: ignore[arg-type]
    assert len(cache) == 0


def test_everything_that_a_judgement_depends_on_is_in_the_key(scorer: Scorer) -> None:
    item = ClassifyInput(b"picture", "words", ("ab", "c"))
    others = [
        replace(item, image=b"another"),
        replace(item, image=None),
        replace(item, text="other words"),
        replace(item, text=None),
        replace(item, text=""),
        replace(item, tags=("a", "bc")),
        replace(item, tags=()),
    ]
    keys = [content_key(one, False, scorer) for one in (item, *others)] + [content_key(item, True, scorer)]
    assert len(set(keys)) == len(keys)
    assert content_key(replace(item, id="post-17"), False, scorer) == keys[0]


def test_what_computed_a_judgement_is_in_the_key(scorer: Scorer) -> None:
    class OtherEngines(Scorer):
        @property
        def model(self):  # type: ignore[no-untyped-def]
            return replace(super().model, engines=Engines("cuda", "cuda", "cuda"))

    item = ClassifyInput(b"picture", "words")
    other = OtherEngines(scorer.bundle, scorer.runtime, scorer.ocr)
    assert content_key(item, False, other) != content_key(item, False, scorer)


def test_the_bundle_and_the_ocr_engine_are_in_the_key(scorer: Scorer) -> None:
    class OtherVersion:
        name = scorer.ocr.name
        version = "another"

    class OtherDigest(Scorer):
        @property
        def model(self):  # type: ignore[no-untyped-def]
            return replace(super().model, digest="another")

    item = ClassifyInput(b"picture", "words")
    same = Scorer(scorer.bundle, scorer.runtime, scorer.ocr)
    others = [
        Scorer(scorer.bundle, scorer.runtime, OtherVersion()),  # type: ignore[arg-type]
        OtherDigest(scorer.bundle, scorer.runtime, scorer.ocr),
    ]
    key = content_key(item, False, scorer)
    assert content_key(item, False, same) == key
    assert all(content_key(item, False, other) != key for other in others)


def test_the_same_work_asked_for_by_several_is_done_once() -> None:
    async def steps() -> None:
        work, single_flight = _Work(), SingleFlight[Judgement]()
        tasks = [asyncio.create_task(single_flight.join("key", work)) for _ in range(3)]
        await asyncio.sleep(0)
        work.go_on.set()
        assert [one.digest for one in await asyncio.gather(*tasks)] == ["made"] * 3
        assert work.n_begun == 1
        await asyncio.sleep(0)
        assert "key" not in single_flight

    asyncio.run(steps())


def test_who_leaves_does_no_harm_to_the_others_and_the_last_one_ends_the_work() -> None:
    async def steps() -> None:
        work, single_flight = _Work(), SingleFlight[Judgement]()
        began_it, stays, leaves_too = [asyncio.create_task(single_flight.join("key", work)) for _ in range(3)]
        await asyncio.sleep(0)
        began_it.cancel()
        await asyncio.wait([began_it])
        assert not stays.done()
        for task in (stays, leaves_too):
            task.cancel()
        await asyncio.wait([stays, leaves_too])
        await asyncio.sleep(0)
        assert (work.n_begun, work.n_cancelled) == (1, 1)
        assert "key" not in single_flight

    asyncio.run(steps())


def test_a_failure_reaches_all_who_wait_for_it_and_is_not_kept() -> None:
    async def steps() -> None:
        async def broken() -> Judgement:
            await asyncio.sleep(0)
            raise ValueError("no")

        cache = ReadThroughCache(JudgementCache(10, LARGE), lambda _: None)
        failed = await asyncio.gather(cache.get(b"k", broken), cache.get(b"k", broken), return_exceptions=True)
        assert [type(one) for one in failed] == [ValueError, ValueError]
        work = _Work()
        work.go_on.set()
        assert (await cache.get(b"k", work)).digest == "made"

    asyncio.run(steps())


def test_who_gets_a_judgement_made_for_another_is_told_so() -> None:
    async def steps() -> None:
        looked_up: list[bool] = []
        work, cache = _Work(), ReadThroughCache(JudgementCache(10, LARGE), looked_up.append)
        maker, company = [asyncio.create_task(cache.get(b"k", work)) for _ in range(2)]
        await asyncio.sleep(0)
        work.go_on.set()
        assert set((await maker).timings_ms) == {"model"}
        assert set((await company).timings_ms) == {"cache"}
        assert set((await cache.get(b"k", work)).timings_ms) == {"cache"}
        assert looked_up == [False, True, True]
        assert work.n_begun == 1

    asyncio.run(steps())
