"""A bundle on the functional test: cases drawn, scored by the code that serves, and counted by function and group."""

import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from model.bundle import Bundle
from model.errors import MemeguardError
from training.evaluation.decisions import review_bounds
from training.evaluation.evaluate import bundle_ref, packages
from training.evaluation.metrics.bootstrap import wilson
from training.evaluation.options import Setup
from training.evaluation.scoring import Scored, score_bundle
from training.functions.cases import Case, make_cases, samples_of
from training.functions.drawing import draw_all
from training.functions.results import CaseResult, FunctionRow, FunctionsReport, Row
from training.functions.templates import FunctionalTest, Label

#: What the cases are labelled for.
TASK = "hateful"


class FunctionsError(MemeguardError):
    """A bundle cannot be held against the functional test; the message says why."""


@dataclass(frozen=True)
class _Pair:
    """The two cases of a pair, with their scores and whether each is on the right side of the threshold."""

    case: Case
    hateful: float
    harmless: float
    hateful_right: bool
    harmless_right: bool


def run_functional_test(bundle: Bundle, test: FunctionalTest, setup: Setup, command: str) -> FunctionsReport:
    """Score every case with the words given, and hold it to the policy's own threshold.

    Features of pictures are kept below ``setup.cache``, or nowhere. Raises ``FunctionsError`` for a bundle whose policy
    has no threshold for the task.
    """
    if TASK not in bundle.manifest.thresholds:
        raise FunctionsError(
            f"the functional test asks whether a meme is {TASK}, and the policy of {bundle.manifest.name} has no "
            f"threshold for that; its tasks are {', '.join(task.name for task in bundle.tasks)}"
        )
    cases = make_cases(test)
    scored = _scored(bundle, test, cases, setup)
    results = _results(bundle, cases, scored)
    pairs = _pairs(cases, results)
    differs = {function.name: function.pairs[0].differs_in for function in test.functions}
    return FunctionsReport(
        bundle=bundle_ref(bundle, setup.engines_for(bundle)),
        task=TASK,
        threshold=bundle.manifest.thresholds[TASK].both.review,
        n_cases=len(cases),
        n_pictures=len({case.picture for case in cases}),
        all=_row("all", "", pairs),
        functions=[
            FunctionRow(one.label, differs[one.name], _row(one.name, one.says, _of(pairs, one.name)))
            for one in test.functions
        ],
        groups=_by(pairs, lambda pair: pair.case.group),
        characteristics=_by(pairs, lambda pair: pair.case.characteristic),
        differs_in=_by(pairs, lambda pair: differs[pair.case.function]),
        picture_alone=_ceiling(cases, lambda case: case.picture),
        words_alone=_ceiling(cases, lambda case: case.text),
        cases=results,
        command=command,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        packages=packages(),
    )


def _scored(bundle: Bundle, test: FunctionalTest, cases: Sequence[Case], setup: Setup) -> Scored:
    with tempfile.TemporaryDirectory(prefix="memeguard-functions-") as folder:
        pictures = draw_all([case.picture for case in cases], test.drawings, Path(folder))
        # A few dozen drawings are in a thousand cases: each goes through the tower once.
        cached = replace(setup, cache=setup.cache or Path(folder) / "cache")
        scored = score_bundle(bundle, samples_of(cases, pictures), **cached.scoring)
    if scored.failures:
        raise FunctionsError(f"{scored.failures[0].id} could not be judged: {scored.failures[0].message}")
    return scored


def _results(bundle: Bundle, cases: Sequence[Case], scored: Scored) -> list[CaseResult]:
    bounds = review_bounds(bundle, TASK, scored.modalities)
    if bounds is None:
        raise FunctionsError(f"the policy has no threshold for {TASK}")
    return [
        CaseResult(
            case.id,
            case.function,
            case.group,
            case.label,
            case.picture,
            float(score),
            bool(score >= bound) == (case.label == "hateful"),
        )
        for case, score, bound in zip(cases, scored.probabilities[TASK], bounds, strict=True)
    ]


def _pairs(cases: Sequence[Case], results: Sequence[CaseResult]) -> list[_Pair]:
    found: dict[str, dict[Label, CaseResult]] = defaultdict(dict)
    first: dict[str, Case] = {}
    for case, result in zip(cases, results, strict=True):
        found[case.pair][case.label] = result
        first.setdefault(case.pair, case)
    return [
        _Pair(
            first[name],
            both["hateful"].score,
            both["harmless"].score,
            both["hateful"].is_right,
            both["harmless"].is_right,
        )
        for name, both in found.items()
    ]


def _of(pairs: Iterable[_Pair], function: str) -> list[_Pair]:
    return [pair for pair in pairs if pair.case.function == function]


def _by(pairs: Sequence[_Pair], key: Callable[[_Pair], str]) -> list[Row]:
    """A row for each value of ``key``, in the order of the pairs."""
    return [_row(name, "", [pair for pair in pairs if key(pair) == name]) for name in dict.fromkeys(map(key, pairs))]


def _row(name: str, says: str, pairs: Sequence[_Pair]) -> Row:
    n = len(pairs)
    return Row(
        name=name,
        says=says,
        n_pairs=n,
        hateful=wilson(sum(pair.hateful_right for pair in pairs), n),
        harmless=wilson(sum(pair.harmless_right for pair in pairs), n),
        pairs=wilson(sum(pair.hateful_right and pair.harmless_right for pair in pairs), n),
        ordered=wilson(sum(pair.hateful > pair.harmless for pair in pairs), n),
    )


def _ceiling(cases: Sequence[Case], seen: Callable[[Case], str]) -> float:
    """The share that is right of the best guess for each thing that is ``seen``."""
    by_label = Counter((seen(case), case.label) for case in cases)
    best: Counter[str] = Counter()
    for (thing, _), n in by_label.items():
        best[thing] = max(best[thing], n)
    return best.total() / len(cases)
