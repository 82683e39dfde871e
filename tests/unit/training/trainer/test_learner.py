import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from support.preparation import PREPROCESS, VOCABULARY, picture, tokenizer_json
from support.tiny import EMBED_WIDTH, PATCH_WIDTH, TinyImageTower, tiny_network
from torch import nn

from model.errors import MemeguardError
from model.network.memefier import MemeFier
from model.preprocess import Preprocessor
from model.taxonomy import tasks_named
from training.data.examples import BOTH, Batch, Examples, Modalities, PixelPictures
from training.datasets import Sample
from training.datasets.base import ABSENT
from training.losses.multi_task import multi_task_loss
from training.run.loss_checks import check_losses
from training.trainer.learner import Learner, LossConfig

NO_DROPOUT = {"projection_dropout": 0.0, "encoder_dropout": 0.0, "head_dropout": 0.0}
TASKS = ("hateful", "memotion_sentiment", "protected_class")
EVERYTHING = LossConfig(caption_weight=0.2, contrastive_weight=0.1, rgcl_weight=0.5)


def network(**settings: Any) -> MemeFier:
    return tiny_network(tasks=TASKS, **{**NO_DROPOUT, **settings})


def learner(losses: LossConfig, **settings: Any) -> Learner:
    torch.manual_seed(0)
    return Learner(network(**settings), losses, TinyImageTower())


def memes(folder: Path, *, captions: bool = True, words: bool = True) -> list[Sample]:
    """Six memes, hateful or not in turn, and two samples of text alone."""
    samples = []
    for index in range(8):
        path = folder / f"{index}.png"
        picture(index).save(path)
        is_meme = index < 6
        caption = "a cat " * (index + 1) if captions and is_meme else None
        text = "words " * (index % 3 + 1) if words else ""
        image = path if is_meme else None
        samples.append(Sample(str(index), "toy", "train", text, {"hateful": index % 2}, image, caption=caption))
    return samples


def examples_of(samples: list[Sample]) -> Examples:
    preprocessor = Preprocessor(PREPROCESS, tokenizer_json())
    return Examples(samples, tasks_named(TASKS), preprocessor, PixelPictures(preprocessor))


@pytest.fixture
def train(tmp_path: Path) -> Examples:
    return examples_of(memes(tmp_path))


@pytest.fixture
def batch(train: Examples) -> Batch:
    """All memes."""
    return train.batch(range(6), BOTH)


def surprise_of(batch: Batch, one: Learner) -> float:
    tasks = one.network.config.task_list
    return multi_task_loss(one.logits(batch), batch.labels, tasks, label_sets=batch.label_sets).item()


def test_without_options_the_loss_is_the_classification_loss_of_the_networks_logits(batch: Batch) -> None:
    one = learner(LossConfig()).eval()
    found = one(batch)
    assert set(found) == {"loss", "classification"}
    assert found["loss"].item() == pytest.approx(surprise_of(batch, one))


def test_the_loss_is_the_sum_of_the_weighted_terms(train: Examples, batch: Batch) -> None:
    one = learner(EVERYTHING)
    one.begin_epoch(train, BOTH)
    found = one(batch)
    total = found.pop("loss")
    assert set(found) == {"classification", "caption", "contrastive", "rgcl"}
    assert total.item() == pytest.approx(sum(term.item() for term in found.values()), rel=1e-6)
    assert total.requires_grad
    assert not any(term.requires_grad for term in found.values())


def test_a_decoder_that_knows_nothing_is_surprised_by_the_logarithm_of_the_vocabulary(batch: Batch) -> None:
    one = learner(LossConfig(caption_weight=0.2))
    assert one.caption_decoder is not None
    nn.init.zeros_(one.caption_decoder.token_embedding.weight)
    assert one(batch)["caption"].item() == pytest.approx(0.2 * math.log(len(VOCABULARY)), rel=1e-5)


def test_captions_of_pictures_that_are_hidden_are_not_asked_for(train: Examples) -> None:
    one = learner(LossConfig(caption_weight=0.2)).eval()
    hidden = train.batch([0, 5], BOTH, np.array([0, 1]))
    alone = train.batch([0], BOTH)
    assert one(hidden)["caption"].item() == pytest.approx(one(alone)["caption"].item(), rel=1e-5)
    assert one(train.batch([0, 5], Modalities(image=False)))["caption"].item() == 0
    assert one(train.batch([6, 7], BOTH))["caption"].item() == 0


def test_captions_are_cut_to_what_the_decoder_takes(batch: Batch) -> None:
    assert batch.captions is not None
    assert batch.captions[0].shape[1] > 4
    assert torch.isfinite(learner(LossConfig(caption_weight=0.2, caption_max_tokens=4))(batch)["loss"])


@pytest.mark.parametrize(("views", "n_axes"), [(("image", "text"), 2), (("image", "text", "caption"), 3)])
def test_views_that_all_look_alike_are_as_hard_to_tell_apart_as_by_chance(
    batch: Batch, views: tuple[str, ...], n_axes: int
) -> None:
    one = learner(LossConfig(contrastive_weight=0.5, contrastive_views=views))
    assert one.projections is not None
    for projection in one.projections.values():
        nn.init.zeros_(projection.get_parameter("weight"))
        nn.init.ones_(projection.get_parameter("bias"))
    assert one(batch)["contrastive"].item() == pytest.approx(0.5 * math.log(6 ** (n_axes - 1)), rel=1e-5)


def test_memes_without_a_caption_or_a_picture_are_left_out_of_the_contrast(train: Examples, tmp_path: Path) -> None:
    one = learner(LossConfig(contrastive_weight=0.5)).eval()
    three = one(train.batch([0, 1, 2], BOTH))["contrastive"]
    with_text_alone = one(train.batch([0, 1, 6, 2], BOTH))["contrastive"]
    torch.testing.assert_close(with_text_alone, three)
    assert three.item() > 0
    assert one(examples_of(memes(tmp_path, captions=False)).batch(range(6), BOTH))["contrastive"].item() == 0


def test_the_contrast_trains_the_network_even_on_frozen_towers(batch: Batch) -> None:
    one = learner(LossConfig(contrastive_weight=1.0))
    one.network.text_tower.requires_grad_(False)
    assert one.image_tower is not None
    one.image_tower.requires_grad_(False)
    without_labels = replace(batch, labels=torch.full_like(batch.labels, ABSENT))
    one(without_labels)["loss"].backward()
    for name in ("pooled_image", "pooled_text"):
        gradient = one.network.fusion.get_parameter(f"{name}.linear.weight").grad
        assert gradient is not None
        assert gradient.any()


def test_rgcl_takes_its_weight_from_the_classification_loss(train: Examples, batch: Batch) -> None:
    one = learner(LossConfig(rgcl_weight=0.25))
    one.begin_epoch(train, BOTH)
    one.network.eval()  # no dropout, so that two passes can be compared
    found = one(batch)
    assert found["classification"].item() == pytest.approx(0.75 * surprise_of(batch, one))
    assert found["rgcl"].item() > 0


def test_rgcl_remembers_the_training_set_in_its_order_without_touching_modes_or_random_states(train: Examples) -> None:
    one = learner(LossConfig(rgcl_weight=0.5), encoder_dropout=0.5)
    one.network.train().text_tower.eval()
    random_state, modes = torch.get_rng_state(), [module.training for module in one.modules()]
    one.begin_epoch(train, BOTH)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert [module.training for module in one.modules()] == modes
    one.eval()
    with torch.no_grad():
        fused = one.network.fuse(*one._inputs(train.batch(range(8), BOTH))).cls
    assert one._memory is not None
    torch.testing.assert_close(one._memory.vectors, nn.functional.normalize(fused, dim=-1), atol=1e-5, rtol=0)
    assert one._memory.labels.tolist() == [0, 1] * 4


def test_rgcl_is_about_the_training_set_and_left_out_in_evaluation(batch: Batch) -> None:
    one = learner(LossConfig(rgcl_weight=0.5))
    with pytest.raises(RuntimeError, match="call begin_epoch"):
        one(batch)
    assert "rgcl" not in one.eval()(batch)


def test_the_margin_raises_the_training_loss_and_leaves_the_logits(batch: Batch) -> None:
    plain, with_margin = (learner(LossConfig(), head=head).eval() for head in ("cosine", "am_softmax"))
    for one, other in zip(plain.logits(batch), with_margin.logits(batch), strict=True):
        assert torch.equal(one, other)
    assert with_margin(batch)["loss"] > plain(batch)["loss"]


def test_pixels_go_through_the_image_tower_and_train_it(batch: Batch) -> None:
    one = learner(LossConfig()).eval()
    one(batch)["loss"].backward()
    assert one.image_tower is not None
    gradient = one.image_tower.get_parameter("patch.weight").grad
    assert gradient is not None
    assert gradient.any()
    embeds, patches = one.image_tower(batch.pixels)
    expected = one.network(embeds, patches, *batch.inputs[2:])
    for found, wanted in zip(one.logits(batch), expected, strict=True):
        torch.testing.assert_close(found, wanted)


def test_a_batch_of_text_alone_needs_no_pixels(train: Examples) -> None:
    one = learner(LossConfig()).eval()
    blank = (torch.zeros(2, EMBED_WIDTH), torch.zeros(2, 1, PATCH_WIDTH))
    text_only = train.batch([6, 7], BOTH)
    expected = one.network(*blank, *text_only.inputs[2:])
    for found, wanted in zip(one.logits(text_only), expected, strict=True):
        torch.testing.assert_close(found, wanted)


def test_pixels_without_an_image_tower_are_refused(batch: Batch) -> None:
    with pytest.raises(ValueError, match="give the Learner an image_tower"):
        Learner(network(), LossConfig())(batch)


def test_what_training_alone_needs_is_no_part_of_the_network() -> None:
    one = learner(EVERYTHING)
    assert one.network.state_dict().keys() == network().state_dict().keys()
    beside = {name.split(".")[0] for name in one.state_dict()} - {"network"}
    assert beside == {"caption_decoder", "projections", "image_tower"}


def test_a_learner_restored_from_its_state_goes_on_alike(train: Examples, batch: Batch) -> None:
    first = learner(EVERYTHING)
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.add_(0.01)
    second = learner(EVERYTHING)
    second.load_state_dict(first.state_dict())
    for one in (first, second):
        one.begin_epoch(train, BOTH)
    torch.manual_seed(3)
    expected = first(batch)["loss"]
    torch.manual_seed(3)
    assert torch.equal(second(batch)["loss"], expected)


def test_every_loss_sends_its_gradient_to_the_fusion_or_the_text_tower(train: Examples, batch: Batch) -> None:
    one = learner(EVERYTHING)
    one.begin_epoch(train, BOTH)
    one(batch)["loss"].backward()
    idle = [name for name, parameter in one.named_parameters() if parameter.grad is None]
    assert [name for name in idle if "heads.linears" not in name] == []


def test_losses_are_float32_and_finite_under_bf16(train: Examples, batch: Batch) -> None:
    one = learner(EVERYTHING, head="am_softmax")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        one.begin_epoch(train, BOTH)
        found = one(batch)
    assert {term.dtype for term in found.values()} == {torch.float32}
    assert all(torch.isfinite(term) for term in found.values())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"contrastive_views": ["image"]}, "two or three different views"),
        ({"contrastive_views": ["image", "image"]}, "two or three different views"),
        ({"contrastive_views": ["image", "sound"]}, "'image', 'text' or 'caption'"),
        ({"rgcl_weight": 1.0}, "less than 1"),
        ({"caption_weight": -0.1}, "greater than or equal to 0"),
        ({"caption_weight": math.inf}, "finite"),
        ({"caption_weigth": 0.1}, "Extra inputs are not permitted"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        LossConfig(**settings)


def test_losses_that_a_network_cannot_have_are_refused_at_construction() -> None:
    with pytest.raises(
        ValueError, match=r"'offensive' is no binary task of this network: set rgcl_task to one of hateful"
    ):
        Learner(network(), LossConfig(rgcl_weight=0.5, rgcl_task="offensive"))
    with pytest.raises(ValueError, match="'memotion_sentiment' is no binary task"):
        Learner(network(), LossConfig(rgcl_weight=0.5, rgcl_task="memotion_sentiment"))
    with pytest.raises(ValueError, match="no pooled vectors to contrast: switch on stage1"):
        Learner(network(stage1=False), LossConfig(contrastive_weight=0.1))
    unknown = network()
    del unknown.text_tower.vocab_size
    with pytest.raises(ValueError, match="caption_weight to 0"):
        Learner(unknown, LossConfig(caption_weight=0.2))


def test_data_that_has_what_every_loss_needs_passes(train: Examples) -> None:
    check_losses(EVERYTHING, train)


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        (LossConfig(caption_weight=0.2), "no training sample has both a picture and a caption"),
        (LossConfig(contrastive_weight=0.2), r"0 training samples have all of .* \(image: 6, text: 8, caption: 0\)"),
        (LossConfig(rgcl_weight=0.5, rgcl_task="offensive"), "'offensive' the training set has 0 negative and 0 pos"),
    ],
)
def test_a_loss_that_the_training_data_cannot_feed_is_refused(losses: LossConfig, message: str, tmp_path: Path) -> None:
    with pytest.raises(MemeguardError, match=message):
        check_losses(losses, examples_of(memes(tmp_path, captions=False)))


def test_fewer_views_are_enough_for_data_that_has_these(tmp_path: Path) -> None:
    two_views = LossConfig(contrastive_weight=0.2, contrastive_views=("image", "text"))
    check_losses(two_views, examples_of(memes(tmp_path, captions=False)))
    with pytest.raises(MemeguardError, match="text: 0"):
        check_losses(two_views, examples_of(memes(tmp_path, words=False)))


def test_a_teachers_word_reaches_the_loss_by_the_rows_of_the_batch(tmp_path: Path) -> None:
    samples = memes(tmp_path)
    preprocessor = Preprocessor(PREPROCESS, tokenizer_json())
    soft = np.full((len(samples), len(TASKS)), np.nan)
    soft[:, 0] = np.linspace(0.1, 0.8, len(samples))
    taught = Examples(samples, tasks_named(TASKS), preprocessor, PixelPictures(preprocessor)).taught(soft)
    student = learner(LossConfig(distillation_weight=1.0)).eval()
    batch = taught.batch([5, 2], BOTH)
    loss = student(batch)["loss"]
    (hateful, *_), targets = student.logits(batch), torch.tensor(soft[[5, 2], 0], dtype=torch.float32)
    expected = nn.functional.binary_cross_entropy_with_logits(hateful[:, 0], targets)
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_distillation_without_a_teacher_is_refused(train: Examples) -> None:
    with pytest.raises(MemeguardError, match="no teacher"):
        check_losses(LossConfig(distillation_weight=0.5), train)
