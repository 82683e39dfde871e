"""The input cut into partitions: nothing lost on the way, ids that are there once, and planners that are killed."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.batch import write_jsonl
from support.killing import killed_everywhere
from support.pictures import meme

from serving.batch import plan
from serving.batch.errors import BatchError
from serving.batch.input import id_hashes
from serving.batch.input.batch_input import BatchInput
from serving.batch.input.id_hashes import IdHashes, hash_id, positions, repeated
from serving.batch.input.items import Columns, Item
from serving.batch.partition_files import read_ids, read_partition, write_partition
from serving.batch.plan import Plan, ScoringIdentity, find_plan, input_digest, make_plan, partition_path

IDENTITY = ScoringIdentity(
    model_name="m", model_version="1", model_digest="d",
    policy_name="p", policy_version="1", policy_digest="e", ocr="none",
)  # fmt: skip


def table(folder: Path, numbers: Iterator[int] | range | list[int], name: str = "t.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return write_jsonl(folder / name, [{"id": n, "image": f"{n}.png", "text": f"words {n}"} for n in numbers])


def planned(input: Path, out: Path, partition_rows: int = 10) -> Plan:
    out.mkdir(parents=True, exist_ok=True)
    return make_plan(BatchInput(str(input), Columns()), out, IDENTITY, (), partition_rows)


def items_of(out: Path, found: Plan) -> list[Item]:
    return [item for number in range(found.n_partitions) for item in read_partition(partition_path(out, number))]


@pytest.mark.parametrize(("ocr", "networks"), [("none", None), ("rapidocr 3.10.0", "onnxruntime")])
def test_a_plan_that_is_older_than_engines_is_of_onnxruntime(ocr: str, networks: str | None) -> None:
    newer = {"image_tower_engine", "head_engine", "ocr_networks_engine"}
    older = IDENTITY.model_dump(exclude=newer) | {"ocr": ocr}
    found = ScoringIdentity.model_validate(older)
    assert vars(found.engines) == {"image_tower": "onnxruntime", "head": "onnxruntime", "ocr": networks}


def test_partitions_hold_every_item_as_the_input_has_it(tmp_path: Path) -> None:
    input = table(tmp_path / "in", range(25))
    made = planned(input, tmp_path / "out")
    assert (made.n_items, made.n_partitions) == (25, 3)
    assert items_of(tmp_path / "out", made) == list(BatchInput(str(input), Columns()).items())
    assert find_plan(tmp_path / "out") == made


def test_a_partition_gives_back_whatever_an_item_may_be(tmp_path: Path) -> None:
    items = [
        Item("here", "bytes", meme(), "words", ("a", "b")),
        Item("here", "no bytes", b"", None, ()),
        Item("here", "address", "/caf\udce9.png", "half \ud800", ("half \ud800",)),
        Item("here", "words", None, "", ()),
    ]
    write_partition(tmp_path / "part-000000.parquet", items)
    assert read_partition(tmp_path / "part-000000.parquet") == items
    assert read_ids(tmp_path / "part-000000.parquet") == [item.id for item in items]


def test_partitions_of_large_rows_have_fewer_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_PARTITION_BYTES", 3000)
    rows = [{"id": n, "image": "data:;base64," + "A" * 1000} for n in range(7)]
    made = planned(write_jsonl(tmp_path / "t.jsonl", rows), tmp_path / "out")
    assert [len(read_ids(partition_path(tmp_path / "out", n))) for n in range(made.n_partitions)] == [3, 3, 1]


def test_partitions_begin_small_and_grow_so_that_few_items_are_shared_among_workers_too(tmp_path: Path) -> None:
    made = planned(table(tmp_path / "in", range(2000)), tmp_path / "out", partition_rows=100)
    sizes = [len(read_ids(partition_path(tmp_path / "out", n))) for n in range(made.n_partitions)]
    assert sizes[:10] == [16] * 9 + [18]
    assert sizes[-3:] == [100, 100, 74]
    assert sum(sizes) == 2000


def test_the_digest_of_an_input_is_over_its_rows_wherever_its_files_begin_and_end(tmp_path: Path) -> None:
    whole = table(tmp_path, range(6))
    digest = planned(whole, tmp_path / "out").input_digest
    whole.unlink()
    table(tmp_path, range(4), "1.jsonl")
    table(tmp_path, [4, 5], "2.jsonl")
    assert input_digest(BatchInput(f"{tmp_path}/*.jsonl", Columns())) == digest
    table(tmp_path, [5, 4], "2.jsonl")
    assert input_digest(BatchInput(f"{tmp_path}/*.jsonl", Columns())) != digest


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([], "holds no items: there is nothing to do"),
        ([*range(15), 3], r"the same id: '3' at .*t.jsonl row 4, .*t.jsonl row 16\. Every id must be there once"),
        ([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6], "and others"),
        ([1, "", 2], "row 2 has no id"),
    ],
)
def test_an_input_that_cannot_be_answered_for_is_refused_and_leaves_nothing(
    tmp_path: Path, numbers: list[int], words: str
) -> None:
    with pytest.raises(BatchError, match=words):
        planned(table(tmp_path, numbers), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_input_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    class GrowingSource(BatchInput):
        def items(self) -> Iterator[Item]:
            yield from super().items()
            table(tmp_path, range(31))

    (tmp_path / "out").mkdir()
    source = GrowingSource(str(table(tmp_path, range(30))), Columns())
    with pytest.raises(BatchError, match="changed while it was read"):
        make_plan(source, tmp_path / "out", IDENTITY, (), 10)


def test_a_plan_is_written_under_the_keys_that_earlier_versions_read(tmp_path: Path) -> None:
    made = planned(table(tmp_path, range(3)), tmp_path / "out")
    document = json.loads((tmp_path / "out" / "_plan" / "plan.json").read_text())
    assert document.keys() == {
        *("format_version", "input", "input_stamp", "input_digest", "columns", "protocols"),
        *("n_items", "n_passed_over", "n_units", "judges"),
    }
    assert (document["n_units"], document["judges"]) == (made.n_partitions, IDENTITY.model_dump())


def test_a_plan_of_another_version_is_refused(tmp_path: Path) -> None:
    made = planned(table(tmp_path, range(3)), tmp_path / "out")
    path = tmp_path / "out" / "_plan" / "plan.json"
    path.write_text(made.model_dump_json().replace('"format_version":1', '"format_version":2'))
    with pytest.raises(BatchError, match="damaged or of another version"):
        find_plan(tmp_path / "out")


def test_a_planner_killed_at_any_moment_leaves_a_plan_or_none(tmp_path: Path) -> None:
    input = table(tmp_path / "in", range(25))
    out = tmp_path / "out"
    out.mkdir()
    expected = list(BatchInput(str(input), Columns()).items())
    n_killed = 0
    for folder, killed in killed_everywhere(out, lambda folder: planned(input, folder)):
        n_killed += killed
        made = find_plan(folder) or planned(input, folder)
        assert items_of(folder, made) == expected
        assert [path.name for path in folder.iterdir()] == ["_plan"]
    assert n_killed > 8


def test_ids_that_are_there_twice_are_found_among_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(id_hashes, "_STEP", 7)
    hashes = IdHashes()
    for number in [*range(1000), 7, 500, 999, 7]:
        hashes.add(str(number))
    ordered = hashes.sort()
    assert sorted(repeated(ordered)) == sorted(hash_id(id) for id in ("7", "7", "500", "999"))
    assert list(repeated(ordered[:0])) == list(repeated(ordered[:1])) == []
    assert (np.sort(ordered) == ordered).all()


def test_ids_are_found_in_their_places() -> None:
    hashes = IdHashes()
    for number in range(50):
        hashes.add(str(number))
    ordered = hashes.sort()
    found = positions(ordered, ["3", "x", "49"])
    assert found[1] == -1
    assert [ordered[at] for at in (found[0], found[2])] == [np.bytes_(hash_id("3")), np.bytes_(hash_id("49"))]
    assert positions(ordered[:0], ["3"]).tolist() == [-1]
    assert positions(ordered, []).tolist() == []
