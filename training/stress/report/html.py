"""HTML page of a stress test, one file that needs nothing else: no script, no link, no font from anywhere.

Examples are shown on demand alone, and each is blurred until it is clicked.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from model.errors import MemeError
from model.meme import Meme
from training.evaluation.report import figures
from training.stress.rates import Row
from training.stress.report.document import StressReport, briefs, share_text
from training.stress.report.markdown import how_to_read, made_lines

_TEMPLATES = Path(__file__).with_name("templates")
_SHARED = Path(figures.__file__).with_name("templates")
_EXAMPLES_EACH = 4
_THUMBNAIL_PX = 360


@dataclass(frozen=True)
class Example:
    """A found case: what was changed, its label, the words of its post and its picture as a JPEG in base64."""

    strength: str
    hateful: bool
    text: str | None
    jpeg: str | None


def render_html(report: StressReport, examples: Mapping[str, Sequence[Example]] | None = None) -> str:
    """The page; ``examples`` are found cases by their relation, None: none is to be shown."""
    page = _environment().get_template("stress.html.j2")
    return page.render(
        report=report,
        examples=examples,
        overview=_plot((*report.rates.families, report.rates.overall), "Error finding rate by family"),
        by_relation=_plot(report.rates.relations, "Error finding rate by relation"),
        by_strength=[(family.name, _strength_plot(report, family.name)) for family in report.rates.families],
    )


def examples_of(rows: Sequence[Mapping[str, Any]], folder: Path) -> dict[str, list[Example]]:
    """A few found cases of each relation; ``rows`` are those of the table in ``folder``."""
    examples: dict[str, list[Example]] = {}
    for row in rows:
        held = examples.setdefault(row["relation"], [])
        if len(held) < _EXAMPLES_EACH:
            jpeg = _jpeg(folder / row["image"]) if "image" in row else None
            held.append(Example(row["strength"], row["label"] == 1, row.get("text"), jpeg))
    return examples


@cache
def _environment() -> Environment:
    """The templates, with what they call beside their own variables."""
    made = Environment(
        loader=FileSystemLoader([_TEMPLATES, _SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"share_text": share_text, "briefs": briefs, "how_to_read": how_to_read, "made_lines": made_lines}
    return made


def _plot(rows: Sequence[Row], title: str) -> str:
    named = [(row.name, {"misses": row.misses.share, "false alarms": row.false_alarms.share}) for row in rows]
    return figures.bar_plot(named, title, "error finding rate")


def _strength_plot(report: StressReport, family: str) -> str:
    rows = [row for row in report.rates.strengths if row.family == family]
    named = [
        (f"{row.name}, {row.strength}", {"misses": row.misses.share, "false alarms": row.false_alarms.share})
        for row in rows
    ]
    return figures.bar_plot(named, f"Error finding rate by strength: {family}", "error finding rate")


def _jpeg(path: Path) -> str | None:
    """A small JPEG of a picture's file in base64; None for one that cannot be opened."""
    try:
        picture = Meme.from_file(path).picture
    except MemeError:
        return None
    picture.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX))
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=80)
    return base64.b64encode(held.getvalue()).decode("ascii")
