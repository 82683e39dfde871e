"""What every seed of the compact bundle shares (weights, data, features), and the training of one seed."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from model.bundle import ImageTowerSpec
from model.network.backbone import build_backbone
from model.network.config import BackboneConfig, NetworkConfig
from model.network.memefier import MemeFier
from model.network.memory import Remembering
from model.preprocess import Preprocessor
from training.compact.config import CompactConfig, CompactPhase
from training.compact.mixture import Mixture, build_mixture
from training.data.examples import BOTH, Examples, Modalities
from training.data.feature_cache import FrozenTower
from training.datasets import Sample
from training.kernel.memory import remember
from training.kernel.soft_labels import teach
from training.run.pretrained import CLIP_VIT_B16, MINILM_L6, fetch
from training.trainer.learner import Learner
from training.trainer.optimizer import freeze_token_tables
from training.trainer.trainer import train_phase

TEXT_ONLY, IMAGE_ONLY = Modalities(image=False), Modalities(text=False)
VARIANTS = {"fused": BOTH, "text_only": TEXT_ONLY, "image_only": IMAGE_ONLY}

IMAGE_TOWER = ImageTowerSpec(
    file="image_tower.onnx",
    input_name="pixel_values",
    embeds_output="image_embeds",
    patches_output="onnx::Gather_1524",
    embed_width=512,
    patch_width=768,
    batch_invariant=False,
    precision="int8",
    backbone="OpenAI CLIP ViT-B/16, vision tower, frozen",
    source=f"{CLIP_VIT_B16.requirement}, file as published",
    licence="MIT",
)


@dataclass(frozen=True)
class CompactContext:
    """Everything that is the same for every seed and variant."""

    config: CompactConfig
    network: NetworkConfig
    preprocessor: Preprocessor
    tower: FrozenTower
    backbone: BackboneConfig
    tokenizer_json: bytes
    mixture: Mixture
    text: Examples
    memes: Examples
    select: Examples
    calibrate: Examples
    tests: dict[str, Examples]


def open_workshop(config: CompactConfig, data: Path, cache: Path) -> CompactContext:
    """Fetch weights, read and draw the data, compute the features that are not cached yet."""
    (clip_path,) = fetch(CLIP_VIT_B16, cache)
    minilm_path = fetch(MINILM_L6, cache)[0].parent
    backbone = BackboneConfig(kind="compact", image_tower=str(clip_path), text_tower=str(minilm_path))
    tokenizer_json = build_backbone(backbone).tokenizer.json
    preprocessor = Preprocessor(config.preprocess, tokenizer_json)
    tower = FrozenTower(clip_path, IMAGE_TOWER, preprocessor, cache / "features")
    network = NetworkConfig.from_dict(config.network)
    mixture = build_mixture(data, config.mixture, cache)

    def examples(samples: Sequence[Sample]) -> Examples:
        return Examples(samples, network.task_list, preprocessor, tower)

    return CompactContext(
        config=config,
        network=network,
        preprocessor=preprocessor,
        tower=tower,
        backbone=backbone,
        tokenizer_json=tokenizer_json,
        mixture=mixture,
        text=examples(mixture.text),
        memes=examples(mixture.memes + mixture.texts_beside_memes),
        select=examples(mixture.select),
        calibrate=examples(mixture.calibrate),
        tests={name: examples(samples) for name, samples in mixture.tests.items()},
    )


def train_seed(shop: CompactContext, seed: int) -> dict[str, Remembering]:
    """The three variants of a seed, each with its memory. They start from one network, tuned on text alone."""
    read = read_sentences(shop, seed)
    return {name: train_variant(shop, copy.deepcopy(read), seed, name) for name in VARIANTS}


def read_sentences(shop: CompactContext, seed: int) -> MemeFier:
    """First phase: a network whose text tower is tuned on sentences, without any meme."""
    torch.manual_seed(seed)
    backbone = build_backbone(shop.backbone)
    network = MemeFier(shop.network, backbone.text_tower, backbone.image_width, backbone.patch_width)
    freeze_token_tables(network.text_tower)
    _tune(shop, network, shop.text, shop.config.text_phase, seed, "reading", TEXT_ONLY)
    return network


def train_variant(shop: CompactContext, network: MemeFier, seed: int, name: str) -> Remembering:
    """Second phase, in place, on one of ``VARIANTS``; then the memory."""
    modalities = VARIANTS[name]
    taught = shop.memes.taught(_teachers_word(shop, network, seed, modalities))
    _tune(shop, network, taught, shop.config.meme_phase, seed, name, modalities)
    return remember(network, shop.memes, shop.calibrate, shop.config.memory, modalities)


def _tune(
    shop: CompactContext,
    network: MemeFier,
    train: Examples,
    phase: CompactPhase,
    seed: int,
    name: str,
    modalities: Modalities,
) -> None:
    learner, label = Learner(network, phase.losses), f"seed {seed} {name}"
    train_phase(learner, train, shop.select, phase, seed=seed, modalities=modalities, label=label)


def _teachers_word(shop: CompactContext, network: MemeFier, seed: int, modalities: Modalities) -> NDArray[np.float64]:
    """Soft labels [N, n_tasks] of the real memes. The label of a drawn one is its sentence's, and not noisy."""
    real = [sample.image is not None and sample.dataset != "rendered" for sample in shop.memes.samples]
    tasks = shop.memes.tasks
    return teach(network, shop.memes, np.flatnonzero(real), tasks, shop.config.teacher, seed, modalities)
