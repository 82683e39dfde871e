"""How a server is asked: what it asks for is done, and where there is no use in asking on, it stops."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from support.moderators import moderator

from training.stress.targets.base import NotJudgedError, TargetStoppedError
from training.stress.targets.polite_client import Manners, PoliteClient

QUICK = Manners(first_wait_s=0.01, max_tries=3)


def _client(url: str, manners: Manners = QUICK) -> PoliteClient:
    return PoliteClient(f"{url}/check?key=secret", "the moderator", {"Authorization": "Bearer secret"}, manners)


def test_a_busy_server_is_asked_again_after_the_time_that_it_names() -> None:
    with moderator() as server:
        server.failures += [(429, {"Retry-After": "1"}, {})]
        client, begun = _client(server.url), time.monotonic()
        answer = client.post(json={"text": "words"})
        assert time.monotonic() - begun >= 1
        assert answer["result"]["flagged"] is False
        assert len(server.asked) == client.n_calls == 2
        client.close()


def test_the_time_that_the_last_try_is_told_counts_for_the_next_item() -> None:
    with moderator() as server:
        server.failures += [(429, {"Retry-After": "1"}, {})]
        client, begun = _client(server.url, replace(QUICK, max_tries=1)), time.monotonic()
        with pytest.raises(NotJudgedError):
            client.post(json={"text": "words"})
        assert client.post(json={"text": "words"})["result"]["flagged"] is False
        assert time.monotonic() - begun >= 1
        client.close()


def test_a_date_in_retry_after_is_understood_and_too_late_a_one_ends_the_test() -> None:
    with moderator() as server:
        tomorrow = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)
        server.failures += [(503, {"Retry-After": tomorrow}, {})]
        client = _client(server.url)
        with pytest.raises(TargetStoppedError, match=r"the moderator answers 503 and asks to come again in 86\d{3} s"):
            client.post(json={"text": "words"})
        assert len(server.asked) == 1
        client.close()


def test_a_server_that_breaks_now_and_then_is_borne_with() -> None:
    with moderator() as server:
        server.failures += [(500, {}, {}), (502, {}, {})]
        client = _client(server.url)
        assert client.post(json={"text": "words"})["result"]["score"] == 0.1
        assert client.n_calls == 3
        client.close()


def test_an_item_that_never_succeeds_is_not_judged_and_several_in_a_row_end_the_test() -> None:
    with moderator(lambda _: (500, {}, {})) as server:
        client = _client(server.url)
        for _ in range(2):
            with pytest.raises(NotJudgedError, match="answered 500, 3 times") as caught:
                client.post(json={"text": "words"})
            assert not caught.value.is_final
        with pytest.raises(TargetStoppedError, match="the moderator failed 3 times in a row"):
            client.post(json={"text": "words"})
        client.close()


def test_failures_are_counted_anew_after_an_answer_of_use() -> None:
    with moderator() as server:
        client = _client(server.url, replace(QUICK, max_tries=1, max_failed=2))
        for _ in range(3):
            server.failures += [(500, {}, {})]
            with pytest.raises(NotJudgedError):
                client.post(json={"text": "words"})
            client.post(json={"text": "words"})
            client.succeeded()
        client.close()


def test_nothing_is_sent_beyond_the_budget_and_tries_count() -> None:
    with moderator() as server:
        server.failures += [(500, {}, {})]
        client = _client(server.url, replace(QUICK, max_calls=3))
        client.post(json={"text": "words"})
        client.post(json={"text": "words"})
        with pytest.raises(TargetStoppedError, match="the budget of 3 calls to the moderator is spent"):
            client.post(json={"text": "words"})
        assert len(server.asked) == 3
        client.close()


def test_the_rate_is_kept() -> None:
    with moderator() as server:
        client, begun = _client(server.url, replace(QUICK, per_second=10)), time.monotonic()
        for _ in range(4):
            client.post(json={"text": "words"})
        assert time.monotonic() - begun >= 0.3
        client.close()


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405])
def test_who_does_not_let_us_in_is_not_asked_again(status: int) -> None:
    with moderator(lambda _: (status, {"Location": "http://elsewhere.invalid/"}, {})) as server:
        client = _client(server.url)
        with pytest.raises(TargetStoppedError, match=f"answers {status}") as caught:
            client.post(json={"text": "words"})
        assert len(server.asked) == 1
        assert "secret" not in str(caught.value)
        client.close()


def test_an_item_that_is_refused_is_final_and_does_not_count_as_a_failure() -> None:
    with moderator(lambda _: (413, {}, {})) as server:
        client = _client(server.url)
        for _ in range(5):
            with pytest.raises(NotJudgedError, match="answered 413") as caught:
                client.post(json={"text": "words"})
            assert caught.value.is_final
        client.close()


def test_a_server_that_is_not_there_is_named_without_its_secrets() -> None:
    with moderator() as server:
        url = server.url
    client = _client(url, replace(QUICK, max_tries=1))
    with pytest.raises(NotJudgedError, match=r"^no answer \(ConnectError\), 1 times$") as caught:
        client.post(json={"text": "words"})
    assert not caught.value.is_final
    assert "secret" not in repr(client)
    client.close()
