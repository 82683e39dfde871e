"""A verdict as Markdown and on the terminal, from the same rows."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from training.promotion.decide import PromotionVerdict
from training.promotion.results import AlarmLine, Comparison, Contender, Line, p_text
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
_ALARM_HEAD = (
    "set",
    "task",
    "group",
    "harmless items",
    "champion",
    "challenger",
    "difference (95% interval)",
    "p",
)
_SHORT_HEAD = ("metric", "champion", "challenger", "difference (95%)", "p")
#: Group lines on the terminal; all of them are in the report.
_SHOWN_GROUPS = 8
Row = tuple[str, ...]


def render_markdown(verdict: PromotionVerdict) -> str:
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
        "\n## False alarms by group\n\nHarmless items that each bundle's own policy sends to review or blocks. "
        "p is McNemar's exact one.\n",
        _markdown_table(_ALARM_HEAD, [_alarm_row(one) for one in found.alarms])
        if found.alarms
        else "No set names a group, in a task that both policies act on.\n",
        f"\n## On live traffic\n\n{found.shadow.in_words()}\n" if found.shadow else "",
        "\n## Notes\n\n" + "\n".join(f"- {note}" for note in found.notes) + "\n" if found.notes else "",
        "\n## Limits\n\n" + ", ".join(f"{name} {value}" for name, value in verdict.limits.model_dump().items()) + "\n",
    ]
    return "\n".join(part for part in parts if part)


def print_verdict(verdict: PromotionVerdict, console: Console) -> None:
    """The headline tables on the terminal, narrow enough for 80 columns."""
    found = verdict.comparison
    console.print(_identity_table(found))
    for data, task in dict.fromkeys((line.data, line.task) for line in found.lines):
        lines = [line for line in found.lines if (line.data, line.task) == (data, task)]
        title = f"{data}: {task} ({lines[0].n} items)"
        console.print(_rich_table(title, _SHORT_HEAD, [(_title(line), *_numbers(line)) for line in lines]))
    losing = sorted((line for line in found.groups if line.difference > 0), key=lambda line: -line.difference)
    if losing:
        title = f"groups that lose ({len(losing)} of {len(found.groups)} rates; p after Holm)"
        rows = [(_group_title(line), *_numbers(line)) for line in losing[:_SHOWN_GROUPS]]
        console.print(_rich_table(title, ("group", *_SHORT_HEAD[1:]), rows))
    elif found.groups:
        console.print(f"No group loses: {len(found.groups)} rates compared.", highlight=False)
    _print_alarms(verdict, console)
    if found.shadow is not None:
        console.print(f"Shadow: {found.shadow.in_words()}", markup=False, highlight=False)
    for note in found.notes:
        console.print(f"Note: {note}", markup=False, highlight=False)
    for name, findings in (("Refused by", verdict.refused), ("Overridden", verdict.overridden)):
        for finding in findings:
            console.print(f"{name} {finding.rule}: {finding.message}", markup=False, highlight=False)
    console.print(headline(verdict), style="green" if verdict.passes else "red", markup=False, highlight=False)


def _print_alarms(verdict: PromotionVerdict, console: Console) -> None:
    """The groups that were judged and lose most; nothing where none was."""
    enough = [one for one in verdict.comparison.alarms if one.n >= verdict.limits.min_group_items]
    judged = [one.line for one in enough if one.line is not None and not one.is_reference]
    if not judged:
        return
    judged.sort(key=lambda line: -line.difference)
    title = f"false alarms on harmless mentions of a group, each at its own thresholds ({len(judged)} groups judged)"
    rows = [(f"{line.data}, {line.group}: {line.n} items", *_numbers(line)) for line in judged[:_SHOWN_GROUPS]]
    console.print(_rich_table(title, ("group", *_SHORT_HEAD[1:]), rows))


def headline(verdict: PromotionVerdict) -> str:
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
        ("engines", *(str(one.engines) for one in both)),
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


def _alarm_row(one: AlarmLine) -> Row:
    numbers = ("", "", "", "") if one.line is None else _numbers(one.line)
    return (one.data, one.task, one.group, str(one.n), *numbers)


def _title(line: Line) -> str:
    return line.title if line.higher_is_better else f"{line.title} (low is good)"


def _group_title(line: Line) -> str:
    return f"{line.data}, {line.task}, {line.group}: {line.title}, {line.n} items"


def _numbers(line: Line) -> Row:
    interval = f"{line.difference:+.3f} ({line.low:+.3f} to {line.high:+.3f})"
    return f"{line.champion:.3f}", f"{line.challenger:.3f}", interval, p_text(line.p_value)


def _findings(title: str, findings: Sequence[Finding]) -> str:
    return "".join(f"- {title} `{finding.rule}`: {finding.message}\n" for finding in findings)


def _markdown_table(head: Row, rows: Sequence[Row]) -> str:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]]) + "\n"


def _rich_table(title: str, head: Row, rows: Sequence[Row]) -> Table:
    """Numbers stay whole on a narrow terminal; the names wrap."""
    return _filled(Table(head[0], *(Column(name, no_wrap=True) for name in head[1:]), title=title), rows)


def _identity_table(found: Comparison) -> Table:
    """Of a long path every part is shown, and what it is the path of."""
    columns = (Column(name, overflow="fold") for name in ("champion", "challenger"))
    return _filled(Table(Column("", no_wrap=True), *columns, title="the two bundles"), _identity(found))


def _filled(table: Table, rows: Sequence[Row]) -> Table:
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
