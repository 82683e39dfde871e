"""Markdown of a stress test: tables by family, relation and strength, and how it was made. No words of a meme."""

from collections.abc import Iterable, Sequence

from training.stress.rates import Row
from training.stress.report.document import StressReport, briefs, share_text

_HEADS = ("misses", "false alarms", "not judged", "not made")


def render_markdown(report: StressReport, *, strengths: bool = True) -> str:
    """The report; without ``strengths`` only what is over all strengths of a relation."""
    rates = report.rates
    parts = [
        f"# Stress test of {report.target}",
        *stopped_line(report),
        "\n".join(f"- {line}" for line in briefs(rates)),
        how_to_read(),
        "## The seeds themselves",
        "What is judged wrongly in plain form counts here and nowhere else: it is no seed of a rate below.",
        _table(("seeds", *_HEADS), [(row.name, *_cells(row)) for row in rates.plain]),
        "## By family",
        _table(("family", *_HEADS), [(row.name, *_cells(row)) for row in (*rates.families, rates.overall)]),
        "## By relation",
        _table(("relation", "family", *_HEADS), [(row.name, row.family, *_cells(row)) for row in rates.relations]),
    ]
    if strengths:
        rows = [(row.name, str(row.strength), *_cells(row)) for row in rates.strengths]
        parts += ["## By strength", _table(("relation", "strength", *_HEADS), rows)]
    if rates.problems:
        problems = [(problem, str(n)) for problem, n in rates.problems.items()]
        parts += ["## Not judged", _table(("why", "items"), problems)]
    return "\n\n".join([*parts, *_made(report)]) + "\n"


def how_to_read() -> str:
    """What the numbers are, in one paragraph."""
    return (
        "An error finding rate is the share of changed memes that are judged wrongly, of seeds that are judged rightly "
        "in plain form. A miss is a hateful one that goes through, a false alarm a harmless one that is flagged. In "
        "brackets: 95% intervals (Wilson; where a seed counts several times, for the number of independent items that "
        "its variants are worth). Not judged: the target gave no answer. Not made: the relation does not apply to the "
        "seed, or nothing proves that its meaning was kept."
    )


def stopped_line(report: StressReport) -> list[str]:
    """That the run is not whole, where it is not."""
    return [] if report.stopped is None else [f"**Not whole.** {report.stopped}."]


def made_lines(report: StressReport) -> list[str]:
    """How it was made, a fact a line."""
    versions = ", ".join(f"{name} {number}" for name, number in report.packages.items())
    return [
        f"{report.created}; {report.n_calls} calls to the target; {report.n_found} found cases; {versions}.",
        *report.about_seeds,
    ]


def _made(report: StressReport) -> list[str]:
    return ["## How this was made", f"```text\n{report.command}\n```", *made_lines(report)]


def _cells(row: Row) -> tuple[str, str, str, str]:
    not_judged = row.misses.not_judged + row.false_alarms.not_judged
    not_made = row.misses.not_made + row.false_alarms.not_made
    return share_text(row.misses), share_text(row.false_alarms), str(not_judged), str(not_made)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
