"""What `memeguard data check` finds in sets that are wrong on purpose."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from support.memes_on_disk import hateful_memes, row, scene

from serving.cli import main
from training.curation.check import check
from training.curation.render import print_report
from training.curation.report import Overlap, Report
from training.datasets.base import DatasetError
from training.datasets.registry import parse_source


def overlap(report: Report, first: str, second: str, kind: str) -> Overlap:
    (found,) = [o for o in report.overlaps if (o.first, o.second, o.kind) == (first, second, kind)]
    return found


def kinds(report: Report) -> list[tuple[str, str, str]]:
    return [(item.first, item.second, item.kind) for item in report.overlaps]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["data", "check", *map(str, arguments)])


def test_splits_and_classes_are_counted(tmp_path: Path) -> None:
    rows = [row(0), row(1), row(3), row(4, label=None), row(5, text=" ")]
    report = check(hateful_memes(tmp_path / "memes", train=rows, dev=[row(6)]))
    train, dev = report.splits
    assert (report.layout, report.dataset, report.warnings[0]) == (
        "hateful_memes",
        "memes",
        "train: 1 of 5 have no text; read it from the pictures",
    )
    assert (train.split, train.n_rows, train.n_usable, train.n_pictures) == ("train", 5, 5, 5)
    assert (train.n_empty_text, train.n_unlabelled) == (1, 1)
    assert train.classes == {"hateful": {"not_hateful": 1, "hateful": 3}}
    assert dev.classes == {"hateful": {"not_hateful": 1, "hateful": 0}}


def test_columns_of_no_known_name_are_named_where_nothing_is_labelled(tmp_path: Path) -> None:
    path = tmp_path / "sentences.csv"
    path.write_text("text,nr,verdict\nsome words,n1,awful\nother words,n2,fine\n")
    (warning,) = check(path).warnings
    assert warning == (
        "all: 2 of 2 have no label; of no known name are the columns nr, verdict: if one is the label, say so in "
        "label_map.yaml, as in 'COLUMN=VALUE: hateful=hateful'"
    )
    (tmp_path / "label_map.yaml").write_text("verdict=awful: hateful=hateful\nverdict=fine: hateful=not_hateful\n")
    assert check(path).warnings == ()


def test_a_clean_set_has_nothing_to_warn_of(tmp_path: Path) -> None:
    report = check(hateful_memes(tmp_path, train=[row(0), row(1)], test=[row(2)]))
    assert (report.warnings, report.overlaps, report.repeats, report.left_out, report.conflicts) == ((), (), (), (), ())


def test_what_cannot_be_used_is_named_and_left_out(tmp_path: Path) -> None:
    root = hateful_memes(tmp_path, train=[row(0), row(1, img="img/gone.png"), row(2), row(3, label="maybe")])
    (root / "img" / "2.png").write_bytes(b"no picture")
    with (root / "train.jsonl").open("a") as file:
        file.write("{\n")
    report = check(root)
    found = [(item.split, item.kind, item.place.removeprefix(f"{root}/")) for item in report.left_out]
    assert sorted(found) == [
        ("train", "missing_picture", "train.jsonl, line 2"),
        ("train", "row", "train.jsonl, line 4"),
        ("train", "row", "train.jsonl, line 5"),
        ("train", "unreadable_picture", "train/00002"),
    ]
    assert (report.splits[0].n_rows, report.splits[0].n_usable) == (5, 1)
    assert "train: 1 row(s) have a picture that cannot be decoded; left out" in report.warnings


def test_damaged_pictures_are_used_as_they_are_shown_and_counted(tmp_path: Path) -> None:
    root = hateful_memes(tmp_path, train=[row(0), row(1), row(2)])
    for name in ("0.png", "1.png"):
        content = (root / "img" / name).read_bytes()
        (root / "img" / name).write_bytes(content[:-12])
    report = check(root)
    assert (report.splits[0].n_usable, report.splits[0].n_damaged, report.left_out) == (3, 2, ())
    assert report.warnings == ("train: 2 of 3 picture(s) are damaged and used as shown",)


def test_a_split_whose_file_is_wrong_is_reported_beside_the_others(tmp_path: Path) -> None:
    root = hateful_memes(tmp_path, train=[row(0)])
    (root / "dev.jsonl").write_text('{"something": "else"}\n')
    report = check(root)
    assert [(item.split, item.kind) for item in report.left_out] == [("dev", "file")]
    assert [item.n_usable for item in report.splits] == [1, 0]


def test_the_missing_validation_picture_of_multioff_is_counted_as_missing(tmp_path: Path) -> None:
    tables, pictures = tmp_path / "Split Dataset", tmp_path / "Labelled Images"
    tables.mkdir()
    pictures.mkdir()
    scene(0).save(pictures / "a.png", format="JPEG")
    for name, picture in (("Training", "a.png"), ("Validation", "gone.png")):
        rows = f"image_name,sentence,label\n{picture},some words,Non-offensiv\n"
        (tables / f"{name}_meme_dataset.csv").write_text(rows)
    report = check(tmp_path)
    assert [(item.split, item.kind) for item in report.left_out if item.kind != "file"] == [("dev", "missing_picture")]


def test_leakage_is_found_by_bytes_by_looks_and_by_words(tmp_path: Path) -> None:
    root = hateful_memes(
        tmp_path,
        train=[row(number) for number in range(10)],
        test=[
            row(20, img="img/0.png"),
            row(21, img="img/poor.jpg"),
            row(22, text=" Words, 2!"),
            row(23, text="words 3"),
            row(4, img="img/24.png", text="others"),
            row(25),
        ],
    )
    scene(1).resize((90, 90)).save(root / "img" / "poor.jpg", quality=40)
    report = check(root)
    matches = {item.kind: [(m.second_id, m.first_id) for m in item.matches] for item in report.overlaps}
    assert matches == {
        "id": [("00004", "00004")],
        "exact_picture": [("00020", "00000")],
        "same_text": [("00022", "00002"), ("00023", "00003")],
        "verbatim_text": [("00023", "00003")],
        "near_picture": [("00021", "00001")],
        "any": [("00020", "00000"), ("00021", "00001"), ("00022", "00002"), ("00023", "00003")],
    }
    found = overlap(report, "train", "test", "any")
    assert (found.n_first, found.n_second, found.share_of_second) == (4, 4, 4 / 6)
    distance = overlap(report, "train", "test", "near_picture").matches[0].distance
    assert distance is not None
    assert 0 <= distance <= 6
    assert "leakage: 4 (66.7%) of test have their picture or words in train too (4 there)" in report.warnings


def test_near_duplicates_can_be_left_unsearched(tmp_path: Path) -> None:
    root = hateful_memes(tmp_path, train=[row(0)], test=[row(1, img="img/small.png")])
    scene(0, side_px=40).save(root / "img" / "small.png")
    assert ("train", "test", "near_picture") in kinds(check(root))
    assert kinds(check(root, max_distance=None)) == []


def test_words_of_a_table_stay_whole_on_a_terminal_of_80_columns(tmp_path: Path) -> None:
    root = hateful_memes(tmp_path, train=[row(0)], test=[row(1, img="img/small.png")])
    scene(0, side_px=40).save(root / "img" / "small.png")
    shown = StringIO()
    print_report(check(root), Console(width=80, file=shown))
    _, _, leakage = shown.getvalue().partition("leakage between splits")
    assert "│ near-duplicate " in leakage
    assert max(map(len, leakage.splitlines()[1:])) <= 80


def test_each_side_of_an_overlap_is_counted_by_itself(tmp_path: Path) -> None:
    rows = [row(number, text="the same words") for number in range(3)]
    found = overlap(check(hateful_memes(tmp_path, train=rows, test=[rows[0] | {"id": "x"}])), "train", "test", "any")
    assert (found.n_first, found.n_second) == (3, 1)


def test_duplicates_inside_a_split_are_grouped(tmp_path: Path) -> None:
    rows = [row(0), row(0, text="other"), row(2, img="img/0.png", text="Words 0"), row(3), row(4, img="img/three.webp")]
    root = hateful_memes(tmp_path, train=[row(number) for number in range(4)])
    scene(3).save(root / "img" / "three.webp")
    report = check(hateful_memes(root, train=rows))
    assert {item.kind: (item.n_redundant, item.groups) for item in report.repeats} == {
        "id": (1, (("00000", "00000"),)),
        "exact_picture": (2, (("00000", "00000", "00002"),)),
        "same_text": (1, (("00000", "00002"),)),
        "near_picture": (1, (("00003", "00004"),)),
    }


def test_labels_that_contradict_each_other_are_conflicts_and_confounders_are_not(tmp_path: Path) -> None:
    rows = [
        row(0, label=0, text="one picture, one text"),
        row(0, label=1, text="one picture one text", id="twin"),
        row(1, label=0, text="one picture"),
        row(1, label=1, text="and another text", id="other text"),
        row(2, label=0, text="a text on two pictures"),
        row(3, label=1, text="A text on two pictures"),
        row(4, label=1, text="a text on two pictures"),
        row(5, label=1, text="agreed"),
        row(6, label=1, text="agreed"),
    ]
    report = check(hateful_memes(tmp_path, train=rows))
    assert [(item.kind, item.task, item.samples) for item in report.conflicts] == [
        ("same_picture_and_text", "hateful", ("train/00000", "train/twin")),
        ("same_picture", "hateful", ("train/00001", "train/other text")),
    ]
    (both,) = report.texts_with_both_labels
    assert (both.split, both.task, both.n_texts, both.n_samples, both.n_texts_verbatim) == ("train", "hateful", 1, 3, 1)


def test_a_conflict_may_lie_across_splits(tmp_path: Path) -> None:
    root = hateful_memes(tmp_path, train=[row(0, label=0)], test=[row(0, label=1)])
    assert next(item.samples for item in check(root).conflicts) == ("train/00000", "test/00000")


def test_texts_without_pictures_with_two_labels_are_conflicts(tmp_path: Path) -> None:
    lines = [{"id": str(n), "text": text, "hateful": n % 2} for n, text in enumerate(["one", "One!", "two"])]
    path = tmp_path / "sentences.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = check(path)
    assert [(item.kind, item.samples) for item in report.conflicts] == [
        ("same_text_without_picture", ("all/0", "all/1"))
    ]
    assert report.texts_with_both_labels == ()


def test_multilabel_labels_are_counted_by_class_and_compared_as_sets(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "a", "text": "one", "attack": ["mocking", "contempt"]},
        {"id": "b", "text": "one", "attack": ["contempt", "mocking"]},
        {"id": "c", "text": "one", "attack": ["slurs"]},
    ]
    path = tmp_path / "sentences.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in rows))
    report = check(path)
    counts = report.splits[0].classes["attack"]
    assert (counts["mocking"], counts["contempt"], counts["slurs"], counts["exclusion"]) == (2, 2, 1, 0)
    assert [item.samples for item in report.conflicts] == [("all/a", "all/b", "all/c")]


def test_another_set_can_be_searched_for_what_it_shares(tmp_path: Path) -> None:
    trained_on = hateful_memes(tmp_path / "ours", train=[row(0), row(1)], test=[row(2)])
    outside = hateful_memes(tmp_path / "theirs", test=[row(0, text="others"), row(1, img="img/9.png"), row(8)])
    report = check(outside, against=[parse_source(f"{trained_on}:train", "train")])
    assert report.against == ("ours/train",)
    assert kinds(report) == [
        ("ours/train", "test", "exact_picture"),
        ("ours/train", "test", "same_text"),
        ("ours/train", "test", "verbatim_text"),
        ("ours/train", "test", "any"),
    ]


def test_a_damaged_row_of_a_table_with_a_split_column_is_counted_once(tmp_path: Path) -> None:
    lines = [json.dumps({"id": split, "text": split, "split": split, "hateful": 0}) for split in ("train", "test")]
    (tmp_path / "rows.jsonl").write_text("\n".join([*lines, "{", ""]))
    report = check(tmp_path)
    assert [item.n_rows for item in report.splits] == [2, 1]
    assert len(report.left_out) == 1


def test_only_the_splits_that_were_asked_for_are_read(tmp_path: Path) -> None:
    root = hateful_memes(tmp_path, train=[row(0)], dev=[row(1)], test=[row(2)])
    assert [item.split for item in check(root, splits=["validation", "test"]).splits] == ["dev", "test"]
    with pytest.raises(DatasetError, match="it has: train, dev, test"):
        check(root, splits=["test_seen"])


def test_the_command_ends_with_0_whatever_it_finds_and_shows_no_words(tmp_path: Path) -> None:
    root = hateful_memes(tmp_path / "memes", train=[row(0, text="umbrella")], test=[row(0, text="umbrella")])
    result = run(root, "--out", tmp_path / "out", "--json", tmp_path / "found.json")
    assert result.exit_code == 0, result.output
    markdown = (tmp_path / "out" / "check.md").read_text()
    document = (tmp_path / "found.json").read_text()
    assert document == (tmp_path / "out" / "check.json").read_text()
    assert json.loads(document)["overlaps"][0]["matches"] == [
        {"second_id": "00000", "first_id": "00000", "distance": None}
    ]
    assert "| train | test | same picture file | 1 | 1 | 100.0% |" in markdown
    assert "leakage between splits" in result.stdout
    assert not [shown for shown in (result.output, markdown, document) if "umbrella" in shown]


def test_json_on_standard_output_is_json_alone(tmp_path: Path) -> None:
    result = run(hateful_memes(tmp_path, train=[row(0)]), "--json", "-")
    assert json.loads(result.stdout)["splits"][0]["n_usable"] == 1
    assert "splits" in result.stderr


def test_the_command_ends_with_1_when_nothing_could_be_read(tmp_path: Path) -> None:
    root = hateful_memes(tmp_path / "memes", train=[row(0, img="img/gone.png")])
    for arguments in ((root,), (tmp_path / "nowhere",), (tmp_path,)):
        result = run(*arguments)
        assert (result.exit_code, type(result.exception)) == (1, SystemExit)
        assert result.stderr.startswith("Error: ")
    assert "1 left out; the first is" in run(root).stderr


def test_a_report_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    result = run(hateful_memes(tmp_path, train=[row(0)]), "--json", tmp_path / "train.jsonl" / "found.json")
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert "cannot be written" in result.stderr
