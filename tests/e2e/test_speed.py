"""The benchmark of speed, a little of it: real servers, real requests, a network of one layer in torch."""

import json
from pathlib import Path

import pytest
from support import ROOT

from benchmarks import fleet, speed
from benchmarks.pages import section
from benchmarks.throughput.document import BARE, KINDS, NOVEMBER, NOW, TESSERACT, Document

pytestmark = pytest.mark.slow


def test_a_small_run_measures_every_side_and_writes_table_and_drawing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A checkout of the older commit may lack its history, so this one stands in for it."""
    out, plot, page = (tmp_path / f"speed.{suffix}" for suffix in ("json", "svg", "md"))
    page.write_text("<!-- speed: by a command -->\n<!-- end of speed -->\n", encoding="utf-8")
    sides = [TESSERACT, NOVEMBER, NOW, BARE]
    written = ["--out", str(out), "--plot", str(plot), "--page", str(page)]
    speed.main(["--smoke", "--batch-items", "0", "--november", str(ROOT), "--sides", *sides, *written])
    found = Document.read(out)
    assert [side.name for side in found.sides] == sides
    for side in found.sides:
        run = side.runs[1]
        assert set(run.busy) == set(KINDS)
        assert all(work.n > 0 and work.cpu_s > 0 for works in run.busy.values() for work in works)
        assert 50 < run.resident_mib < 20_000
    servers = [side for side in found.sides if side.name != BARE]
    assert all(set(side.runs[1].alone_s) == set(KINDS) and side.ready_s[0] > 0.5 for side in servers)
    assert all(set(side.runs[2].busy) == {"words", "ocr"} for side in servers)
    assert found.work(NOW, "words")[0].core_s < found.work(NOW, "ocr")[0].core_s
    assert found.repeats[0].core_s < found.work(NOW, "words")[0].core_s
    told = capsys.readouterr().out.strip()
    assert section(page, "speed") == f"{told}\n\n![Memes a second on one core, by side](speed.svg)"
    assert plot.read_text(encoding="utf-8").startswith("<?xml")
    speed.main(["--from", str(out)])
    assert capsys.readouterr().out.strip() == told
    assert found.now_model["name"] == "compact"
    assert json.loads(out.read_text(encoding="utf-8"))["machine"]["commit"]


def test_a_real_server_and_a_simulated_one_get_the_same_arrivals(capsys: pytest.CaptureFixture[str]) -> None:
    fleet.main(["--beside-server", "--kind", "words", "--seconds", "4", "--pace-seconds", "2", "--max-pending", "8"])
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in capsys.readouterr().out.splitlines()[2:]]
    shown = [row for row in rows if len(row) == 6]
    assert [row[:2] for row in shown] == [
        [load, side] for load in ("70%", "90%", "110%") for side in ("measured", "simulated")
    ]
    assert all(row[4] != "nan / nan s" for row in shown)


def test_a_folder_without_the_older_commit_is_told_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "no repository"))
    with pytest.raises(SystemExit, match="--november"):
        speed.main(["--smoke"])
