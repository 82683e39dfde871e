"""The report of a functional test as Markdown and as one HTML file that needs nothing else; without words of a case."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from model.bundle import spread_text
from training.evaluation.metrics.bootstrap import Estimate
from training.evaluation.report import figures
from training.evaluation.report.markdown import markdown_table
from training.evaluation.report.wording import interval_text
from training.functions.results import FunctionRow, FunctionsReport, Row

_REPORT_TEMPLATES = Path(figures.__file__).with_name("templates")
FUNCTION_HEADS = ("function", "it is", "differs in", "pairs", "right", "twins right", "both right", "ordered")
ROW_HEADS = ("pairs", "hateful caught", "harmless left alone", "both right", "ordered")
HOW_TO_READ = (
    "right: hateful memes at or above the policy's review threshold, harmless ones below it; both right: both memes of "
    "a pair; ordered: the hateful one has the higher score, whatever the threshold (chance: .5)."
)
WHAT_INTERVALS_SAY = (
    "In brackets: 95% Wilson intervals over pairs. The pairs of a function share two templates, so its interval is "
    "about other groups and words, and not about other templates."
)


def render_markdown(report: FunctionsReport) -> str:
    """The whole report; ends with how to make it again."""
    groups = [("group", report.groups), ("attacked for", report.characteristics), ("differs in", report.differs_in)]
    parts = [
        f"# Functional test of {report.bundle.name} {report.bundle.version}\n",
        f"Bundle `{report.bundle.digest[:12]}`. {in_short(report)}\n",
        f"{HOW_TO_READ} {WHAT_INTERVALS_SAY}\n",
        "## By function\n",
        markdown_table(FUNCTION_HEADS, map(function_cells, report.functions)),
        markdown_table(["function", "what it is"], ([titled(one.row.name), one.row.says] for one in report.functions)),
        "## By group\n",
        *(row_table(head, rows) for head, rows in groups),
        f"## Made by\n\n`{report.command}`\n\n{report.created}; "
        + ", ".join(f"{name} {number}" for name, number in report.packages.items())
        + f"; engines: {report.bundle.engines}",
    ]
    return "\n".join(parts) + "\n"


def render_html(report: FunctionsReport) -> str:
    """The page."""
    return _environment().get_template("functions.html.j2").render(report=report)


def in_short(report: FunctionsReport) -> str:
    """What there is and how much of it is right."""
    return (
        f"{report.n_cases} memes in {report.all.n_pairs} pairs, on {report.n_pictures} drawings; task {report.task}, "
        f"review from {report.threshold:.3f}. Hateful memes caught {interval_text(report.all.hateful)}, harmless ones "
        f"left alone {interval_text(report.all.harmless)}, both of a pair right {interval_text(report.all.pairs)}, "
        f"ordered {interval_text(report.all.ordered)}. Who saw the pictures alone could have "
        f"{report.picture_alone:.3f} of the memes right at most, who saw the words alone {report.words_alone:.3f}."
    )


def row_table(head: str, rows: Iterable[Row]) -> str:
    """Rows as a Markdown table."""
    return markdown_table([head, *ROW_HEADS], ([titled(row.name), *row_cells(row)] for row in rows))


def function_cells(one: FunctionRow) -> list[str]:
    """A line of the table of functions."""
    shares = (one.right, one.twins_right, one.row.pairs, one.row.ordered)
    return [titled(one.row.name), one.label, one.differs_in, str(one.row.n_pairs), *map(interval_text, shares)]


def row_cells(row: Row) -> list[str]:
    """A line of the other tables, without its name."""
    return [str(row.n_pairs), *map(interval_text, _shares(row))]


def titled(name: str) -> str:
    """A name as it is read."""
    return name.replace("_", " ")


def _shares(row: Row) -> Sequence[Estimate]:
    return (row.hateful, row.harmless, row.pairs, row.ordered)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader([Path(__file__).with_name("page"), _REPORT_TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "spread_text": spread_text,
        "in_short": in_short,
        "titled": titled,
        "shares": _shares,
        "plot": _plot,
        "FUNCTION_HEADS": list(FUNCTION_HEADS),
        "ROW_HEADS": list(ROW_HEADS),
        "HOW_TO_READ": HOW_TO_READ,
        "WHAT_INTERVALS_SAY": WHAT_INTERVALS_SAY,
    }
    return made


def _plot(report: FunctionsReport) -> str:
    rows = [
        (titled(one.row.name), {"both right": one.row.pairs, "ordered": one.row.ordered}) for one in report.functions
    ]
    return figures.interval_plot(rows, "Pairs by function", "share of pairs", reference=0.5)
