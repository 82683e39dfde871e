"""Baselines on tiny data whose answer is known, and the rows that stand beside a network's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from support.preparation import PREPROCESS, SIDE_PX, tokenizer_json
from support.tiny import TinyBundle, tower_spec

from model.network.backbone import build_backbone
from model.network.config import BackboneConfig
from model.preprocess import PreprocessConfig, Preprocessor
from model.taxonomy import TASKS, tasks_named
from training.baselines import FrozenTowers, MeasuredSet, baseline_table, fit_baselines, labels_of, metric_row
from training.baselines.linear import fit_logistic, fit_svm, majority
from training.baselines.zero_shot import descriptions
from training.data.examples import Examples, PixelPictures
from training.data.feature_cache import FrozenTower
from training.datasets import Sample
from training.datasets.base import Labels

RNG = np.random.default_rng(2)
HATEFUL, SENTIMENT, PROTECTED = TASKS["hateful"], TASKS["memotion_sentiment"], TASKS["protected_class"]
NAMES = ("majority", "tfidf_svm", "text_only_frozen", "image_only_frozen", "concatenation_frozen")
WORDS = {0: ("warm sunny garden", "sunny day out"), 1: ("cold rainy street", "rainy night out")}


@pytest.fixture
def preprocessor() -> Preprocessor:
    return Preprocessor(PREPROCESS, tokenizer_json())


@pytest.fixture
def tower(tiny: TinyBundle, preprocessor: Preprocessor, tmp_path: Path) -> FrozenTower:
    return FrozenTower(tiny.parts.image_tower_path, tower_spec(), preprocessor, tmp_path / "cache", threads=1)


def weather(folder: Path, n: int, split: str, *, pictures: bool = True) -> list[Sample]:
    """Memes whose label is in the words and in the picture's brightness alike."""
    samples = []
    for index in range(n):
        label = index % 2
        path = folder / f"{split}-{index}.png"
        if pictures:
            grey = 200 * label + 5 * (index % 7)
            Image.new("RGB", (SIDE_PX, SIDE_PX), (grey, grey, grey)).save(path)
        text = f"{WORDS[label][index // 2 % 2]} {index}"
        labels: Labels = {"hateful": label, "protected_class": (0,) if label else (1, 2)}
        samples.append(Sample(f"{split}-{index}", "weather", split, text, labels, path if pictures else None))
    return samples


def made(samples: list[Sample], tower: FrozenTower, *tasks: str) -> Examples:
    return Examples(samples, tasks_named(tasks or ("hateful",)), tower.preprocessor, tower)


def test_every_baseline_learns_what_words_and_pictures_give_away(
    tiny: TinyBundle, tower: FrozenTower, tmp_path: Path
) -> None:
    train, dev, test = (made(weather(tmp_path, n, split), tower) for split, n in (("a", 40), ("b", 12), ("c", 20)))
    towers = FrozenTowers(tiny.network.text_tower)
    baselines = fit_baselines(train, dev, HATEFUL, towers, tower.preprocessor)
    assert tuple(baselines.fitted) == NAMES
    assert baselines.absent == {"zero_shot": "the backbone's two towers were not trained into one space"}
    labels = labels_of(test, HATEFUL)
    accuracy = {name: ((score(test) >= 0.5) == labels).mean() for name, score in baselines.fitted.items()}
    assert accuracy["majority"] == 0.5
    assert min(accuracy[name] for name in NAMES[1:]) >= 0.9


def test_with_an_unlabelled_dev_baselines_are_fitted_all_the_same(
    tiny: TinyBundle, tower: FrozenTower, tmp_path: Path
) -> None:
    train = made(weather(tmp_path, 20, "a"), tower)
    unlabelled = made([replace(sample, labels={}) for sample in weather(tmp_path, 6, "b")], tower)
    baselines = fit_baselines(train, unlabelled, HATEFUL, FrozenTowers(tiny.network.text_tower), tower.preprocessor)
    unseen = made([Sample("x", "weather", "c", "zebra quartz", {})], tower)
    assert baselines.fitted["tfidf_svm"](unseen)[0] == pytest.approx(0.5, abs=0.2)


def test_sets_without_pictures_have_text_baselines_alone(tiny: TinyBundle, tower: FrozenTower, tmp_path: Path) -> None:
    train, dev = (made(weather(tmp_path, n, split, pictures=False), tower) for split, n in (("a", 20), ("b", 8)))
    baselines = fit_baselines(train, dev, HATEFUL, FrozenTowers(tiny.network.text_tower), tower.preprocessor)
    assert tuple(baselines.fitted) == ("majority", "tfidf_svm", "text_only_frozen")
    assert baselines.absent["image_only_frozen"] == "no training item has a picture"


def test_sets_without_words_have_picture_baselines_alone(tiny: TinyBundle, tower: FrozenTower, tmp_path: Path) -> None:
    blank = [[replace(s, text=" ") for s in weather(tmp_path, n, split)] for split, n in (("a", 20), ("b", 8))]
    train, dev = (made(samples, tower) for samples in blank)
    baselines = fit_baselines(train, dev, HATEFUL, FrozenTowers(tiny.network.text_tower), tower.preprocessor)
    assert tuple(baselines.fitted) == ("majority", "image_only_frozen", "concatenation_frozen")
    assert baselines.absent["tfidf_svm"] == "no training item has words"


def test_a_task_without_training_labels_has_no_baseline_and_says_so(
    tiny: TinyBundle, tower: FrozenTower, tmp_path: Path
) -> None:
    examples = made(weather(tmp_path, 8, "a"), tower, "offensive")
    found = baseline_table(
        examples, examples, [MeasuredSet("weather", "a", examples)], FrozenTowers(tiny.network.text_tower),
        tower.preprocessor, n_resamples=20,
    )  # fmt: skip
    assert found.rows == []
    assert "offensive: tfidf_svm: no training item is labelled for offensive" in found.absent


def test_the_table_has_a_row_for_each_task_set_and_baseline_that_applies(
    tiny: TinyBundle, tower: FrozenTower, tmp_path: Path
) -> None:
    tasks = ("hateful", "protected_class")
    train, dev = (made(weather(tmp_path, n, split), tower, *tasks) for split, n in (("a", 24), ("b", 10)))
    words = made([replace(s, labels={"hateful": s.labels["hateful"]}) for s in
                  weather(tmp_path, 10, "c", pictures=False)], tower, *tasks)  # fmt: skip
    sets = [MeasuredSet("weather", "b", dev), MeasuredSet("words", "c", words)]
    towers = FrozenTowers(tiny.network.text_tower)
    rows = baseline_table(train, dev, sets, towers, tower.preprocessor, n_resamples=50).rows
    assert [(row.data, row.task) for row in rows].count(("weather", "protected_class")) == 5
    assert [row.model for row in rows if row.data == "words"] == ["majority", "tfidf_svm", "text_only_frozen"]
    assert {(row.n, row.split) for row in rows} == {(10, "b"), (10, "c")}


def test_a_row_is_what_scikit_learn_says_of_the_labelled_items() -> None:
    labels = np.array([0, 1, 1, 0, 1, -1] * 10)
    scores = np.clip(RNG.random(60) * 0.6 + 0.4 * (labels == 1), 0, 1)
    known = labels >= 0
    row = metric_row(MeasuredSet("d", "s", None), HATEFUL, "m", labels, scores, n_resamples=100)  # type: ignore[arg-type]
    expected = {
        "auroc": roc_auc_score(labels[known], scores[known]),
        "accuracy": accuracy_score(labels[known], scores[known] >= 0.5),
        "macro_f1": f1_score(labels[known], scores[known] >= 0.5, average="macro"),
    }
    assert row.n == 50
    assert {name: row.metrics[name].value for name in expected} == pytest.approx(expected, abs=1e-4)
    assert all(found.low <= found.value <= found.high for found in row.metrics.values())


def test_majority_gives_every_item_the_training_shares() -> None:
    items = np.zeros((2, 1))
    assert majority(HATEFUL, np.array([1, 0, 0, 0, -1]))(items).tolist() == [0.25, 0.25]
    assert majority(SENTIMENT, np.array([2, 2, 0, -1]))(items)[0] == pytest.approx([1 / 3, 0, 2 / 3])
    several = np.array([[1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [-1] * 6])
    assert majority(PROTECTED, several)(items)[1].tolist() == [1, 0.5, 0, 0, 0, 0]


@pytest.mark.parametrize("fit", [fit_logistic, fit_svm])
def test_linear_models_name_classes_in_the_order_of_the_taxonomy(fit: object) -> None:
    labels = np.array([2, 0] * 20)  # the class in the middle never occurs
    features = np.stack([labels - 1.0, RNG.normal(size=40)], axis=1)
    scores = fit(SENTIMENT, features, labels, features, labels)(features)  # type: ignore[operator]
    assert scores.shape == (40, 3)
    assert (scores.argmax(axis=1) == labels).all()
    assert scores.sum(axis=1) == pytest.approx(1)
    assert scores[:, 1].max() < 1e-3


@pytest.mark.parametrize("fit", [fit_logistic, fit_svm])
def test_a_label_that_no_training_item_has_is_never_given(fit: object) -> None:
    labels = np.zeros((40, 6), dtype=np.int64)
    labels[::2, 1] = 1
    features = labels[:, 1:2] + RNG.normal(0, 0.1, (40, 1))
    scores = fit(PROTECTED, features, labels, features, labels)(features)  # type: ignore[operator]
    assert ((scores[:, 1] >= 0.5) == labels[:, 1]).all()
    assert (np.delete(scores, 1, axis=1) < 0.5).all()


def test_the_strength_that_does_best_on_dev_is_kept() -> None:
    """One strong feature that dev contradicts, and a weak true one: less regularisation overfits, dev sees it."""
    labels = RNG.integers(0, 2, 60)
    noise = RNG.normal(size=(60, 40))
    train = np.hstack([labels[:, None] + RNG.normal(0, 1.0, (60, 1)), noise])
    dev_labels = RNG.integers(0, 2, 400)
    dev = np.hstack([dev_labels[:, None] + RNG.normal(0, 1.0, (400, 1)), RNG.normal(size=(400, 40))])
    chosen = roc_auc_score(dev_labels, fit_logistic(HATEFUL, train, labels, dev, dev_labels)(dev))
    each = [
        roc_auc_score(dev_labels, fit_logistic(HATEFUL, train, labels, dev[:0], dev_labels[:0])(dev)),
        roc_auc_score(dev_labels, fit_logistic(HATEFUL, train, labels, dev, 1 - dev_labels)(dev)),
    ]
    assert chosen >= max(each)


TINY_CLIP = {
    "embed_dim": 6,
    "vision_cfg": {"image_size": 16, "patch_size": 8, "width": 8, "head_width": 4, "layers": 1},
    "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 1},
}


def test_zero_shot_compares_picture_and_words_with_the_classes_in_clips_space(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny-clip", TINY_CLIP)
    torch.manual_seed(0)
    backbone = build_backbone(BackboneConfig(kind="open_clip", name="tiny-clip"))
    preprocessor = Preprocessor(
        PreprocessConfig(side_px=16, max_text_tokens=12, max_tag_tokens=4), backbone.tokenizer.json
    )
    samples = [*weather(tmp_path, 3, "a"), *weather(tmp_path, 1, "b", pictures=False)]
    examples = Examples(samples, tasks_named(["hateful"]), preprocessor, PixelPictures(preprocessor))
    towers = FrozenTowers(backbone.text_tower, backbone.image_tower, one_space=True)
    found = fit_baselines(examples, examples, HATEFUL, towers, preprocessor).fitted["zero_shot"](examples)

    def unit(rows: torch.Tensor) -> np.ndarray:
        found: np.ndarray = (rows / rows.norm(dim=1, keepdim=True)).double().numpy()
        return found

    def read(texts: list[str]) -> np.ndarray:
        tokens = preprocessor.text_inputs(texts, [()] * len(texts))
        return unit(backbone.text_tower(*map(torch.from_numpy, (tokens.input_ids, tokens.attention_mask)))[0])

    with torch.no_grad():
        classes, words = read(descriptions(HATEFUL)), read([sample.text for sample in samples])
        pixels = [preprocessor.pixels(Image.open(s.image).convert("RGB")) for s in samples[:3] if s.image]
        seen = unit(backbone.image_tower(torch.from_numpy(np.stack(pixels)))[0])  # type: ignore[misc]
    cosines = words @ classes.T
    cosines[:3] = (cosines[:3] + seen @ classes.T) / 2
    margins = 100 * (cosines[:, 1] - cosines[:, 0])
    assert found == pytest.approx(1 / (1 + np.exp(-margins)), abs=1e-4)


def test_zero_shot_describes_every_class_with_a_sentence_of_its_own() -> None:
    assert [name for name, task in TASKS.items() if len(set(descriptions(task))) != len(task.classes)] == []
