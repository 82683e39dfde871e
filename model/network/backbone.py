"""Backbones: the pair of towers that a network stands on, with what preprocessing must know about them.

Two kinds. ``open_clip``: any ViT of open_clip, by name and pretrained tag or local weights. ``compact``: an image tower
that is an ONNX file already, and a text tower of BERT or MPNet in a local folder.
"""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from model.errors import EngineUnavailableError
from model.network.clip_tokenizer import build_clip_tokenizer
from model.network.config import BackboneConfig, Rgb
from model.network.image_tower import OpenClipImageTower
from model.network.text_tower import OpenClipTextTower, TextTower, read_text_tower
from model.preprocess import CLIP_MEAN, CLIP_STD


@dataclass(frozen=True)
class TokenizerSpec:
    """The tokenizer that a text tower wants: its JSON file's bytes, its padding id, the most tokens a text can have."""

    json: bytes
    pad_token_id: int
    max_tokens: int


@dataclass(frozen=True)
class Backbone:
    """Towers, ready to be used. ``image_tower`` is None when the tower is the ONNX file at ``image_tower_path``.

    ``image_width`` and ``patch_width`` are Di and Dp of the network; ``mean`` and ``std`` are of pixels in 0..1.
    """

    image_tower: nn.Module | None
    image_tower_path: Path | None
    text_tower: TextTower
    image_width: int
    patch_width: int
    side_px: int
    mean: Rgb
    std: Rgb
    tokenizer: TokenizerSpec


def build_backbone(config: BackboneConfig, side_px: int | None = None) -> Backbone:
    """Build the towers and load their weights.

    ``side_px`` is the side of the pictures, for a tower of open_clip: its position embeddings are interpolated. None:
    the side that it was trained on.

    Raises ``EngineUnavailableError`` when weights cannot be had, ``ValueError`` for a model that does not fit.
    """
    return _open_clip_backbone(config, side_px) if config.kind == "open_clip" else _compact_backbone(config)


def _open_clip_backbone(config: BackboneConfig, side_px: int | None) -> Backbone:
    import open_clip  # noqa: PLC0415 - slow to import

    tokenizer_json = _open_clip_tokenizer(config)
    model = _open_clip_model(config, side_px)
    preprocess = open_clip.get_model_preprocess_cfg(model)
    mean, std = _pixel_statistics(config, preprocess)
    side = _side_px(preprocess["size"])
    image_tower = OpenClipImageTower(model.visual, side)
    text_tower = OpenClipTextTower(model.text, config.pad_token_id)
    return Backbone(
        image_tower=image_tower,
        image_tower_path=None,
        text_tower=text_tower,
        image_width=image_tower.pooled_width,
        patch_width=image_tower.patch_width,
        side_px=side,
        mean=mean,
        std=std,
        tokenizer=TokenizerSpec(tokenizer_json, config.pad_token_id, text_tower.context_length),
    )


def _open_clip_model(config: BackboneConfig, side_px: int | None) -> Any:
    """An ``open_clip.CustomTextCLIP`` in evaluation mode."""
    import open_clip  # noqa: PLC0415 - slow to import

    name, is_folder = str(config.name), str(config.name).startswith("local-dir:")
    tag = open_clip.get_pretrained_cfg(name, config.pretrained) if config.pretrained and not is_folder else {}
    if config.pretrained and not tag and not Path(config.pretrained).is_file():
        raise EngineUnavailableError(
            f"{config.pretrained!r} is neither a file nor a pretrained tag of {name}; "
            f"its tags are {', '.join(open_clip.list_pretrained_tags_by_model(name))}"
        )
    try:
        model = open_clip.create_model(
            name,
            pretrained=config.pretrained,
            force_custom_text=True,
            # With the plain GELU of the model's config, these weights work, but worse.
            force_quick_gelu=bool(tag.get("quick_gelu")),
            require_pretrained=is_folder or config.pretrained is not None,
            force_image_size=side_px,
        )
    except (RuntimeError, OSError, pickle.UnpicklingError) as error:
        raise EngineUnavailableError(
            f"no weights for backbone {name!r} with pretrained={config.pretrained!r}: {error}. Where no model hub is "
            "reachable, give the path of a local weights file as 'pretrained', or 'local-dir:FOLDER' as 'name'"
        ) from error
    return model.eval()


def _pixel_statistics(config: BackboneConfig, preprocess: Mapping[str, Any]) -> tuple[Rgb, Rgb]:
    """Mean and std that the weights were trained with.

    open_clip knows them for a tag or a folder. For a weights file it assumes OpenAI's, which is wrong for SigLIP and
    others: there the model's published weights are asked.
    """
    import open_clip  # noqa: PLC0415 - slow to import

    if config.mean is not None and config.std is not None:
        return _rgb(config.mean), _rgb(config.std)
    known = {(_rgb(preprocess["mean"]), _rgb(preprocess["std"]))}
    name, weights = str(config.name), config.pretrained
    if weights and not name.startswith("local-dir:") and not open_clip.get_pretrained_cfg(name, weights):
        tags = [open_clip.get_pretrained_cfg(name, tag) for tag in open_clip.list_pretrained_tags_by_model(name)]
        known = {(_rgb(tag["mean"]), _rgb(tag["std"])) for tag in tags} or known
    if len(known) != 1:
        raise ValueError(f"published weights of {name} differ in mean and std: state the ones of {weights}")
    return known.pop()


def _rgb(values: Sequence[float]) -> Rgb:
    red, green, blue = values
    return red, green, blue


def _open_clip_tokenizer(config: BackboneConfig) -> bytes:
    """The bytes of the tokenizer file: CLIP's own unless the config names another."""
    import open_clip  # noqa: PLC0415 - slow to import

    if config.tokenizer is not None:
        return _read(Path(config.tokenizer), "tokenizer")
    try:
        model_config = open_clip.get_model_config(str(config.name))
    except OSError as error:
        raise EngineUnavailableError(f"no open_clip model in {config.name!r}: {error}") from error
    if model_config is None:
        raise ValueError(f"unknown open_clip model {config.name!r}; open_clip.list_models() lists the known ones")
    text = model_config["text_cfg"]
    if "hf_tokenizer_name" in text or "hf_model_name" in text:
        raise ValueError(f"{config.name} does not use CLIP's tokenizer: give the path of its tokenizer.json")
    return build_clip_tokenizer().to_str().encode()


def _compact_backbone(config: BackboneConfig) -> Backbone:
    image_path, text_folder = Path(str(config.image_tower)), Path(str(config.text_tower))
    side_px, image_width, patch_width = _measure_onnx_tower(image_path)
    try:
        text_tower = read_text_tower(text_folder)
    except FileNotFoundError as error:
        raise EngineUnavailableError(str(error)) from error
    tokenizer = TokenizerSpec(
        json=_read(text_folder / "tokenizer.json", "tokenizer"),
        pad_token_id=text_tower.pad_token_id,
        max_tokens=text_tower.max_tokens,
    )
    return Backbone(
        image_tower=None,
        image_tower_path=image_path,
        text_tower=text_tower,
        image_width=image_width,
        patch_width=patch_width,
        side_px=side_px,
        mean=CLIP_MEAN,  # the compact pair's image tower is OpenAI's CLIP
        std=CLIP_STD,
        tokenizer=tokenizer,
    )


def _measure_onnx_tower(path: Path) -> tuple[int, int, int]:
    """Side in px, Di and Dp of an ONNX image tower: [B, 3, S, S] -> [B, Di] and [B, P, Dp], by its declared shapes."""
    import onnx  # noqa: PLC0415 - slow to import

    if not path.is_file():
        raise EngineUnavailableError(f"no image tower at {path}; give the path of a local ONNX file")
    graph = onnx.load(str(path), load_external_data=False).graph
    sides = [_shape(value)[-1] for value in graph.input]
    by_rank = {len(_shape(value)): _shape(value)[-1] for value in graph.output}
    if len(sides) != 1 or set(by_rank) != {2, 3} or 0 in (*sides, *by_rank.values()):
        raise ValueError(
            f"{path} is no image tower: it must map [B, 3, S, S] to [B, Di] and [B, P, Dp], S, Di, Dp fixed"
        )
    return sides[0], by_rank[2], by_rank[3]


def _shape(value: Any) -> list[int]:
    """Declared shape of an ONNX value, 0 for a dynamic axis."""
    return [dim.dim_value for dim in value.type.tensor_type.shape.dim]


def _side_px(size: int | tuple[int, int]) -> int:
    height, width = (size, size) if isinstance(size, int) else size
    if height != width:
        raise ValueError(f"the image tower wants pictures of {height} x {width} px; only square ones are supported")
    return height


def _read(path: Path, what: str) -> bytes:
    if not path.is_file():
        raise EngineUnavailableError(f"no {what} at {path}; give the path of a local file")
    return path.read_bytes()
