import json
import re
from pathlib import Path

import pytest
from support.speed import document

from benchmarks import fleet, scale
from benchmarks.batch import RAY_2, WORKERS_2
from benchmarks.fleet import LOADS, pace_of, simulated, table
from benchmarks.pages import section
from benchmarks.queueing import Fleet

FOUND = document()


def test_the_pace_is_of_a_busy_server_and_the_shape_of_requests_alone() -> None:
    pace = pace_of(FOUND, "ocr")
    assert pace.per_s == pytest.approx(1 / 0.3)
    assert pace.alone_s == pytest.approx([0.3, 0.6, 0.15])


def test_more_load_means_longer_waits_more_use_and_more_refusals() -> None:
    rows = list(simulated(Fleet(workers=4), pace_of(FOUND, "ocr"), 3000.0))
    assert [row.load for row in rows] == list(LOADS)
    used = [row.utilisation or 0.0 for row in rows]
    assert used == [pytest.approx(0.7, abs=0.05), pytest.approx(0.9, abs=0.05), pytest.approx(1.0, abs=0.02)]
    refused = [row.refused_share for row in rows]
    assert refused[0] == 0
    assert refused[2] == pytest.approx(1 - 1 / 1.1, abs=0.03)
    shown = table(rows).splitlines()
    assert shown[0] == "| load |  | utilisation | wait p50 / p99 | wait and work p50 / p99 | refused |"
    assert re.fullmatch(
        r"\| 70% \| simulated \| [67]\d% \| [\d.]+ / [\d.]+ s \| [\d.]+ / [\d.]+ s \| 0.0% \|", shown[2]
    )


def test_the_command_prints_the_table_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    FOUND.save(tmp_path / "speed.json")
    page = tmp_path / "page.md"
    page.write_text("<!-- fleet: by a command -->\n<!-- end of fleet -->\n", encoding="utf-8")
    asked = ["--kind", "words", "--seconds", "60", "--page", str(page)]
    fleet.main(["--speed", str(tmp_path / "speed.json"), *asked])
    told = capsys.readouterr().out
    assert told.count("| simulated |") == 3
    assert section(page, "fleet") == told.strip()


def test_the_cost_of_a_stream_is_the_mean_of_its_kinds() -> None:
    costs = scale.costs_of(FOUND)
    assert costs.mean_s(0.0, 0.0) == pytest.approx(0.3)
    assert costs.mean_s(1.0, 0.5) == pytest.approx(0.001)
    assert costs.mean_s(0.5, 0.5) == pytest.approx(0.5 * 0.001 + 0.5 * (0.5 * 0.15 + 0.5 * 0.3))
    assert scale.Stream(per_day=86_400 * 7, use=0.7).cores(0.3) == pytest.approx(3.0)


def test_the_page_is_written_from_what_was_measured(tmp_path: Path) -> None:
    FOUND.save(tmp_path / "speed.json")
    ledger = {"reused": 1000.0, "reused_bytes": 500.0, "pictures_kept_bytes": 800.0}
    (tmp_path / "ledger.json").write_text(json.dumps(ledger), encoding="utf-8")
    speed = {"speed": {"ocr": {WORKERS_2: [4.0, 4.0], RAY_2: [3.0, 3.0]}}}
    (tmp_path / "batch.json").write_text(json.dumps(speed), encoding="utf-8")
    page = tmp_path / "scale.md"
    page.write_text("<!-- scale: by a command -->\n<!-- end of scale -->\n", encoding="utf-8")
    files = [f"--{name}={tmp_path / name}.json" for name in ("speed", "ledger", "batch")]
    scale.main([*files, "--page", str(page), "--simulated", "60", "--hits", "0", "0.5", "--textless", "0"])
    written = page.read_text(encoding="utf-8")
    assert "| its words are read by OCR | 300.0 |" in written
    assert "| 0% | 83,333 core-hours, 4,960 cores |" in written
    assert "| pictures a second | 11,574 |" in written
    assert "| network: pictures of 50 kB | 4.6 Gbit/s |" in written
    assert "| ledger: such workers with a ledger each | 12 |" in written
    assert "| ledger: a day at 500 bytes a row | 0.50 TB |" in written
    assert "| Ray: two workers against two without it | 0.75 |" in written
    assert written.count("| simulated |") == 3
