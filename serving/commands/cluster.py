"""Command ``memeguard cluster``: near-duplicates and clusters of an index, as tables and as a page with a map."""

import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import click
from rich.console import Console
from rich.table import Table

from serving.commands.tables import plain
from serving.index.clusters.config import ClusterConfig, Layout, Method
from serving.index.clusters.map_page import PAGE
from serving.index.clusters.run import ClusterOptions, write_map
from serving.index.clusters.tables import CLUSTERS, MEMES_CSV, MEMES_JSONL, MemeMap
from serving.index.reader import opened_index

_DEFAULTS = ClusterConfig()
_TABLE_ROWS = 20


def _number(flag: str, help: str, kind: click.ParamType[Any]) -> Callable[[Any], Any]:
    """An option whose default is that of the setting with its name."""
    return click.option(
        flag, type=kind, default=getattr(_DEFAULTS, flag[2:].replace("-", "_")), show_default=True, help=help
    )


@click.command()
@click.argument("index", metavar="INDEX", type=click.Path(path_type=Path))
@click.option(
    "--out", metavar="DIR", required=True, type=click.Path(path_type=Path), help="Folder for page and tables."
)
@click.option(
    "--method",
    type=click.Choice(get_args(Method)),
    default=_DEFAULTS.method,
    show_default=True,
    help="Clusters that the page shows; the tables have both.",
)
@click.option(
    "--layout",
    type=click.Choice(get_args(Layout)),
    default=_DEFAULTS.layout,
    show_default=True,
    help="Places on the map.",
)
@click.option("--thumbnails", is_flag=True, help="Put thumbnails into the page, blurred until they are asked for.")
@click.option(
    "--sample",
    metavar="N",
    type=click.IntRange(1),
    help="Also write N memes, of every cluster and score, into DIR/sample, to be labelled.",
)
@click.option("--label-column", metavar="NAME", help="Column of labels, for the agreement of pairs.")
@click.option("--labels", metavar="TABLE", help="Table that has it; default: the input of the index.")
@click.option("--id-column", default="id", show_default=True, help="Column of ids in that table.")
@_number("--pdq-distance", "Bits in which near-duplicates may differ.", click.IntRange(0, 128))
@_number("--pdq-quality", "Hashes of less quality are near to none.", click.IntRange(0, 100))
@_number("--components", "Principal components that are clustered.", click.IntRange(1, 1024))
@_number("--sample-size", "Memes that each round of k-means looks at.", click.IntRange(10, 20_000))
@_number("--k-step", "How much K goes up.", click.IntRange(1))
@_number("--patience", "Ks in a row that may be no better.", click.IntRange(1))
@_number("--silhouette", "Clusters above it are taken.", click.FloatRange(-1, 1))
@_number("--left", "Memes that may be left.", click.IntRange(0))
@_number("--barren-rounds", "Rounds in a row that may take no cluster.", click.IntRange(1))
@_number("--density-sample", "Memes that HDBSCAN looks at.", click.IntRange(10, 50_000))
@_number("--min-cluster-size", "Memes of its smallest cluster.", click.IntRange(2))
@_number("--points", "Memes on the map.", click.IntRange(1, 50_000))
@_number("--sheet", "Memes shown of each cluster.", click.IntRange(1, 100))
@_number("--hateful-at", "Score from which a meme counts as hateful.", click.FloatRange(0, 1))
@_number("--seed", "Of all that is drawn at random.", click.IntRange(0))
def cluster(
    index: Path,
    out: Path,
    thumbnails: bool,
    sample: int | None,
    label_column: str | None,
    labels: str | None,
    id_column: str,
    **settings: Any,
) -> None:
    """Draw a map of INDEX: near-duplicates by PDQ, then clusters by iterative k-means and by HDBSCAN.

    DIR gets map.html, memes.csv and memes.jsonl with a row for each meme, and clusters.json. The same command gives the
    same again.
    """
    if labels is not None and label_column is None:
        raise click.UsageError("--labels needs --label-column")
    config = ClusterConfig(**{one.name: settings[one.name] for one in fields(ClusterConfig)})
    options = ClusterOptions(out, config, label_column, labels, id_column, thumbnails, sample or 0)
    console, began = Console(stderr=True), time.monotonic()

    def on_step(name: str) -> None:
        console.print(f"{time.monotonic() - began:6.0f} s  {name}", highlight=False, markup=False, soft_wrap=True)

    with opened_index(index) as opened:
        found, drawn = write_map(opened, options, on_step)
    _print(found)
    lines = [f"{out}: {PAGE}, {MEMES_CSV}, {MEMES_JSONL}, {CLUSTERS}"]
    if drawn is not None:
        what = (
            "a sample was there already and is left as it is"
            if drawn.n_items is None
            else f"{drawn.n_items:,} memes to label"
        )
        lines.append(f"{drawn.folder}: {what}{f'; {drawn.n_gone} are gone' if drawn.n_gone else ''}")
    for line in lines:
        Console().print(line, soft_wrap=True, markup=False, highlight=False)


def _print(found: MemeMap) -> None:
    facts = sorted(found.facts[found.config.method], key=lambda one: -one.n_memes)
    table = Table("cluster", "memes", "distinct", "hateful", "flagged", "telling words")
    for one in facts[:_TABLE_ROWS]:
        hateful = "" if one.share_hateful is None else f"{one.share_hateful:.0%}"
        words = plain(", ".join(one.words))
        table.add_row(
            str(one.number), f"{one.n_memes:,}", f"{one.n_distinct:,}", hateful, f"{one.share_flagged:.0%}", words
        )
    console = Console()
    console.print(table)
    more = f", {len(facts) - _TABLE_ROWS} more in {CLUSTERS}" if len(facts) > _TABLE_ROWS else ""
    outside = int((found.clusters[found.config.method] == -1).sum())
    console.print(
        f"{len(facts)} clusters{more}; {outside:,} memes in none; {found.n_near_duplicates:,} near-duplicates"
    )
