"""Page of every command and flag, made from the commands themselves: ``python scripts/write_cli_page.py``.

Writes ``docs/cli.md``. It needs all extras, since training's commands are read too.
"""

import re
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from serving.cli import main
from serving.commands.batch import verify

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
#: A subcommand of a command that is itself no group.
_NESTED: dict[tuple[str, ...], dict[str, click.Command]] = {("memeguard", "batch"): {"verify": verify}}
_HEAD = """\
<!-- Written by `python scripts/write_cli_page.py` from the commands; change those, not this. -->

# Commands and flags

`memeguard COMMAND --help` (or `-h`) says the same. `train`, `export`, `evaluate`, `promote` and `data` need the extra
`train`; `batch`, `index` and `search` need the extra `batch`, `cluster` needs the extra `map`. A deliberate refusal is
one line on standard error and exit status 1; a command that is called wrongly ends with 2. The server's settings are in
[a list of their own](../serving/CONFIGURATION.md).
"""


def commands() -> Iterator[tuple[tuple[str, ...], click.Command, click.Context]]:
    """Every command with its full name, from the top down."""
    yield from _below(("memeguard",), main, click.Context(main, info_name="memeguard", **main.context_settings))


def _below(
    name: tuple[str, ...], command: click.Command, context: click.Context
) -> Iterator[tuple[tuple[str, ...], click.Command, click.Context]]:
    yield name, command, context
    children: dict[str, click.Command] = dict(_NESTED.get(name, {}))
    if isinstance(command, click.Group):
        found = {child: command.get_command(context, child) for child in command.list_commands(context)}
        children |= {child: known for child, known in found.items() if known is not None}
    for child, known in children.items():
        yield from _below((*name, child), known, click.Context(known, info_name=child, parent=context))


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *("\n".join(_section(*one)) for one in commands())])


def _section(name: tuple[str, ...], command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"{'#' * max(2, len(name))} {' '.join(name)}"
    yield ""
    pieces = [] if isinstance(command, click.Group) else command.collect_usage_pieces(context)
    usage = " ".join([*name, *(pieces or ["COMMAND"])])
    yield f"`{usage}`"
    yield ""
    yield _prose(command.help or "")
    yield ""
    options = [option for option in command.get_params(context) if isinstance(option, click.Option)]
    records = [record for option in options if option.name != "help" and (record := option.get_help_record(context))]
    if records:
        yield from ("| flag | meaning |", "|---|---|")
        yield from (f"| {_code(flags)} | {_prose(meaning)} |" for flags, meaning in records)
        yield ""
    if command.epilog:
        yield from _epilog(command.epilog)


def _epilog(text: str) -> Iterator[str]:
    """As prose; what click is told to leave as it is (``\\b``) stays a block."""
    if not text.startswith("\b"):
        yield from (_prose(text), "")
        return
    yield from ("```text", cleandoc(text.removeprefix("\b\n")), "```", "")


def _code(flags: str) -> str:
    return "`" + flags.replace("|", "\\|") + "`"


def _prose(text: str) -> str:
    """Help as Markdown: what looks like markup outside code is escaped, in a table a bar too."""
    pieces = re.split(r"(`[^`]*`)", cleandoc(text.replace("\f", "").replace("\b", "")))
    return "".join(piece if piece.startswith("`") else re.sub(r"([<>\[\]|*_])", r"\\\1", piece) for piece in pieces)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
