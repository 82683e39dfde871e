"""Makes the compact bundle from its config and the data: ``python -m training.compact --data DATA``.

For every seed three networks are trained: fused, text alone and image alone. Epochs and the seed that ships are chosen
on dev; the test sets are read once, at the end. Initial weights come from the package registry (``pretrained.py``).
"""

import argparse
import hashlib
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import COMPACT_BUNDLE, CalibrationSpec, HeadSpec, MetricRow, Thresholds
from model.calibration import apply_platt
from model.export import (
    BundleParts,
    check_auroc_loss,
    check_head_parity,
    export_head,
    round_weights_to_int8,
    write_bundle,
)
from model.export.graph import OPSET
from model.network.backbone import build_backbone
from model.network.memefier import MemeNetwork
from training.baselines import frozen_features, logistic_regression
from training.compact.config import load_compact_config
from training.compact.mixture import Mixture
from training.compact.variants import IMAGE_TOWER, VARIANTS, CompactContext, open_workshop, train_seed
from training.data.examples import Examples
from training.datasets.base import ABSENT
from training.evaluation.calibrate import fit_platt, fit_thresholds
from training.evaluation.metrics.intervals import binary_metrics
from training.run.model_card import write_model_card
from training.run.pretrained import MINILM_L6
from training.trainer.trainer import dev_auroc, predict

DEFAULT_CONFIG = Path(__file__).parents[1] / "configs" / "compact.yaml"
_PATCHES = 197


@dataclass(frozen=True)
class Trained:
    """A network with int8 weights, what the rounding did to its dev AUROC, and its calibration.

    ``calibration_logits`` [N, n_logits] a task are those that the calibration was fitted on.
    """

    seed: int
    variant: str
    network: MemeNetwork
    dev_auroc: dict[str, dict[str, float]]
    calibration: dict[str, CalibrationSpec]
    calibration_logits: list[NDArray[np.float32]]


def finish(shop: CompactContext, seed: int, variant: str, network: MemeNetwork) -> Trained:
    """Round the weights to int8 in place, refused when that costs dev AUROC; then fit the calibration."""
    modalities = VARIANTS[variant]
    before = dev_auroc(network, shop.select, modalities)
    round_weights_to_int8(network)
    after = dev_auroc(network, shop.select, modalities)
    for task, auroc in before.items():
        check_auroc_loss(auroc, after[task])
    calibration = {}
    logits = predict(network, shop.calibrate, modalities)
    for place, task_spec in enumerate(shop.network.task_list):
        labels = shop.calibrate.labels(place)
        known = labels != ABSENT
        calibration[task_spec.name] = fit_platt(logits[place][known, 0], labels[known])
    return Trained(seed, variant, network, {"fp32": before, "int8": after}, calibration, logits)


def test_rows(shop: CompactContext, trained: list[Trained]) -> list[MetricRow]:
    """Test metrics of each variant over its seeds, and of the logistic regression on frozen features."""
    baseline = Baseline(shop)
    rows = []
    for data, examples in shop.tests.items():
        with_pictures = examples.samples[0].image is not None
        runs = [run for run in trained if with_pictures or run.variant != "image_only"]
        logits = {id(run): predict(run.network, examples, VARIANTS[run.variant]) for run in runs}
        for place, task in enumerate(shop.network.task_list):
            labels = examples.labels(place)
            if (labels == ABSENT).all():
                continue
            scores: dict[str, list[NDArray[np.float64]]] = {}
            for run in runs:
                calibrated = apply_platt(logits[id(run)][place][:, 0], run.calibration[task.name])
                scores.setdefault(run.variant, []).append(calibrated)
            if with_pictures:
                scores["logistic_regression"] = [baseline.scores(examples, place)]
            rows += [
                MetricRow(
                    data=data,
                    split="test",
                    task=task.name,
                    model=name,
                    n=len(labels),
                    metrics=binary_metrics(labels, probabilities),
                )
                for name, probabilities in scores.items()
            ]
    return rows


class Baseline:
    """Logistic regression on the frozen towers' features of the real memes."""

    def __init__(self, shop: CompactContext) -> None:
        self._tower = build_backbone(shop.backbone).text_tower
        self._select = shop.select
        real = [sample for sample in shop.mixture.memes if sample.dataset != "rendered"]
        self._real = Examples(real, shop.network.task_list, shop.preprocessor, shop.tower)
        self._train = frozen_features(self._tower, self._real)
        self._dev = frozen_features(self._tower, self._select)

    def scores(self, test: Examples, place: int) -> NDArray[np.float64]:
        """Probabilities [N] of the task at ``place``."""
        return logistic_regression(
            self._train,
            self._real.labels(place),
            self._dev,
            self._select.labels(place),
            frozen_features(self._tower, test),
        )


def _default_thresholds(shop: CompactContext, run: Trained) -> Thresholds:
    place = shop.network.tasks.index("hateful")
    labels = shop.calibrate.labels(place)
    known = labels != ABSENT
    logits = run.calibration_logits[place][known, 0]
    return fit_thresholds(apply_platt(logits, run.calibration["hateful"]), labels[known], shop.config.thresholds)


def ship(shop: CompactContext, trained: list[Trained], rows: list[MetricRow], out: Path) -> None:
    """Export the fused network of the seed that is best on dev, and write the bundle and its card."""
    task = shop.config.meme_phase.select_on
    best = max((run for run in trained if run.variant == "fused"), key=lambda run: run.dev_auroc["int8"][task])
    draft = out.with_name("head.onnx.tmp")
    export_head(best.network, draft, "int8")
    limits = {"max_text_tokens": shop.config.preprocess.max_text_tokens, "max_tags": shop.config.preprocess.max_tags}
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
            source=f"{MINILM_L6.requirement}, tuned by training.compact.__main__",
            licence="Apache-2.0",
        ),
        tokenizer_json=shop.tokenizer_json,
        preprocess=shop.config.preprocess,
        tasks=shop.network.tasks,
        calibration=best.calibration,
        thresholds={"hateful": _default_thresholds(shop, best)},
        parity=check_head_parity(best.network, draft, "int8", **limits, patches=_PATCHES),
        metrics=rows,
        training={
            **provenance(shop),
            "shipped_seed": best.seed,
            "dev_auroc": {f"{run.variant}, seed {run.seed}": run.dev_auroc for run in trained},
        },
        data_cards=["religious_memes", "multioff", "text_hate", "imgflip"],
    )
    bundle = write_bundle(out, parts)
    draft.unlink()
    write_model_card(bundle.manifest)


def provenance(shop: CompactContext) -> dict[str, Any]:
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
    shop = open_workshop(load_compact_config(arguments.config), arguments.data, arguments.cache)
    trained = [
        finish(shop, seed, variant, network)
        for seed in shop.config.seeds
        for variant, network in train_seed(shop, seed).items()
    ]
    ship(shop, trained, test_rows(shop, trained), arguments.out)


if __name__ == "__main__":
    main()
