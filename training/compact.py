"""Makes the compact bundle from its config and the data: ``python -m training.compact --data DATA``.

For every seed three networks are trained: fused, text alone and image alone. Epochs and the seed that ships are chosen
on dev; the test sets are read once, at the end. Initial weights come from the package registry (``pretrained.py``).
"""

import argparse
import copy
import hashlib
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from model.bundle import COMPACT_BUNDLE, CalibrationSpec, HeadSpec, ImageTowerSpec, MetricRow
from model.export import (
    BundleParts,
    check_auroc_loss,
    check_head_parity,
    export_head,
    round_weights_to_int8,
    write_bundle,
)
from model.export.graph import OPSET
from model.network.config import NetworkConfig
from model.network.memefier import MemeFier
from model.network.text_tower import BertTextTower
from model.preprocess import Preprocessor
from training.baselines import frozen_features, logistic_regression
from training.calibrate import apply_platt, fit_platt, fit_thresholds
from training.config import CompactConfig, load_config
from training.examples import BOTH, Examples, Modalities
from training.features import FrozenTower
from training.losses import ABSENT
from training.metrics import binary_metrics
from training.mixture import Mixture, build_mixture
from training.model_card import write_model_card
from training.pretrained import CLIP_VIT_B16, MINILM_L6, fetch
from training.trainer import dev_auroc, predict, train_phase

DEFAULT_CONFIG = Path(__file__).parent / "configs" / "compact.yaml"
TEXT_ONLY, IMAGE_ONLY = Modalities(image=False), Modalities(text=False)
VARIANTS = {"fused": BOTH, "text_only": TEXT_ONLY, "image_only": IMAGE_ONLY}
_PATCHES = 197

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
class Workshop:
    """Everything that is the same for every seed and variant."""

    config: CompactConfig
    network: NetworkConfig
    preprocessor: Preprocessor
    tower: FrozenTower
    minilm: Path
    mixture: Mixture
    text: Examples
    memes: Examples
    select: Examples
    calibrate: Examples
    tests: dict[str, Examples]


def open_workshop(config: CompactConfig, data: Path, cache: Path) -> Workshop:
    """Fetch weights, read and draw the data, compute the features that are not cached yet."""
    (clip_path,) = fetch(CLIP_VIT_B16, cache)
    bert_config, _, tokenizer = fetch(MINILM_L6, cache)
    preprocessor = Preprocessor(config.preprocess, tokenizer.read_bytes())
    tower = FrozenTower(clip_path, IMAGE_TOWER, preprocessor, cache / "features")
    network = NetworkConfig.from_dict(config.network)
    mixture = build_mixture(data, config.mixture, cache)

    def examples(samples: Any) -> Examples:
        return Examples(samples, network.task_list, preprocessor, tower)

    return Workshop(
        config=config,
        network=network,
        preprocessor=preprocessor,
        tower=tower,
        minilm=bert_config.parent,
        mixture=mixture,
        text=examples(mixture.text),
        memes=examples(mixture.memes),
        select=examples(mixture.select),
        calibrate=examples(mixture.calibrate),
        tests={name: examples(samples) for name, samples in mixture.tests.items()},
    )


def train_seed(shop: Workshop, seed: int) -> dict[str, MemeFier]:
    """The three variants of a seed. Fused and text-only start from the same network, tuned on text alone."""
    torch.manual_seed(seed)
    fresh = MemeFier(
        shop.network, BertTextTower.from_folder(shop.minilm), IMAGE_TOWER.embed_width, IMAGE_TOWER.patch_width
    )
    read = copy.deepcopy(fresh)
    phases = shop.config.text_phase, shop.config.meme_phase
    train_phase(read, shop.text, shop.select, phases[0], seed=seed, modalities=TEXT_ONLY, label=f"seed {seed} reading")
    networks = {"fused": copy.deepcopy(read), "text_only": read, "image_only": fresh}
    for name, network in networks.items():
        label = f"seed {seed} {name}"
        train_phase(network, shop.memes, shop.select, phases[1], seed=seed, modalities=VARIANTS[name], label=label)
    return networks


def check_rounding(shop: Workshop, network: MemeFier, modalities: Modalities) -> dict[str, dict[str, float]]:
    """Round the weights to int8 in place; refused when that costs dev AUROC. Returns dev AUROC before and after."""
    before = dev_auroc(network, shop.select, modalities)
    round_weights_to_int8(network)
    after = dev_auroc(network, shop.select, modalities)
    for task, auroc in before.items():
        check_auroc_loss(auroc, after[task])
    return {"fp32": before, "int8": after}


def fit_calibration(shop: Workshop, network: MemeFier, modalities: Modalities) -> dict[str, CalibrationSpec]:
    """Platt scaling a task on the calibration mix."""
    fitted = {}
    for place, (task, logits) in enumerate(
        zip(shop.network.task_list, predict(network, shop.calibrate, modalities), strict=True)
    ):
        labels = shop.calibrate.labels(place)
        known = labels != ABSENT
        fitted[task.name] = fit_platt(logits[known, 0], labels[known])
    return fitted


def test_rows(shop: Workshop, runs: dict[str, list[MemeFier]]) -> list[MetricRow]:
    """Test metrics of each variant over its seeds, and of the logistic regression on frozen features."""
    rows = []
    for data, examples in shop.tests.items():
        for place, task in enumerate(shop.network.task_list):
            labels = examples.labels(place)
            if (labels == ABSENT).all():
                continue
            scores = {
                name: [_probabilities(shop, network, examples, VARIANTS[name], place) for network in networks]
                for name, networks in runs.items()
                if name != "image_only" or examples.samples[0].image is not None
            }
            if examples.samples[0].image is not None:
                scores["logistic_regression"] = [_baseline(shop, examples, place)]
            rows += [
                MetricRow(
                    data=data, split="test", task=task.name, model=name, n=len(labels),
                    metrics=binary_metrics(labels, probabilities),
                )
                for name, probabilities in scores.items()
            ]  # fmt: skip
    return rows


def _probabilities(
    shop: Workshop, network: MemeFier, examples: Examples, modalities: Modalities, place: int
) -> NDArray[np.float64]:
    task = shop.network.task_list[place].name
    calibration = fit_calibration(shop, network, modalities)[task]
    return apply_platt(predict(network, examples, modalities)[place][:, 0], calibration)


def _baseline(shop: Workshop, test: Examples, place: int) -> NDArray[np.float64]:
    tower = BertTextTower.from_folder(shop.minilm)
    real = Examples(
        [sample for sample in shop.mixture.memes if sample.dataset != "rendered"],
        shop.network.task_list, shop.preprocessor, shop.tower,
    )  # fmt: skip
    train, dev, features = (frozen_features(tower, examples) for examples in (real, shop.select, test))
    return logistic_regression(train, real.labels(place), dev, shop.select.labels(place), features)


def ship(shop: Workshop, networks: dict[int, MemeFier], out: Path, record: dict[str, Any]) -> None:
    """Export the fused network of the seed that is best on dev, and write the bundle and its card."""
    means = {seed: np.mean(list(record["dev_auroc"][f"{seed}/fused"]["int8"].values())) for seed in networks}
    seed = max(means, key=lambda key: float(means[key]))
    network = networks[seed]
    draft = out.with_name("head.onnx.tmp")
    export_head(network, draft, "int8")
    limits = {"max_text_tokens": shop.config.preprocess.max_text_tokens, "max_tags": shop.config.preprocess.max_tags}
    calibration = fit_calibration(shop, network, BOTH)
    place = shop.network.tasks.index("hateful")
    labels = shop.calibrate.labels(place)
    known = labels != ABSENT
    logits = predict(network, shop.calibrate)[place][known, 0]
    parts = BundleParts(
        name=shop.config.name,
        version=shop.config.version,
        description=shop.config.description,
        licence="Apache-2.0 AND MIT",
        image_tower_path=shop.tower.path,
        image_tower=IMAGE_TOWER,
        head_path=draft,
        head=HeadSpec(
            file="head.onnx",
            precision="int8",
            opset=OPSET,
            text_backbone="all-MiniLM-L6-v2, tuned",
            source=f"{MINILM_L6.requirement}, tuned by training.compact",
            licence="Apache-2.0",
        ),
        tokenizer_json=(shop.minilm / "tokenizer.json").read_bytes(),
        preprocess=shop.config.preprocess,
        tasks=shop.network.tasks,
        calibration=calibration,
        thresholds={
            "hateful": fit_thresholds(
                apply_platt(logits, calibration["hateful"]), labels[known], shop.config.thresholds
            )
        },
        parity=check_head_parity(network, draft, "int8", **limits, patches=_PATCHES),
        metrics=[MetricRow.model_validate(row) for row in record["test"]],
        training={**provenance(shop), "shipped_seed": seed, "dev_auroc": record["dev_auroc"]},
        data_cards=["religious_memes", "multioff", "text_hate", "imgflip"],
    )
    bundle = write_bundle(out, parts)
    draft.unlink()
    write_model_card(bundle.manifest)


def provenance(shop: Workshop) -> dict[str, Any]:
    """What a rerun needs: command, config, data digests, code revision, versions."""
    revision = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    return {
        "command": "python -m training.compact --data DATA",
        "config": shop.config.model_dump(mode="json"),
        "n_samples": {
            "text_phase": len(shop.text),
            "meme_phase": len(shop.memes),
            "select": len(shop.select),
            "calibrate": len(shop.calibrate),
        },
        "data_sha256": _data_digest(shop.mixture),
        "git_revision": revision.stdout.strip() or "unknown",
        "python": platform.python_version(),
        "packages": {
            name: version(name) for name in ("torch", "transformers", "onnxruntime-gpu", "pillow", "tokenizers")
        },
    }


def _data_digest(mixture: Mixture) -> dict[str, str]:
    """sha256 over ids, texts and labels of each part."""
    parts = {"text_phase": mixture.text, "meme_phase": mixture.memes, "calibrate": mixture.calibrate, **mixture.tests}
    return {
        name: hashlib.sha256(
            "\n".join(f"{s.dataset}\t{s.id}\t{s.text}\t{sorted(s.labels.items())}" for s in samples).encode()
        ).hexdigest()
        for name, samples in parts.items()
    }


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG)
    parser.add_argument("--data", type=Path, required=True, help="folder with religious_memes/, multioff/, ...")
    parser.add_argument("--out", type=Path, default=COMPACT_BUNDLE)
    parser.add_argument("--cache", type=Path, default=Path(".cache"), help="weights, drawn memes and features")
    arguments = parser.parse_args()
    shop = open_workshop(load_config(arguments.config), arguments.data, arguments.cache)
    runs: dict[str, list[MemeFier]] = {name: [] for name in VARIANTS}
    record: dict[str, Any] = {"dev_auroc": {}}
    for seed in shop.config.seeds:
        for name, network in train_seed(shop, seed).items():
            record["dev_auroc"][f"{seed}/{name}"] = check_rounding(shop, network, VARIANTS[name])
            runs[name].append(network)
    record["test"] = test_rows(shop, runs)
    ship(shop, dict(zip(shop.config.seeds, runs["fused"], strict=True)), arguments.out, record)


if __name__ == "__main__":
    main()
