"""Page of a map: one HTML file with a canvas to pan and zoom, a table, and a contact sheet of each cluster.

The one script that may run in it is ours: the page's policy names its digest.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import ChoiceLoader, PackageLoader
from markupsafe import Markup

from model.atomic import write_atomically
from serving.index.clusters.facts import ClusterFacts
from serving.index.clusters.tables import MemeMap
from serving.index.database import IndexedMeme
from serving.index.reader import MemeIndex
from serving.index.result_page import TEMPLATES, thumbnail_source

PAGE = "map.html"
_SCRIPT = Path(__file__).with_name("map.js")
_WORDS_CHARS = 160
#: Contact sheets of a page; the table has every cluster.
_MOST_SHEETS = 200


@dataclass(frozen=True)
class _Card:
    meme: IndexedMeme
    thumbnail: str | None


def write_map_page(out: Path, index: MemeIndex, found: MemeMap, *, thumbnails: bool = False) -> None:
    """Write ``map.html``; ``thumbnails`` puts pictures into the contact sheets, blurred."""
    method = found.config.method
    facts = sorted(found.facts[method], key=lambda one: (-one.n_memes, one.number))
    script = _SCRIPT.read_text(encoding="utf-8")
    page = _template().render(
        manifest=index.manifest,
        found=found,
        method="HDBSCAN" if method == "hdbscan" else "iterative k-means",
        facts=facts,
        n_outside=int((found.clusters[method] == -1).sum()),
        labelled=found.labels is not None,
        agreements=_agreements(found.agreements),
        sheets=list(_sheets(index, facts[:_MOST_SHEETS], thumbnails=thumbnails)),
        points=_points(index, found),
        script=Markup(script),  # noqa: S704  a file of ours
        script_digest=f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode('ascii')}",
        share=lambda value: "" if value is None else f"{value:.0%}",
    )
    write_atomically(out / PAGE, page.encode("utf-8", "backslashreplace"))


def _template() -> Any:
    loaders = [PackageLoader("serving.index.clusters", "."), PackageLoader("serving.index", ".")]
    return TEMPLATES.overlay(loader=ChoiceLoader(loaders)).get_template("map.html.j2")


def _agreements(found: Mapping[str, float | None]) -> str:
    told = (f"{name} pairs {value:.0%}" for name, value in found.items() if value is not None)
    return ", ".join(told).replace("within pairs", "pairs within a cluster")


def _sheets(
    index: MemeIndex, facts: list[ClusterFacts], *, thumbnails: bool
) -> Iterator[tuple[ClusterFacts, list[_Card]]]:
    for one in facts:
        memes = index.database.by_rows(one.sheet)
        yield (
            one,
            [_Card(memes[row], thumbnail_source(index, row) if thumbnails else None) for row in one.sheet],
        )


def _points(index: MemeIndex, found: MemeMap) -> list[dict[str, Any]]:
    """What the script draws; text as text."""
    memes = index.database.by_rows(found.drawn.tolist())
    clusters = found.clusters[found.config.method]
    points = []
    for row, (x, y) in zip(found.drawn.tolist(), found.places.tolist(), strict=True):
        score, meme = float(found.scores.hateful[row]), memes[row]
        points.append(
            {
                "x": round(x, 5),
                "y": round(y, 5),
                "cluster": int(clusters[row]) if clusters[row] >= 0 else None,
                "score": None if np.isnan(score) else round(score, 4),
                "id": meme.id,
                "decision": meme.decision,
                "words": (meme.words or "")[:_WORDS_CHARS],
            }
        )
    return points
