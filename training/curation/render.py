"""A report on the terminal, as Markdown and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict

import rich.table
from rich.console import Console
from rich.text import Text

from training.curation.report import Report
from training.curation.tables import Table, tables_of

#: Characters of a word that a table on the terminal does not break.
_MAX_WORD = 16


def to_json(report: Report) -> str:
    """Every finding with the ids that it is about."""
    return json.dumps(asdict(report), indent=1) + "\n"


def to_markdown(report: Report) -> str:
    """The tables and warnings as a file to keep beside the data."""
    title, path = _printable(report.dataset), _printable(report.path)
    lines = [f"# Data check of {title}", "", f"`{path}`, layout {report.layout}.", ""]
    for table in tables_of(report):
        lines += [f"## {table.title.capitalize()}", "", *_markdown_rows(table)]
    lines += ["## Warnings", "", *(f"- {_cell(warning)}" for warning in report.warnings or ("None.",)), ""]
    return "\n".join(lines)


def print_report(report: Report, console: Console) -> None:
    """Tables, then the warnings."""
    console.print(plain(f"{report.dataset}: {report.path}, layout {report.layout}"))
    for table in tables_of(report):
        console.print(_rich(table))
    for warning in report.warnings:
        console.print(Text("warning: ", style="yellow") + plain(warning))
    if not report.warnings:
        console.print(Text("nothing to warn of", style="green"))


def _markdown_rows(table: Table) -> Iterator[str]:
    if table.rows:
        yield "| " + " | ".join(map(_cell, table.columns)) + " |"
        yield "|" + "---|" * len(table.columns)
        yield from ("| " + " | ".join(map(_cell, row)) + " |" for row in table.rows)
        yield ""
    if table.note:
        yield from (_cell(table.note), "")


def _rich(table: Table) -> rich.table.Table | Text:
    if not table.rows:
        return plain(f"{table.title}: {table.note}")
    shown = rich.table.Table(title=table.title, title_justify="left", caption=table.note, caption_justify="left")
    for name, *cells in zip(table.columns, *table.rows, strict=True):
        # Words stay whole on a narrow terminal; only what is longer, such as a path, is folded.
        longest = max(len(word) for cell in (name, *cells) for word in _printable(cell).split() or [""])
        shown.add_column(name, overflow="fold", min_width=min(longest, _MAX_WORD))
    for row in table.rows:
        shown.add_row(*map(plain, row))
    return shown


def plain(text: str) -> Text:
    """Text as it is: no markup, and no escape sequence that a file name could send to the terminal."""
    return Text(_printable(text))


def _cell(text: str) -> str:
    return _printable(text).replace("|", "\\|")


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
