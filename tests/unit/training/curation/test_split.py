"""`memeguard data split`: from rows without splits to three files that the readers take."""

import json
from pathlib import Path

from click.testing import CliRunner, Result
from support.memes_on_disk import hateful_memes, one_csv, row

from serving.cli import main
from training.curation.check import check
from training.datasets.base import Sample
from training.datasets.registry import Source, load_source

SPLITS = ("train", "dev", "test")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["data", "split", *map(str, arguments)])


def read_back(folder: Path) -> dict[str, list[Sample]]:
    return {split: load_source(Source(path=folder, split=split)).samples for split in SPLITS}


def test_every_sample_is_read_back_from_exactly_one_split_as_it_was(tmp_path: Path) -> None:
    source = one_csv(tmp_path / "own", 40)
    result = run(source, "--out", tmp_path / "split", "--dev", 0.2, "--test", 0.2, "--seed", 3)
    assert result.exit_code == 0, result.output
    found = read_back(tmp_path / "split")
    before = {sample.id: sample for sample in load_source(Source(path=source, split="all")).samples}
    after = [sample for samples in found.values() for sample in samples]
    assert sorted(sample.id for sample in after) == sorted(before)
    for sample in after:
        original = before[sample.id]
        assert (sample.text, sample.labels, sample.tags) == (original.text, original.labels, original.tags)
        assert sample.image is not None
        assert original.image is not None
        assert sample.image.samefile(original.image)
    assert [len(found[split]) for split in SPLITS] == [24, 8, 8]
    assert [item.kind for item in check(tmp_path / "split").overlaps] == []


def test_the_same_seed_writes_the_same_files_and_says_how(tmp_path: Path) -> None:
    source = one_csv(tmp_path / "own", 30)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run(source, "--out", tmp_path / name, "--seed", seed).exit_code == 0
    files = {name: [(tmp_path / name / f"{split}.jsonl").read_bytes() for split in SPLITS] for name in "abc"}
    assert files["a"] == files["b"]
    assert files["a"] != files["c"]
    about = json.loads((tmp_path / "a" / "split.json").read_text())
    assert (about["n_samples"], about["n_groups"], about["largest_group"]) == (30, 20, 2)
    assert about["config"] == {"dev": 0.1, "test": 0.1, "seed": 1, "max_distance": 6}


def test_rows_that_cannot_be_read_are_reported_and_left_out(tmp_path: Path) -> None:
    source = one_csv(tmp_path / "own", 20)
    (tmp_path / "own" / "images" / "5.png").write_bytes(b"no picture")
    (tmp_path / "own" / "images" / "6.png").unlink()
    result = run(source, "--out", tmp_path / "split")
    assert result.exit_code == 0, result.output
    assert sum(map(len, read_back(tmp_path / "split").values())) == 18
    assert len(json.loads((tmp_path / "split" / "split.json").read_text())["left_out"]) == 2
    assert "unreadable picture" in result.output


def test_a_set_with_official_splits_is_split_anew_only_when_they_are_named(tmp_path: Path) -> None:
    rows = [row(number) for number in range(20)]
    root = hateful_memes(tmp_path / "memes", train=rows[:15], test=[*rows[15:], row(0, img="img/40.png", text="new")])
    refused = run(root, "--out", tmp_path / "split")
    assert refused.exit_code == 1
    assert "--splits train,test" in refused.stderr
    assert not (tmp_path / "split").exists()
    assert run(root, "--out", tmp_path / "split", "--splits", "train,test").exit_code == 0
    ids = [sample.id for samples in read_back(tmp_path / "split").values() for sample in samples]
    assert len(set(ids)) == len(ids) == 21
    assert {"train/00000", "test/00000"} <= set(ids)


def test_a_folder_that_holds_something_is_not_written_over(tmp_path: Path) -> None:
    source = one_csv(tmp_path / "own", 20)
    result = run(source, "--out", tmp_path / "own")
    assert result.exit_code == 1
    assert "is not empty" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own"]


def test_too_few_samples_leave_nothing_behind(tmp_path: Path) -> None:
    source = one_csv(tmp_path / "own", 3)
    result = run(source, "--out", tmp_path / "split")
    assert result.exit_code == 1
    assert "would be empty" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own"]


def test_shares_that_leave_no_training_data_are_a_usage_error(tmp_path: Path) -> None:
    source = one_csv(tmp_path / "own", 3)
    assert run(source, "--out", tmp_path / "split", "--dev", 0.5, "--test", 0.5).exit_code == 2
