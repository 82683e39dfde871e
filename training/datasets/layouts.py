"""Every layout that can be read, by name, and which of them a folder has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from model.taxonomy import TASKS
from training.datasets.base import DatasetError, Loaded, existing
from training.datasets.label_map import FILE_NAME
from training.datasets.minimal_pairs import SHIPPED
from training.datasets.readers import (
    fine_grained,
    generic,
    group_mentions,
    hateful_memes,
    imgflip,
    memotion,
    minimal_pairs,
    multioff,
    posts,
    text_hate,
)
from training.datasets.readers.generic_files import check_tables
from training.datasets.split_files import split_of


class Reader(Protocol):
    """Reads one split; a row that cannot be read is skipped, a file that cannot be read raises ``DatasetError``."""

    def __call__(self, root: Path, split: str, *, dataset: str) -> Loaded:
        """Samples of ``split`` below ``root``, named as of ``dataset``."""
        ...


class MappedReader(Protocol):
    """A reader that can be told what the file's own label values mean."""

    def __call__(self, root: Path, split: str, *, dataset: str, label_map: Mapping[str, str] | None) -> Loaded:
        """Samples of ``split`` below ``root``; None: with the meanings that the reader knows."""
        ...


@dataclass(frozen=True)
class Layout:
    """How a dataset lies on disk. ``root`` is its folder, or one of its files where one file is enough.

    ``tasks`` are those that it can label; ``splits(root)`` are those that are there; ``card`` is the name of its data
    card; ``looks_for`` names its files. ``is_borrowed`` says that other sets use the layout too: the name of their
    folder is then the name of the dataset. ``read_mapped`` is ``read`` where a label map may say what label values
    mean. ``target_tag`` is the place, among the tags of a sample, of the group that a sentence is about; it says too
    that the tags are annotations, which the network is not shown. ``shipped`` is where its data lie when they come with
    the code.
    """

    name: str
    tasks: tuple[str, ...]
    splits: Callable[[Path], tuple[str, ...]]
    read: Reader
    detects: Callable[[Path], bool]
    has_pictures: bool
    card: str
    looks_for: str
    is_borrowed: bool = False
    read_mapped: MappedReader | None = None
    target_tag: int | None = None
    shipped: Path | None = None

    def dataset_name(self, root: Path) -> str:
        """What samples are said to be of, unless the caller says otherwise."""
        if not self.is_borrowed:
            return self.name
        path = root.resolve()
        if root.is_file() and split_of(path.stem) is None:
            return path.stem
        return path.parent.name if root.is_file() else path.name


def _text_only(
    name: str,
    read: Reader,
    splits: Callable[[Path], tuple[str, ...]],
    looks_for: str,
    card: str = "text_hate",
    read_mapped: MappedReader | None = None,
    target_tag: int | None = None,
    shipped: Path | None = None,
    tasks: tuple[str, ...] = ("hateful", "target"),
) -> Layout:
    return Layout(
        name=name,
        tasks=tasks,
        splits=splits,
        read=read,
        detects=lambda root: bool(splits(root)),
        has_pictures=False,
        card=card,
        looks_for=looks_for,
        read_mapped=read_mapped,
        target_tag=target_tag,
        shipped=shipped,
    )


_LAYOUTS = (
    Layout(
        name="hateful_memes",
        tasks=("hateful",),
        splits=hateful_memes.splits_of_hateful_memes,
        read=hateful_memes.read_hateful_memes,
        detects=hateful_memes.is_hateful_memes,
        has_pictures=True,
        card="hateful_memes",
        looks_for="<split>.jsonl with id, img, text, label beside img/",
        is_borrowed=True,
        read_mapped=hateful_memes.read_hateful_memes,
    ),
    Layout(
        name="hateful_memes_fine_grained",
        tasks=("hateful", "protected_class", "attack", "target"),
        splits=fine_grained.splits_of_fine_grained,
        read=fine_grained.read_hateful_memes_fine_grained,
        detects=fine_grained.is_fine_grained,
        has_pictures=True,
        card="hateful_memes_fine_grained",
        looks_for="<split>.json (JSON Lines) with gold_hate, gold_pc, gold_attack",
    ),
    Layout(
        name="memotion7k",
        tasks=tuple(task for task in TASKS if task.startswith("memotion_")),
        splits=memotion.splits_of_memotion,
        read=memotion.read_memotion7k,
        detects=memotion.is_memotion,
        has_pictures=True,
        card="memotion7k",
        looks_for="labels.csv with overall_sentiment beside images/, or 2000_testdata.csv",
    ),
    Layout(
        name="multioff",
        tasks=("offensive",),
        splits=multioff.splits_of_multioff,
        read=multioff.read_multioff,
        detects=multioff.is_multioff,
        has_pictures=True,
        card="multioff",
        looks_for="Split Dataset/Training_meme_dataset.csv beside Labelled Images/",
    ),
    _text_only("hatemoji", text_hate.read_hatemoji, text_hate.splits_of_hatemoji, "hatemoji_build_train.csv"),
    _text_only(
        "stormfront",
        text_hate.read_stormfront,
        text_hate.splits_of_stormfront,
        "stormfront.csv",
        tasks=("hateful",),
    ),
    _text_only("hatecheck", text_hate.read_hatecheck, text_hate.splits_of_hatecheck, "hatecheck.csv", target_tag=1),
    _text_only(
        "implicit_hate",
        posts.read_implicit_hate,
        posts.splits_of_implicit_hate,
        "implicit_hate.csv",
        card="posts",
        read_mapped=posts.read_implicit_hate,
        tasks=("hateful",),
    ),
    _text_only("edos", posts.read_edos, posts.splits_of_edos, "edos.csv", card="posts", read_mapped=posts.read_edos),
    _text_only(
        "toxigen",
        group_mentions.read_toxigen,
        group_mentions.splits_of_toxigen,
        "toxigen_human.csv",
        card="group_mentions",
        target_tag=0,
    ),
    _text_only(
        "redditbias",
        group_mentions.read_redditbias,
        group_mentions.splits_of_redditbias,
        "redditbias.csv",
        card="group_mentions",
        read_mapped=group_mentions.read_redditbias,
        target_tag=0,
    ),
    _text_only(
        "madlibs",
        group_mentions.read_madlibs,
        group_mentions.splits_of_madlibs,
        "madlibs.csv",
        card="group_mentions",
        read_mapped=group_mentions.read_madlibs,
        target_tag=0,
    ),
    _text_only(
        "minimal_pairs",
        minimal_pairs.read_minimal_pairs,
        minimal_pairs.splits_of_minimal_pairs,
        "train.yaml, dev.yaml, test.yaml beside words.yaml and functions.yaml",
        card="minimal_pairs",
        target_tag=0,
        shipped=SHIPPED,
    ),
    _text_only(
        "imgflip",
        imgflip.read_captions,
        imgflip.splits_of_captions,
        "captions.jsonl.gz",
        card="imgflip",
        tasks=("hateful",),
    ),
    Layout(
        name="generic",
        tasks=tuple(TASKS),
        splits=generic.splits_of_generic,
        read=generic.read_generic,
        detects=generic.is_generic,
        has_pictures=True,
        card="generic",
        looks_for="a table (JSON Lines, JSON, CSV, TSV) with a column image or text, or folders of pictures named by "
        "class (hateful, not_hateful; other names with label_map.yaml)",
        is_borrowed=True,
        read_mapped=generic.read_generic,
    ),
)

LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in _LAYOUTS}


def detect_layout(root: Path) -> Layout:
    """The layout of what lies at ``root``; the generic one when it is no other, or when a label map lies there.

    Raises ``DatasetError`` saying why a table that lies there is none of memes, or else listing what was looked for; or
    the layouts, when it could be several.
    """
    if (existing(root) / FILE_NAME).is_file():
        return LAYOUTS["generic"]
    specific = [layout for layout in _LAYOUTS if layout.name != "generic" and layout.detects(root)]
    if len(specific) > 1:
        names = ", ".join(layout.name for layout in specific)
        raise DatasetError(f"{root} holds files of several layouts: {names}; name one of them as the layout")
    if specific:
        return specific[0]
    if LAYOUTS["generic"].detects(root):
        return LAYOUTS["generic"]
    try:
        check_tables(root)
    except DatasetError as error:
        raise DatasetError(f"{root} is of no known layout; {error}") from error
    looked_for = "; ".join(f"{layout.name}: {layout.looks_for}" for layout in _LAYOUTS)
    raise DatasetError(f"{root} is of no known layout; see data_cards/generic.md. Looked for: {looked_for}")


def read_with_map(layout: Layout, root: Path, split: str, dataset: str, label_map: Mapping[str, str] | None) -> Loaded:
    """Read a split; ``label_map`` says what label values mean. Raises ``DatasetError`` where the layout takes none."""
    if label_map is None:
        return layout.read(root, split, dataset=dataset)
    if layout.read_mapped is None:
        names = ", ".join(name for name, one in LAYOUTS.items() if one.read_mapped is not None and name != "generic")
        raise DatasetError(
            f"label_map is for the layout generic; {layout.name} knows what its labels mean, and only {names} can be "
            "told otherwise"
        )
    return layout.read_mapped(root, split, dataset=dataset, label_map=label_map)
