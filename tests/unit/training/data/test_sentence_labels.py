from pathlib import Path

import numpy as np
import pytest

from training.data.sentence_labels import SHIPPED, SentenceLabels, read_sentence_labels, write_sentence_labels
from training.errors import ConfigError

SAID = {"the sun is out": 0.25, "rain again": 0.75, "Ünïcode 🌧": 0.5}


def labels() -> SentenceLabels:
    return SentenceLabels.of("hateful", "a teacher 1.0.0, seed 0", SAID)


def test_what_was_said_is_found_again_and_nothing_of_what_was_not(tmp_path: Path) -> None:
    path = tmp_path / "new" / "labels.safetensors"
    write_sentence_labels(path, labels())
    found = read_sentence_labels(path)
    assert (found.task, found.teacher) == ("hateful", "a teacher 1.0.0, seed 0")
    said = found.of_texts(["rain again", "Rain again", "the sun is out", "", "Ünïcode 🌧"])
    assert np.array_equal(said, [0.75, np.nan, 0.25, np.nan, 0.5], equal_nan=True)
    assert [file.name for file in path.parent.iterdir()] == ["labels.safetensors"]


def test_the_file_holds_no_words(tmp_path: Path) -> None:
    path = tmp_path / "labels.safetensors"
    write_sentence_labels(path, labels())
    assert not any(word.encode() in path.read_bytes() for text in SAID for word in text.split())


def test_a_file_without_sentences_says_nothing_of_any(tmp_path: Path) -> None:
    write_sentence_labels(tmp_path / "labels", SentenceLabels.of("hateful", "nobody", {}))
    assert np.isnan(read_sentence_labels(tmp_path / "labels").of_texts(["rain again"])).all()


@pytest.mark.parametrize("content", [None, b"no safetensors", b""])
def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "labels.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"cannot be read .* make it with `memeguard soft-labels`"):
        read_sentence_labels(path)


def test_those_that_come_with_the_code_are_probabilities_of_hate_by_the_teacher_of_its_config() -> None:
    found = read_sentence_labels(SHIPPED)
    assert found.task == "hateful"
    assert found.teacher.startswith("sentence-teacher ")
    assert (np.diff(found.keys.astype(object)) > 0).all()
    assert ((found.probabilities > 0) & (found.probabilities < 1)).all()
