from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support.judgements import hateful
from support.preparation import VOCABULARY, picture
from support.tiny import TinyBundle, tiny_network

from model import Judgement, Meme
from model.export import export_head
from model.judge import Judge, Reading, ScoringError
from model.runtime import Runtime
from model.verdict import TextEvidence
from training.datasets import Sample
from training.evaluation.scoring import View, score_views


def reading(text: str, seed: int | None = None, tags: tuple[str, ...] = ()) -> Reading:
    """``seed`` None: words without a picture."""
    meme = Meme(None if seed is None else picture(seed), f"digest of {text} {seed}", text, tags)
    return Reading(meme, TextEvidence.from_caller(text))


def judged(judge: Judge, *readings: Reading) -> list[Judgement]:
    found = [one for one in judge(readings) if isinstance(one, Judgement)]
    assert len(found) == len(readings)
    return found


@pytest.fixture(scope="module")
def judge(tiny: TinyBundle) -> Judge:
    return Judge(tiny.bundle, Runtime(tiny.bundle, threads=1))


@pytest.fixture(scope="module")
def poisoned(tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Its network says nan of every text that holds a "z"."""
    folder = tmp_path_factory.mktemp("poisoned")
    network = tiny_network(knowledge=False)
    with torch.no_grad():
        for token in ("z", "##z"):
            words = network.text_tower.get_parameter("bert.embeddings.word_embeddings.weight")
            words[VOCABULARY.index(token)] = float("nan")
    export_head(network, folder / "head.onnx", "fp32")
    bundle = tiny.written_anew(folder / "bundle", head_path=folder / "head.onnx")
    return Judge(bundle, Runtime(bundle, threads=1))


def test_words_alone_get_the_scores_that_evaluation_gives_them(tiny: TinyBundle, judge: Judge) -> None:
    texts = ["some words", "others", "x y z, and more of them than the network reads"]
    samples = [Sample(str(at), "made here", "test", text, {}) for at, text in enumerate(texts)]
    scored = score_views(tiny.bundle, samples, {"text": View(image=False)}, threads=1)["text"]
    found = [hateful(one) for one in judged(judge, *map(reading, texts))]
    assert found == pytest.approx(scored.probabilities["hateful"].tolist(), abs=1e-6)
    assert max(found) - min(found) > 0.01


def test_a_picture_with_hidden_pixels_is_judged_as_its_words_alone(
    tiny: TinyBundle, judge: Judge, tmp_path: Path
) -> None:
    picture(1).save(tmp_path / "meme.png")
    sample = Sample("one", "made here", "test", "some words", {}, image=tmp_path / "meme.png")
    scored = score_views(tiny.bundle, [sample], {"text": View(image=False)}, threads=1)["text"]
    (alone,) = judged(judge, reading("some words"))
    assert alone.scores["hateful"] == pytest.approx(scored.probabilities["hateful"][0], abs=1e-6)


def test_a_batch_with_and_without_pictures_gives_each_what_it_gets_alone(judge: Judge) -> None:
    batch = [reading("one", 1), reading("two"), reading("three", 2, ("cat",)), reading("four", tags=("dog",))]
    together = judged(judge, *batch)
    for one, found in zip(batch, together, strict=True):
        (expected,) = judged(judge, one)
        assert found.digest == expected.digest == one.meme.digest
        for task, score in expected.scores.items():
            assert found.scores[task] == pytest.approx(score, abs=1e-5)
    assert len({one.scores["hateful"] for one in together}) == 4


def test_a_picture_changes_the_score_of_its_words(judge: Judge) -> None:
    with_picture, without = judged(judge, reading("words", 1), reading("words"))
    assert with_picture.scores["hateful"] != pytest.approx(without.scores["hateful"], abs=1e-4)


@pytest.mark.slow
def test_a_meme_without_a_finite_score_gets_an_error_and_spoils_only_itself(poisoned: Judge) -> None:
    batch = [reading("words", 1), reading("zzz", 2), reading("zzz"), reading("others")]
    first, second, third, fourth = poisoned(batch)
    assert isinstance(second, ScoringError)
    assert isinstance(third, ScoringError)
    assert isinstance(first, Judgement)
    assert isinstance(fourth, Judgement)
    (alone,) = judged(poisoned, reading("words", 1))
    assert first.scores["hateful"] == pytest.approx(alone.scores["hateful"], abs=1e-5)


def test_only_those_who_ask_get_an_explanation(judge: Judge) -> None:
    first, second = judge([reading("one", 1), reading("two", 2)], [False, True])
    assert isinstance(first, Judgement)
    assert isinstance(second, Judgement)
    assert first.explanation is None
    assert second.explanation is not None


def test_an_explanation_changes_no_score(judge: Judge) -> None:
    plain = judge([reading("some words", 1)])
    explained = judge([reading("some words", 1)], [True])
    assert isinstance(plain[0], Judgement)
    assert isinstance(explained[0], Judgement)
    assert explained[0].scores == plain[0].scores


def test_a_judgement_names_its_bundle_and_shares_the_time_of_its_batch(tiny: TinyBundle, judge: Judge) -> None:
    slow = replace(reading("words", 1), ocr_ms=12.5)
    first, second = judged(judge, slow, reading("others", 2))
    assert first.model.digest == tiny.bundle.digest
    assert (first.timings_ms["ocr"], second.timings_ms["ocr"]) == (12.5, 0.0)
    assert first.timings_ms["model"] == second.timings_ms["model"] > 0


def test_nothing_to_judge_gives_nothing(judge: Judge) -> None:
    assert judge([]) == []
