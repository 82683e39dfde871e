"""Memes drawn from sentences and captions: what they say, where they are kept, and which source makes them."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data.rendered_memes import caption_drafts, draw, rendered_memes, sentence_drafts
from training.datasets import ImgflipCaption, Sample
from training.datasets.base import DatasetError
from training.datasets.registry import Source, load_source


@pytest.fixture
def imgflip(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    for name, colour in (("drake", "navy"), ("doge", "olive")):
        Image.new("RGB", (200, 160), colour).save(tmp_path / "templates" / f"{name}.jpg")
    return tmp_path


def test_drawn_memes_carry_the_label_and_words_of_their_sentence(imgflip: Path, tmp_path: Path) -> None:
    sentences = [Sample(str(n), "toy", "train", f"sentence {n}", {"hateful": n % 2}) for n in range(4)]
    drafts = sentence_drafts(sentences, ["drake", "doge"], np.random.default_rng(0))
    drafts += caption_drafts([ImgflipCaption("doge", ("such test", "wow"))])
    samples = draw(drafts, imgflip, tmp_path / "cache", split="train", seed=1)
    assert [sample.labels["hateful"] for sample in samples] == [0, 1, 0, 1, 0]
    assert (samples[1].text, samples[4].text, samples[0].split) == ("sentence 1", "such test wow", "train")
    assert len({sample.id for sample in samples}) == 5
    for sample in samples:
        assert sample.image is not None
        with Image.open(sample.image) as drawn:
            assert np.asarray(drawn.convert("L")).std() > 5


def test_a_sentence_on_another_template_is_another_picture(imgflip: Path, tmp_path: Path) -> None:
    sentence = Sample("1", "toy", "train", "a sentence", {"hateful": 0})
    drawn = [
        draw(sentence_drafts([sentence], [name], np.random.default_rng(0)), imgflip, tmp_path, split="train", seed=1)
        for name in ("drake", "doge")
    ]
    pictures = {sample.image.read_bytes() for (sample,) in drawn if sample.image is not None}
    assert len(pictures) == 2


def test_the_sentences_of_a_pair_are_drawn_alike_on_one_template_and_pairs_on_several(
    imgflip: Path, tmp_path: Path
) -> None:
    pairs = [
        Sample(f"{label}-{n}", "toy", "train", text, {"hateful": label}, pair=f"p{n}")
        for n in range(6)
        for label, text in ((0, "same words"), (1, "same words"))
    ]
    drafts = sentence_drafts(pairs, ["drake", "doge"], np.random.default_rng(0))
    assert [draft.template for draft in drafts[::2]] == [draft.template for draft in drafts[1::2]]
    assert {draft.template for draft in drafts} == {"drake", "doge"}
    drawn = [
        sample.image.read_bytes() for sample in draw(drafts, imgflip, tmp_path, split="train", seed=1) if sample.image
    ]
    assert len(drawn) == 12
    assert drawn[::2] == drawn[1::2]
    assert len(set(drawn)) > 1


def test_a_pair_does_not_move_the_other_sentences_to_other_templates() -> None:
    plain = [Sample(str(n), "toy", "train", f"sentence {n}", {"hateful": 0}) for n in range(8)]
    paired = Sample("p", "toy", "train", "of a pair", {"hateful": 1}, pair="p")
    names = ["drake", "doge", "wonka"]
    alone = sentence_drafts(plain, names, np.random.default_rng(0))
    beside = sentence_drafts([*plain[:3], paired, *plain[3:]], names, np.random.default_rng(0))
    assert [draft for draft in beside if draft.id != "toy-p"] == alone


def test_a_meme_is_drawn_once_and_the_same_for_the_same_seed(imgflip: Path, tmp_path: Path) -> None:
    drafts = caption_drafts([ImgflipCaption("doge", ("such test", "wow"))])
    (first,) = draw(drafts, imgflip, tmp_path / "one", split="train", seed=1)
    (other,) = draw(drafts, imgflip, tmp_path / "two", split="train", seed=1)
    assert first.image is not None
    assert other.image is not None
    assert first.image.read_bytes() == other.image.read_bytes()
    drawn_at = first.image.stat().st_mtime_ns
    draw(drafts, imgflip, tmp_path / "one", split="train", seed=1)
    assert first.image.stat().st_mtime_ns == drawn_at
    assert not list(first.image.parent.glob("*.tmp"))


def test_a_caption_is_drawn_on_its_own_template_and_a_sentence_on_any(imgflip: Path, tmp_path: Path) -> None:
    rows = [{"template": "doge", "boxes": [f"such test {n}", "wow"]} for n in range(40)]
    with gzip.open(imgflip / "captions.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in [*rows, rows[0]])
    captions = {
        split: load_source(Source(path=imgflip, split=split, layout="imgflip")).samples for split in ("train", "dev")
    }
    assert sum(map(len, captions.values())) == 40
    assert {sample.labels["hateful"] for split in captions.values() for sample in split} == {0}
    assert 0 < len(captions["dev"]) < len(captions["train"])
    sentences = [Sample("1", "toy", "train", "a sentence", {"hateful": 1, "offensive": 1})]
    drawn = rendered_memes([*captions["train"], *sentences], imgflip, tmp_path / "cache")
    assert [sample.text for sample in drawn] == [sample.text for sample in [*captions["train"], *sentences]]
    assert all(sample.image is not None and sample.image.stem.endswith("-doge") for sample in drawn[:-1])
    assert drawn[-1].labels == sentences[0].labels
    assert rendered_memes(sentences, imgflip, tmp_path / "cache")[0].dataset == "rendered"


def test_a_folder_without_templates_is_refused_by_name(tmp_path: Path) -> None:
    sentence = Sample("1", "toy", "train", "a sentence", {"hateful": 0})
    with pytest.raises(DatasetError, match=r"templates holds no \.jpg"):
        rendered_memes([sentence], tmp_path, tmp_path / "cache")
