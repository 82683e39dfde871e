"""Whether shadows delay answers: latency of the same load with a shadow policy, with a shadow bundle, and with neither.

    python -m benchmarks.shadow --rounds 20 --seconds 10 --out docs/shadow.json

Four servers, which take turns: two without a shadow (the second tells how much of a difference is noise), one with a
shadow policy, one with a shadow bundle, the one that ships a second time. Each round sends the same memes at the same
fixed rate to each of them, with words alone and as pictures with their words. Ratios are those of pooled quantiles,
with 95% intervals over rounds drawn anew in pairs. Between turns a server finishes what its shadow still has to judge.
Last, in this process, what one decision costs that a shadow policy is told of. Give the servers cores on which nothing
else runs: on a busy machine the second server without a shadow shows how little the ratios then say.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from benchmarks.load_generator import Tally, at_moments, http_request
from benchmarks.server_process import RunningServer, end_with_servers, served, wait_until_idle
from benchmarks.serving import meme_samples, request_with_words
from benchmarks.throughput.document import this_machine
from model import Meme, load
from model.bundle import COMPACT_BUNDLE
from serving.inference.answered import Answered
from serving.inference.policy_store import PolicyStore
from serving.ledger.database import Database
from serving.observability.metrics import Metrics
from serving.requests.classify_body import ClassifyInput
from serving.settings import Settings
from serving.shadow.shadows import Shadows, opened_shadows

_POLICIES = """\
format_version: 1
default: in_force
policies:
  in_force: {version: "1", extends: bundle}
  tried: {version: "2", thresholds: {hateful: {review: 0.2, block: 0.6}}}
"""
#: By name, the settings of each server; ``off_again`` is ``off`` once more.
_SIDES = {
    "off": {},
    "off_again": {},
    "policy": {"MEMEGUARD_SHADOW_POLICY": "tried"},
    "bundle": {"MEMEGUARD_SHADOW_BUNDLE": str(COMPACT_BUNDLE)},
}
_QUANTILES = {"p50": 0.5, "p99": 0.99}
_N_DRAWS = 2000


@dataclass
class Side:
    """One server, and the milliseconds of its answers, a list a round, by kind of meme."""

    server: RunningServer
    rounds_ms: dict[str, list[NDArray[np.float64]]] = field(default_factory=dict)
    n_refused: int = 0

    def add(self, kind: str, tally: Tally) -> None:
        """Count a round."""
        self.rounds_ms.setdefault(kind, []).append(1000 * np.array(tally.seconds.get(200, [])))
        self.n_refused += sum(tally.statuses.values()) - tally.n(200) + tally.without_answer.total()

    def outcomes(self) -> dict[str, int]:
        """What became of the decisions that its shadow was to judge."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.server.port}/metrics", timeout=30) as answer:
            told = answer.read().decode()
        series = re.findall(
            r'^memeguard_shadow_decisions_total\{[^}]*outcome="(\w+)"[^}]*\} (\S+)$', told, re.MULTILINE
        )
        return {outcome: int(float(value)) for outcome, value in series}


def main() -> int:
    """Measure, print a table, and write the numbers."""
    arguments = _arguments()
    end_with_servers()
    with tempfile.TemporaryDirectory() as folder, _running(Path(folder), arguments) as sides:
        _take_turns(sides, arguments)
        found = {
            "machine": this_machine().model_dump(mode="json"),
            "rounds": arguments.rounds,
            "seconds": arguments.seconds,
            "workers": 1,
            "threads": arguments.threads,
            "kinds": {kind: _figures(kind, rate, sides) for kind, rate in _rates(arguments).items()},
            "refused": {name: side.n_refused for name, side in sides.items()},
            "policy_us": told_us(Path(folder)),
            "shadow": {name: side.outcomes() for name, side in sides.items() if side.outcomes()},
        }
    _print_table(found)
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each side and kind in each round")
    parser.add_argument("--words-per-s", type=float, default=15.0, help="memes of words alone")
    parser.add_argument("--pictures-per-s", type=float, default=1.5, help="pictures with their words")
    parser.add_argument("--threads", type=int, default=1, help="cores that one meme may use")
    parser.add_argument("--out", type=Path, help="numbers as JSON")
    return parser.parse_args()


def _rates(arguments: argparse.Namespace) -> dict[str, float]:
    return {"words": arguments.words_per_s, "pictures": arguments.pictures_per_s}


@contextmanager
def _running(folder: Path, arguments: argparse.Namespace) -> Iterator[dict[str, Side]]:
    policies = folder / "policies.yaml"
    policies.write_text(_POLICIES)
    with ExitStack() as stack:
        sides = {}
        for name, settings in _SIDES.items():
            own = folder / name
            own.mkdir()
            environment = dict(os.environ) | {"MEMEGUARD_POLICY_FILE": str(policies)} | settings
            server = stack.enter_context(served(own, arguments.threads, 1, environment=environment))
            sides[name] = Side(server)
        yield sides


def _requests() -> dict[str, list[bytes]]:
    samples = list(meme_samples())
    return {
        "words": [http_request(json.dumps({"text": words}).encode(), "application/json") for _, words in samples],
        "pictures": [request_with_words(*sample) for sample in samples],
    }


def _take_turns(sides: dict[str, Side], arguments: argparse.Namespace) -> None:
    requests = _requests()
    for side in sides.values():
        for kind, rate in _rates(arguments).items():  # not counted: engines and caches warm up
            _load(side, requests[kind], rate, min(3.0, arguments.seconds))
    names = list(sides)
    for number in range(arguments.rounds):
        for kind, rate in _rates(arguments).items():
            for at in range(len(names)):  # each round another one begins
                side = sides[names[(number + at) % len(names)]]
                side.add(kind, _load(side, requests[kind], rate, arguments.seconds))
        print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr, flush=True)


def _load(side: Side, requests: Sequence[bytes], per_s: float, seconds: float) -> Tally:
    moments = takewhile(lambda moment: moment < seconds, (n / per_s for n in count()))
    tally = asyncio.run(at_moments(side.server.port, requests, moments))
    wait_until_idle(side.server.pid)
    return tally


def told_us(folder: Path) -> dict[str, float]:
    """Microseconds, the median of many: for the event loop to tell a shadow policy, and for that to decide."""
    policies = folder / "one_process.yaml"
    policies.write_text(_POLICIES)
    url = f"sqlite:///{folder.resolve()}/one_process.db"
    given = {
        "ocr": "none",
        "ledger_url": url,
        "policy_file": policies,
        "shadow_policy": "tried",
        "shadow_queue": 10_000,
    }
    settings, scorer = Settings.model_validate(given), load(ocr="none", threads=1)
    own = PolicyStore.open(settings, scorer)
    shadows = opened_shadows(settings, scorer.bundle, own, None)
    (judgement,) = scorer.judge([scorer.read(Meme.from_text("when the tests pass at once"))])
    if isinstance(judgement, Exception):
        raise judgement
    verdict = scorer.rule(judgement, own.get(None))
    answered = Answered(verdict, judgement, ClassifyInput(None, judgement.text.content), own.get(None), None)
    # Not started, so that what is told waits: only the telling is timed.
    told = Shadows(shadows, settings, Metrics(), Database(sa.make_url(url)), lambda: True)
    return {
        "telling": _median_us(lambda: told.saw(answered)),
        "deciding": _median_us(lambda: shadows[0].judge(answered)),
    }


def _median_us(work: Callable[[], object]) -> float:
    took = []
    for _ in range(_N_DRAWS):
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    return round(1e6 * float(np.median(took)), 1)


def _figures(kind: str, rate: float, sides: dict[str, Side]) -> dict[str, Any]:
    return {
        "per_s": rate,
        "milliseconds": {
            name: {"n": sum(map(len, side.rounds_ms[kind]))}
            | {title: round(_pooled(side.rounds_ms[kind], share), 2) for title, share in _QUANTILES.items()}
            for name, side in sides.items()
        },
        "ratio_to_off": {
            name: {
                title: _ratio(side.rounds_ms[kind], sides["off"].rounds_ms[kind], share)
                for title, share in _QUANTILES.items()
            }
            for name, side in sides.items()
            if name != "off"
        },
    }


def _pooled(rounds: Sequence[NDArray[np.float64]], share: float) -> float:
    return float(np.quantile(np.concatenate(rounds), share))


def _ratio(rounds: Sequence[NDArray[np.float64]], off: Sequence[NDArray[np.float64]], share: float) -> dict[str, float]:
    """Of the pooled quantiles, with its 95% interval: rounds are drawn with replacement, the same on both sides."""
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(_N_DRAWS):
        rows = rng.integers(len(rounds), size=len(rounds))
        drawn.append(_pooled([rounds[at] for at in rows], share) / _pooled([off[at] for at in rows], share))
    low, high = np.quantile(drawn, (0.025, 0.975))
    ratio = _pooled(rounds, share) / _pooled(off, share)
    return {"ratio": round(ratio, 3), "low": round(float(low), 3), "high": round(float(high), 3)}


def _print_table(found: dict[str, Any]) -> None:
    print("| memes | a second | shadow | answers | p50 ms | p99 ms | p50 to off | p99 to off |")
    print("|---|---:|---|---:|---:|---:|---:|---:|")
    for kind, figures in found["kinds"].items():
        for name, told in figures["milliseconds"].items():
            ratios = figures["ratio_to_off"].get(name, {})
            shown = [f"{one['ratio']} ({one['low']} to {one['high']})" for one in ratios.values()] or ["1", "1"]
            row = (kind, figures["per_s"], name.replace("_", " "), told["n"], told["p50"], told["p99"], *shown)
            print(f"| {' | '.join(map(str, row))} |")
    print(f"\nnot answered with 200: {found['refused']}; judged in the shadow: {found['shadow']}")
    print(f"microseconds to tell a shadow policy of a decision, and of its own decision: {found['policy_us']}")


if __name__ == "__main__":
    sys.exit(main())
