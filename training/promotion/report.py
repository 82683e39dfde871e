"""A verdict as Markdown and on the terminal, from the same rows."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from training.promotion.decide import Verdict
from training.promotion.results import Comparison, Contender, Line
from training.promotion.rules import Finding

_HEAD = ("set", "task", "metric", "items", "champion", "challenger", "difference (95% interval)", "p")
_GROUP_HEAD = (
    "set",
    "task",
    "group",
    "rate",
    "items",
    "champion",
    "challenger",
    "difference (95% interval)",
    "p, Holm",
)
#: Group lines on the terminal; all of them are in the report.
_SHOWN_GROUPS = 8
Row = tuple[str, ...]


def render_markdown(verdict: Verdict) -> str:
    """The whole report; it holds no words of any meme."""
    found = verdict.comparison
    names = [f"{one.name} {one.version}" for one in (found.challenger, found.champion)]
    parts = [
        f"# {' against '.join(names)}\n",
        f"**{headline(verdict)}**\n",
        _findings("Refused by", verdict.refused),
        _findings("Overridden", verdict.overridden),
        f"Reason given: {verdict.reason}\n" if verdict.reason else "",
        _markdown_table(("", "champion", "challenger"), _identity(found)),
        "\nThe difference is challenger minus champion on the same items, with a 95% interval and p value of a paired "
        "bootstrap.\n",
        _markdown_table(_HEAD, [_row(line) for line in found.lines]),
        "\n## Groups\n\nRates of decisions at 0.5. p is McNemar's exact one, corrected after Holm over all rows.\n",
        _markdown_table(_GROUP_HEAD, [_group_row(line) for line in found.groups])
        if found.groups
        else "No group has enough items.\n",
        "\n## Notes\n\n" + "\n".join(f"- {note}" for note in found.notes) + "\n" if found.notes else "",
        "\n## Limits\n\n" + ", ".join(f"{name} {value}" for name, value in verdict.limits.model_dump().items()) + "\n",
    ]
    return "\n".join(part for part in parts if part)


def print_verdict(verdict: Verdict, console: Console) -> None:
    """The headline tables on the terminal."""
    found = verdict.comparison
    console.print(_rich_table("the two bundles", ("", "champion", "challenger"), _identity(found)))
    if found.lines:
        console.print(_rich_table("on the same memes", _HEAD, [_row(line) for line in found.lines]))
    worst = sorted(found.groups, key=lambda line: -line.difference)[:_SHOWN_GROUPS]
    if worst:
        title = f"groups that lose most ({len(worst)} of {len(found.groups)} rows)"
        console.print(_rich_table(title, _GROUP_HEAD, [_group_row(line) for line in worst]))
    for note in found.notes:
        console.print(f"Note: {note}", markup=False, highlight=False)
    for name, findings in (("Refused by", verdict.refused), ("Overridden", verdict.overridden)):
        for finding in findings:
            console.print(f"{name} {finding.rule}: {finding.message}", markup=False, highlight=False)
    console.print(headline(verdict), style="green" if verdict.passes else "red", markup=False, highlight=False)


def headline(verdict: Verdict) -> str:
    """The verdict in a sentence."""
    name = f"{verdict.comparison.challenger.name} {verdict.comparison.challenger.version}"
    if not verdict.passes:
        return f"{name} is refused."
    return f"{name} passes" + (", with rules overridden." if verdict.overridden else ".")


def _identity(found: Comparison) -> list[Row]:
    both = found.champion, found.challenger
    rows: list[Row] = [
        ("bundle", *(f"{one.name} {one.version}" for one in both)),
        ("given as", *(one.given for one in both)),
        ("digest", *(one.digest[:12] for one in both)),
        ("size", *(_size(one) for one in both)),
    ]
    if found.speed is not None:
        speed = found.speed
        ratio = f"{speed.ratio:.2f}x, {speed.low:.2f} to {speed.high:.2f} over {speed.n_rounds} rounds"
        rows.append(("ms a meme", f"{speed.champion_ms:.1f}", f"{speed.challenger_ms:.1f} ({ratio})"))
    return rows


def _size(one: Contender) -> str:
    return f"{one.size_bytes / 1e6:.1f} MB"


def _row(line: Line) -> Row:
    return (line.data, line.task, _title(line), str(line.n), *_numbers(line))


def _group_row(line: Line) -> Row:
    return (line.data, line.task, line.group, line.title, str(line.n), *_numbers(line))


def _title(line: Line) -> str:
    return line.title if line.higher_is_better else f"{line.title} (low is good)"


def _numbers(line: Line) -> Row:
    interval = f"{line.difference:+.3f} ({line.low:+.3f} to {line.high:+.3f})"
    return f"{line.champion:.3f}", f"{line.challenger:.3f}", interval, f"{line.p_value:.3f}"


def _findings(title: str, findings: Sequence[Finding]) -> str:
    return "".join(f"- {title} `{finding.rule}`: {finding.message}\n" for finding in findings)


def _markdown_table(head: Row, rows: Sequence[Row]) -> str:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]]) + "\n"


def _rich_table(title: str, head: Row, rows: Sequence[Row]) -> Table:
    table = Table(*head, title=title)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
