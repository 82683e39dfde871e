"""Turns of all sides, round after round."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from benchmarks.throughput.document import BARE, KINDS, Kind, Side, SideRun, Work
from benchmarks.throughput.sides import TITLES, HttpSide, RunningSide, Starter

#: Callers for each process: enough that it never waits for one.
_CALLERS = 4
_WARM_UP_S = 0.5


@dataclass(frozen=True)
class Plan:
    """``rounds`` of ``seconds`` for each side and kind of meme, and ``starts`` of each server for its time to start."""

    names: Sequence[str]
    rounds: int
    seconds: float
    starts: int


def measure_sides(starter: Starter, plan: Plan) -> list[Side]:
    """Everything about all sides; the library has one process only, and is no server that starts."""
    sides = {name: Side(name=name, title=TITLES[name]) for name in plan.names}
    servers = [name for name in plan.names if name != BARE]
    for _ in range(plan.starts):
        for name in servers:
            with starter.start(name, 1) as side:
                sides[name].ready_s.append(round(side.ready_s, 2))
    for n_processes, names, kinds in ((1, plan.names, tuple(KINDS)), (2, servers, ("words", "ocr"))):
        for name, run in _measure(starter, plan, n_processes, names, kinds).items():
            sides[name].runs[n_processes] = run
    return list(sides.values())


def measure_repeats(starter: Starter, plan: Plan) -> tuple[list[Work], dict[str, Any]]:
    """Memes that the server with its cache has judged before; and what model it says it has."""
    with starter.cached() as side:
        side.ask_each("words")
        return [side.work("words", _CALLERS, plan.seconds)[0] for _ in range(plan.rounds)], side.model()


def _measure(
    starter: Starter, plan: Plan, n_processes: int, names: Sequence[str], kinds: Sequence[Kind]
) -> dict[str, SideRun]:
    runs = {name: SideRun(busy={kind: [] for kind in kinds}) for name in names}
    with ExitStack() as stack:
        running = {name: stack.enter_context(starter.start(name, n_processes)) for name in names}
        for side in running.values():
            for kind in kinds:
                side.work(kind, _CALLERS * n_processes, _WARM_UP_S)
        for number in range(plan.rounds):
            for kind in kinds:
                for at in range(len(names)):  # each round another one begins
                    name = names[(number + at) % len(names)]
                    _turn(running[name], runs[name], kind, n_processes, plan.seconds)
                    _say(n_processes, number, name, kind, runs[name].busy[kind][-1])
        return {
            name: run.model_copy(update={"resident_mib": round(running[name].resident_mib(), 1)})
            for name, run in runs.items()
        }


def _turn(side: RunningSide, run: SideRun, kind: Kind, n_processes: int, seconds: float) -> None:
    """With all callers, and of one process that is a server with one, who sees an idle server."""
    run.busy[kind].append(side.work(kind, _CALLERS * n_processes, seconds)[0])
    if n_processes == 1 and isinstance(side, HttpSide):
        run.alone_s.setdefault(kind, []).extend(round(took_s, 4) for took_s in side.work(kind, 1, seconds)[1])


def _say(n_processes: int, number: int, name: str, kind: Kind, work: Work) -> None:
    told = f"{n_processes} process(es), round {number + 1}: {name}, {kind}: {work.per_s:.2f} a second"
    print(f"{told}, {work.core_s * 1000:.0f} core-ms each", file=sys.stderr, flush=True)
