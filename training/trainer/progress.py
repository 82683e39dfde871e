"""How far a phase is, for who watches: a bar with loss, dev metric and time left, or plain lines in a log file."""

import sys
import time
from typing import TextIO

from tqdm import tqdm

from training.trainer.phase import EpochResult

#: Between plain lines within an epoch.
_LINE_EVERY_S = 30.0


class PhaseProgress:
    """Progress over all steps of a phase. ``done`` steps were made before this start; ``None`` as stream: silence."""

    def __init__(self, label: str, n_steps: int, done: int = 0, stream: TextIO | None = sys.stderr) -> None:
        self._label = label
        self._n_steps = n_steps
        self._first = self._done = done
        self._stream = stream
        self._started = self._last_line = time.monotonic()
        self._dev = ""
        on_terminal = stream is not None and stream.isatty()
        self._bar = (
            tqdm(total=n_steps, initial=done, desc=label, file=stream, unit="step", dynamic_ncols=True, leave=False)
            if on_terminal
            else None
        )

    def step(self, loss: float) -> None:
        """One more optimiser step, with its loss."""
        self._done += 1
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss {loss:.4f}{self._dev}", refresh=False)
            self._bar.update()
        elif time.monotonic() - self._last_line >= _LINE_EVERY_S:
            self._line(f"step {self._done} of {self._n_steps}: loss {loss:.4f}{self._dev}, {self._time_left()}")

    def epoch(self, result: EpochResult, selected: str, *, is_best: bool) -> None:
        """The end of an epoch; the bar goes on with the dev metric of the task ``selected``."""
        self._dev = f", dev {selected} {result.dev[selected]:.4f}"
        dev = ", ".join(f"{task} {value:.4f}" for task, value in result.dev.items())
        note = " (best so far)" if is_best else ""
        self._line(f"epoch {result.epoch}: loss {result.loss:.4f}, dev {dev}{note}, {self._time_left()}")
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss {result.loss:.4f}{self._dev}")

    def say(self, text: str) -> None:
        """A line of its own."""
        self._line(text)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def _line(self, text: str) -> None:
        self._last_line = time.monotonic()
        if self._bar is not None:
            self._bar.write(f"{self._label} {text}", file=self._stream)
        elif self._stream is not None:
            self._stream.write(f"{self._label} {text}\n")
            self._stream.flush()

    def _time_left(self) -> str:
        left, made = self._n_steps - self._done, self._done - self._first
        if not left or not made:
            return "all steps done" if not left else "time left unknown"
        return f"{format_duration((time.monotonic() - self._started) / made * left)} left"


def format_duration(duration_s: float) -> str:
    """Seconds in the two units that matter: ``12 s``, ``3 min 05 s``, ``2 h 07 min``."""
    seconds = round(duration_s)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"
