"""``memeguard stress`` behind its flags: target and seeds found, the test made or gone on with, its report."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from model.atomic import file_digest, write_atomically
from model.errors import EngineUnavailableError, MemeguardError
from model.ocr import OcrEngine, make_engine
from training.stress.found import FoundCases
from training.stress.journal import opened_journal
from training.stress.rates import rates_of
from training.stress.relations.base import Relation, Seed, relations_named
from training.stress.relations.proof import ReadingProof
from training.stress.report.document import StressReport, failures, now, packages, share_text, to_json
from training.stress.report.html import Example, examples_of, render_html
from training.stress.report.markdown import render_markdown
from training.stress.run import Plan, StressRun
from training.stress.scenes import passed_over_in_words, scenes
from training.stress.seeds import Seeds, load_seeds
from training.stress.targets.base import Target
from training.stress.targets.named import target_named

_FOUND = "found"


@dataclass(frozen=True, kw_only=True)
class StressOptions:
    """What ``memeguard stress`` was asked for; its ``--help`` says what each means."""

    target: str
    seeds: str
    layout: str | None
    relations: str
    out: Path
    scenes: Path | None
    limit: int | None
    seed: int
    max_calls: int | None
    per_second: float | None
    fail_over: float | None
    examples: bool


def run(asked: StressOptions, command: str) -> None:
    """Test the target and write the report; ``command`` stands in it."""
    relations = relations_named(asked.relations)
    given = load_seeds(asked.seeds, asked.layout)
    seeds = chosen_seeds(given, asked.limit, asked.seed)
    with closing(target_named(asked.target, asked.max_calls, asked.per_second)) as target:
        config = _config(asked, target, seeds, relations)
        with opened_journal(asked.out, config) as journal, closing(FoundCases(asked.out / _FOUND)) as found:
            passed_over: set[Path] = set()
            drawn_on = scenes(asked.scenes, _rng(asked.seed), passed_over)
            plan = Plan(seeds, relations, drawn_on, _prove(relations, target.reader), asked.seed)
            stopped = _ask(StressRun(target, plan, journal, found), plan.n_cases)
            report = StressReport(
                target=target.name,
                command=command,
                config=config,
                rates=rates_of(journal.records.values(), relations),
                sources={relation.name: relation.source for relation in relations},
                about_seeds=(*_about(given, seeds), *passed_over_in_words(passed_over)),
                n_calls=journal.n_calls,
                n_found=len(found),
                stopped=stopped,
                created=now(),
                packages=packages(),
            )
            _write(asked.out, report, examples_of(found.rows, asked.out / _FOUND) if asked.examples else None)
    _conclude(report, asked.out, asked.fail_over)


def chosen_seeds(given: Seeds, limit: int | None, number: int) -> list[Seed]:
    """At most ``limit`` seeds of either label, in an order that is left to chance: a run that stops is of both."""
    rng = _rng(number)
    held = (given if limit is None else given.limited(limit, rng)).seeds
    return [held[at] for at in rng.permutation(len(held))]


def _rng(number: int) -> np.random.Generator:
    return np.random.default_rng(number)


def _config(
    asked: StressOptions, target: Target, seeds: Sequence[Seed], relations: Sequence[Relation]
) -> dict[str, Any]:
    """What two runs must share to be one: whatever decides what is asked and how it is answered."""
    told = [(seed.id, seed.text, seed.hateful) for seed in seeds]
    return {
        "target": target.identity,
        "seeds": {"n": len(seeds), "sha256": hashlib.sha256(json.dumps(told).encode()).hexdigest()},
        "relations": sorted(relation.name for relation in relations),
        "scenes": "drawn by code" if asked.scenes is None else _folder_digest(asked.scenes),
        "seed": asked.seed,
        "memeguard": version("memeguard"),
    }


def _folder_digest(folder: Path) -> str:
    held = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        held.update(f"{path.relative_to(folder)}\0{file_digest(path)}\0".encode())
    return held.hexdigest()


def _prove(relations: Sequence[Relation], reader: OcrEngine | None) -> ReadingProof:
    """What is drawn is read; changes of words have rules."""
    if all(relation.family == "words" for relation in relations):
        return ReadingProof(None)
    engine = reader or make_engine("rapidocr")
    if reason := engine.unavailable_reason():
        raise EngineUnavailableError(f"OCR proves that changed memes can be read, and it is not there: {reason}")
    return ReadingProof(engine)


def _ask(test: StressRun, n_cases: int) -> str | None:
    """Run it under a bar that is drawn on a terminal alone."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        cases = bar.add_task("asking", total=n_cases)
        try:
            return test.run(lambda n: bar.advance(cases, n))
        except KeyboardInterrupt:
            return "it was interrupted; the same command goes on"


def _about(given: Seeds, seeds: Sequence[Seed]) -> tuple[str, ...]:
    n_hateful = sum(seed.hateful for seed in seeds)
    licence = () if given.licence is None else (f"Seeds of {given.licence}.",)
    left_out = (f"Seeds left out: {', '.join(given.left_out)}.",) if given.left_out else ()
    return (f"{n_hateful} hateful and {len(seeds) - n_hateful} harmless seeds.", *licence, *left_out)


def _write(folder: Path, report: StressReport, examples: Mapping[str, Sequence[Example]] | None) -> None:
    forms = {"json": to_json(report), "md": render_markdown(report), "html": render_html(report, examples)}
    for suffix, content in forms.items():
        write_atomically(folder / f"report.{suffix}", content.encode())


def _conclude(report: StressReport, folder: Path, fail_over: float | None) -> None:
    """Print what was found; raises ``MemeguardError`` for a run that is not whole, or that found too much."""
    console = Console()
    console.print(_table(report))
    console.print(f"Report: {folder / 'report.html'}", markup=False, soft_wrap=True)
    if report.n_found:
        console.print(f"Found cases, to train on: {folder / _FOUND}", markup=False, soft_wrap=True)
    if report.stopped is not None:
        raise MemeguardError(f"the test is not whole: {report.stopped}")
    if report.rates.overall.misses.judged + report.rates.overall.false_alarms.judged == 0:
        raise MemeguardError("nothing was judged: no seed is judged rightly in plain form, or no relation applies")
    if fail_over is not None and (over := failures(report.rates, fail_over)):
        raise MemeguardError(f"over --fail-over {fail_over:g}: {'; '.join(over)}")


def _table(report: StressReport) -> Table:
    table = Table("", "misses", "false alarms", title=f"Error finding rates of {report.target}", title_justify="left")
    rates = report.rates
    for row in (*rates.plain, *rates.families, rates.overall):
        table.add_row(row.name, share_text(row.misses), share_text(row.false_alarms))
    return table
