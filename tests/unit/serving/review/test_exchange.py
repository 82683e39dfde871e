import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result
from support.batch_samples import write_batch_sample
from support.ledgers import database_of, keep, with_ledger
from support.pictures import meme
from support.review_items import ANN, BEN, LEAD, add_decisions, doing

from serving.cli import main
from serving.ledger.database import Database
from serving.ledger.queries import find_decision
from serving.review.actions import label
from serving.review.golden import add_golden
from serving.review.history import history_of
from serving.review.queue import Filters, Rules, take_next
from serving.review.shown import shown_item, shown_picture

HATEFUL = {"hateful": "hateful"}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = database_of(url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    write_batch_sample(out)
    return out


def _memeguard(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["review", *map(str, arguments)])


def _sample_rows(run: Path) -> list[dict[str, Any]]:
    lines = (run / "review" / "review.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("named", [".", "review"])
def test_a_batch_sample_becomes_items_with_the_verdicts_of_the_run(run: Path, url: str, named: str) -> None:
    imported = _memeguard("import", run / named, "--by", "lead", "--url", url)
    assert imported.output == "4 items imported, 0 known already, 0 with labels\n"
    assert _memeguard("import", run, "--url", url).output == "0 items imported, 4 known already, 0 with labels\n"
    database = database_of(url)
    do, seen = doing(database), {}
    while (taken := do(take_next, ANN, Filters(source="import"), Rules())) is not None:
        shown = do(shown_item, taken, ANN)
        seen[shown.decision["caller_id"]] = shown, do(shown_picture, taken, ANN)
        do(label, taken, ANN, HATEFUL, None, Rules())
    rows = {row["id"]: row for row in _sample_rows(run)}
    assert seen.keys() == rows.keys()
    for id, (shown, picture) in seen.items():
        assert shown.decision["text"] == rows[id]["text"]
        assert shown.decision["decision"] == rows[id]["decision"]
        assert set(shown.decision["scores"]) == set(rows[id]) - {"id", "img", "text", "why", "decision"}
        assert picture == ((run / "review" / rows[id]["img"]).read_bytes() if "img" in rows[id] else None)
    assert {shown.decision["kind"] for shown, _ in seen.values()} == {"picture", "text"}
    database.close()


def _copied(run: Path, out: Path, rows: list[dict[str, Any]], *, shards: bool = True) -> Path:
    """The run with a sample of these rows, without pictures."""
    (out / "review").mkdir(parents=True)
    (out / "review" / "review.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for shard in run.glob("part-*.parquet") if shards else ():
        (out / shard.name).write_bytes(shard.read_bytes())
    return out


def test_labels_that_were_filled_in_are_feedback(run: Path, url: str, tmp_path: Path) -> None:
    rows = [{name: value for name, value in row.items() if name != "img"} for row in _sample_rows(run)]
    rows[0]["hateful"], rows[1]["hateful"] = 1, "not_hateful"
    imported = _memeguard("import", _copied(run, tmp_path / "run", rows), "--by", "ann", "--url", url)
    assert imported.output == "4 items imported, 0 known already, 2 with labels\n"
    assert _memeguard("export", tmp_path / "labelled.json", "--state", "decided", "--url", url).exit_code == 0
    tasks = json.loads((tmp_path / "labelled.json").read_bytes())
    assert {task["data"]["text"]: task["annotations"][0]["result"][0]["value"]["choices"] for task in tasks} == {
        rows[0]["text"]: ["hateful"],
        rows[1]["text"]: ["not_hateful"],
    }


def test_a_folder_that_is_no_run_is_refused_with_what_to_do(run: Path, url: str, tmp_path: Path) -> None:
    rows = _sample_rows(run)
    (tmp_path / "empty").mkdir()
    outside = [row | {"img": "../../secret.png"} for row in rows]
    wrong = [row | {"hateful": "very"} for row in rows]
    for folder, said in (
        (tmp_path / "empty", "--sample-review"),
        (_copied(run, tmp_path / "bare", rows, shards=False), "no verdicts of 4 items"),
        (_copied(run, tmp_path / "outside", outside), "outside its folder"),
        (_copied(run, tmp_path / "gone", rows), "cannot be read"),
        (_copied(run, tmp_path / "wrong", [wrong[0] | {"img": None}]), "no class of this task"),
        (_copied(run, tmp_path / "row", [{"text": "a row without its id"}]), "line 1: no row of a sample"),
    ):
        refused = _memeguard("import", folder, "--url", url)
        assert refused.exit_code == 1
        assert said in refused.output
    assert _memeguard("export", tmp_path / "none.json", "--url", url).output.startswith("0 items")


def test_label_studio_gets_tasks_with_words_and_picture_and_gives_labels_back(
    database: Database, url: str, tmp_path: Path
) -> None:
    picture = meme(1)
    one, other, golden = add_decisions(database, {"picture": picture}, {"text": "only words"}, 1)
    file = tmp_path / "tasks.json"
    exported = _memeguard("export", file, "--task", "hateful", "--task", "attack", "--limit", 2, "--url", url)
    assert exported.output == f"2 items: {file}, {file.with_suffix('.xml')}\n"
    tasks = json.loads(file.read_bytes())
    assert [task["data"]["decision_id"] for task in tasks] == [one, other]
    media, _, content = tasks[0]["data"]["image"].partition(";base64,")
    assert (media, base64.b64decode(content)) == ("data:image/png", picture)
    assert (tasks[1]["data"]["text"], tasks[1]["data"]["image"]) == ("only words", None)
    interface = ET.fromstring(file.with_suffix(".xml").read_text())  # noqa: S314  our own
    assert [(ask.get("name"), ask.get("choice")) for ask in interface.iter("Choices")] == [
        ("hateful", "single"),
        ("attack", "multiple"),
    ]

    doing(database)(add_golden, golden, HATEFUL, LEAD, None)
    tasks[0]["annotations"] = [
        _annotation({"email": "cid@example.org"}, hateful=["hateful"], attack=["slurs", "mocking"]),
        _annotation(7, hateful=["not_hateful"]),
        _annotation(8, hateful=["hateful"]) | {"was_cancelled": True},
    ]
    tasks[1]["annotations"] = []
    of_golden = {"data": {"decision_id": golden}, "annotations": [_annotation(7, hateful=["hateful"])]}
    unknown = {"data": {"decision_id": "0" * 32}, "annotations": []}
    file.write_text(json.dumps([*tasks, of_golden, unknown]))
    for labelled, known in ((2, 0), (0, 2)):
        said = _memeguard("import", file, "--by", "lead", "--url", url).output
        assert said == (
            f"{labelled} labels kept, {known} known already, 1 of golden items left out, "
            "1 tasks of decisions that are not here\n"
        )
    given = doing(database)(find_decision, one)["feedback"]
    assert [(row["reviewer"], row["labels"], row["reason"]) for row in given] == [
        ("cid@example.org", {"hateful": "hateful", "attack": ["mocking", "slurs"]}, "because"),
        ("Label Studio user 7", {"hateful": "not_hateful"}, "because"),
    ]
    assert doing(database)(take_next, ANN, Filters(), Rules(), lambda: 1.0) == other


def _annotation(completed_by: Any, **choices: list[str]) -> dict[str, Any]:
    result = [
        {"from_name": name, "to_name": "meme", "type": "choices", "value": {"choices": chosen}}
        for name, chosen in choices.items()
    ]
    reason = {"from_name": "reason", "to_name": "meme", "type": "textarea", "value": {"text": ["because"]}}
    return {"id": 1, "completed_by": completed_by, "result": [*result, reason]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "cannot be read as JSON"),
        ("{}", "no list of tasks"),
        ('[{"data": {}}]', "task 1: it cannot be read"),
        ('[{"data": {"decision_id": "a"}, "annotations": [{"result": [{"from_name": "hateful", '
         '"value": {"choices": ["perhaps"]}}]}]}]', "no class of this task"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_export_of_label_studio_is_refused(
    database: Database, url: str, tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "labels.json").write_text(content)
    refused = _memeguard("import", tmp_path / "labels.json", "--url", url)
    assert refused.exit_code == 1
    assert said in refused.output


def test_golden_items_and_appeals_by_command(database: Database, url: str) -> None:
    one, other = add_decisions(database, {}, {"decision": "block"})
    golden = ("golden", "add", one, "--label", "hateful=hateful", "--note", "clear", "--by", "lead", "--url", url)
    assert _memeguard(*golden).output == "1 golden items added\n"
    assert _memeguard("golden", "list", "--url", url).output == f"{one}  hateful=hateful  clear\n"
    assert "golden remove" in _memeguard("appeal", one, "--url", url).output
    removed = _memeguard("golden", "remove", one, other, "--url", url)
    assert (removed.exit_code, removed.output.splitlines()) == (
        1,
        ["1 golden items removed", f"Error: no golden item: {other}"],
    )
    assert _memeguard("appeal", other, "--reason", "a quotation", "--url", url).output == f"{other} waits for review\n"
    do = doing(database)
    assert do(take_next, BEN, Filters(), Rules()) == other
    kinds = {
        decision_id: [action.kind for action in do(history_of, decision_id).actions] for decision_id in (one, other)
    }
    assert kinds == {one: ["golden_added", "golden_removed"], other: ["appealed", "taken"]}
    assert "no such item" in _memeguard("appeal", "0" * 32, "--url", url).output
    assert "no class" in _memeguard("golden", "add", one, "--label", "hateful=very", "--url", url).output


def test_items_without_content_are_told(tmp_path: Path, url: str) -> None:
    with_ledger(url, keep)
    said = _memeguard("export", tmp_path / "tasks.json", "--url", url).output
    assert "1 of them without words and picture" in said
