"""Which tasks a teacher speaks of, whose samples it teaches, and that its word is part of what a phase stands on."""

from pathlib import Path

import numpy as np
import pytest
from support.preparation import PREPROCESS, picture, tokenizer_json
from support.tiny import export_tower, tiny_network, tower_spec

from model.preprocess import Preprocessor
from model.taxonomy import tasks_named
from training.data.examples import Examples
from training.data.feature_cache import FrozenTower
from training.data.modalities import BOTH, Modalities
from training.datasets import Sample, Source
from training.datasets.base import Labels
from training.errors import ConfigError, RunError
from training.kernel.config import TeacherConfig
from training.kernel.memory import whole_rows
from training.kernel.soft_labels import read_soft_labels, taught_tasks, teach, write_soft_labels
from training.run.source_examples import SourceExamples
from training.trainer.checkpoint import examples_digest

TASKS = tasks_named(("hateful", "memotion_sentiment", "offensive"))
HATEFUL = TASKS[0]
FOUR_FOLDS = TeacherConfig(folds=4)
TEXT_ONLY = Modalities(image=False)


@pytest.fixture(scope="module")
def memes(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Sixteen memes, hateful and not in turn, and four texts; two are known to be offensive or not."""
    folder = tmp_path_factory.mktemp("memes")
    preprocessor = Preprocessor(PREPROCESS, tokenizer_json())
    samples = []
    for index in range(20):
        path = folder / f"{index}.png"
        picture(index).save(path)
        labels: Labels = {"hateful": index % 2, "memotion_sentiment": index % 3}
        labels |= {"offensive": index} if index < 2 else {}
        text = ("a cat " if index % 2 else "words ") * (index // 4 + 1)
        samples.append(Sample(str(index), "toy", "train", text, labels, path if index < 16 else None))
    tower = FrozenTower(export_tower(folder / "tower.onnx"), tower_spec(), preprocessor, folder / "cache")
    return Examples(samples, TASKS, preprocessor, tower)


def test_a_teacher_speaks_of_binary_tasks_with_enough_of_either_class(memes: Examples) -> None:
    assert taught_tasks(memes.samples, TASKS, FOUR_FOLDS, BOTH) == [HATEFUL]


def test_a_teacher_is_refused_where_a_class_has_fewer_samples_than_folds(memes: Examples) -> None:
    nine = TeacherConfig(folds=9)
    said = (
        r"folds is 9, so a teacher needs as many training samples of either class with picture and words, and there "
        r"are of 'hateful' 8 and 8; of 'offensive' 1 and 1: take fewer folds, or leave the teacher out \(teacher=null"
    )
    with pytest.raises(ConfigError, match=said):
        taught_tasks(memes.samples, TASKS, nine, BOTH)
    assert taught_tasks(memes.samples, TASKS, nine, TEXT_ONLY) == [HATEFUL]


def test_only_whole_labelled_samples_are_taught(memes: Examples) -> None:
    network = tiny_network(tasks=("hateful", "memotion_sentiment", "offensive"))
    rows = whole_rows(memes.samples, BOTH)
    soft = teach(network, memes, rows, [HATEFUL], FOUR_FOLDS, 0, BOTH)
    assert soft.shape == (20, 3)
    assert np.isfinite(soft[:16, 0]).all()
    assert np.isnan(soft[16:]).all()
    assert np.isnan(soft[:, 1:]).all()
    assert ((soft[:16, 0] > 0.5) == (np.arange(16) % 2 == 1)).mean() > 0.9  # its words say which one a meme is


def test_soft_labels_come_back_as_they_were_written(tmp_path: Path) -> None:
    soft = np.array([[0.25, np.nan], [1 / 3, 0.5]])
    write_soft_labels(tmp_path / "soft", soft)
    assert np.array_equal(read_soft_labels(tmp_path / "soft", 2), soft, equal_nan=True)
    with pytest.raises(RunError, match="soft labels of 2 samples, not 3"):
        read_soft_labels(tmp_path / "soft", 3)
    (tmp_path / "soft").write_bytes(b"no tensors")
    with pytest.raises(RunError, match="soft labels cannot be read"):
        read_soft_labels(tmp_path / "soft", 2)


def test_what_the_teacher_says_is_part_of_what_a_phase_is_trained_on(memes: Examples) -> None:
    soft = np.full((20, 3), 0.5)
    other = soft.copy()
    other[7, 0] = 0.25
    digests = {examples_digest(examples) for examples in (memes, memes.taught(soft), memes.taught(other))}
    assert len(digests) == 3
    assert examples_digest(memes.taught(soft.copy())) == examples_digest(memes.taught(soft))


def test_samples_are_trusted_as_their_sources_are_in_every_phase(memes: Examples) -> None:
    def make(samples: object) -> Examples:
        return Examples(samples, TASKS, Preprocessor(PREPROCESS, tokenizer_json()), memes._pictures._tower)  # type: ignore[arg-type, attr-defined] # what it was given above

    plain = Source(path=Path("memes"), split="train")
    doubted = plain.model_copy(update={"weight": 0.5, "label_noise": {"hateful=not_hateful": 0.1}})
    parts = SourceExamples([memes.samples[:3], memes.samples[3:5]], make, [plain, doubted])
    assert parts.examples((0,)).trust is None
    trust = parts.examples((1, 0)).trust
    assert trust is not None
    assert trust[0].tolist() == [0.5, 0.5, 1, 1, 1]
    harmless = [sample.labels["hateful"] == 0 for sample in memes.samples[3:5]]
    assert np.allclose(trust[1], [[0.1 * one, 0, 0] for one in (*harmless, 0, 0, 0)])
    taught = parts.examples((1, 0), {0: np.full((3, 3), 0.5)})
    assert taught.has_soft_labels
    assert taught.trust is not None


def test_a_source_that_was_taught_is_so_in_every_phase_that_sees_it(memes: Examples) -> None:
    def make(samples: object) -> Examples:
        return Examples(samples, TASKS, Preprocessor(PREPROCESS, tokenizer_json()), memes._pictures._tower)  # type: ignore[arg-type, attr-defined] # what it was given above

    parts = SourceExamples([memes.samples[:3], memes.samples[3:5], memes.samples[5:9]], make)
    before, alone = parts.examples((0, 1)), parts.examples((1,))
    soft = parts.split((0, 2), np.arange(21.0).reshape(7, 3))
    assert not before.has_soft_labels
    assert parts.examples((1,), soft) is alone
    both = parts.examples((2, 1, 0), soft).soft_labels
    assert both is not None
    assert np.array_equal(both[:4], np.arange(9.0, 21.0).reshape(4, 3))
    assert np.isnan(both[4:6]).all()
    assert np.array_equal(both[6:], np.arange(9.0).reshape(3, 3))
    known = parts.examples((0, 1), soft).soft_labels
    assert known is not None
    assert np.array_equal(known[:3], both[6:])
