"""Options that several commands of training share, and what is made of them.

``--help`` must answer at once. So a command's module imports click, this module and what is as light; torch,
scikit-learn, matplotlib and BentoML take seconds, and come with the modules that do the work, which a command imports
inside its function, under ``train_extra`` (hence PLC0415 there). A test holds this.
"""

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from model.engine import ENGINE_CHOICES, EngineChoice, Provider, asked_engine
from model.errors import MemeguardError
from model.errors.validation import invalid_members
from model.ocr import ENGINES, make_engine
from training.datasets import LAYOUTS, DatasetError, Source, parse_source
from training.evaluation.options import Setup, WordsFrom

Command = Callable[..., Any]

#: One of these is missing by our own mistake.
_OURS = {"model", "training"}

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DISK = _FULL | {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG,
    errno.EIO,
}  # fmt: skip

path_type = click.Path(path_type=Path)
layout_option = click.option(
    "--layout", type=click.Choice(list(LAYOUTS)), help="Layout of the data; default: told from its files."
)
run_cache_option = click.option(
    "--cache", type=path_type, default=Path(".cache"), show_default=True, help="Weights, features and OCR results."
)


@contextmanager
def train_extra() -> Iterator[None]:
    """Around the imports of what does the work: a package of the extra that is missing is said in one line."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in _OURS:
            raise
        raise click.ClickException(
            f"this command needs the extra 'train', which is not installed ({error.name} is missing): "
            "pip install -e '.[train]'"
        ) from error


@contextmanager
def disk_errors() -> Iterator[None]:
    """Around a command: a disk that is full, or a path that cannot be written, is said in one line."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK:
            raise
        path = f"{error.filename}: " if error.filename else ""
        advice = "make room" if error.errno in _FULL else "name a place that can be read and written"
        raise MemeguardError(f"{path}{error.strerror}; {advice}, and run the same command again") from error


def data_options(default_split: str, *, required: bool) -> Callable[[Command], Command]:
    """Which labelled memes a bundle is measured on; they become ``DataOptions``."""
    return _together(
        click.option(
            "--data", multiple=True, required=required, metavar="PATH[:SPLIT]", help="Labelled memes; may be repeated."
        ),
        click.option("--split", help=f"Split of a --data that names none; default: {default_split}, or the only one."),
        layout_option,
        click.option(
            "--label-map", nargs=2, multiple=True, metavar="VALUE TASK=CLASS", help="What a label of your own means."
        ),
        click.option("--limit", type=click.IntRange(1), help="Score that many items of each set, spread evenly."),
    )


def setup_options(words: Sequence[str], *, resamples: int, min_resamples: int) -> Callable[[Command], Command]:
    """How they are scored and how intervals are drawn; they become ``SetupOptions``."""
    compared = "; or both, compared" if "both" in words else ""
    return _together(
        click.option(
            "--ocr",
            "words",
            type=click.Choice(words),
            default="given",
            show_default=True,
            help=f"Words as the files give them; read from the picture where missing, or always{compared}.",
        ),
        click.option("--ocr-engine", type=click.Choice(ENGINES), help="OCR engine; default: rapidocr."),
        click.option(
            "--engine",
            type=click.Choice([*ENGINE_CHOICES, *ENGINES]),
            help="What computes the networks; default: auto, for each what is measured to be the fastest on a CPU. An "
            "OCR engine's name is the older way to name an --ocr-engine.",
        ),
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the resamples."),
        click.option(
            "--resamples",
            type=click.IntRange(min_resamples),
            default=resamples,
            show_default=True,
            help="Bootstrap resamples.",
        ),
        click.option(
            "--cache", type=path_type, help="Folder that keeps image features and OCR readings; training's own fits."
        ),
        click.option(
            "--provider", type=click.Choice(["cpu", "cuda"]), help="Older name: cuda is --engine cuda, cpu any other."
        ),
        click.option("--threads", type=click.IntRange(1), help="Cores to use; default: all."),
    )


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """What ``data_options`` say."""

    data: tuple[str, ...]
    split: str | None
    layout: str | None
    label_map: tuple[tuple[str, str], ...]
    limit: int | None

    def sources(self, default_split: str) -> list[Source]:
        """The sets that they name; raises ``DatasetError`` for one that is not there."""
        label_map = dict(self.label_map) or None
        layout = self.layout or ("generic" if label_map else None)
        named = [_source(text, self.split, default_split, layout) for text in self.data]
        try:
            return [
                Source(path=source.path, split=source.split, layout=layout, label_map=label_map, limit=self.limit)
                for source in named
            ]
        except ValidationError as error:
            raise DatasetError(f"--label-map: {invalid_members(error)[0].message}") from error


@dataclass(frozen=True, kw_only=True)
class SetupOptions:
    """What ``setup_options`` say."""

    words: WordsFrom
    ocr_engine: str | None
    engine: str | None
    seed: int
    resamples: int
    cache: Path | None
    provider: Provider | None
    threads: int | None

    def setup(self) -> Setup:
        """How memes are scored; raises ``EngineUnavailableError`` for an engine that is not there."""
        reader, engine = self._told_apart()
        asked = asked_engine(engine, self.provider)
        return Setup(
            engine=make_engine(reader, threads=self.threads, engine=asked),
            words=self.words,
            n_resamples=self.resamples,
            seed=self.seed,
            inference=asked,
            threads=self.threads,
            cache=self.cache,
            progress=True,
        )

    def _told_apart(self) -> tuple[str, EngineChoice]:
        """OCR engine and engine; ``--engine`` was once the name of the former."""
        for choice in ENGINE_CHOICES:
            if (self.engine or "auto") == choice:
                return self.ocr_engine or "rapidocr", choice
        if self.ocr_engine not in (None, self.engine):
            raise click.UsageError(
                f"--engine {self.engine} is the older way to say --ocr-engine {self.engine}; say one of them"
            )
        return str(self.engine), "auto"


def writable(folder: Path) -> Path:
    """The folder of ``--out``, made now: what cannot be written is refused before it costs anything."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
    except OSError as error:
        raise MemeguardError(f"--out {folder}: {error.strerror}; give a folder that can be written") from error
    return folder


def _source(text: str, split: str | None, default_split: str, layout: str | None) -> Source:
    """One ``--data``. A set with one split has that one by default, but not instead of one that was asked for."""
    source = parse_source(text, split or default_split, layout)
    names_none = source.path == Path(text)
    return parse_source(f"{text}:{split}", default_split, layout) if split and names_none else source


def _together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator, in the order in which ``--help`` shows them."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
