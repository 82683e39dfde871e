import io

import pytest

from training.trainer.phase import EpochResult
from training.trainer.progress import PhaseProgress, format_duration

RESULT = EpochResult(1, 0.51234, {"hateful": 0.7, "offensive": 0.6})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def progressed(stream: io.StringIO | None) -> str:
    progress = PhaseProgress("toy", 4, 0, stream)
    progress.step(0.6)
    progress.step(0.5)
    progress.epoch(RESULT, "hateful", is_best=True)
    progress.step(0.4)
    progress.close()
    return stream.getvalue() if stream else ""


def test_a_log_file_gets_plain_lines_with_loss_dev_metric_and_time_left() -> None:
    (line,) = progressed(io.StringIO()).splitlines()
    assert line == "toy epoch 1: loss 0.5123, dev hateful 0.7000, offensive 0.6000 (best so far), 0 s left"


def test_a_terminal_gets_a_bar_with_loss_dev_metric_and_time_left() -> None:
    shown = progressed(Terminal())
    bars = [part for part in shown.split("\r") if "2/4 [00:00<00:00," in part]
    assert bars[-1].rstrip("]").endswith("loss 0.5123, dev hateful 0.7000")


def test_nobody_is_told_by_processes_that_do_not_write() -> None:
    assert progressed(None) == ""


def test_long_epochs_report_between_their_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.trainer.progress._LINE_EVERY_S", 0.0)
    stream = io.StringIO()
    PhaseProgress("toy", 100, 40, stream).step(0.25)
    assert stream.getvalue().startswith("toy step 41 of 100: loss 0.2500, ")
    assert stream.getvalue().endswith(" left\n")


@pytest.mark.parametrize(
    ("duration_s", "expected"), [(0.4, "0 s"), (59.4, "59 s"), (185, "3 min 05 s"), (7620, "2 h 07 min")]
)
def test_durations_are_given_in_the_units_that_matter(duration_s: float, expected: str) -> None:
    assert format_duration(duration_s) == expected
