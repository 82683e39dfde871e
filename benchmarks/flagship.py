"""The whole path on the architectures of the paper, with random weights: ``python -m benchmarks.flagship [NAME...]``.

Weights are often absent where this runs; shapes, memory, time and parity do not depend on them. Each architecture goes
through build, export of the image tower with parity, features of a few pictures, one training step with every loss on,
and export of the head with parity, in a process of its own, so that peak memory is its own. Prints a Markdown table.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from model.export import check_head_parity, export_head
from model.network.backbone import build_backbone
from model.network.config import BackboneConfig, NetworkConfig
from model.network.memefier import MemeFier
from model.preprocess import Preprocessor
from model.runtime import ImageTower
from training.data.examples import Examples
from training.data.feature_cache import FrozenTower
from training.data.modalities import BOTH
from training.datasets import Sample
from training.datasets.base import Labels
from training.run.backbone import onnx_tower_spec, preprocess_config, write_tower
from training.run.config import PreprocessChoices
from training.trainer.learner import Learner, LossConfig

T = TypeVar("T")
DEFAULT = ("ViT-B-32", "ViT-L-14")
N_PICTURES = 8
#: Every loss at once; the paper's large encoder with an AM-softmax head.
LOSSES = LossConfig(caption_weight=0.2, contrastive_weight=0.1, rgcl_weight=0.2)
TASKS = ("hateful", "memotion_sentiment", "protected_class")
_NAMES = {"image_backbone": "random", "image_source": "random", "licence": "none"}


@dataclass
class Log:
    """What each step took, and the process's peak memory after it."""

    rows: list[tuple[str, float, float, str]] = field(default_factory=list)

    def step(self, name: str, work: Callable[[], T]) -> T:
        """Do ``work`` and write it down."""
        started = time.perf_counter()
        found = work()
        peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        self.rows.append((name, time.perf_counter() - started, peak_gb, ""))
        return found

    def note(self, text: str) -> None:
        """What is to be said of the last step."""
        self.rows[-1] = (*self.rows[-1][:3], text)


def prove(name: str, threads: int) -> Log:
    """Every step on one architecture; raises when a graph does not agree with its network."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    log = Log()
    with tempfile.TemporaryDirectory(prefix="flagship-") as folder:
        _prove(name, Path(folder), threads, log)
    return log


def _prove(name: str, folder: Path, threads: int, log: Log) -> None:
    backbone = log.step("build", lambda: build_backbone(_config(name, folder)))
    path = folder / "image_tower.onnx"
    tower = backbone.image_tower
    if tower is None:
        raise ValueError(f"{name} has no image tower in torch")
    difference = log.step("export the image tower", lambda: write_tower(tower, backbone.side_px, path))
    log.note(f"{_size_mb(path):.0f} MB, differs by {difference:.0e} of its largest output")
    preprocess = preprocess_config(PreprocessChoices(), backbone)
    preprocessor = Preprocessor(preprocess, backbone.tokenizer.json)
    frozen = FrozenTower(path, onnx_tower_spec(path, _NAMES), preprocessor, folder / "features", threads=threads)
    samples = _samples(folder)
    examples = log.step("features of the pictures", lambda: _examples(samples, preprocessor, frozen))
    log.note(f"{N_PICTURES} pictures, {frozen.spec.embed_width} and [P, {frozen.spec.patch_width}] wide")
    network = MemeFier(
        NetworkConfig.preset("large", TASKS, head="am_softmax"),
        backbone.text_tower,
        backbone.image_width,
        backbone.patch_width,
    )
    network.text_tower.requires_grad_(False)
    learner = Learner(network, LOSSES)
    terms = log.step("one training step", lambda: _train_step(learner, examples))
    log.note(", ".join(f"{term} {value:.2f}" for term, value in terms.items()))
    head = folder / "head.onnx"
    log.step("export the head", lambda: export_head(network, head))
    log.note(f"{_size_mb(head):.0f} MB")
    limits = {"max_text_tokens": preprocess.max_text_tokens, "max_tags": preprocess.max_tags}
    n_patches = ImageTower(path, frozen.spec).encode(np.zeros((1, 3, *[backbone.side_px] * 2), np.float32)).patches
    report = log.step(
        "parity of the head", lambda: check_head_parity(network, head, "fp32", **limits, patches=n_patches.shape[1])
    )
    log.note(f"logits differ by {report.max_abs_logit_diff:.0e}, limit {report.limit:.0e}")


def _train_step(learner: Learner, examples: Examples) -> dict[str, float]:
    """One AdamW step over all examples; the losses' terms."""
    optimiser = torch.optim.AdamW([weights for weights in learner.parameters() if weights.requires_grad], lr=1e-4)
    learner.begin_epoch(examples)
    learner.train()
    terms: dict[str, torch.Tensor] = learner(examples.batch(list(range(len(examples))), BOTH))
    terms["loss"].backward()
    optimiser.step()
    found = {name: float(term.detach()) for name, term in terms.items()}
    if not np.isfinite(list(found.values())).all():
        raise ValueError(f"a loss is not finite: {found}")
    return found


def _config(name: str, folder: Path) -> BackboneConfig:
    """Random weights. SigLIP's own tokenizer is a file that is absent as its weights are: a small one stands in."""
    if "SigLIP" not in name:
        return BackboneConfig(kind="open_clip", name=name)
    words = {word: index for index, word in enumerate(("<unk>", "</s>", *_sentence(0).split(), *map(str, range(50))))}
    tokenizer = Tokenizer(WordLevel(words, unk_token="<unk>"))  # noqa: S106 - no password
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return BackboneConfig(kind="open_clip", name=name, tokenizer=str(folder / "tokenizer.json"), pad_token_id=1)


def _samples(folder: Path) -> list[Sample]:
    """Noise with words, captions, and labels of every kind of task."""
    rng = np.random.default_rng(0)
    samples = []
    for index in range(N_PICTURES):
        path = folder / f"{index}.png"
        Image.fromarray(rng.integers(0, 256, size=(60, 80, 3), dtype=np.uint8)).resize((400, 300)).save(path)
        labels: Labels = {"hateful": index % 2, "memotion_sentiment": index % 3, "protected_class": (index % 6,)}
        samples.append(Sample(str(index), "noise", "train", _sentence(index), labels, path, caption=_sentence(index)))
    return samples


def _examples(samples: list[Sample], preprocessor: Preprocessor, tower: FrozenTower) -> Examples:
    return Examples(samples, NetworkConfig.preset("large", TASKS).task_list, preprocessor, tower)


def _sentence(number: int) -> str:
    return f"rain on the roof and sun over hill number {number}"


def _size_mb(path: Path) -> float:
    return path.stat().st_size / 1e6


def _in_child(name: str, threads: int) -> Log:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(prove, (name, threads))


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="Prove the path on the paper's architectures, with random weights.")
    parser.add_argument("names", nargs="*", default=DEFAULT, help=f"open_clip models; default: {' '.join(DEFAULT)}")
    parser.add_argument("--threads", type=int, default=2, help="cores to use")
    arguments = parser.parse_args()
    print("| architecture | step | seconds | peak memory so far, GB | |\n|---|---|---|---|---|")
    for name in arguments.names:
        for step, seconds, peak_gb, note in _in_child(name, arguments.threads).rows:
            print(f"| {name} | {step} | {seconds:.1f} | {peak_gb:.2f} | {note} |", flush=True)


if __name__ == "__main__":
    main()
