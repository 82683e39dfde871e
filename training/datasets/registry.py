"""The one door to labelled data: a ``Source`` (path, split, layout) to samples.

load_source(parse_source("data/hateful_memes:dev_seen", default_split="test"))
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from model.taxonomy import TASKS, Task, tasks_named
from training.datasets.base import ABSENT, DatasetError, Loaded, Sample, existing
from training.datasets.label_map import check_label_map, class_target
from training.datasets.layouts import LAYOUTS, Layout, detect_layout, read_with_map
from training.datasets.split_files import split_of

__all__ = ["LAYOUTS", "Layout", "Source", "detect_layout", "load_source", "parse_source"]


class Source(BaseModel):
    """Labelled data by path. ``layout`` is told from the files when it is not given, ``dataset`` from the layout.

    Where the data of a layout come with the code (``minimal_pairs``) no ``path`` is needed.
    ``tasks`` keeps only those labels; ``limit`` takes that many samples, spread evenly over the split. ``label_map``
    says what a file's own label values mean: ``{"very harmful": "hateful=hateful"}``, or with the column,
    ``{"misogynous=1": "hateful=hateful"}``; it is for the generic layout, which is taken unless another is named, and
    for those whose ``read_mapped`` takes one.
    ``class_limits`` takes of some classes that many samples, ``{"hateful=not_hateful": 2400}``, spread alike, before
    ``limit`` does. ``render`` is a folder with ``templates/*.jpg``: each text becomes a meme, drawn on one of them
    (``training.data.rendered_memes``).

    Three are about how far a training source is to be trusted, and for ``data.train`` alone:

    - ``weight``: how much a sample weighs in the classification loss, beside those of other sources.
    - ``label_noise``, ``{"hateful=not_hateful": 0.1}``: the share of that class's labels that is expected to be wrong;
      the loss takes them for 1 less that share. Of binary tasks.
    - ``drop_disputed``, written alike: that share of the class's samples is left out, of those that the limits leave,
      by what a model of the source's words makes of their labels (``training.baselines.disputed``).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path
    split: str
    layout: str | None = None
    dataset: str | None = None
    tasks: tuple[str, ...] | None = None
    limit: PositiveInt | None = None
    label_map: dict[str, str] | None = None
    class_limits: dict[str, NonNegativeInt] | None = None
    render: Path | None = None
    weight: float = Field(1.0, gt=0, allow_inf_nan=False)
    label_noise: dict[str, float] | None = None
    drop_disputed: dict[str, float] | None = None

    @model_validator(mode="before")
    @classmethod
    def _shipped(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "path" in given:
            return given
        layout = LAYOUTS.get(str(given.get("layout")))
        return given if layout is None or layout.shipped is None else given | {"path": layout.shipped}

    @field_validator("layout")
    @classmethod
    def _layout_exists(cls, layout: str | None) -> str | None:
        if layout is not None and layout not in LAYOUTS:
            raise ValueError(f"unknown layout {layout!r}; known layouts: {', '.join(LAYOUTS)}")
        return layout

    @field_validator("tasks")
    @classmethod
    def _tasks_exist(cls, tasks: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if tasks is None else tuple(task.name for task in tasks_named(tasks))

    @field_validator("label_map")
    @classmethod
    def _label_map_fits(cls, label_map: dict[str, str] | None) -> dict[str, str] | None:
        if label_map is not None:
            check_label_map(label_map)
        return label_map

    @field_validator("class_limits", "label_noise", "drop_disputed")
    @classmethod
    def _classes_exist(cls, by_class: dict[str, float] | None, info: ValidationInfo) -> dict[str, float] | None:
        for name in by_class or ():
            class_target(name, str(info.field_name))
        return by_class

    @field_validator("label_noise")
    @classmethod
    def _noise_fits(cls, shares: dict[str, float] | None) -> dict[str, float] | None:
        for name, share in (shares or {}).items():
            if TASKS[class_target(name)[0]].kind != "binary":
                raise ValueError(f"label_noise: {name!r} is of no binary task; those alone have soft labels")
            if not 0 <= share < 0.5:
                raise ValueError(f"label_noise: {name!r} is {share:g}; give a share from 0 to below 0.5")
        return shares

    @field_validator("drop_disputed")
    @classmethod
    def _dropped_fit(cls, shares: dict[str, float] | None) -> dict[str, float] | None:
        for name, share in (shares or {}).items():
            if TASKS[class_target(name)[0]].kind == "multilabel":
                raise ValueError(f"drop_disputed: {name!r} is of a multilabel task; only single labels are disputed")
            if not 0 <= share < 1:
                raise ValueError(f"drop_disputed: {name!r} is {share:g}; give a share from 0 to below 1")
        return shares

    @property
    def layout_name(self) -> str | None:
        """The layout that is named, or that a label map stands for; None: told from the files."""
        return self.layout or ("generic" if self.label_map is not None else None)

    @property
    def trust(self) -> dict[str, Any]:
        """Those of ``weight``, ``label_noise`` and ``drop_disputed`` that are set, by name."""
        named = {"weight": self.weight, "label_noise": self.label_noise, "drop_disputed": self.drop_disputed}
        return {name: value for name, value in named.items() if value not in (None, 1.0, {})}

    def for_dev(self, split: str) -> "Source":
        """The whole of another split, to measure on: neither limited nor trusted less."""
        plain: dict[str, Any] = {"limit": None, "weight": 1.0, "label_noise": None, "drop_disputed": None}
        return self.model_copy(update={"split": split, **plain})

    def __str__(self) -> str:
        return f"{self.path}:{self.split}"


def load_source(source: Source) -> Loaded:
    """Samples of a source.

    Raises ``DatasetError`` when path or split is not there, when every row was left out, and when no row has a label
    of the tasks that were asked for.
    """
    layout = _layout(existing(source.path), source.layout_name)
    split = _split(source.path, source.split, layout)
    dataset = source.dataset or layout.dataset_name(source.path)
    loaded = read_with_map(layout, source.path, split, dataset, source.label_map).nonempty(str(source))
    samples = loaded.samples if source.tasks is None else _of_tasks(loaded.samples, source)
    for name, limit in (source.class_limits or {}).items():
        samples = _class_limited(samples, name, limit)
    return replace(loaded, samples=samples if source.limit is None else _spread(samples, source.limit))


def label_noise(samples: Sequence[Sample], tasks: Sequence[Task], shares: Mapping[str, float]) -> NDArray[np.float64]:
    """[N, n_tasks]: how probably each label is wrong, where ``shares`` say it of "task=class"; 0 everywhere else."""
    noise = np.zeros((len(samples), len(tasks)))
    by_label = {class_target(name): share for name, share in shares.items()}
    for index, task in enumerate(tasks):
        of_class: dict[object, float] = {
            at: by_label.get((task.name, name), 0.0) for at, name in enumerate(task.classes)
        }
        noise[:, index] = [of_class.get(sample.labels.get(task.name, ABSENT), 0.0) for sample in samples]
    return noise


def parse_source(text: str, default_split: str, layout: str | None = None) -> Source:
    """``PATH[:SPLIT]`` as a command's option has it.

    Without a split it is ``default_split`` or, when there is only one split, that one.
    Raises ``DatasetError`` when the path or split is not there.
    """
    path, split = _parts(text)
    found = _layout(existing(path), layout)
    splits = found.splits(path)
    if split is None:
        split = splits[0] if len(splits) == 1 else default_split
    return Source(path=path, split=_split(path, split, found), layout=layout)


def _layout(path: Path, name: str | None) -> Layout:
    if name is None:
        return detect_layout(path)
    if name not in LAYOUTS:
        raise DatasetError(f"unknown layout {name!r}; known layouts: {', '.join(LAYOUTS)}")
    return LAYOUTS[name]


def _parts(text: str) -> tuple[Path, str | None]:
    """Path and split; what exists as a whole is a path, colons and all."""
    head, colon, tail = text.rpartition(":")
    if Path(text).exists() or not colon or not head or "/" in tail:
        return Path(text), None
    return Path(head), tail


def _split(path: Path, split: str, layout: Layout) -> str:
    """The split as the layout names it ("val" is "dev"); raises ``DatasetError`` naming those that are there."""
    splits = layout.splits(path)
    if split in splits:
        return split
    if (same := split_of(split)) in splits:
        return str(same)
    raise DatasetError(
        f"{path} (layout {layout.name}) has no split {split!r}; it has: {', '.join(splits) or 'none'}. "
        f"Name one: {path}:SPLIT"
    )


def _of_tasks(samples: list[Sample], source: Source) -> list[Sample]:
    """The samples with only the labels that were asked for; one without any stays, for its text or picture."""
    tasks = source.tasks or ()
    kept = [replace(s, labels={task: s.labels[task] for task in tasks if task in s.labels}) for s in samples]
    if not any(sample.labels for sample in kept):
        there = sorted({task for sample in samples for task in sample.labels})
        raise DatasetError(
            f"{source}: no row has a label of {', '.join(tasks)}; labelled are: {', '.join(there) or 'none'}"
        )
    return kept


def _spread(samples: list[Sample], limit: int) -> list[Sample]:
    """``limit`` samples at even distances: files are often sorted by class. The samples of a pair stay together."""
    if len(samples) <= limit:
        return samples
    units: dict[str | int, list[Sample]] = {}
    for row, sample in enumerate(samples):
        units.setdefault(row if sample.pair is None else sample.pair, []).append(sample)
    least = -(-limit * len(units) // len(samples))
    sizes = range(least, len(units) + 1)
    return next(found for n in sizes if len(found := _evenly([*units.values()], n)) >= limit)[:limit]


def _evenly(units: list[list[Sample]], n: int) -> list[Sample]:
    return [sample for index in range(n) for sample in units[index * len(units) // n]]


def _class_limited(samples: list[Sample], name: str, limit: int) -> list[Sample]:
    """At most ``limit`` samples of the class "task=class", spread like ``_spread``, and all others; in their order."""
    task, class_name = class_target(name)
    wanted = TASKS[task].classes.index(class_name)
    rows = [row for row, sample in enumerate(samples) if _has_class(sample.labels.get(task), wanted)]
    n = min(limit, len(rows))
    dropped = set(rows) - {rows[index * len(rows) // n] for index in range(n)}
    return [sample for row, sample in enumerate(samples) if row not in dropped]


def _has_class(label: int | tuple[int, ...] | None, wanted: int) -> bool:
    return wanted in label if isinstance(label, tuple) else label == wanted
