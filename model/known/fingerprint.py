"""Fingerprint of a meme: by what it can be known again, without the meme."""

from dataclasses import dataclass

from PIL import Image

from model.known.frames import framed
from model.known.pdq import MIN_QUALITY, pdq_of
from model.known.words import words_key
from model.meme import Meme


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of one meme to know it again.

    ``sha256`` is the digest of what was judged (``Meme.digest``): of the picture's bytes, or of words that stand alone.
    ``pdq`` [32 bytes] and ``pdq_quality`` (0 to 100) are None for words alone, ``words_key`` (``words.py``) is None
    where there are no words.

    What it is compared by, and need not be kept: ``pdq_mirrored``, the hash of the mirrored picture (made from ``pdq``
    where it is missing, off by some 8 bits), and ``pdq_unframed``, those of the picture without a border around it.
    """

    sha256: str
    pdq: bytes | None = None
    pdq_quality: int | None = None
    words_key: str | None = None
    pdq_mirrored: bytes | None = None
    pdq_unframed: tuple[bytes, ...] = ()


def fingerprint_of(meme: Meme, text: str | None) -> Fingerprint:
    """Fingerprint of ``meme`` with the words ``text``: the caller's, or those that were read from it.

    PDQ is that of the meme's first view in its own size, upright, before it is scaled for the network: of an animation
    its first frame, of a picture with clear parts the first ground that it was judged on.
    """
    words = words_key(text)
    if meme.image is None:
        return Fingerprint(meme.digest, words_key=words)
    pdq = pdq_of(meme.image)
    return Fingerprint(meme.digest, pdq.hash, pdq.quality, words, pdq.mirrored, unframed_hashes(meme.image))


def unframed_hashes(image: Image.Image) -> tuple[bytes, ...]:
    """PDQ of an RGB ``image`` without the border or frame around it; none where there is no such thing, or where too
    little can be told of what it leaves."""
    inner = [pdq_of(image.crop(box)) for box in framed(image)]
    return tuple(dict.fromkeys(pdq.hash for pdq in inner if pdq.quality >= MIN_QUALITY))
