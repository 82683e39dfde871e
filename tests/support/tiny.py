"""A bundle of a few kilobytes, made by the code that makes real ones: random weights, every part in place."""

import fcntl
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from model.bundle import (
    Bundle,
    CalibrationByModality,
    CalibrationSpec,
    HeadSpec,
    ImageTowerSpec,
    Precision,
    Thresholds,
    ThresholdsByModality,
)
from model.export import (
    BundleParts,
    check_head_parity,
    export_head,
    export_image_tower,
    round_weights_to_int8,
    write_bundle,
)
from model.export.graph import OPSET, TEXT_OUTPUT
from model.export.int8 import pack_int8
from model.network.config import NetworkConfig
from model.network.memefier import MemeFier, MemeNetwork
from model.network.text_tower import BertTextTower
from support.preparation import PREPROCESS, SIDE_PX, VOCABULARY, tokenizer_json

PATCHES = 16
SPEC = CalibrationSpec(scale=1.5, shift=-0.25)
EMBED_WIDTH, PATCH_WIDTH = 6, 8
TASKS = ("hateful", "memotion_sentiment", "protected_class")


class TinyImageTower(nn.Module):
    """``pixel_values`` [B, 3, 32, 32] -> pooled [B, 6] and patches [B, 16, 8].

    With ``batch_scaled`` each picture is scaled by the whole batch, as int8 activations are.
    """

    def __init__(self, *, batch_scaled: bool = False) -> None:
        super().__init__()
        self.batch_scaled = batch_scaled
        self.patch = nn.Conv2d(3, PATCH_WIDTH, kernel_size=8, stride=8)
        self.pool = nn.Linear(PATCH_WIDTH, EMBED_WIDTH)

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        if self.batch_scaled:
            pixel_values = pixel_values / pixel_values.abs().amax(dim=(0, 1, 2, 3))
        patches = self.patch(pixel_values).flatten(2).transpose(1, 2)
        return self.pool(patches.mean(dim=1)), patches


def tiny_network(seed: int = 0, **overrides: Any) -> MemeFier:
    torch.manual_seed(seed)
    text_tower = BertTextTower.from_config(
        vocab_size=len(VOCABULARY),
        hidden_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=16,
    )
    sizes = {"width": 32, "encoder_layers": 1, "encoder_heads": 4, "encoder_ff": 32}
    config = NetworkConfig.from_dict({"tasks": TASKS, **sizes, **overrides})
    network = MemeFier(config, text_tower, EMBED_WIDTH, PATCH_WIDTH)
    with torch.no_grad():  # fresh heads say nearly the same of every meme, which would hide mistakes
        for head in network.heads.linears.values():
            head.get_parameter("weight").mul_(10)
    return network.eval()


def tower_spec(*, batch_invariant: bool = True) -> ImageTowerSpec:
    return ImageTowerSpec(
        file="image_tower.onnx",
        input_name="pixel_values",
        embeds_output="image_embeds",
        patches_output="patch_tokens",
        embed_width=EMBED_WIDTH,
        patch_width=PATCH_WIDTH,
        batch_invariant=batch_invariant,
        precision="fp32" if batch_invariant else "int8",  # scales that follow the batch are of int8
        backbone="tiny",
        source="made in the test",
        licence="Apache-2.0",
    )


def export_both_ways(network: MemeNetwork, folder: Path) -> dict[Precision, Path]:
    """The head in both precisions, of one export, which takes 16 seconds: ``network`` is rounded to the int8 grid."""
    paths: dict[Precision, Path] = {precision: folder / f"{precision}.onnx" for precision in ("fp32", "int8")}
    round_weights_to_int8(network)
    export_head(network, paths["fp32"])
    onnx.save(pack_int8(onnx.load(paths["fp32"])), paths["int8"])
    return paths


def export_tower(path: Path, *, batch_scaled: bool = False) -> Path:
    path.write_bytes(_tower_graph(batch_scaled))
    return path


@cache
def _tower_graph(batch_scaled: bool) -> bytes:
    """Made once a process: an export takes two seconds, and many tests stand on this tower."""
    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng():
        torch.manual_seed(1)
        path = Path(folder) / "tower.onnx"
        export_image_tower(TinyImageTower(batch_scaled=batch_scaled), SIDE_PX, path)
        return path.read_bytes()


@dataclass(frozen=True)
class TinyBundle:
    """A bundle with the network and the parts that it was made of; the parts' files stay where they were made."""

    bundle: Bundle
    network: MemeFier
    parts: BundleParts

    def written_anew(self, folder: Path, **changed_parts: Any) -> Bundle:
        """The same bundle in another folder, with other parts where they are given."""
        return write_bundle(folder, replace(self.parts, **changed_parts))


def make_tiny_bundle(
    folder: Path, *, precision: Precision = "fp32", head: Path | None = None, **network_overrides: Any
) -> TinyBundle:
    """Export a tower and a head into ``folder`` and write ``folder/bundle`` from them.

    ``head`` is where the other worker of the tests finds the same head: who comes first exports it, in 16 seconds.
    """
    network = tiny_network(**network_overrides)
    if precision == "int8":
        round_weights_to_int8(network)
    head_path = head or folder / "head.onnx"
    with Path(f"{head_path}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not head_path.is_file():
            export_head(network, folder / "draft.onnx", precision)
            (folder / "draft.onnx").rename(head_path)
    limits = {"max_text_tokens": PREPROCESS.max_text_tokens, "max_tags": PREPROCESS.max_tags}
    parts = BundleParts(
        name="tiny",
        version="0.0.1",
        description="Random weights, for tests.",
        licence="Apache-2.0",
        image_tower_path=export_tower(folder / "tower.onnx"),
        image_tower=tower_spec(),
        head_path=head_path,
        head=HeadSpec(
            file="head.onnx",
            precision=precision,
            opset=OPSET,
            text_backbone="tiny",
            source="made in the test",
            licence="Apache-2.0",
            text_output=TEXT_OUTPUT,
            text_width=network.widths.text,
        ),
        tokenizer_json=tokenizer_json(),
        preprocess=PREPROCESS,
        tasks=network.config.tasks,
        calibration=dict.fromkeys(network.config.tasks, CalibrationByModality.alike(SPEC)),
        thresholds={"hateful": ThresholdsByModality.alike(Thresholds(review=0.5, block=0.9))},
        parity=check_head_parity(network, head_path, precision, **limits, patches=PATCHES),
        metrics=[],
        training={},
        data_cards=[],
    )
    return TinyBundle(write_bundle(folder / "bundle", parts), network, parts)
