"""Remembered memes: kept in the ledger's database, followed by every worker, tried, and forgotten to the last byte."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from starlette.testclient import TestClient
from support.banks import n_rows
from support.ledgers import database_of
from support.picture_files import encoded
from support.preparation import picture
from support.tiny import TinyBundle

from model import Meme, Scorer, load
from model.known.features import MemeFeatures
from model.known.memory import Memory
from serving.app_state import AppState
from serving.cli import main
from serving.http.app import create_app
from serving.known.memory.features import features_of
from serving.known.memory.follower import MemoryFollower, wake_one
from serving.known.memory.store import (
    MOST_MEMES,
    NewMeme,
    RememberError,
    add_meme,
    binary_labels,
    remove_memes,
    stored_memes,
)
from serving.known.memory.trial import auroc
from serving.ledger.database import Database
from serving.ledger.queries import Label, delete_decisions
from serving.ledger.tables import memory, memory_features, pictures
from serving.settings import Settings

WITHIN_S = 2.0
HATEFUL: dict[str, Label] = {"hateful": "hateful"}
WORDS = "telltale words of a meme"


@pytest.fixture(scope="module")
def scorer(tiny: TinyBundle) -> Scorer:
    return load(tiny.bundle.path, ocr="none", features=True, threads=1)


@pytest.fixture
def database(ledger_url: str) -> Iterator[Database]:
    database = database_of(ledger_url)
    yield database
    database.close()


def content(seed: int = 1) -> bytes:
    return encoded(picture(seed))


def meme(seed: int = 1, text: str = WORDS) -> Meme:
    return Meme.from_bytes(content(seed), text=text)


def remember(database: Database, scorer: Scorer, one: Meme, digest: str | None = None, **said: Any) -> str:
    with database.writing() as connection:
        new = NewMeme(said.pop("labels", HATEFUL), features_of(one, scorer), **said)
        return add_meme(connection, new, digest or scorer.model.digest)


def shift(found: Memory | None, one: Meme, scorer: Scorer) -> float:
    votes = [None] if found is None else found.votes([features_of(one, scorer)])
    return sum(vote.shifts["hateful"] for vote in votes if vote is not None)


@asynccontextmanager
async def following(database: Database, scorer: Scorer) -> AsyncIterator[MemoryFollower]:
    follower = MemoryFollower(database, scorer)
    await follower.start()
    try:
        yield follower
    finally:
        await follower.stop()


async def until(holds: Callable[[], bool]) -> bool:
    ends = time.monotonic() + WITHIN_S
    while not holds() and time.monotonic() < ends:
        await asyncio.sleep(0.02)
    return holds()


async def voting(follower: MemoryFollower, scorer: Scorer) -> bool:
    return await until(lambda: shift(follower.current, meme(), scorer) > 2)


async def forgotten(follower: MemoryFollower) -> bool:
    return await until(lambda: follower.current is None)


def test_workers_follow_within_two_seconds_what_is_remembered_and_forgotten(database: Database, scorer: Scorer) -> None:
    async def whole() -> tuple[list[bool], list[bool]]:
        async with following(database, scorer) as one, following(database, scorer) as other:
            both = (one, other)
            assert [follower.current for follower in both] == [None, None]
            memory_id = await asyncio.to_thread(remember, database, scorer, meme())
            added = await asyncio.gather(*(voting(follower, scorer) for follower in both))
            with database.writing() as connection:
                remove_memes(connection, [memory_id])
            return added, await asyncio.gather(*(forgotten(follower) for follower in both))

    assert asyncio.run(whole()) == ([True, True], [True, True])


def test_a_worker_that_starts_knows_what_is_remembered(database: Database, scorer: Scorer) -> None:
    remember(database, scorer, meme())
    remember(database, scorer, meme(2, "others"), labels={"hateful": "not_hateful"}, weight=0.5)

    async def whole() -> tuple[float, float]:
        async with following(database, scorer) as follower:
            return shift(follower.current, meme(), scorer), shift(follower.current, meme(2, "others"), scorer)

    first, second = asyncio.run(whole())
    assert first > 2
    assert -first < second < 0


def test_what_another_bundle_saw_sleeps_until_its_content_is_looked_at_again(
    database: Database, scorer: Scorer
) -> None:
    kept = remember(database, scorer, meme(), "another", text=WORDS, picture=("1" * 64, content()))
    words = remember(database, scorer, Meme.from_text("words alone"), "another", text="words alone")
    lost = remember(database, scorer, meme(2), "another", text="words without their picture", note="lost")
    with database.writing() as connection:  # one that was a picture whose file nobody kept
        connection.execute(memory.update().where(memory.c.memory_id == lost).values(picture_digest="2" * 64))

    async def whole() -> bool:
        async with following(database, scorer) as follower:
            return await until(lambda: follower.current is not None and len(follower.current) == 2)

    assert asyncio.run(whole())
    with database.reading() as connection:
        found = {one.memory_id: one for one in stored_memes(connection, scorer.model.digest)}
    assert {memory_id: one.features is None for memory_id, one in found.items()} == {
        kept: False,
        words: False,
        lost: True,
    }
    made, expected = found[kept].features, features_of(meme(), scorer)
    assert made is not None
    assert made.image == pytest.approx(expected.image, rel=1e-2, abs=1e-3)
    assert made.text == pytest.approx(expected.text, rel=1e-2, abs=1e-3)


def test_a_damaged_picture_stays_asleep_and_does_not_hold_up_the_next(database: Database, scorer: Scorer) -> None:
    damaged = remember(database, scorer, meme(), "another", picture=("1" * 64, b"no picture"))
    fine = remember(database, scorer, meme(2), "another", picture=("2" * 64, content(2)), text=WORDS)
    at, made = "", 0
    for _ in range(3):
        at, n = wake_one(database, scorer, at)
        made += n
    assert (at, made) == ("", 1)
    with database.reading() as connection:
        asleep = {one.memory_id: one.features is None for one in stored_memes(connection, scorer.model.digest)}
    assert asleep == {damaged: True, fine: False}


def test_a_meme_without_a_label_that_can_vote_is_refused(scorer: Scorer) -> None:
    for labels in ({}, {"memotion_sentiment": "negative"}):
        with pytest.raises(RememberError, match="yes/no tasks alone"):
            NewMeme(labels, features_of(meme(), scorer))


def test_labels_of_binary_tasks_are_those_that_vote() -> None:
    labels: dict[str, Label] = {"hateful": "not_hateful", "offensive": "offensive", "protected_class": ["religion"]}
    assert binary_labels(labels) == {"hateful": False, "offensive": True}


def test_there_is_an_end_to_what_is_remembered(
    database: Database, scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.known.memory.store.MOST_MEMES", 1)
    remember(database, scorer, meme())
    with pytest.raises(RememberError, match="1 memes are remembered already"):
        remember(database, scorer, meme(2))
    assert MOST_MEMES == 10_000


def test_what_is_forgotten_is_in_no_table_but_a_picture_that_a_decision_is_about(
    database: Database, scorer: Scorer
) -> None:
    ids = [
        remember(database, scorer, meme(seed), text=WORDS, picture=(str(seed) * 64, content(seed))) for seed in (1, 2)
    ]
    again = remember(database, scorer, meme(2), picture=("2" * 64, content(2)))
    with database.deleting() as connection:
        assert sorted(remove_memes(connection, [*ids, "nobody"])) == sorted(ids)
    with database.reading() as connection:
        assert [n_rows(connection, table) for table in (memory, memory_features, pictures)] == [1, 1, 1]
        assert [one.memory_id for one in stored_memes(connection, scorer.model.digest)] == [again]


# The command, beside a server of the same ledger.


def run(url: str, tiny: TinyBundle, *arguments: object, fails: bool = False, bundle: bool = True) -> Result:
    options = ["--url", url, *(["--bundle", str(tiny.bundle.path)] if bundle else [])]
    result = CliRunner().invoke(main, ["memory", *(str(argument) for argument in arguments), *options])
    assert (result.exit_code != 0) == fails, result.output
    return result


def rows(url: str, tiny: TinyBundle) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(url, tiny, "list", "--json").stdout.splitlines()]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def client(url: str, scorer: Scorer) -> Iterator[TestClient]:
    settings = Settings.model_validate({"ocr": "none", "ledger_url": url, "ledger_store_features": True})
    with TestClient(create_app(lambda: AppState(settings, scorer))) as client:
        yield client


def classified(client: TestClient, text: str = WORDS) -> dict[str, Any]:
    answer = client.post("/v1/classify", json={"text": text})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def answers_with_memory(client: TestClient, text: str, wanted: bool = True) -> dict[str, Any]:
    ends = time.monotonic() + WITHIN_S
    found = classified(client, text)
    while (found["memory"] is None) == wanted and time.monotonic() < ends:
        time.sleep(0.05)
        found = classified(client, text)
    assert (found["memory"] is not None) == wanted
    return found


def test_a_remembered_meme_votes_on_the_next_request_and_no_longer_when_it_is_forgotten(
    url: str, client: TestClient, tiny: TinyBundle
) -> None:
    before = classified(client)
    label = "not_hateful" if before["scores"]["hateful"] > 0.5 else "hateful"
    memory_id = run(url, tiny, "add", "--text", WORDS, "--label", f"hateful={label}").stdout.strip()
    after = answers_with_memory(client, WORDS)
    moved = after["memory"]["shifts"]["hateful"]
    assert after["memory"]["entries"] == 1
    assert (moved > 2) == (label == "hateful")
    assert (after["scores"]["hateful"] > before["scores"]["hateful"]) == (label == "hateful")
    assert after["scores"]["memotion_sentiment"] == before["scores"]["memotion_sentiment"]
    other = classified(client, "x y z")["memory"] or {"shifts": {"hateful": 0.0}}
    assert abs(other["shifts"]["hateful"]) < abs(moved)
    run(url, tiny, "remove", memory_id, bundle=False)
    assert answers_with_memory(client, WORDS, wanted=False)["scores"] == before["scores"]


def test_feedback_is_remembered_by_the_id_of_its_decision_and_goes_with_it(
    url: str, client: TestClient, tiny: TinyBundle
) -> None:
    decision = classified(client)["decision_id"]
    assert "no reviewer gave it a label" in run(url, tiny, "add", "--decision", decision, fails=True).output
    answer = client.post("/v1/feedback", json={"decision_id": decision, "labels": HATEFUL, "reviewer": "ann"})
    assert answer.status_code < 300, answer.text
    run(url, tiny, "add", "--decision", decision, "--owner", "ann", "--note", "of the spring", "--weight", "2")
    (found,) = rows(url, tiny)
    assert (found["decision_id"], found["labels"], found["weight"]) == (decision, HATEFUL, 2.0)
    assert (found["owner"], found["note"], found["asleep"]) == ("ann", "of the spring", False)
    assert found["memory_id"] in run(url, tiny, "list").stdout
    answers_with_memory(client, WORDS)
    database = database_of(url)
    with database.deleting() as connection:
        assert delete_decisions(connection, [decision]) == 1
    database.close()
    answers_with_memory(client, WORDS, wanted=False)
    assert rows(url, tiny) == []


def test_a_try_tells_which_past_decisions_would_be_others_and_remembers_nothing(
    url: str, client: TestClient, tiny: TinyBundle, tmp_path: Path
) -> None:
    past = [classified(client, text) for text in (WORDS, "x y z")]
    label = "not_hateful" if past[0]["scores"]["hateful"] > 0.5 else "hateful"
    table = tmp_path / "labelled.jsonl"
    (tmp_path / "one.png").write_bytes(content(1))
    lines = [
        {"text": WORDS, "hateful": label},
        {"text": "x y z", "label": int(label == "not_hateful")},
        {"text": "", "image": "one.png", "hateful": 0},
        {"text": "nobody labelled this"},
    ]
    table.write_text("".join(json.dumps(line) + "\n" for line in lines))
    asked = ("try", "--text", WORDS, "--label", f"hateful={label}", "--data", table)
    found = json.loads(run(url, tiny, *asked, "--json").stdout)
    assert (found["decisions"]["decisions"], found["decisions"]["without_features"]) == (2, 0)
    changes = {one["decision_id"]: one for one in found["changes"]}
    assert len(changes) <= found["decisions"]["moved"] <= 2
    change = changes[past[0]["decision_id"]]
    assert change["old"] == past[0]["decision"] != change["new"]
    old, new = change["scores"]["hateful"]
    assert old == pytest.approx(past[0]["scores"]["hateful"])
    assert (new > old) == (label == "hateful")
    (row,) = found["measured"]
    assert (row["task"], row["n"]) == ("hateful", 3)
    assert row["auroc_after"] >= row["auroc_before"]
    told = run(url, tiny, *asked).stdout
    assert f"{len(changes)} of 2 decisions would be others" in told
    assert "AUROC after" in told
    assert rows(url, tiny) == []
    run(url, tiny, "add", "--text", WORDS, "--label", f"hateful={label}")
    in_force = json.loads(run(url, tiny, "try", "--json").stdout)
    assert {one["decision_id"] for one in in_force["changes"]} == set(changes)


def test_content_is_kept_only_when_it_is_asked_for(url: str, tiny: TinyBundle, tmp_path: Path) -> None:
    file = tmp_path / "meme.png"
    file.write_bytes(content())
    run(url, tiny, "add", file, "--text", WORDS, "--label", "hateful=hateful")
    assert WORDS.encode() not in _bytes(tmp_path)
    run(url, tiny, "add", file, "--text", WORDS, "--label", "hateful=hateful", "--keep")
    assert WORDS.encode() in _bytes(tmp_path)
    run(url, tiny, "remove", *(row["memory_id"] for row in rows(url, tiny)), bundle=False)
    assert WORDS.encode() not in _bytes(tmp_path)


def _bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("ledger.db*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing to remember"),
        (("--text", WORDS), "yes/no tasks alone"),
        (("--text", WORDS, "--label", "hateful"), "no class of this task"),
        (("--text", WORDS, "--label", "nothing=hateful"), "a task that there is not"),
        (("--text", "   ", "--label", "hateful=hateful"), "nothing to remember: no picture"),
        (("--decision", "nobody"), "no such decision: nobody"),
        (("--decision", "nobody", "--text", WORDS), "not both"),
        (("nothing.png", "--label", "hateful=hateful"), "nothing.png"),
    ],
)
def test_what_cannot_be_remembered_is_told(url: str, tiny: TinyBundle, arguments: tuple[str, ...], said: str) -> None:
    assert said in run(url, tiny, "add", *arguments, fails=True).output


def test_a_meme_that_is_not_there_is_told(url: str, tiny: TinyBundle) -> None:
    run(url, tiny, "add", "--text", WORDS, "--label", "hateful=hateful")
    result = run(url, tiny, "remove", "nobody", bundle=False, fails=True)
    assert "no such meme: nobody" in result.output
    assert len(rows(url, tiny)) == 1


@pytest.mark.parametrize("line", ["[]", "no JSON", '{"hateful": "nothing"}'])
def test_a_table_that_is_none_is_told_with_its_line(url: str, tiny: TinyBundle, tmp_path: Path, line: str) -> None:
    run(url, tiny, "add", "--text", WORDS, "--label", "hateful=hateful")
    (tmp_path / "rows.jsonl").write_text(f'{{"text": "fine", "hateful": 1}}\n{line}\n')
    result = run(url, tiny, "try", "--data", tmp_path / "rows.jsonl", fails=True)
    assert "rows.jsonl, line 2" in result.output


@given(
    arrays.arrays(np.bool_, st.just(9)),
    arrays.arrays(np.float64, st.just(9), elements=st.sampled_from([0.1, 0.5, 0.9])),
)
def test_auroc_is_that_of_scikit_learn(labels: NDArray[np.bool_], scores: NDArray[np.float64]) -> None:
    expected = roc_auc_score(labels, scores) if 0 < labels.sum() < len(labels) else None
    assert auroc(labels, scores) == (expected if expected is None else pytest.approx(expected))


def test_a_bundle_that_says_nothing_of_words_remembers_pictures(tiny: TinyBundle, tmp_path: Path) -> None:
    head = tiny.parts.head.model_copy(update={"text_output": None, "text_width": None})
    older = load(tiny.written_anew(tmp_path / "bundle", head=head).path, ocr="none", features=True)
    assert features_of(meme(), older).text is None
    with pytest.raises(RememberError, match="says nothing of words"):
        features_of(Meme.from_text(WORDS), older)


def test_stored_features_are_as_precise_as_a_vote_needs(database: Database, scorer: Scorer) -> None:
    remember(database, scorer, meme())
    with database.reading() as connection:
        (found,) = stored_memes(connection, scorer.model.digest)
    fresh = features_of(meme(), scorer)
    kept = found.remembered()
    assert kept is not None
    exact = Memory([replace(kept, features=MemeFeatures(fresh.image, fresh.text))], ["hateful"])
    assert shift(Memory([kept], ["hateful"]), meme(), scorer) == pytest.approx(shift(exact, meme(), scorer), abs=0.01)
    assert connection.dialect.name in ("sqlite", "postgresql")


def test_a_removal_of_nothing_removes_nothing(database: Database) -> None:
    with database.deleting() as connection:
        assert remove_memes(connection, ["nobody"]) == []
        assert connection.execute(sa.select(memory)).all() == []
