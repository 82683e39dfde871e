"""Command ``memeguard``: which subcommands there are, and where each one lives.

A subcommand's module is imported when it is asked for, so that ``--help`` answers at once, and so that a command of
another room (training) can be listed without the packages that it needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

#: One of these is missing by our own mistake.
_OURS = {"model", "serving", "training"}


@dataclass(frozen=True)
class Subcommand:
    """A command named ``name`` in ``module``, with its line in the list of commands and the extra that it needs."""

    module: str
    name: str
    summary: str
    extra: str | None = None


SUBCOMMANDS: dict[str, Subcommand] = {
    "score": Subcommand("serving.commands.score", "score", "Judge picture files."),
    "explain": Subcommand("serving.commands.explain", "explain", "Tell why a picture got its scores, as a page."),
    "batch": Subcommand("serving.commands.batch", "batch", "Judge a file or folder of memes, one row each.", "batch"),
    "index": Subcommand("serving.commands.index", "index", "Make an index of memes to search and map.", "batch"),
    "search": Subcommand(
        "serving.commands.search", "search", "Search an index by picture, words or likeness.", "batch"
    ),
    "cluster": Subcommand("serving.commands.cluster", "cluster", "Draw a map of an index, with its clusters.", "map"),
    "inspect": Subcommand("serving.commands.inspect", "inspect", "Check a bundle and show what it is worth."),
    "serve": Subcommand("serving.commands.serve", "serve", "Serve over HTTP."),
    "policy": Subcommand("serving.commands.policy", "policy", "Check a policy file, or try it on past scores."),
    "keys": Subcommand("serving.commands.keys", "keys", "Make, list and revoke API keys."),
    "memory": Subcommand("serving.commands.memory", "memory", "Remember labelled memes, which vote at once."),
    "ledger": Subcommand("serving.commands.ledger", "ledger", "Look after decisions and feedback; export them."),
    "drift": Subcommand("serving.commands.drift", "drift", "Compare two windows of decisions."),
    "review": Subcommand("serving.commands.review", "review", "Fill the reviewers' queue; golden items, appeals."),
    "shadow": Subcommand("serving.commands.shadow", "shadow", "Tell what shadows would have decided."),
    "bank": Subcommand("serving.commands.bank", "bank", "Keep banks of known memes; match, import and export."),
    "train": Subcommand("training.commands.train", "train", "Train a network.", "train"),
    "soft-labels": Subcommand(
        "training.commands.soft_labels", "soft_labels", "Write what a run's network says of sentences.", "train"
    ),
    "export": Subcommand("training.commands.export", "export", "Make the bundle of a finished run.", "train"),
    "evaluate": Subcommand("training.commands.evaluate", "evaluate", "Measure a bundle on labelled memes.", "train"),
    "promote": Subcommand(
        "training.commands.promote", "promote", "Compare two bundles; the winner becomes current.", "train"
    ),
    "stress": Subcommand("training.commands.stress", "stress", "Find out how a moderator breaks.", "train"),
    "data": Subcommand("training.commands.data", "data", "Check labelled data, or split it.", "train"),
}


class LazyGroup(click.Group):
    """A group whose subcommands are imported on demand; their deliberate errors become one line and exit status 1."""

    def __init__(self, *args: Any, subcommands: Mapping[str, Subcommand], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._subcommands = subcommands

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(self._subcommands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand; None when there is none of that name."""
        entry = self._subcommands.get(cmd_name)
        if entry is None:
            return None
        try:
            command = getattr(import_module(entry.module), entry.name)
        except ModuleNotFoundError as error:
            if entry.extra is None or (error.name or "").split(".")[0] in _OURS:
                raise
            raise click.ClickException(
                f"`memeguard {cmd_name}` needs the extra {entry.extra!r}, which is not installed "
                f"({error.name} is missing): pip install -e '.[{entry.extra}]'"
            ) from error
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module}:{entry.name} is no click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self._subcommands.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run, with errors raised on purpose shown as one line on stderr."""
        from model.errors import MemeguardError  # noqa: PLC0415  `model` brings onnxruntime, and --help needs neither

        try:
            return super().invoke(ctx)
        except MemeguardError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=LazyGroup, subcommands=SUBCOMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="memeguard")
def main() -> None:
    """Score memes for hate: the picture and its words together, as an aid to a moderator."""


if __name__ == "__main__":
    main()
