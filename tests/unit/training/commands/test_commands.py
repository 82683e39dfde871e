"""What the commands of training say when the disk, or an option, stands in their way: one line, and no traceback."""

import resource
from io import StringIO
from pathlib import Path

import pytest
import torch
import yaml
from click.testing import CliRunner
from rich.console import Console
from support.runs import config_document

from model.errors import MemeguardError
from serving.cli import main
from training.commands.options import disk_errors
from training.errors import RunError
from training.promotion.decide import PromotionVerdict
from training.promotion.report import print_verdict
from training.promotion.results import Comparison, Contender
from training.promotion.rules import Limits
from training.run.export import export_run
from training.run.folder import RunFolder
from training.trainer.checkpoint import CheckpointFile


def test_a_full_disk_is_one_line_that_says_so() -> None:
    full = r"^No space left on device; make room, and run the same command again$"
    with pytest.raises(MemeguardError, match=full), disk_errors(), Path("/dev/full").open("w") as file:
        file.write("words")


def test_a_run_folder_that_is_a_file_is_one_line_that_names_it(tmp_path: Path) -> None:
    config, out = tmp_path / "tiny.yaml", tmp_path / "out"
    config.write_text(yaml.safe_dump(config_document({"kind": "open_clip", "name": "ViT-B-32"})), encoding="utf-8")
    out.write_text("not a folder")
    answer = CliRunner().invoke(main, ["train", "--config", str(config), "--out", str(out)])
    assert answer.exit_code == 1
    assert answer.output == (
        f"Error: {out}: File exists; name a place that can be read and written, and run the same command again\n"
    )


def test_a_checkpoint_that_the_disk_has_no_room_for_leaves_the_one_before(tmp_path: Path) -> None:
    checkpoint = CheckpointFile(tmp_path, "train")
    checkpoint.write({"weights": torch.zeros(3)})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(MemeguardError, match=r"^File too large; make room"), disk_errors():
            checkpoint.write({"weights": torch.zeros(30_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["train.pt"]
    kept = checkpoint.read()
    assert kept is not None
    assert kept["weights"].tolist() == [0, 0, 0]


def test_an_error_that_is_not_the_disks_is_left_as_it_is() -> None:
    with pytest.raises(ConnectionResetError), disk_errors():
        raise ConnectionResetError(104, "Connection reset by peer")


def test_a_version_that_is_none_is_refused_before_the_run_is_opened(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"version '1\.x': write three numbers, as in 0\.2\.0"):
        export_run(RunFolder(tmp_path), tmp_path / "bundle", tmp_path, print, version="1.x")


def test_a_narrow_terminal_shows_what_is_compared_and_the_whole_of_a_long_path() -> None:
    path = "/somewhere/" + "very/" * 12 + "deep/bundle"
    first, second = (Contender(path, name, "0.1.0", "0" * 64, 1) for name in ("compact", "mine"))
    shown = StringIO()
    print_verdict(PromotionVerdict(Comparison(first, second), Limits(), [], []), Console(file=shown, width=80))
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.getvalue().splitlines() if "│" in line]
    assert [row[0] for row in cells if row[0]] == ["bundle", "given as", "digest", "size", "engines"]
    assert "".join(row[1] for row in cells if "/" in row[1]) == path
