from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.preparation import picture
from support.tiny import TinyBundle

from model import Meme, Scorer, Verdict
from model.ocr import make_engine
from model.runtime import Runtime
from training.datasets import Sample
from training.evaluation.scoring import FULL, View, score_bundle, score_views


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    """Memes with words and tags, one without words, and text-only items between them."""
    folder = tmp_path_factory.mktemp("memes")
    texts = ("sun over the hill", "rain", "", "a longer text about the weather of the day", "sun", "rain again")
    found = []
    for number, text in enumerate(texts):
        path = folder / f"{number}.png"
        picture(number).save(path)
        image = None if number in (1, 4) else path
        tags = ("weather",) if number == 3 else ()
        found.append(Sample(str(number), "made", "test", text, {"hateful": number % 2}, image=image, tags=tags))
    return found


def pictured(samples: list[Sample]) -> list[Sample]:
    return [sample for sample in samples if sample.image is not None]


def test_a_memes_score_is_the_one_that_the_service_gives(tiny: TinyBundle, samples: list[Sample]) -> None:
    mine = pictured(samples)
    memes = [Meme.from_file(s.image or "", text=s.text, tags=s.tags) for s in mine]
    verdicts = Scorer(tiny.bundle, Runtime(tiny.bundle, threads=1), make_engine("none")).score(memes)
    found = score_bundle(tiny.bundle, mine, threads=1).probabilities
    scores = [verdict.scores for verdict in verdicts if isinstance(verdict, Verdict)]
    assert found["hateful"] == pytest.approx([score["hateful"] for score in scores], abs=1e-6)
    for task in ("memotion_sentiment", "protected_class"):
        wanted = np.array([list(dict(score[task]).values()) for score in scores])  # type: ignore[arg-type]
        assert np.abs(found[task] - wanted).max() < 1e-6


@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_order_is_kept_and_batches_change_nothing(tiny: TinyBundle, samples: list[Sample], batch_size: int) -> None:
    found = score_bundle(tiny.bundle, samples, batch_size=batch_size, threads=1)
    alone = [score_bundle(tiny.bundle, [sample], threads=1).probabilities["hateful"][0] for sample in samples]
    assert [sample.id for sample in found.samples] == [sample.id for sample in samples]
    assert found.probabilities["hateful"] == pytest.approx(alone, abs=1e-6)
    assert found.logits["protected_class"].shape == (6, 6)


def test_pictures_that_cannot_be_read_are_failures_and_the_others_are_scored(
    tiny: TinyBundle, samples: list[Sample], tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"junk")
    bad = [
        replace(samples[0], id="broken", image=tmp_path / "broken.png"),
        replace(samples[0], id="missing", image=tmp_path / "missing.png"),
    ]
    found = score_bundle(tiny.bundle, [bad[0], *samples, bad[1]], threads=1)
    assert [(failure.id, failure.code) for failure in found.failures] == [
        ("broken", "unsupported_format"),
        ("missing", "unreadable_file"),
    ]
    whole = score_bundle(tiny.bundle, samples, threads=1).probabilities["hateful"]
    assert found.probabilities["hateful"] == pytest.approx(whole, abs=1e-6)


def test_nothing_but_failures_gives_empty_arrays(tiny: TinyBundle, samples: list[Sample], tmp_path: Path) -> None:
    found = score_bundle(tiny.bundle, [replace(samples[0], image=tmp_path / "missing.png")], threads=1)
    assert (len(found.samples), len(found.failures)) == (0, 1)
    shapes = {task: values.shape for task, values in found.probabilities.items()}
    assert shapes == {"hateful": (0,), "memotion_sentiment": (0, 3), "protected_class": (0, 6)}


def test_a_hidden_part_is_as_if_it_were_not_there(tiny: TinyBundle, samples: list[Sample]) -> None:
    views = {"full": FULL, "no_picture": View(image=False), "no_text": View(text=False)}
    found = score_views(tiny.bundle, samples, views, threads=1)
    without_picture = score_bundle(tiny.bundle, [replace(s, image=None) for s in samples], threads=1)
    without_text = score_bundle(tiny.bundle, [replace(s, text="", tags=()) for s in samples], threads=1)
    for view, alone in (("no_picture", without_picture), ("no_text", without_text)):
        wanted = alone.probabilities["hateful"]
        assert found[view].probabilities["hateful"] == pytest.approx(wanted, abs=1e-6)
        assert np.abs(found["full"].probabilities["hateful"] - wanted).max() > 1e-3


def test_other_words_replace_the_samples_own(tiny: TinyBundle, samples: list[Sample]) -> None:
    texts = [f"words {sample.id}" for sample in samples]
    found = score_views(tiny.bundle, samples, {"read": View(texts=texts)}, threads=1)["read"]
    wanted = score_bundle(
        tiny.bundle, [replace(s, text=text) for s, text in zip(samples, texts, strict=True)], threads=1
    )
    assert found.probabilities["hateful"] == pytest.approx(wanted.probabilities["hateful"], abs=1e-6)


def test_a_cache_gives_the_same_scores_when_filled_and_when_full(
    tiny: TinyBundle, samples: list[Sample], tmp_path: Path
) -> None:
    plain = score_bundle(tiny.bundle, samples, threads=1).probabilities["hateful"]
    filled, full = (score_bundle(tiny.bundle, samples, cache=tmp_path, threads=1) for _ in range(2))
    assert np.array_equal(filled.probabilities["hateful"], full.probabilities["hateful"])
    assert full.probabilities["hateful"] == pytest.approx(plain, abs=1e-3)  # features lie there in half precision
    assert len(list((tmp_path / "features").rglob("*.npz"))) == len(pictured(samples))


@pytest.mark.parametrize("dataset", ["hatecheck", "toxigen", "redditbias", "madlibs", "minimal_pairs"])
def test_what_a_functional_test_is_about_is_not_told_to_the_network(
    tiny: TinyBundle, samples: list[Sample], dataset: str
) -> None:
    plain = replace(samples[1], dataset=dataset)
    tagged = replace(plain, tags=("negate_neg_nh",))
    found = score_bundle(tiny.bundle, [plain, tagged], threads=1).probabilities["hateful"]
    assert found[0] == found[1]
    told = score_bundle(tiny.bundle, [replace(tagged, dataset="made")], threads=1).probabilities["hateful"]
    assert abs(told[0] - found[0]) > 1e-6
