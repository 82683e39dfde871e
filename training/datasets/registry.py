"""The one door to labelled data: a ``Source`` (path, split, layout) to samples.

    load_source(parse_source("data/hateful_memes:dev_seen", default_split="test"))
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, PositiveInt

from training.datasets.base import Loaded
from training.datasets.layouts import Layout

LAYOUTS: dict[str, Layout] = {}


def detect_layout(root: Path) -> Layout:
    """The layout of what lies at ``root``; raises ``DatasetError`` listing what was looked for."""
    raise NotImplementedError


class Source(BaseModel):
    """Labelled data by path. ``layout`` is told from the files when it is not given, ``dataset`` from the layout.

    ``tasks`` keeps only those labels; ``limit`` takes that many samples, spread evenly over the split. ``label_map``
    says what a file's own label values mean: ``{"very harmful": "hateful=hateful"}``, or with the column,
    ``{"misogynous=1": "hateful=hateful"}`` (generic layout).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path
    split: str
    layout: str | None = None
    dataset: str | None = None
    tasks: tuple[str, ...] | None = None
    limit: PositiveInt | None = None
    label_map: dict[str, str] | None = None


def load_source(source: Source) -> Loaded:
    """Samples of a source; raises ``DatasetError`` also when every row was left out."""
    raise NotImplementedError


def parse_source(text: str, default_split: str, layout: str | None = None) -> Source:
    """``PATH[:SPLIT]`` as a command's option has it.

    Without a split it is ``default_split`` or, when there is only one split, that one.
    Raises ``DatasetError`` when the path or split is not there.
    """
    raise NotImplementedError
