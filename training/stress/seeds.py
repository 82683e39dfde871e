"""Seeds: labelled sentences to be changed (``scenes`` has the harmless pictures that they are drawn into).

Sentences come from a file of one's own (JSON Lines, JSON, CSV or TSV with ``text``, ``label`` and perhaps ``group``) or
from a set on disk in a layout that training reads, such as HateCheck's; its licence is told from its data card.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from model.meme import has_words
from model.taxonomy import TASKS
from training.datasets import LAYOUTS, DatasetError, Sample, Source, detect_layout, load_source, parse_source
from training.datasets.columns import columns_of, normalised
from training.datasets.tables import read_table, words_of
from training.stress.relations.base import Seed

#: Of sets whose sentences may stand alone: what their data cards in data_cards/ say.
LICENCES: Mapping[str, str] = MappingProxyType(
    {
        "hatemoji": "HatemojiBuild, Kirk and others 2022, CC BY 4.0",
        "stormfront": "Stormfront, de Gibert and others 2018, CC BY-SA 3.0",
        "hatecheck": "HateCheck, Roettger and others 2021, CC BY 4.0",
        "minimal_pairs": "minimal pairs, ours, the licence of this repository",
    }
)
_LONGEST_CHARS = 280
_HATEFUL = TASKS["hateful"].classes.index("hateful")


@dataclass(frozen=True)
class Seeds:
    """``seeds`` in the file's order; ``licence`` of a set that has one; ``left_out`` says how many rows and why."""

    seeds: list[Seed]
    licence: str | None
    left_out: tuple[str, ...] = ()

    def limited(self, n_each: int, rng: np.random.Generator) -> "Seeds":
        """At most ``n_each`` hateful and as many harmless ones, drawn by ``rng``; in their order."""
        rows = [
            int(row)
            for is_hateful in (True, False)
            for row in _drawn([at for at, seed in enumerate(self.seeds) if seed.hateful == is_hateful], n_each, rng)
        ]
        return Seeds([self.seeds[row] for row in sorted(rows)], self.licence, self.left_out)


def load_seeds(given: str, layout: str | None = None) -> Seeds:
    """Seeds of ``PATH[:SPLIT]``, as every command names data, or of a set that comes with the code by its layout.

    Raises ``DatasetError`` where nothing is there, no row has a label of the task ``hateful``, or no row is left.
    """
    source = _source(given, layout)
    loaded = load_source(source)
    labelled = [sample for sample in loaded.samples if "hateful" in sample.labels]
    kept = [sample for sample in labelled if has_words(sample.text) and len(sample.text) <= _LONGEST_CHARS]
    unique: dict[str, Sample] = {}
    for sample in kept:
        unique.setdefault(sample.text, sample)
    if not unique:
        raise DatasetError(f"{given}: no sentence with a label of the task hateful; a row needs text and label (0, 1)")
    left_out = {
        "could not be read": len(loaded.skipped),
        "without a label of the task hateful": len(loaded.samples) - len(labelled),
        f"without words or longer than {_LONGEST_CHARS} characters": len(labelled) - len(kept),
        "the same as another": len(kept) - len(unique),
    }
    groups = _groups_by_text(source, loaded.samples)
    return Seeds(
        [_seed(sample, groups.get(sample.text)) for sample in unique.values()],
        LICENCES.get(str(source.layout)),
        tuple(f"{n} {why}" for why, n in left_out.items() if n),
    )


def _source(given: str, layout: str | None) -> Source:
    shipped = LAYOUTS.get(given)
    if shipped is not None and shipped.shipped is not None and not Path(given).exists():
        return Source.model_validate({"layout": given, "split": "test"})
    source = parse_source(given, default_split="test", layout=layout)
    return source.model_copy(update={"layout": layout or detect_layout(source.path).name})


def _seed(sample: Sample, group: str | None) -> Seed:
    return Seed(f"{sample.dataset}:{sample.id}", sample.text, sample.labels["hateful"] == _HATEFUL, group)


def _groups_by_text(source: Source, samples: Sequence[Sample]) -> dict[str, str]:
    """Whom a sentence is about, by the sentence: a set's annotation, or the column ``group`` of one's own file."""
    at = LAYOUTS[str(source.layout)].target_tag
    if at is not None:
        return {sample.text: sample.tags[at] for sample in samples if len(sample.tags) > at and sample.tags[at]}
    if source.layout != "generic" or not source.path.is_file():
        return {}
    table = read_table(source.path)
    column = next((name for name in table.columns if normalised(name) == "group"), None)
    texts = columns_of(table.columns).texts
    if column is None:
        return {}
    return {
        words_of(row.values.get(text)): row.text(column) for row in table.rows for text in texts if row.text(column)
    }


def _drawn(rows: list[int], n: int, rng: np.random.Generator) -> list[int]:
    return rows if len(rows) <= n else rng.choice(rows, size=n, replace=False).tolist()
