import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.dataset_files import (
    write_captions,
    write_fine_grained,
    write_hatecheck,
    write_multioff,
    write_text_hate,
)
from support.pictures import meme
from support.tiny import TinyBundle

from serving.cli import main

Evaluate = Callable[..., Result]
QUICK = ("--resamples", "20", "--threads", "1")


@pytest.fixture
def evaluate(tiny: TinyBundle, tmp_path: Path) -> Evaluate:
    """Run the command on the tiny bundle, writing to tmp_path/out."""

    def run(data: object, *options: object) -> Result:
        arguments = ["evaluate", tiny.bundle.path, "--data", data, "--out", tmp_path / "out", *QUICK, *options]
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def memes(tmp_path: Path) -> Path:
    """Thirty memes with words, two without, one whose picture is no picture, and a row that is no JSON."""
    root = tmp_path / "memes"
    (root / "img").mkdir(parents=True)
    rows = []
    for number in range(33):
        (root / "img" / f"{number}.png").write_bytes(b"junk" if number == 7 else meme(number))
        text = "" if number in (3, 4) else f"my muslim neighbour, number {number}" if number % 3 else "sun shine"
        rows.append(json.dumps({"id": f"m{number}", "img": f"img/{number}.png", "label": number % 2, "text": text}))
    (root / "test.jsonl").write_text("\n".join([*rows, "not json"]))
    return root


def report(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tmp_path / "out" / "report.json").read_text())
    return found


def page(tmp_path: Path) -> str:
    return (tmp_path / "out" / "report.html").read_text()


class Page(HTMLParser):
    """Tags, ids and whatever a browser would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "srcset", "action", "data"):
                self.fetched.append(value or "")


def test_a_report_counts_what_was_scored_and_what_was_left_out(evaluate: Evaluate, memes: Path, tmp_path: Path) -> None:
    result = evaluate(memes)
    assert result.exit_code == 0, result.output
    (found,) = report(tmp_path)["sets"]
    assert (found["n_read"], found["n_scored"], found["n_with_words"]) == (33, 32, 30)
    assert found["left_out"] == {
        "row that could not be read": 1,
        "words that could not be read": 0,
        "picture that could not be read": 1,
    }
    assert any("m7" in item["item"] for item in found["left_out_items"])
    assert "2 items have no words" in found["notes"][0]
    (task,) = found["tasks"]
    assert (task["n"], task["class_counts"]) == (32, {"not_hateful": 17, "hateful": 15})
    assert list(task["metrics"]) == ["full", "text_only_input", "image_only_input"]
    assert [other["other"] for other in task["differences"]] == ["text_only_input", "image_only_input"]
    auroc = task["metrics"]["full"]["auroc"]
    assert auroc["low"] <= auroc["value"] <= auroc["high"]
    assert sum(task["decisions"]["counts"].values()) == 32
    assert sum(map(sum, task["confusion"])) == 32
    assert {table["name"] for table in task["groups"]} == {"identity_terms", "text_length"}
    assert "left out 1 row" in result.output


def test_the_page_loads_nothing_and_runs_nothing(evaluate: Evaluate, memes: Path, tmp_path: Path) -> None:
    assert evaluate(memes, "--thumbnails").exit_code == 0
    found = Page(page(tmp_path))
    assert [link for link in found.fetched if not link.startswith(("#", "data:image/jpeg;base64,"))] == []
    assert not {"script", "link", "iframe", "object"} & set(found.tags)
    assert "@import" not in page(tmp_path)
    assert not re.search(r"url\((?!#)", page(tmp_path))
    assert len(set(found.ids)) == len(found.ids)
    assert found.tags.count("svg") >= 7


def test_words_and_pictures_are_shown_only_when_asked_for(evaluate: Evaluate, memes: Path, tmp_path: Path) -> None:
    assert evaluate(memes).exit_code == 0
    written = [path.read_text() for path in (tmp_path / "out").iterdir()]
    assert len(written) == 3
    assert [text for text in written if "neighbour" in text or "sun shine" in text or "base64" in text] == []
    assert evaluate(memes, "--thumbnails", "--show-texts").exit_code == 0
    assert "neighbour" in page(tmp_path)
    assert "filter: blur" in page(tmp_path)
    assert "base64" in page(tmp_path)
    assert "neighbour" not in (tmp_path / "out" / "report.json").read_text()


def test_hostile_names_and_words_stay_text(evaluate: Evaluate, tmp_path: Path) -> None:
    root = tmp_path / "odd"
    root.mkdir()
    (root / "a.png").write_bytes(meme(1))
    (root / "b.png").write_bytes(meme(2))
    evil = "<script>alert(1)</script> | $x^2$"
    rows = [{"id": f"{evil}{n}", "image": f"{'ab'[n]}.png", "hateful": n, "text": evil} for n in (0, 1)]
    (root / "test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert evaluate(root, "--show-texts", "--thumbnails").exit_code == 0
    assert "script" not in Page(page(tmp_path)).tags


def test_one_class_alone_gives_what_can_be_given_and_says_what_cannot(
    evaluate: Evaluate, memes: Path, tmp_path: Path
) -> None:
    rows = [row for row in (memes / "test.jsonl").read_text().splitlines() if '"label": 1' in row]
    (memes / "dev.jsonl").write_text("\n".join(rows))
    assert evaluate(f"{memes}:dev").exit_code == 0
    (task,) = report(tmp_path)["sets"][0]["tasks"]
    metrics = task["metrics"]["full"]
    assert (metrics["auroc"]["value"], metrics["auroc"]["reason"]) == (None, "needs items of both classes")
    assert metrics["accuracy"]["value"] is not None
    assert "n/a (needs items of both classes)" in (tmp_path / "out" / "report.md").read_text()


def test_labels_of_another_task_are_used_only_when_told(evaluate: Evaluate, tmp_path: Path) -> None:
    root = write_multioff(tmp_path / "multioff")
    refused = evaluate(root)
    assert refused.exit_code == 1
    assert "no labels for hateful" in refused.output
    assert "--as-task hateful=offensive" in refused.output
    assert not (tmp_path / "out").exists()
    assert evaluate(root, "--as-task", "hateful=offensive").exit_code == 0
    assert report(tmp_path)["sets"][0]["tasks"][0]["title"] == "hateful (labels: offensive)"


def test_text_only_sets_are_scored_without_views_and_by_function(evaluate: Evaluate, tmp_path: Path) -> None:
    result = evaluate(write_text_hate(tmp_path / "text"), "--layout", "hatecheck")
    assert result.exit_code == 0, result.output
    (found,) = report(tmp_path)["sets"]
    (task,) = found["tasks"]
    assert (found["n_with_picture"], list(task["metrics"])) == (0, ["full"])
    functions = next(table for table in task["groups"] if table["name"] == "function")
    assert [row["group"] for row in functions["rows"]] == ["neg", "pos"]


def test_false_alarms_by_group_at_the_policys_own_thresholds_stand_in_every_form_of_the_report(
    evaluate: Evaluate, tmp_path: Path
) -> None:
    result = evaluate(f"{write_hatecheck(tmp_path / 'text')}:test")
    assert result.exit_code == 0, result.output
    (task,) = report(tmp_path)["sets"][0]["tasks"]
    decided, tables = task["decisions"], {table["name"]: table for table in task["groups"]}
    groups = {row["group"]: row for row in tables["target_group"]["rows"]}
    assert {name: (row["n"], row["n_harmless"]) for name, row in groups.items()} == {
        "sailors": (12, 12),
        "women": (24, 12),
        "no group named": (12, 12),
        "any group named": (36, 24),
    }
    apart = [row for name, row in groups.items() if name != "any group named"]
    stopped = sum(round(row["metrics"]["reviewed_negatives"]["value"] * 12) for row in apart)
    harmless = decided["counts_by_class"]["not_hateful"]
    assert stopped == harmless["review"] + harmless["block"]
    assert decided["false_alarms"]["value"] == pytest.approx(stopped / 36)
    assert groups["women"]["metrics"]["reviewed_positives"]["value"] == pytest.approx(decided["recall"]["value"])
    functions = {row["group"]: row["metrics"]["reviewed"]["value"] for row in tables["function"]["rows"]}
    assert functions["attack_h"] == pytest.approx(decided["recall"]["value"])
    assert task["at_recall"]["caught"]["value"] >= task["at_recall"]["recall"] == 0.8
    assert "false alarms by group" in result.output
    assert "sailors" in result.output
    markdown = (tmp_path / "out" / "report.md").read_text()
    assert "At the threshold that catches 0.80 of the positives" in markdown
    assert 'aria-label="Group that the sentence is about: share sent to review or blocked"' in page(tmp_path)


def test_ordinary_captions_say_what_share_of_them_is_sent_to_review(evaluate: Evaluate, tmp_path: Path) -> None:
    result = evaluate(f"{write_captions(tmp_path / 'captions')}:train")
    assert result.exit_code == 0, result.output
    (task,) = report(tmp_path)["sets"][0]["tasks"]
    counts = task["decisions"]["counts"]
    share = (counts["review"] + counts["block"]) / task["n"]
    assert task["decisions"]["stopped"]["value"] == pytest.approx(share)
    assert (task["decisions"]["false_alarms"], task["at_recall"]) == (task["decisions"]["stopped"], None)
    assert "sent to review or blocked by the bundle's policy" in " ".join(result.output.split())
    assert f"Of the harmless ones {share:.0%} are stopped" in page(tmp_path)


def test_several_sets_and_kinds_of_tasks_stand_in_one_report(evaluate: Evaluate, memes: Path, tmp_path: Path) -> None:
    fine = write_fine_grained(tmp_path / "fine")
    assert evaluate(memes, "--data", f"{fine}:train").exit_code == 0
    first, second = report(tmp_path)["sets"]
    assert [task["title"] for task in first["tasks"]] == ["hateful"]
    assert [task["title"] for task in second["tasks"]] == ["hateful", "protected_class"]
    multilabel = second["tasks"][1]
    assert (multilabel["kind"], multilabel["confusion"], multilabel["class_counts"]["religion"]) == (
        "multilabel",
        None,
        2,
    )
    (by_class,) = multilabel["groups"]
    assert {row["group"]: (row["n"], row["n_positive"]) for row in by_class["rows"]} == {
        name: (4, n) for name, n in multilabel["class_counts"].items()
    }
    assert "| class | items | positive | AUROC | precision | recall |" in (tmp_path / "out" / "report.md").read_text()
    assert 'aria-label="AUROC by class"' in page(tmp_path)
    tables = {table["name"]: table for table in second["tasks"][0]["groups"]}
    assert [row["group"] for row in tables["protected_class"]["rows"]] == ["pc_empty", "religion", "sex"]


def test_another_bundle_is_compared_on_the_same_memes(
    evaluate: Evaluate, tiny: TinyBundle, memes: Path, tmp_path: Path
) -> None:
    options = ("--compare", tiny.bundle.path, "--bundle-text-only", tiny.bundle.path)
    assert evaluate(memes, *options).exit_code == 0
    (task,) = report(tmp_path)["sets"][0]["tasks"]
    differences = {other["other"]: other["metrics"]["auroc"] for other in task["differences"]}
    same = differences["tiny 0.0.1"]
    assert (same["difference"], same["low"], same["high"], same["p_value"]) == (0, 0, 0, 1)
    assert differences["tiny 0.0.1, text only"] == differences["text_only_input"]


def test_given_words_are_held_against_those_read_from_the_picture(
    evaluate: Evaluate, memes: Path, tmp_path: Path
) -> None:
    assert evaluate(memes, "--ocr", "both", "--limit", "6", "--cache", tmp_path / "cache").exit_code == 0
    (found,) = report(tmp_path)["sets"]
    ocr = found["ocr"]
    assert ocr["engine"].startswith("rapidocr")
    assert (ocr["n"], ocr["n_unread"], found["ms_per_meme"]) == (found["n_with_words"], 0, None)
    assert 0 <= ocr["tasks"][0]["same_class"]["value"] <= 1
    assert ocr["tasks"][0]["mean_abs_difference"] > 0
    assert "Words read by rapidocr" in page(tmp_path)


def test_missing_words_are_read_when_asked_for(evaluate: Evaluate, memes: Path, tmp_path: Path) -> None:
    assert evaluate(memes, "--ocr", "missing", "--cache", tmp_path / "cache").exit_code == 0
    (found,) = report(tmp_path)["sets"]
    assert (found["words"], found["n_with_words"], found["notes"]) == ("missing", 32, [])


def test_a_split_may_go_by_another_name(evaluate: Evaluate, memes: Path, tmp_path: Path) -> None:
    (memes / "test.jsonl").rename(memes / "dev.jsonl")
    assert evaluate(memes, "--split", "val").exit_code == 0
    assert report(tmp_path)["sets"][0]["split"] == "dev"


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (("--tasks", "offensive"), 2, "the bundle has no task 'offensive'"),
        (("--tasks", "memotion_sentiment"), 1, "no labels for memotion_sentiment"),
        (("--split", "validation"), 1, "has no split 'validation'"),
        (("--as-task", "hateful=rude"), 1, "unknown task 'rude'"),
        (("--compare", "nowhere"), 1, "no manifest.json here"),
        (("--layout", "papyrus"), 2, "papyrus"),
        (("--ocr", "always", "--engine", "none"), 1, "OCR is switched off"),
        (("--ocr", "always", "--ocr-engine", "none"), 1, "OCR is switched off"),
        (("--engine", "none", "--ocr-engine", "tesseract"), 2, "--engine none is the older way to say --ocr-engine"),
        (("--provider", "cuda"), 1, "CUDAExecutionProvider"),
        (("--engine", "cuda"), 1, "CUDAExecutionProvider"),
        (("--engine", "openvino", "--provider", "cuda"), 1, "contradict each other"),
        (("--label-map", "0", "rude=1"), 1, "label"),
    ],
)
def test_what_does_not_fit_is_one_line_and_a_status(
    evaluate: Evaluate, memes: Path, options: tuple[str, ...], status: int, message: str
) -> None:
    result = evaluate(memes, *options)
    assert (result.exit_code, "Traceback" in result.output) == (status, False)
    assert message in result.output


def test_a_set_whose_every_picture_is_broken_is_an_error(evaluate: Evaluate, memes: Path) -> None:
    for path in (memes / "img").iterdir():
        path.write_bytes(b"junk")
    result = evaluate(memes)
    assert result.exit_code == 1
    assert "no item could be scored" in result.output


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_scored(
    tiny: TinyBundle, memes: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file")
    arguments = ["evaluate", tiny.bundle.path, "--data", memes, "--out", tmp_path / "taken", "--provider", "cuda"]
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert (result.exit_code, "give a folder that can be written" in result.output) == (1, True)


def test_the_same_call_gives_the_same_numbers(evaluate: Evaluate, memes: Path, tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        assert evaluate(memes, "--resample-by", "text").exit_code == 0
        found.append(report(tmp_path)["sets"][0]["tasks"])
    assert found[0] == found[1]
