"""``memeguard data``: look at labelled data before training on it, split it, and make mismatched twins of it."""

import json
from pathlib import Path

import click
from rich.console import Console

from model.atomic import write_atomically
from training.commands.confound import confound
from training.commands.options import disk_errors, layout_option, path_type
from training.curation.check import check as run_check
from training.curation.render import print_report, to_json, to_markdown
from training.curation.report import Report
from training.curation.split import split_dataset
from training.data.group_splits import SplitConfig
from training.data.near_duplicates import MAX_DISTANCE
from training.datasets import DatasetError, parse_source

_path_argument = click.argument("path", type=path_type)
_near_option = click.option(
    "--near-duplicates/--no-near-duplicates", default=True, show_default=True, help="Compare what pictures look like."
)
_distance_option = click.option(
    "--max-distance",
    type=click.IntRange(0, 64),
    default=MAX_DISTANCE,
    show_default=True,
    help="Bits in which the perceptual hashes of near-duplicates may differ.",
)
_SHARE = click.FloatRange(0, 1, max_open=True)


class _SplitNames(click.ParamType[tuple[str, ...]]):
    """Names separated by commas."""

    name = "NAME,..."

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Accept what click has converted already (a default)."""
        names = value if isinstance(value, tuple) else str(value).split(",")
        return tuple(name.strip() for name in names if name.strip())


@click.group()
def data() -> None:
    """Check labelled data, split it, or make its mismatched twin."""


@data.command()
@_path_argument
@layout_option
@click.option("--splits", type=_SplitNames(), default=(), help="Only these splits; default: all that are there.")
@click.option(
    "--against",
    multiple=True,
    metavar="PATH[:SPLIT]",
    help="Another set that must not be in this one, such as what a model was trained on; may be repeated.",
)
@_near_option
@_distance_option
@click.option("--json", "json_to", metavar="FILE", help="Write every finding as JSON; - for standard output.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for check.json and check.md.")
@disk_errors()
def check(
    path: Path,
    layout: str | None,
    splits: tuple[str, ...],
    against: tuple[str, ...],
    near_duplicates: bool,
    max_distance: int,
    json_to: str | None,
    out: Path | None,
) -> None:
    """Count what is in PATH and find bad files, labels that differ, duplicates and leakage between splits.

    Findings are warnings: the exit status is 0 unless nothing could be read. No words of a meme are shown.
    """
    report = run_check(
        path,
        layout=layout,
        splits=splits,
        against=[parse_source(text, "train") for text in against],
        max_distance=max_distance if near_duplicates else None,
    )
    _write(report, json_to, out)
    print_report(report, Console(stderr=json_to == "-"))


data.add_command(confound)


@data.command()
@_path_argument
@click.option("--out", required=True, type=path_type, help="New folder for the split.")
@click.option("--dev", type=_SHARE, default=0.1, show_default=True, help="Share of the samples for dev.")
@click.option("--test", type=_SHARE, default=0.1, show_default=True, help="Share of the samples for test.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed gives another split.")
@layout_option
@click.option("--splits", type=_SplitNames(), default=(), help="The splits of PATH to pool, when it has several.")
@_near_option
@_distance_option
@disk_errors()
def split(
    path: Path,
    out: Path,
    dev: float,
    test: float,
    seed: int,
    layout: str | None,
    splits: tuple[str, ...],
    near_duplicates: bool,
    max_distance: int,
) -> None:
    """Split PATH into train, dev and test so that no words and no picture are in two of them.

    Samples with the same words, the same picture or near-duplicate pictures stay together. Writes train.jsonl,
    dev.jsonl and test.jsonl with paths to the pictures, which stay where they are. Rows that cannot be read are
    reported and left out.
    """
    if dev + test >= 1:
        raise click.UsageError(f"--dev {dev} and --test {test} leave nothing to train on; their sum must be below 1")
    config = SplitConfig(dev=dev, test=test, seed=seed, max_distance=max_distance if near_duplicates else None)
    print_report(split_dataset(path, out, config, layout=layout, splits=splits), Console())
    about = json.loads((out / "split.json").read_text(encoding="utf-8"))
    groups = f"{about['n_groups']} groups, the largest of {about['largest_group']}"
    click.echo(f"{out}: {about['n_samples']} samples in {groups}; how it was made is in split.json")


def _write(report: Report, json_to: str | None, out: Path | None) -> None:
    document = to_json(report)
    if json_to == "-":
        click.echo(document, nl=False)
    elif json_to is not None:
        _write_file(Path(json_to), document)
    if out is not None:
        _write_file(out / "check.json", document)
        _write_file(out / "check.md", to_markdown(report))


def _write_file(path: Path, content: str) -> None:
    try:
        write_atomically(path, content.encode())
    except OSError as error:
        raise DatasetError(f"{path} cannot be written: {error.strerror}") from error
