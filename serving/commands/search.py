"""Command ``memeguard search``: memes of an index that are like a picture, fit words, or are like one of them."""

import json
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Column, Table

from model import Scorer, load, open_bundle
from model.bundle import COMPACT_BUNDLE
from serving.commands.options import bundle_option, json_option
from serving.commands.tables import plain
from serving.index.errors import MemeIndexError
from serving.index.queries import Query, query_like, query_of_file, query_of_text
from serving.index.reader import MemeIndex, opened_index
from serving.index.result_page import check_thumbnails, write_result_page
from serving.index.search import WAYS, Hit, Way, ways_for
from serving.index.search import search as find

_WORDS_CHARS = 60


@click.command()
@click.argument("index", metavar="INDEX", type=click.Path(path_type=Path))
@click.option("--image", metavar="FILE", type=click.Path(path_type=Path), help="Look for pictures like this one.")
@click.option("--text", help="Look for words: as they are, by their meaning and, where it can be, as a description.")
@click.option("--like", metavar="ID", help="Look for memes like this one of the index.")
@click.option("--by", type=click.Choice(WAYS), help="Look in this way only; default: in each that fits.")
@click.option("--top", type=click.IntRange(1, 1000), default=20, show_default=True, help="Memes to show.")
@bundle_option
@click.option("--html", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Also write a page.")
@click.option("--thumbnails", is_flag=True, help="Put thumbnails into the page, blurred until they are asked for.")
@json_option
def search(
    index: Path,
    image: Path | None,
    text: str | None,
    like: str | None,
    by: Way | None,
    top: int,
    bundle: Path | None,
    html: Path | None,
    thumbnails: bool,
    as_json: bool,
) -> None:
    """Search INDEX by one of --image, --text and --like; the best come first.

    --json prints one line of JSON for each meme.
    """
    if sum(given is not None for given in (image, text, like)) != 1:
        raise click.UsageError("give one of --image, --text and --like")
    if thumbnails and html is None:
        raise click.UsageError("--thumbnails belongs to --html")
    with opened_index(index) as opened:
        if thumbnails:
            check_thumbnails(opened)
        query = _query(opened, image, text, like, by, bundle)
        ways = ways_for(opened, query, by)
        hits = find(opened, query, ways, top)
        if html is not None:
            _write_page(html, opened, query, ways, hits, thumbnails=thumbnails)
    if as_json:
        for hit in hits:
            click.echo(json.dumps(hit.to_dict(), ensure_ascii=False))
    else:
        _print(hits, ways)


def _query(
    index: MemeIndex, image: Path | None, text: str | None, like: str | None, by: Way | None, bundle: Path | None
) -> Query:
    if like is not None:
        return query_like(index, like)
    if image is not None:
        return query_of_file(_scorer(index, bundle), image)
    made = index.manifest
    needs_bundle = by in ("meaning", "description") or (by is None and made.text_width is not None)
    return query_of_text(_scorer(index, bundle) if needs_bundle else None, text or "")


def _scorer(index: MemeIndex, bundle: Path | None) -> Scorer:
    """A scorer of the bundle that the index is of; nothing is read from pictures."""
    chosen = bundle or COMPACT_BUNDLE
    index.check_bundle(open_bundle(chosen))
    return load(chosen, ocr="none", features=True)


def _write_page(
    path: Path, index: MemeIndex, query: Query, ways: Sequence[Way], hits: Sequence[Hit], *, thumbnails: bool
) -> None:
    try:
        write_result_page(path, index, query.title, ways, hits, thumbnails=thumbnails)
    except OSError as error:
        raise MemeIndexError(f"--html {path} cannot be written: {error.strerror or error}") from error
    click.echo(f"{path} has the page", err=True)


def _print(hits: Sequence[Hit], ways: Sequence[Way]) -> None:
    shown = [name for name in (*WAYS, "pdq_distance") if any(getattr(hit, name) is not None for hit in hits)]
    table = Table(Column("id", min_width=12), "decision", *(name.replace("_", " ") for name in shown), "words")
    for hit in hits:
        cells = [_cell(getattr(hit, name)) for name in shown]
        words = hit.meme.words or ""
        cut = words if len(words) <= _WORDS_CHARS else f"{words[:_WORDS_CHARS]}…"
        table.add_row(plain(hit.meme.id), hit.meme.decision, *cells, plain(cut))
    console = Console()
    console.print(table)
    console.print(f"{len(hits)} memes, by {', '.join(ways)}", highlight=False)


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
