"""Words of pictures whose dataset does not give them, read by the OCR that serves, and kept on disk.

A reading is one JSON file. Its key is the sha256 of the picture's bytes, below a folder for the engine: name, version,
the decoder's version and everything in ``model/ocr`` that decides what is read. So a changed picture, engine or setting
is read anew. Files are written whole (``model.atomic``) and carry a checksum: what a killed writer, a full disk or an
editor left half done is read anew, never trusted. Several processes may fill one cache.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache as computed_once
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tqdm import tqdm

import model.ocr
from model.atomic import file_digest, write_atomically
from model.errors import EngineUnavailableError, MemeError
from model.meme import Meme, has_words
from model.ocr import OcrEngine, OcrResult, OcrWord
from model.picture.door import DECODER_VERSION
from training.datasets.base import Loaded, Sample, Skipped

ReadingMode = Literal["given", "missing", "always"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReadingCache:
    """Readings of one engine below ``folder``; reads what is not there yet.

    Raises ``EngineUnavailableError`` when something must be read and the engine cannot.
    """

    engine: OcrEngine
    folder: Path

    def read(self, picture: Path) -> OcrResult:
        """The reading of a picture file. Raises ``MemeError`` for a file that is no picture.

        A reading that failed or ran out of time is given back and not kept: the next call tries again.
        """
        folder = self.folder / engine_key(self.engine)
        stored = _load(folder / f"{_digest(picture)}.json")
        if stored is not None:
            return stored
        meme = Meme.from_file(picture)
        result = self.engine.read(np.asarray(meme.picture))
        if result.status == "unavailable":
            raise EngineUnavailableError(f"OCR engine {self.engine.name}: {result.detail}")
        if result.status in ("ok", "partial"):
            write_atomically(folder / f"{meme.digest}.json", _document(result))
        return result


def read_missing_texts(
    samples: Sequence[Sample], mode: ReadingMode, engine: OcrEngine, cache: Path, *, workers: int = 1
) -> list[Sample]:
    """Samples with their texts: as given, read from the picture where blank ("missing"), or all read ("always").

    Samples without a picture stay as they are. A picture that cannot be read is left out and named in a warning;
    ``read_texts`` gives the reasons as values. Raises ``EngineUnavailableError`` when the engine cannot read at all.
    """
    loaded = read_texts(samples, mode, engine, cache, workers=workers)
    for skipped in loaded.skipped:
        _LOG.warning("left out: %s: %s", skipped.place, skipped.reason)
    return loaded.samples


def read_texts(
    samples: Sequence[Sample], mode: ReadingMode, engine: OcrEngine, cache: Path, *, workers: int = 1
) -> Loaded:
    """Like ``read_missing_texts``, with the samples that were left out in ``skipped``.

    ``workers`` is the number of pictures read at once; give the engine as many threads as cores are left for each.
    """
    wanted = {sample.image for sample in samples if sample.image and _is_wanted(sample, mode)}
    readings = _read_all(sorted(wanted), ReadingCache(engine, cache), workers)
    kept: list[Sample] = []
    skipped: list[Skipped] = []
    for sample in samples:
        reading = readings.get(sample.image) if sample.image and _is_wanted(sample, mode) else sample.text
        if isinstance(reading, str):
            kept.append(replace(sample, text=reading))
        elif reading is not None:
            skipped.append(Skipped(f"{sample.dataset} {sample.split}, id {sample.id}", reason=reading.reason))
    return Loaded(kept, skipped)


@dataclass(frozen=True)
class _Unread:
    """Why a picture has no reading."""

    reason: str


def _is_wanted(sample: Sample, mode: ReadingMode) -> bool:
    return mode == "always" or (mode == "missing" and not has_words(sample.text))


def _read_all(pictures: Sequence[Path], cache: ReadingCache, workers: int) -> dict[Path, str | _Unread]:
    if not pictures:
        return {}
    if reason := cache.engine.unavailable_reason():
        raise EngineUnavailableError(f"OCR engine {cache.engine.name}: {reason}")

    def text_of(picture: Path) -> str | _Unread:
        try:
            result = cache.read(picture)
        except MemeError as error:
            return _Unread(f"{picture.name}: {error.code}: {error.message}")
        return _Unread(f"{picture.name}: OCR failed ({result.detail})") if result.status == "failed" else result.text

    with ThreadPoolExecutor(max_workers=workers) as pool:
        answers = tqdm(pool.map(text_of, pictures), total=len(pictures), desc="OCR", unit="picture", disable=None)
        return dict(zip(pictures, answers, strict=True))


def engine_key(engine: OcrEngine) -> str:
    """Name of the folder of an engine's readings.

    Of its name and version, the decoder's, a digest of its code, and what runs its networks.
    """
    named = engine.name, str(engine.version), type(engine).__qualname__, str(DECODER_VERSION), _code_digest()
    content = "\n".join(filter(None, (*named, engine.network_engine)))
    return f"{engine.name}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"


@computed_once
def _code_digest() -> str:
    """Digest of ``model/ocr``: its constants and ranges are the engines' settings, its code decides what a line is."""
    (folder,) = model.ocr.__path__
    digest = hashlib.sha256()
    for path in sorted(path for kind in ("*.py", "*.json") for path in Path(folder).rglob(kind)):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _digest(picture: Path) -> str:
    """Digest of a picture's bytes, without decoding them."""
    try:
        return file_digest(picture)
    except OSError:
        return Meme.from_file(picture).digest  # raises, with the message that every other reader of pictures gives


def _document(result: OcrResult) -> bytes:
    content = asdict(result)
    return json.dumps({"sha256": _checksum(content), "reading": content}).encode()


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _load(path: Path) -> OcrResult | None:
    """The reading in a file; None when there is none or when it is not as it was written."""
    try:
        document = json.loads(path.read_bytes())
        content = document["reading"]
        if document["sha256"] != _checksum(content):
            return None
        words = tuple(OcrWord(word["text"], tuple(word["box"]), word["confidence"]) for word in content["words"])
        return OcrResult(**content | {"words": words, "unread": tuple(tuple(box) for box in content["unread"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
