import multiprocessing
import time
from pathlib import Path

import pytest

from serving.security.token_bucket import SHARED_FOLDER_VARIABLE, Rate, TokenBuckets

#: So slow that nothing comes back while a test runs.
SLOW = Rate.parse("5/day")


def _take_all(folder: Path, tries: int) -> int:
    buckets = TokenBuckets(folder)
    return sum(buckets.take("key", Rate.parse("50/day"), 1).wait_s == 0 for _ in range(tries))


@pytest.fixture(params=["own", "shared"])
def buckets(request: pytest.FixtureRequest, tmp_path: Path) -> TokenBuckets:
    return TokenBuckets(tmp_path if request.param == "shared" else None)


def test_a_rate_is_read_from_words() -> None:
    assert Rate.parse("600/min") == Rate(600, 60, 600)
    assert Rate.parse("10/s:3") == Rate(10, 1, 3)
    assert Rate.parse("36/hour").per_second == 0.01


@pytest.mark.parametrize("text", ["", "600", "0/min", "-1/min", "600/minute", "1.5/s", "600/min:0", "600/min ", "٣/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="COUNT/UNIT"):
        Rate.parse(text)


def test_a_full_bucket_gives_its_burst_and_then_says_how_long_to_wait(buckets: TokenBuckets) -> None:
    left = [buckets.take("key", SLOW, 1) for _ in range(6)]
    assert [level.wait_s == 0 for level in left] == [True] * 5 + [False]
    assert left[5].wait_s == pytest.approx(86400 / 5, rel=0.01)


def test_buckets_of_different_names_are_apart(buckets: TokenBuckets) -> None:
    assert buckets.take("one", SLOW, 5).wait_s == 0
    assert buckets.take("two", SLOW, 5).wait_s == 0
    assert buckets.take("one", SLOW, 1).wait_s > 0


def test_tokens_come_back_with_time_but_never_more_than_the_burst(buckets: TokenBuckets) -> None:
    rate = Rate.parse("1000/s:2")
    buckets.take("key", rate, 2)
    time.sleep(0.05)
    assert buckets.take("key", rate, 1).tokens == pytest.approx(1, abs=0.2)


def test_a_request_larger_than_the_burst_is_let_in_once_and_paid_for(buckets: TokenBuckets) -> None:
    assert buckets.take("key", SLOW, 20).wait_s == 0
    level = buckets.take("key", SLOW, 1)
    assert level.tokens == pytest.approx(-15, abs=0.1)
    assert level.wait_s == pytest.approx(16 * 86400 / 5, rel=0.01)


def test_asking_without_taking_leaves_the_bucket_as_it_was(buckets: TokenBuckets) -> None:
    assert buckets.take("key", SLOW, 0, need=1).tokens == 5
    buckets.take("key", SLOW, 5)
    assert buckets.take("key", SLOW, 0, need=1).wait_s > 0


def test_processes_that_share_a_folder_share_the_rate(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        given = pool.starmap(_take_all, [(tmp_path, 40)] * 3)
    assert sum(given) == 50


def test_workers_of_one_server_find_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHARED_FOLDER_VARIABLE, str(tmp_path))
    TokenBuckets.of_this_server().take("key", SLOW, 5)
    assert TokenBuckets.of_this_server().take("key", SLOW, 1).wait_s > 0
    monkeypatch.delenv(SHARED_FOLDER_VARIABLE)
    assert TokenBuckets.of_this_server().take("key", SLOW, 1).wait_s == 0
