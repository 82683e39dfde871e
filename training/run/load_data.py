"""The samples of a run: read, checked for readable pictures, given their words, and split where a set has no dev.

A row that cannot be used is left out and reported, with a count; nothing is left out in silence.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from model.ocr import make_engine
from training.baselines.disputed import disputed
from training.data.group_splits import SplitConfig, group_samples, split_groups
from training.data.image_hashes import Fingerprint, fingerprint_files
from training.data.ocr_cache import read_texts
from training.data.rendered_memes import rendered_memes
from training.datasets.base import DatasetError, Sample, Skipped
from training.datasets.pictures import readable
from training.datasets.registry import LAYOUTS, Source, detect_layout, load_source, parse_source
from training.datasets.shown import named
from training.datasets.text_key import text_key
from training.evaluation.scoring import network_tags
from training.run.config import DataConfig, TextFilling, TrainConfig
from training.run.picture_notes import picture_notes
from training.run.provenance import picture_digest

#: What a dev split is called; the first that is there is taken.
DEV_NAMES = ("dev", "dev_seen", "validation", "valid", "val")


@dataclass(frozen=True)
class RunData:
    """``train`` and ``tests`` have the samples of each source; ``notes`` say what was decided on the way.

    ``ordinary`` is None where the config names no such stream.
    """

    train: tuple[list[Sample], ...]
    dev: list[Sample]
    calibrate: list[Sample]
    ordinary: list[Sample] | None = None
    tests: tuple[list[Sample], ...] = ()
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def parts(self) -> dict[str, list[Sample]]:
        """Samples by the name of their part, for counts and digests."""
        trained = {f"train.{index}": samples for index, samples in enumerate(self.train)}
        tests = {f"test.{index}": samples for index, samples in enumerate(self.tests)}
        ordinary = {} if self.ordinary is None else {"ordinary": self.ordinary}
        return {**trained, "dev": self.dev, "calibrate": self.calibrate, **ordinary, **tests}


def check_sources(data: DataConfig) -> None:
    """Raise ``DatasetError`` when a source has no such path or split; reads no rows."""
    for source in data.sources:
        parse_source(str(source), source.split, source.layout_name)


def load_run_data(config: TrainConfig, cache: Path) -> RunData:
    """Read all the data of a run; OCR results are kept below ``cache``.

    Raises ``DatasetError`` when a source is missing, holds nothing to use, or lacks the labels of a task.
    """
    reader = _Reader(config.fill_text, cache)
    train, dev = _train_and_dev(config.data, reader)
    calibrate = dev if config.data.calibrate is None else reader.read_all(config.data.calibrate)
    ordinary = None if config.data.ordinary is None else reader.read_all(config.data.ordinary)
    tests = [reader.read(source) for source in config.data.tests or ()]
    _check_labels(config, train, dev, calibrate)
    if not any(member.modalities_of(phase).image for member in config.members.values() for phase in config.phases):
        # No network is shown a picture: none needs to go through the image tower.
        train, tests = [_words_only(part) for part in train], [_words_only(part) for part in tests]
        dev, calibrate = _words_only(dev), _words_only(calibrate)
        ordinary = ordinary and _words_only(ordinary)
    shared = _n_shared(train, dev)
    if shared:
        reader.notes.append(
            f"dev: {shared} of {len(dev)} have the words or the picture of a training sample, so dev metrics flatter; "
            "`memeguard data split` makes splits that share neither"
        )
    return RunData(tuple(train), dev, calibrate, ordinary, tuple(tests), reader.skipped, reader.notes)


class _Reader:
    """Reads sources and keeps account of what was left out."""

    def __init__(self, fill_text: TextFilling, cache: Path) -> None:
        self._fill_text = fill_text
        self._engine = make_engine(fill_text.engine)
        self._cache = cache
        self._looked_through: set[Path] = set()
        self.skipped: list[Skipped] = []
        self.notes: list[str] = []

    def read(self, source: Source) -> list[Sample]:
        """Samples with words, with pictures that can be decoded, and without tags that are annotations."""
        loaded = readable(load_source(source))
        loaded = replace(loaded, samples=[replace(one, tags=network_tags(one)) for one in loaded.samples])
        self.notes += picture_notes(source, loaded, look_through=self._is_new(source))
        if source.render is not None:
            loaded = replace(loaded, samples=rendered_memes(loaded.samples, source.render, self._cache))
        if loaded.unknown_groups:
            self.notes.append(f"{source}: no class of target is known for {named(loaded.unknown_groups)}")
        read = read_texts(loaded.samples, self._fill_text.mode, self._engine, self._cache / "ocr")
        skipped = loaded.skipped + read.skipped
        self.skipped += skipped
        if skipped:
            self.notes.append(f"{source}: {len(skipped)} row(s) left out, the first: {skipped[0].reason}")
        if not read.samples:
            raise DatasetError(f"{source}: no row can be used; `memeguard data check {source.path}` says why")
        return read.samples

    def undisputed(self, source: Source, samples: list[Sample]) -> list[Sample]:
        """The samples of a training source without those that ``drop_disputed`` leaves out."""
        if not source.drop_disputed:
            return samples
        try:
            found = disputed(samples, source.drop_disputed, self._cache / "disputed")
        except DatasetError as error:
            raise DatasetError(f"{source}: {error}") from error
        for name, rows in found.items():
            self.notes.append(
                f"{source}: {len(rows)} of its samples are left out: of those of {name}, a model of the words doubts "
                "their label most"
            )
        dropped = {row for rows in found.values() for row in rows}
        return [sample for row, sample in enumerate(samples) if row not in dropped]

    def _is_new(self, source: Source) -> bool:
        """Whether its folder was not looked through; templates that words are rendered on are no rows' pictures."""
        is_new = source.render is None and source.path not in self._looked_through
        self._looked_through.add(source.path)
        return is_new

    def read_all(self, sources: Iterable[Source]) -> list[Sample]:
        """The samples of several sources, one after the other."""
        return [sample for source in sources for sample in self.read(source)]


def _train_and_dev(data: DataConfig, reader: _Reader) -> tuple[list[list[Sample]], list[Sample]]:
    train = [reader.read(source) for source in data.train]
    dev = reader.read_all(data.dev) if data.dev is not None else _dev_of_train(data, train, reader)
    # Only now: of what is held out as dev, nothing may go.
    return [reader.undisputed(source, samples) for source, samples in zip(data.train, train, strict=True)], dev


def _dev_of_train(data: DataConfig, train: list[list[Sample]], reader: _Reader) -> list[Sample]:
    """The dev samples of the training sources; those that are held out leave ``train``."""
    dev: list[Sample] = []
    for index, source in enumerate(data.train):
        own = _own_dev(source)
        if own is not None:
            dev += reader.read(own)
            reader.notes.append(f"{source}: dev is its split {own.split!r}")
            continue
        train[index], held_out = hold_out(train[index], data.dev_share, data.split_seed)
        dev += held_out
        reader.notes.append(f"{source}: no dev split; {len(held_out)} of its samples are held out as dev, by groups")
    return dev


def _own_dev(source: Source) -> Source | None:
    layout = LAYOUTS[source.layout] if source.layout else detect_layout(source.path)
    there = layout.splits(source.path)
    name = next((name for name in DEV_NAMES if name in there and name != source.split), None)
    return None if name is None else source.for_dev(name)


def hold_out(samples: Sequence[Sample], share: float, seed: int) -> tuple[list[Sample], list[Sample]]:
    """The samples in two: what stays for training, and about ``share`` of them for dev.

    Samples with one text or (nearly) one picture stay together. Raises ``DatasetError`` when there are too few groups.
    """
    config = SplitConfig(dev=share, test=0.0, seed=seed)
    found = fingerprint_files(sample.image for sample in samples if sample.image is not None)
    prints = {path: item for path, item in found.items() if isinstance(item, Fingerprint)}
    splits = split_groups(samples, group_samples(samples, prints, config.max_distance), config)
    kept, held_out = (
        [sample for sample, split in zip(samples, splits, strict=True) if split == wanted]
        for wanted in ("train", "dev")
    )
    return kept, [replace(sample, split="dev") for sample in held_out]


def _check_labels(
    config: TrainConfig, train: Sequence[Sequence[Sample]], dev: Sequence[Sample], calibrate: Sequence[Sample]
) -> None:
    """Every task needs labels to learn from, to choose by and to be calibrated on."""
    parts = {"train": [sample for part in train for sample in part], "dev": dev, "calibrate": calibrate}
    for name, samples in parts.items():
        labelled = {task for sample in samples for task in sample.labels}
        without = [task for task in config.network.tasks if task not in labelled]
        if without:
            raise DatasetError(
                f"no sample of data.{name} has a label of task {without[0]!r}; labelled are: "
                f"{', '.join(sorted(labelled)) or 'none'}. `memeguard data check` shows what was understood; add a "
                "source that has it, or take it out of network.tasks"
            )


def _n_shared(train: Sequence[Sequence[Sample]], dev: Sequence[Sample]) -> int:
    """Samples of dev with the words, or the very picture file, of a training sample."""
    known = {key for part in train for sample in part for key in _contents(sample)}
    return sum(not known.isdisjoint(_contents(sample)) for sample in dev)


def _contents(sample: Sample) -> set[tuple[str, str]]:
    found = {("words", text_key(sample.text)), ("picture", picture_digest(sample.image))}
    return {(kind, key) for kind, key in found if key}


def _words_only(samples: Sequence[Sample]) -> list[Sample]:
    return [replace(sample, image=None) for sample in samples]
