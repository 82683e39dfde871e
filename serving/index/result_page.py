"""Page of a search: one HTML file without scripts; pictures are blurred until they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import PackageLoader

from model.atomic import write_atomically
from serving.html import html_templates, jpeg_url
from serving.index.errors import MemeIndexError
from serving.index.reader import MemeIndex
from serving.index.search import Hit, Way

TEMPLATES = html_templates(PackageLoader("serving.index", "."))


@dataclass(frozen=True)
class _Card:
    """A meme as the page shows it."""

    hit: Hit
    thumbnail: str | None
    facts: tuple[tuple[str, str], ...]


def thumbnail_source(index: MemeIndex, row: int) -> str | None:
    """The ``src`` of a meme's thumbnail."""
    jpeg = index.database.thumbnail(row)
    return None if jpeg is None else jpeg_url(jpeg)


def check_thumbnails(index: MemeIndex) -> None:
    """Raise ``MemeIndexError`` where none were kept."""
    if not index.manifest.settings.thumbnails:
        raise MemeIndexError(f"{index.folder} has no thumbnails: it was made without --thumbnails")


def write_result_page(
    path: Path, index: MemeIndex, title: str, ways: Sequence[Way], hits: Sequence[Hit], *, thumbnails: bool = False
) -> None:
    """Write the page; ``thumbnails`` puts the pictures in, blurred."""
    cards = [_Card(hit, thumbnail_source(index, hit.meme.row) if thumbnails else None, _facts(hit)) for hit in hits]
    page = TEMPLATES.get_template("results.html.j2").render(
        title=title, manifest=index.manifest, ways=list(ways), cards=cards
    )
    write_atomically(path, page.encode("utf-8", "backslashreplace"))


def _facts(hit: Hit) -> tuple[tuple[str, str], ...]:
    named = {
        "picture": hit.picture,
        "meaning": hit.meaning,
        "description": hit.description,
        "words (BM25)": hit.words,
        **{task: score for task, score in hit.meme.scores.items() if isinstance(score, float)},
    }
    facts = [(name, f"{value:.3f}") for name, value in named.items() if value is not None]
    if hit.pdq_distance is not None:
        facts.append(("PDQ distance", f"{hit.pdq_distance} of 256 bits"))
    if hit.same_file:
        facts.append(("file", "the same, byte by byte"))
    if hit.meme.address:
        facts.append(("address", hit.meme.address))
    return tuple(facts)
