"""Remembered memes in the database: what may be remembered, how precisely, and what is left of what is forgotten."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from support.banks import n_rows
from support.remembered import WORDS, content, meme, remember, shift
from support.tiny import TinyBundle

from model import Meme, Scorer, load
from model.known.features import MemeFeatures
from model.known.memory import Memory
from serving.known.memory.features import features_of
from serving.known.memory.store import (
    MOST_MEMES,
    NewMeme,
    RememberError,
    binary_labels,
    remove_memes,
    stored_memes,
)
from serving.known.memory.trial import auroc
from serving.ledger.database import Database
from serving.ledger.queries import Label
from serving.ledger.tables import memory, memory_features, pictures


def test_a_meme_without_a_label_that_can_vote_is_refused(scorer: Scorer) -> None:
    for labels in ({}, {"memotion_sentiment": "negative"}):
        with pytest.raises(RememberError, match="yes/no tasks alone"):
            NewMeme(labels, features_of(meme(), scorer))


def test_labels_of_binary_tasks_are_those_that_vote() -> None:
    labels: dict[str, Label] = {"hateful": "not_hateful", "offensive": "offensive", "protected_class": ["religion"]}
    assert binary_labels(labels) == {"hateful": False, "offensive": True}


def test_there_is_an_end_to_what_is_remembered(
    database: Database, scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.known.memory.store.MOST_MEMES", 1)
    remember(database, scorer, meme())
    with pytest.raises(RememberError, match="1 memes are remembered already"):
        remember(database, scorer, meme(2))
    assert MOST_MEMES == 10_000


def test_what_is_forgotten_is_in_no_table_but_a_picture_that_a_decision_is_about(
    database: Database, scorer: Scorer
) -> None:
    ids = [
        remember(database, scorer, meme(seed), text=WORDS, picture=(str(seed) * 64, content(seed))) for seed in (1, 2)
    ]
    again = remember(database, scorer, meme(2), picture=("2" * 64, content(2)))
    with database.deleting() as connection:
        assert sorted(remove_memes(connection, [*ids, "nobody"])) == sorted(ids)
    with database.reading() as connection:
        assert [n_rows(connection, table) for table in (memory, memory_features, pictures)] == [1, 1, 1]
        assert [one.memory_id for one in stored_memes(connection, scorer.model.digest)] == [again]


@given(
    arrays.arrays(np.bool_, st.just(9)),
    arrays.arrays(np.float64, st.just(9), elements=st.sampled_from([0.1, 0.5, 0.9])),
)
def test_auroc_is_that_of_scikit_learn(labels: NDArray[np.bool_], scores: NDArray[np.float64]) -> None:
    expected = roc_auc_score(labels, scores) if 0 < labels.sum() < len(labels) else None
    assert auroc(labels, scores) == (expected if expected is None else pytest.approx(expected))


def test_a_bundle_that_says_nothing_of_words_remembers_pictures(tiny: TinyBundle, tmp_path: Path) -> None:
    head = tiny.parts.head.model_copy(update={"text_output": None, "text_width": None})
    older = load(tiny.written_anew(tmp_path / "bundle", head=head).path, ocr="none", features=True)
    assert features_of(meme(), older).text is None
    with pytest.raises(RememberError, match="says nothing of words"):
        features_of(Meme.from_text(WORDS), older)


def test_stored_features_are_as_precise_as_a_vote_needs(database: Database, scorer: Scorer) -> None:
    remember(database, scorer, meme())
    with database.reading() as connection:
        (found,) = stored_memes(connection, scorer.model.digest)
    fresh = features_of(meme(), scorer)
    kept = found.remembered()
    assert kept is not None
    exact = Memory([replace(kept, features=MemeFeatures(fresh.image, fresh.text))], ["hateful"])
    assert shift(Memory([kept], ["hateful"]), meme(), scorer) == pytest.approx(shift(exact, meme(), scorer), abs=0.01)
    assert connection.dialect.name in ("sqlite", "postgresql")


def test_a_removal_of_nothing_removes_nothing(database: Database) -> None:
    with database.deleting() as connection:
        assert remove_memes(connection, ["nobody"]) == []
        assert connection.execute(sa.select(memory)).all() == []
