"""A ledger whose banks and memory know some of the memes that a batch is given."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from model import Meme, Policy, Scorer
from model.known.fingerprint import Fingerprint, fingerprint_of
from model.policy.file import chosen_policy
from serving.cli import main
from serving.known.bank import Bank, NewEntry
from serving.known.bank_store import delete_bank, quarantine
from serving.known.memory.features import features_of
from serving.known.memory.store import NewMeme, add_meme, remove_memes
from support.banks import SENTENCE, bank_with, photo
from support.batch import write_jsonl
from support.ledgers import database_of
from support.tiny import TinyBundle

POLICIES = """format_version: 1
default: banked
policies:
  banked:
    version: "1"
    thresholds: {hateful: {review: 0.9, block: never}}
    banks: {removed: , jokes: {same_picture: benign}}
  unknown: {version: "1", extends: bundle, banks: {nowhere: , removed: }}
"""
OTHER_WORDS = "these are quite other words than before"
N_PICTURES = 6
#: As far as scores of batches of one and of eight may differ.
TOLERANCE = 1e-4
#: Pictures by number: of an entry to block, of a joke, of an expired one, of one in quarantine.
BLOCKED, JOKE, EXPIRED, QUARANTINED = range(4)


@dataclass(frozen=True)
class Known:
    """A ledger with banks and a memory, and memes that are in them or are not."""

    url: str
    memes: Path
    policies: Path
    memory_ids: tuple[str, ...]

    @property
    def items(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.memes.read_text().splitlines()]

    def forget(self) -> None:
        """Everything that is known: what comes after it asks another ledger."""
        database = database_of(self.url)
        with database.deleting() as connection:
            delete_bank(connection, "removed")
            delete_bank(connection, "jokes")
            remove_memes(connection, self.memory_ids)
        database.close()


def _memes(folder: Path) -> Path:
    """Each picture with both texts, each text alone, and a file that is no picture."""
    folder.mkdir()
    for seed in range(N_PICTURES):
        (folder / f"{seed}.jpg").write_bytes(photo(seed, quality=80))
    (folder / "bad.jpg").write_bytes(b"no picture")
    pictures = [f"{seed}.jpg" for seed in range(N_PICTURES)]
    pairs = [(name, text) for name in pictures for text in (SENTENCE, OTHER_WORDS)]
    pairs += [("bad.jpg", SENTENCE)]
    return write_jsonl(
        folder / "memes.jsonl", [{"id": f"m{n}", "image": image, "text": text} for n, (image, text) in enumerate(pairs)]
    )


def fingerprint(seed: int) -> Fingerprint:
    """Of the picture with ``SENTENCE``."""
    return fingerprint_of(Meme.from_bytes(photo(seed)), SENTENCE)


def flags_of(known: Known, tiny: TinyBundle, name: str) -> list[object]:
    return ["--bundle", tiny.bundle.path, "--ocr", "none", "--policy", f"{known.policies}:{name}"]


def memeguard(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], prog_name="memeguard")


def policy_of(folder: Path, scorer: Scorer, name: str) -> Policy:
    (folder / "policies.yaml").write_text(POLICIES)
    return chosen_policy(f"{folder / 'policies.yaml'}:{name}", scorer.bundle)


def known_ledger(folder: Path, scorer: Scorer) -> Known:
    """Banks and a memory in a new ledger, with memes that they know and memes that they do not."""
    memes = _memes(folder / "in")
    (folder / "policies.yaml").write_text(POLICIES)
    url = f"sqlite:///{folder}/ledger.db"
    database = database_of(url)
    past = datetime.now(UTC) - timedelta(days=1)
    bank_with(database, Bank("jokes", "benign"), NewEntry(fingerprint(JOKE)))
    _, _, doubted = bank_with(
        database,
        Bank("removed", "block"),
        NewEntry(fingerprint(BLOCKED)),
        NewEntry(fingerprint(EXPIRED), expires_at=past),
        NewEntry(fingerprint(QUARANTINED)),
    )
    with database.writing() as connection:
        quarantine(connection, [doubted])
        ids = [
            add_meme(connection, NewMeme({"hateful": label}, features_of(one, scorer)), scorer.model.digest)
            for one, label in (
                (Meme.from_bytes(photo(4), text=SENTENCE), "hateful"),
                (Meme.from_bytes(photo(5), text=OTHER_WORDS), "not_hateful"),
            )
        ]
    database.close()
    return Known(url, memes, folder / "policies.yaml", tuple(ids))
