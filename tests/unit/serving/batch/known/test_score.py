"""``memeguard score`` asks the memory as a batch does."""

import json
from collections.abc import Callable

import pytest
from click.testing import Result
from support.banks import SENTENCE
from support.batch_known import (
    Known,
    memeguard,
)
from support.ledgers import database_of
from support.tiny import TinyBundle

from model import Meme, Scorer
from serving.known.memory.features import features_of
from serving.known.memory.store import NewMeme, add_meme


@pytest.fixture
def score(known: Known, tiny: TinyBundle, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """``memeguard score`` of a meme that is remembered."""
    monkeypatch.setenv("MEMEGUARD_LEDGER_URL", known.url)
    meme = [known.memes.parent / "4.jpg", "--text", SENTENCE, "--bundle", tiny.bundle.path, "--ocr", "none", "--json"]
    return lambda *flags: memeguard("score", *meme, *flags)


def test_what_is_remembered_votes_in_score_and_this_is_said(score: Callable[..., Result], known: Known) -> None:
    moved, also, plain = (score(*flags) for flags in ([], ["--memory"], ["--no-memory"]))
    said = "memory: 2 remembered memes vote; --no-memory judges without them\n"
    assert [one.stderr for one in (moved, also, plain)] == [said, said, ""]
    first, second, third = (json.loads(one.stdout) for one in (moved, also, plain))
    assert (first["memory"], third["memory"]) == (second["memory"], None)
    assert first["memory"]["shifts"]["hateful"] > 1  # the picture is an altered copy
    assert first["scores"]["hateful"] > third["scores"]["hateful"]
    known.forget()
    nothing, asked = score(), score("--memory")
    assert (nothing.stderr, "memory: 0 remembered memes vote" in asked.stderr) == ("", True)
    assert [json.loads(one.stdout)["scores"] for one in (nothing, asked)] == [third["scores"]] * 2


def test_memes_that_sleep_are_told_of(score: Callable[..., Result], known: Known, scorer: Scorer) -> None:
    database = database_of(known.url)
    with database.writing() as connection:
        seen = features_of(Meme.from_text(SENTENCE), scorer)
        add_meme(connection, NewMeme({"hateful": "hateful"}, seen), "another bundle")
    database.close()
    assert "Warning: memory: 1 remembered memes have no vote" in score().stderr
