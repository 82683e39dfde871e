"""Categories of a file, ready to score: their examples and descriptions are judged once, for what the towers see."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle, shares_space
from model.errors import MemeError
from model.judge import ScoringError
from model.known.categories import Categories, DescribedCategory, ExampleCategory
from model.known.category_file import CategoryFile, CategoryFileError, ExampleEntry, read_category_file
from model.known.features import MemeFeatures
from model.known.neutral import NEUTRAL_DESCRIPTIONS, NEUTRAL_SENTENCES
from model.meme import Meme, MemeLimits
from model.parts.reading import Reading
from model.verdict import Judgement

_CHUNK = 8
Judged = Sequence[Judgement | ScoringError]


class ExampleReader:
    """What a scorer that gives features makes of the examples of a file."""

    def __init__(
        self,
        bundle: Bundle,
        limits: MemeLimits,
        read: Callable[[Meme], Reading],
        judge: Callable[[Sequence[Reading]], Judged],
    ) -> None:
        self._bundle, self._limits, self._read, self._judge = bundle, limits, read, judge

    def categories(self, path: Path) -> Categories:
        """The categories of a file; raises ``CategoryFileError`` for one that cannot be used with this bundle."""
        file = read_category_file(path)
        self._check_bundle(file)
        described = {name: one.description for name, one in file.categories.items() if one.description is not None}
        texts = dict(zip(described, self._sentences(described.values()), strict=True))
        found: list[DescribedCategory | ExampleCategory] = []
        for name, entry in file.categories.items():
            place = f"categories.{name}"
            if entry.examples is None:
                found.append(DescribedCategory(name, self._description(file, place, texts[name])))
            else:
                found.append(ExampleCategory(name, self._examples(file, f"{place}.examples", entry.examples)))
        background = [*self._examples(file, "background", file.background), *self._sentences(NEUTRAL_SENTENCES)]
        neutral = [one.text for one in self._sentences(NEUTRAL_DESCRIPTIONS) if described and one.text is not None]
        return Categories(found, background, neutral, digest=file.digest)

    def _check_bundle(self, file: CategoryFile) -> None:
        manifest = self._bundle.manifest
        told = f"the bundle {manifest.name} {manifest.version}"
        for name, entry in file.categories.items():
            if entry.description is not None and not shares_space(self._bundle):
                raise CategoryFileError(
                    f"{file.path}: categories.{name}.description: {told} has no space that words and pictures share; "
                    "give examples, or use a bundle of an open_clip model"
                )

    def _description(self, file: CategoryFile, place: str, found: MemeFeatures) -> NDArray[np.float32]:
        if found.text is None:
            raise CategoryFileError(f"{file.path}: {place}.description: there are no words in it")
        return found.text

    def _examples(self, file: CategoryFile, place: str, examples: Iterable[ExampleEntry]) -> list[MemeFeatures]:
        memes = (self._meme(file, f"{place}: example {at}", one) for at, one in enumerate(examples, start=1))
        found = list(self._features(memes))
        for at, one in enumerate(found, start=1):
            if one is None or (one.image is None and one.text is None):
                raise CategoryFileError(f"{file.path}: {place}: example {at}: {self._nothing_seen()}")
        return [one for one in found if one is not None]

    def _nothing_seen(self) -> str:
        if self._bundle.manifest.head.text_output is None:
            return "this bundle tells nothing of words; give pictures, or export the bundle again with this version"
        return "the model sees nothing in it that could be compared"

    def _meme(self, file: CategoryFile, place: str, example: ExampleEntry) -> Meme:
        picture = file.picture(example)
        try:
            if picture is None:
                return Meme.from_text(example.text or "", limits=self._limits)
            return Meme.from_file(picture, text=example.text, limits=self._limits)
        except MemeError as error:
            raise CategoryFileError(f"{file.path}: {place}: {error.message}") from error

    def _sentences(self, texts: Iterable[str]) -> list[MemeFeatures]:
        found = self._features(Meme.from_text(text) for text in texts)
        return [MemeFeatures(None, None) if one is None else one for one in found]

    def _features(self, memes: Iterable[Meme]) -> Iterator[MemeFeatures | None]:
        """In order; None where the network gave a meme no score."""
        coming = iter(memes)
        while chunk := [self._read(meme) for meme in islice(coming, _CHUNK)]:
            for one in self._judge(chunk):
                yield None if isinstance(one, ScoringError) else one.features
