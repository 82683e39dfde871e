"""``memeguard memory`` beside a server of the same ledger: what is remembered votes, is tried, and is forgotten."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from starlette.testclient import TestClient
from support.ledgers import database_of
from support.remembered import HATEFUL, WITHIN_S, WORDS, content
from support.tiny import TinyBundle

from model import Scorer
from serving.app_state import AppState
from serving.cli import main
from serving.http.app import create_app
from serving.ledger.queries import delete_decisions
from serving.settings import Settings


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
