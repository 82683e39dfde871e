"""Fingerprints of picture files, with the words that are given or read."""

from pathlib import Path

from model.atomic import file_digest
from model.budget import Budget, result_of
from model.errors import MemeError
from model.known.fingerprint import Fingerprint, fingerprint_of
from model.meme import DEFAULT_LIMITS, Meme
from model.ocr import OcrEngine
from model.parts.reading import read_steps


def fingerprint_of_file(path: Path, text: str | None, ocr: OcrEngine) -> Fingerprint:
    """By what a picture file is known again; raises ``MemeError`` for one that is no picture."""
    return _read(Meme.from_file(path, text=text), ocr)


def digest_of_file(path: Path) -> str:
    """The sha256 of a file; raises ``MemeError`` for one that cannot be read."""
    try:
        return file_digest(path)
    except OSError as error:
        raise MemeError("unreadable_file", f"cannot be read ({error.strerror})") from error


def fingerprint_of_words(text: str) -> Fingerprint:
    """By what words that stand alone are known again; raises ``MemeError`` for blank ones."""
    return fingerprint_of(Meme.from_text(text), text)


def _read(meme: Meme, ocr: OcrEngine) -> Fingerprint:
    reading = result_of(read_steps(meme, ocr, Budget(DEFAULT_LIMITS.max_work_s)))
    return fingerprint_of(meme, reading.text.content)
