"""Tables of a map: a row for each meme as CSV and as JSON Lines, and the clusters as JSON."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from model.atomic import open_atomically, write_atomically
from serving.index.clusters.config import ClusterConfig, Method
from serving.index.clusters.facts import ClusterFacts, Scores
from serving.index.clusters.labels import Labels
from serving.index.reader import MemeIndex

CLUSTERS, MEMES_CSV, MEMES_JSONL = "clusters.json", "memes.csv", "memes.jsonl"
COLUMNS = ("id", "near_duplicate_of", "cluster", "density_cluster", "x", "y", "decision", "hateful", "label")
#: What spreadsheets take a cell for a formula by.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class MemeMap:
    """What was found, by the rows of the index. ``first``: the first row of each row's near-duplicates.

    ``drawn`` are rows on the map at ``places`` [P, 2]. ``agreements``: "random" pairs, and pairs within a cluster.
    """

    config: ClusterConfig
    first: NDArray[np.int64]
    clusters: Mapping[Method, NDArray[np.int64]]
    facts: Mapping[Method, list[ClusterFacts]]
    scores: Scores
    labels: Labels | None
    agreements: Mapping[str, float | None]
    drawn: NDArray[np.int64]
    places: NDArray[np.float32]

    @property
    def n_near_duplicates(self) -> int:
        """Memes that are near another, the first of each group not counted."""
        return int((self.first != np.arange(len(self.first))).sum())


def write_tables(out: Path, index: MemeIndex, found: MemeMap) -> None:
    """Write all three, each whole or not at all."""
    with open_atomically(out / MEMES_CSV) as table, open_atomically(out / MEMES_JSONL) as lines:
        _write_csv_row(table, COLUMNS)
        for row in _rows(index, found):
            _write_csv_row(table, ["" if row[name] is None else _cell(row[name]) for name in COLUMNS])
            lines.write((json.dumps(row, ensure_ascii=False) + "\n").encode())
    write_atomically(out / CLUSTERS, json.dumps(_document(index, found), indent=1, ensure_ascii=False).encode())


def _document(index: MemeIndex, found: MemeMap) -> dict[str, Any]:
    made = index.manifest
    return {
        "format_version": 1,
        "model": {"name": made.model_name, "version": made.model_version, "digest": made.model_digest},
        "settings": asdict(found.config),
        "n_memes": made.n_memes,
        "n_near_duplicates": found.n_near_duplicates,
        "n_in_no_cluster": {method: _n_outside(found, labels) for method, labels in found.clusters.items()},
        "agreement": dict(found.agreements),
        "clusters": {method: [_told(index, one) for one in facts] for method, facts in found.facts.items()},
    }


def _n_outside(found: MemeMap, labels: NDArray[np.int64]) -> int:
    return int((labels == -1).sum())


def _told(index: MemeIndex, facts: ClusterFacts) -> dict[str, Any]:
    """Facts with ids in the place of rows."""
    memes = index.database.by_rows(facts.sheet)
    return facts.to_dict() | {"sheet": [memes[row].id for row in facts.sheet]}


def _rows(index: MemeIndex, found: MemeMap) -> Iterator[dict[str, Any]]:
    repeated = np.flatnonzero(found.first != np.arange(len(found.first)))
    firsts = {row: meme.id for row, meme in index.database.by_rows(np.unique(found.first[repeated]).tolist()).items()}
    places = dict(zip(found.drawn.tolist(), found.places.tolist(), strict=True))
    for meme in index.database.all():
        row, score = meme.row, float(found.scores.hateful[meme.row])
        code = -1 if found.labels is None else int(found.labels.codes[row])
        x, y = places.get(row, (None, None))
        yield {
            "id": meme.id,
            "near_duplicate_of": firsts[int(found.first[row])] if found.first[row] != row else None,
            "cluster": _or_none(found.clusters["kmeans"][row]),
            "density_cluster": _or_none(found.clusters["hdbscan"][row]),
            "x": x,
            "y": y,
            "decision": meme.decision,
            "hateful": None if np.isnan(score) else score,
            "label": None if found.labels is None or code < 0 else found.labels.names[code],
        }


def _or_none(cluster: np.int64) -> int | None:
    return None if cluster < 0 else int(cluster)


def _cell(value: object) -> object:
    """Text that a spreadsheet would compute gets an apostrophe before it; JSON has it as it is."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _write_csv_row(file: BinaryIO, cells: Any) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    file.write(text.getvalue().encode("utf-8", "backslashreplace"))
