import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.retraining import Bench, draw, point, table, write_subset

SIZES = (10, 20, 40)


@pytest.fixture
def memes(tmp_path: Path) -> Path:
    """60 memes of train, a third of them hateful, and 10 of dev."""
    source = tmp_path / "source"
    (source / "img").mkdir(parents=True)
    for split, n in (("train", 60), ("dev", 10)):
        rows = [{"id": str(i), "img": f"img/{i}.png", "label": int(i % 3 == 0), "text": f"words {i}"} for i in range(n)]
        (source / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return source


def rows_of(folder: Path) -> list[tuple[str, int]]:
    lines = (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()
    return [(row["id"], row["label"]) for row in map(json.loads, lines)]


def test_subsets_are_balanced_nested_and_differ_by_seed(memes: Path, tmp_path: Path) -> None:
    for seed in range(2):
        for size in SIZES:
            write_subset(memes, tmp_path / f"{size}-{seed}", size, seed)
    for seed in range(2):
        found = [rows_of(tmp_path / f"{size}-{seed}") for size in SIZES]
        assert [sum(label for _, label in rows) for rows in found] == [5, 10, 20]
        assert [len(rows) for rows in found] == [10, 20, 40]
        assert set(found[0]) < set(found[1]) < set(found[2])
    assert rows_of(tmp_path / "10-0") != rows_of(tmp_path / "10-1")


def test_a_subset_has_all_of_dev_and_the_pictures_and_is_written_again_alike(memes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "subset"
    for _ in range(2):
        write_subset(memes, folder, 10, 0)
    assert (folder / "dev.jsonl").read_bytes() == (memes / "dev.jsonl").read_bytes()
    assert (folder / "img").resolve() == (memes / "img").resolve()
    assert len(rows_of(folder)) == 10


def test_the_test_split_is_found_from_the_folder_of_a_subset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bench = Bench(Path("data"), Path("out"), Path("cache"), "test")
    (tested,) = bench.config(tmp_path / "out" / "memes" / "100-seed0", 0).data.tests or ()
    assert tested.path == tmp_path / "data" / "religious_memes"


def test_the_table_and_the_plot_show_both_models_and_their_difference(tmp_path: Path) -> None:
    rng, labels = np.random.default_rng(0), [0, 1] * 40
    weak = [(rng.normal(size=80) + np.array(labels)).tolist() for _ in range(3)]
    runs = [{"labels": labels, "network": [float(label) for label in labels], "logistic": scores} for scores in weak]
    one = point(100, runs)
    assert one.values["network"] == (1.0, 1.0, 1.0)
    low, value, high = one.values["logistic"][1], one.values["logistic"][0], one.values["logistic"][2]
    assert 0.5 < low < value < high < 1
    assert one.difference[0] == pytest.approx(1 - value)
    assert 0 < one.difference[1] < one.difference[0] < one.difference[2]
    shown = table([one]).splitlines()
    assert shown[0] == "| memes | quickstart | logistic regression | difference |"
    assert shown[2].startswith("| 100 | 1.000 (1.000 to 1.000) | 0.")
    draw([one, point(200, runs)], tmp_path / "curve.svg")
    drawn = (tmp_path / "curve.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<?xml")
    assert drawn.count("<!-- logistic regression -->") == 1
