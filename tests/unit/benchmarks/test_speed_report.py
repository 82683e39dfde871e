from pathlib import Path

import pytest
from support.speed import CORE_S, document

from benchmarks.throughput.document import BARE, NOVEMBER, NOW, TESSERACT, Document
from benchmarks.throughput.report import core_seconds, draw, per_core, ratio, render, targets

FOUND = document()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def row(title: str, number: int) -> list[str]:
    """The ``number``-th row of all tables that begins with ``title``."""
    return [cells(line) for line in render(FOUND).splitlines() if line.startswith(f"| {title} |")][number]


def test_a_ratio_is_of_the_rounds_and_a_machine_that_slows_in_one_changes_none() -> None:
    assert ratio(FOUND.work(NOW, "ocr"), FOUND.work(NOVEMBER, "ocr")) == pytest.approx(3.0)
    assert ratio(FOUND.work(NOW, "words"), FOUND.work(TESSERACT, "words")) == pytest.approx(6.0)
    assert per_core(FOUND.work(NOW, "ocr")) == pytest.approx(1 / CORE_S[NOW]["ocr"])
    assert core_seconds(FOUND.work(NOW, "ocr", 2)) == pytest.approx(CORE_S[NOW]["ocr"])


def test_the_table_has_rates_ratios_and_what_two_processes_do() -> None:
    assert row("Memeguard now", 0) == [
        "Memeguard now",
        "10.00",
        "2.00",
        "3.33",
        "3.00",
        "20.00 (2.00 of one)",
        "6.67 (2.00 of one)",
    ]
    assert row("Memeguard now, as a library", 0)[-2:] == ["", ""]


def test_the_table_has_waiting_memory_start_and_the_cost_of_a_million() -> None:
    shown = row("Memeguard now", 1)
    assert shown[1:5] == ["100 / 198 ms of 3", "300 / 594 ms of 3", "500 / 1000", "5.0"]
    assert shown[5:] == ["28", "83", "42"]
    assert row("Memeguard now, as a library", 1)[1:5] == ["", "", "500", ""]


def test_targets_say_whether_they_are_met() -> None:
    found = {target.what: (target.bound, round(target.value or 0, 3)) for target in targets(FOUND)}
    assert list(found.values()) == [
        (2.2, 3.0),
        (1.4, 2.0),
        (3.0, 3.0),
        (3.0, 6.0),
        (0.9, 0.833),
        (0.9, 0.95),
        (1.85, 1.8),
    ]
    met = [cells(line)[-1] for line in render(FOUND).split("| towards |")[1].splitlines()[2:] if line]
    assert met == ["yes", "yes", "yes", "yes", "no", "yes", "no"]


def test_a_side_that_was_left_out_meets_and_misses_nothing() -> None:
    found = document((NOW, BARE)).model_copy(update={"batch_per_s": {}})
    values = [target.value for target in targets(found)]
    assert values[:4] == [None] * 4
    assert values[4:] == [pytest.approx(0.833, abs=0.001), pytest.approx(0.95), None]
    assert "| not measured |  |" in render(found)
    with pytest.raises(ValueError, match="november was not measured"):
        found.work(NOVEMBER, "ocr")


def test_what_was_measured_is_read_as_it_was_saved_and_drawn(tmp_path: Path) -> None:
    FOUND.save(tmp_path / "speed.json")
    again = Document.read(tmp_path / "speed.json")
    assert again == FOUND
    draw(again, tmp_path / "speed.svg")
    drawn = (tmp_path / "speed.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<?xml")
    assert drawn.count("<!-- Memeguard now -->") == 1
    assert drawn.count("<!-- memes a second on one core -->") == 2


def test_the_page_says_that_weights_are_random_and_that_there_was_no_gpu() -> None:
    told = render(FOUND).partition("\n")[0]
    assert "its weights are random" in told
    assert "no GPU" in told
    assert "bundle compact 1.0.0 (ocr by openvino)" in told


def test_a_server_that_tells_no_engines_is_named_by_its_bundle() -> None:
    older = FOUND.model_copy(update={"now_model": {"name": "compact", "version": "0.2.1"}})
    assert "now is bundle compact 0.2.1. " in render(older)
