"""Summary, tables and drawing of ``benchmarks.explanations``, from what was measured on each meme."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.explanation_causes import Causes
from benchmarks.explanation_methods import (
    FROM_FEATURES,
    LEFT_OUT,
    LIME,
    LIME_SUPER_PIXELS,
    RANDOM,
    ROLLOUT,
    SHAPLEY,
    Curve,
)
from benchmarks.explanation_subjects import (
    CALLS,
    LIME_REGION_CALLS,
    NOISES,
    PAIR_CALLS,
    SHAPLEY_REGION_CALLS,
    Measured,
)
from training.evaluation.metrics.bootstrap import Estimate, resamples
from training.evaluation.report.markdown import markdown_table
from training.evaluation.report.wording import interval_text

#: The method that the others are held against.
DEFAULT = LEFT_OUT
#: The methods that explanations use.
_USED = {"words": {DEFAULT: "used", SHAPLEY: "used by `full`"}, "regions": {DEFAULT: "used"}}
#: What each asks of the network.
_COSTS = {
    "words": {
        LEFT_OUT: "a run of the head a word",
        SHAPLEY: f"{CALLS} runs",
        LIME: f"{CALLS} runs",
        ROLLOUT: "a run",
    },
    "regions": {
        LEFT_OUT: "17 pictures encoded",
        SHAPLEY: f"{SHAPLEY_REGION_CALLS}",
        LIME: f"{LIME_REGION_CALLS}",
        FROM_FEATURES: "1, and 16 runs of the head",
        LIME_SUPER_PIXELS: f"{LIME_REGION_CALLS}",
        ROLLOUT: "1, and a run of the head",
    },
}
_N_RESAMPLES = 2000
_SHARES = np.linspace(0, 1, 11)


@dataclass(frozen=True)
class Faithfulness:
    """One method on one kind of players: mean curves at tenths of the players hidden, and the area between them.

    ``over_random`` and ``over_default`` are paired differences of that area; ``gaps`` is it by set.
    """

    deletion: list[float]
    insertion: list[float]
    gap: Estimate
    over_random: Estimate
    over_default: Estimate
    gaps: dict[str, Estimate]


@dataclass(frozen=True)
class Summary:
    """All that is told. ``noise`` is by kind, method and noise; ``seconds`` are means of CPU time."""

    split: str
    n_memes: dict[str, int]
    n_thorough: int
    faithfulness: dict[str, dict[str, Faithfulness]]
    region_ranks: dict[str, Estimate]
    seconds: dict[str, float]
    cost_ratio: float
    noise: dict[str, Estimate]
    pairs: dict[str, Estimate]
    causes: Causes | None = field(default=None)


def mean_with_interval(values: Iterable[float | None], seed: int = 0) -> Estimate:
    """Of the values that there are, with a bootstrap interval over memes."""
    known = np.array([value for value in values if value is not None], dtype=np.float64)
    if not len(known):
        return Estimate(None, reason="not measured")
    if len(known) < 2:
        return Estimate(float(known.mean()), reason="one meme")
    draws = np.concatenate([counts @ known / len(known) for counts in resamples(len(known), _N_RESAMPLES, seed)])
    low, high = np.percentile(draws, [2.5, 97.5])
    return Estimate(float(known.mean()), float(low), float(high))


def summary(split: str, found: Sequence[Measured], causes: Causes | None = None) -> Summary:
    """Of at least one meme."""
    names = dict.fromkeys(one.set_name for one in found)
    thorough = [one for one in found if one.noise]
    return Summary(
        split=split,
        n_memes={name: sum(one.set_name == name for one in found) for name in names},
        n_thorough=len(thorough),
        faithfulness={
            "words": _faithfulness(found, lambda one: one.words),
            "regions": _faithfulness(found, lambda one: one.regions),
        },
        region_ranks=_means([one.region_ranks for one in found]),
        seconds={name: float(np.mean([one.seconds[name] for one in found])) for name in found[0].seconds},
        cost_ratio=float(
            np.median([one.seconds[f"regions, {LEFT_OUT}"] / one.seconds[f"regions, {FROM_FEATURES}"] for one in found])
        ),
        noise=_means([one.noise for one in thorough]),
        pairs=_means([one.pairs for one in thorough]),
        causes=causes,
    )


def _means(of_memes: Sequence[Mapping[str, float | None]]) -> dict[str, Estimate]:
    names = dict.fromkeys(name for one in of_memes for name in one)
    return {name: mean_with_interval(one.get(name) for one in of_memes) for name in names}


def _faithfulness(
    found: Sequence[Measured], curves_of: Callable[[Measured], dict[str, Curve]]
) -> dict[str, Faithfulness]:
    curves = [curves_of(one) for one in found]
    sets = [one.set_name for one in found]

    def over(name: str, other: str) -> Estimate:
        return mean_with_interval(one[name].gap - one[other].gap for one in curves)

    return {
        name: Faithfulness(
            deletion=_mean_curve([(one[name].hidden, one[name].deletion) for one in curves]),
            insertion=_mean_curve([(one[name].hidden, one[name].insertion) for one in curves]),
            gap=mean_with_interval(one[name].gap for one in curves),
            over_random=over(name, RANDOM),
            over_default=over(name, DEFAULT),
            gaps={
                set_name: mean_with_interval(
                    one[name].gap for one, its_set in zip(curves, sets, strict=True) if its_set == set_name
                )
                for set_name in dict.fromkeys(sets)
            },
        )
        for name in curves[0]
    }


def _mean_curve(of_memes: Sequence[tuple[list[float], list[float]]]) -> list[float]:
    curves = [np.interp(_SHARES, hidden, scores) for hidden, scores in of_memes]
    return [float(score) for score in np.mean(curves, axis=0)]


def render(found: Summary) -> str:
    """All of it as Markdown."""
    return "\n".join(
        [
            _about(found),
            *(_faithfulness_table(found, kind) for kind in found.faithfulness),
            _regions_line(found),
            *_noise_table(found),
            *_pairs_line(found),
            *_causes_table(found),
        ]
    )


def _about(found: Summary) -> str:
    memes = " and ".join(f"{n} memes of {name}" for name, n in found.n_memes.items())
    return (
        f"Measured on {memes} ({found.split} split) that score high. The gap is the area between "
        "the insertion and the deletion curve, in units of the score: 0 is no better than chance, more is truer of the "
        "network. Words are left out of the text; regions are covered in the pixels and the picture is encoded anew, "
        "whatever the effects were computed from. In brackets: 95% bootstrap intervals over memes.\n"
    )


def _faithfulness_table(found: Summary, kind: str) -> str:
    sets = list(found.n_memes)
    heads = (kind, "gap", *(f"gap, {name}" for name in sets), "above random", f"above {DEFAULT}", "asks for")
    rows = []
    for name, one in found.faithfulness[kind].items():
        used = _USED[kind].get(name)
        cells = [f"**{name}** ({used})" if used else name, interval_text(one.gap)]
        cells += [interval_text(one.gaps[set_name]) for set_name in sets]
        cells += ["" if name == RANDOM else interval_text(one.over_random)]
        cells += ["" if name == DEFAULT else interval_text(one.over_default), _COSTS[kind].get(name, "")]
        rows.append(cells)
    return markdown_table(heads, rows)


def _regions_line(found: Summary) -> str:
    ranks = ", ".join(f"{name} {interval_text(one)}" for name, one in found.region_ranks.items())
    return (
        f"Rank correlation with the effects of regions left out of the pixels: {ranks}. They take "
        f"{found.seconds[f'regions, {LEFT_OUT}']:.1f} s of CPU time, leaving tokens out of the features that are there "
        f"{found.seconds[f'regions, {FROM_FEATURES}']:.2f} s: {found.cost_ratio:.0f} times as long (median of the "
        "memes' ratios).\n"
    )


def _noise_table(found: Summary) -> Iterator[str]:
    if found.noise:
        heads = (f"rank correlation under noise ({found.n_thorough} memes)", *NOISES)
        names = dict.fromkeys(name.rpartition(", ")[0] for name in found.noise)
        rows = [[name, *(interval_text(found.noise[f"{name}, {noise}"]) for noise in NOISES)] for name in names]
        yield markdown_table(heads, rows)


def _pairs_line(found: Summary) -> Iterator[str]:
    if found.pairs:
        told = {name: interval_text(one) for name, one in found.pairs.items()}
        yield (
            f"Interactions of 4 words with 4 regions, from {PAIR_CALLS} calls against all 256 coalitions "
            f"({found.n_thorough} memes): rank correlation {told['rank correlation']}; largest error of a meme's "
            f"16 pairs {told['largest error']}, where the largest interaction is {told['largest interaction']}. "
            f"Share of pairs that act only together: {told['only together']}.\n"
        )


def _causes_table(found: Summary) -> Iterator[str]:
    if found.causes is not None:
        causes = found.causes
        heads = (f"HateCheck: the group's name or slur ({causes.n} sentences)", "first", "among the first three")
        yield markdown_table(
            heads,
            [[name, f"{share:.2f}", f"{causes.among_three[name]:.2f}"] for name, share in causes.first.items()],
        )


def draw(found: Summary, path: Path) -> None:
    """Mean curves of every method, as SVG: words beside regions."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (kind, methods) in zip(panels, found.faithfulness.items(), strict=True):
        for index, (name, one) in enumerate(methods.items()):
            colour = f"C{index}" if name != RANDOM else "0.5"
            axes.plot(_SHARES, one.deletion, color=colour, label=name)
            axes.plot(_SHARES, one.insertion, color=colour, linestyle="--")
        axes.set(title=f"{kind}: deletion (line), insertion (dashes)", xlabel="share hidden")
        axes.legend(fontsize=8)
    panels[0].set_ylabel("mean score")
    figure.savefig(path, metadata={"Date": None})
