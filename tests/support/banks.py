"""Fingerprints that are made up, altered by so many bits, and banks that hold them."""

import random
from typing import Any

import numpy as np
import sqlalchemy as sa
from PIL import Image

from model.known.fingerprint import Fingerprint
from model.known.words import words_key
from serving.known.bank import Bank, NewEntry
from serving.known.bank_store import add_entries, create_bank
from serving.ledger.database import Database
from support.picture_files import encoded

SENTENCE = "when the tests pass at once and nobody knows why"


def random_pdq(seed: int) -> bytes:
    return random.Random(seed).randbytes(32)


def altered(pdq: bytes, n_bits: int) -> bytes:
    """The same hash with its first bits turned over."""
    return (int.from_bytes(pdq) ^ ((1 << n_bits) - 1)).to_bytes(32)


def fingerprint(seed: int = 0, text: str | None = SENTENCE, *, n_bits: int = 0, sha256: str = "") -> Fingerprint:
    """Of a picture of good quality; the same picture for the same ``seed``."""
    return Fingerprint(sha256 or f"{seed:064x}", altered(random_pdq(seed), n_bits), 100, words_key(text))


def entry(seed: int = 0, text: str | None = SENTENCE, **said: Any) -> NewEntry:
    return NewEntry(fingerprint(seed, text), **said)


def bank_with(database: Database, bank: Bank, *entries: NewEntry) -> list[str]:
    """Make a bank; the ids of its entries."""
    with database.writing() as connection:
        create_bank(connection, bank)
        return add_entries(connection, bank.name, entries)


def n_rows(connection: sa.Connection, table: sa.Table) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def photo(seed: int = 0, *, quality: int | None = None, scale: float = 1.0) -> bytes:
    """A picture file with much to tell in it; of another ``quality`` of JPEG or another size it is an altered copy."""
    rng = np.random.default_rng(seed)
    picture = Image.fromarray(rng.integers(0, 256, size=(12, 16, 3), dtype=np.uint8)).resize((480, 360))
    picture = picture.resize((round(480 * scale), round(360 * scale)))
    return encoded(picture) if quality is None else encoded(picture, "JPEG", quality=quality)
