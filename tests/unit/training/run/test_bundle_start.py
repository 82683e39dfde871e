from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.preparation import picture
from support.runs import config_document, write_compact_weights
from support.tiny import TinyBundle

from model.bundle import COMPACT_BUNDLE, open_bundle
from model.errors import BundleError
from model.export.description import HeadDescription
from model.meme import Meme
from model.network.memefier import MemeNetwork
from model.runtime import Runtime
from training.errors import ConfigError
from training.run.backbone import RunTowers, open_towers
from training.run.build import build_learner
from training.run.bundle_start import BundleStart
from training.run.config import TrainConfig
from training.run.config.file import config_path, load_train_config, parse_train_config

TEXTS = ["first words", "a much longer third text", None]
MEMES = [Meme(picture(seed), "digest", tags=("cat",)[:seed]) for seed in range(3)]
#: The sizes of ``tiny_network``, and no dropout.
NETWORK = {"tasks": ["hateful"], "width": 32, "encoder_layers": 1, "encoder_heads": 4, "encoder_ff": 32}


def config(tiny: TinyBundle, **changed: Any) -> TrainConfig:
    backbone = {"kind": "bundle", "bundle": str(tiny.bundle.path)}
    return TrainConfig.model_validate(config_document(backbone, **({"network": NETWORK} | changed)))


def towers_of(tiny: TinyBundle, **changed: Any) -> RunTowers:
    return open_towers(config(tiny, **changed), Path("nothing is kept"))


def logits(network: MemeNetwork, tiny: TinyBundle) -> dict[str, np.ndarray]:
    """Of memes with and without words, by the torch network on the bundle's features."""
    inputs = tiny.bundle.preprocessor(MEMES, TEXTS)
    features, text = Runtime(tiny.bundle, threads=1).encode_images(inputs.pixel_values), inputs.text
    arrays = (features.embeds, features.patches, inputs.image_mask, text.input_ids, text.attention_mask)
    with torch.inference_mode():
        found = network.eval()(*(torch.from_numpy(array) for array in (*arrays, text.tag_ids, text.tag_mask)))
    return dict(zip(network.config.tasks, (task.numpy() for task in found), strict=True))


def test_the_towers_and_the_tokenizer_are_those_of_the_bundle(tiny: TinyBundle) -> None:
    towers, manifest = towers_of(tiny), tiny.bundle.manifest
    assert towers.image_path == tiny.bundle.file("image_tower.onnx")
    assert towers.spec == manifest.image_tower
    assert (towers.preprocess.side_px, towers.preprocess.mean) == (
        manifest.preprocess.side_px,
        manifest.preprocess.mean,
    )
    assert towers.preprocess.pad_token_id == manifest.preprocess.pad_token_id
    assert towers.backbone.tokenizer.json == tiny.bundle.file("tokenizer.json").read_bytes()
    expected = tiny.network.text_tower.state_dict()
    assert all(torch.equal(values, expected[name]) for name, values in towers.backbone.text_tower.state_dict().items())
    assert "bundle tiny 0.0.1" in towers.names["text_source"]
    assert towers.start is not None
    assert towers.start.recorded == {"name": "tiny", "version": "0.0.1", "digest": tiny.bundle.digest}


def test_a_fusion_to_start_from_says_at_first_what_the_bundle_says(tiny: TinyBundle) -> None:
    started = config(tiny, start="fusion")
    towers = open_towers(started, Path("nothing is kept"))
    network = build_learner(started, towers).network
    ours, theirs = logits(network, tiny), Runtime(tiny.bundle, threads=1).logits(tiny.bundle.preprocessor(MEMES, TEXTS))
    assert list(ours) == ["hateful"]
    assert np.abs(ours["hateful"] - theirs["hateful"]).max() < 1e-4
    fresh = logits(build_learner(config(tiny), towers).network, tiny)
    assert np.abs(fresh["hateful"] - theirs["hateful"]).max() > 1e-2


def test_a_task_that_the_bundle_lacks_starts_fresh_beside_those_that_it_has(tiny: TinyBundle) -> None:
    started = config(tiny, start="fusion", network=NETWORK | {"tasks": ["offensive", "hateful"]})
    network = build_learner(started, open_towers(started, Path("nothing is kept"))).network
    heads = network.heads.state_dict()
    assert torch.equal(heads["linears.hateful.weight"], tiny.network.heads.state_dict()["linears.hateful.weight"])
    assert heads["linears.offensive.weight"].shape == heads["linears.hateful.weight"].shape


@pytest.mark.parametrize(("setting", "ours", "theirs"), [("width", 64, 32), ("pooled_concat", True, False)])
def test_a_fusion_of_other_sizes_is_no_start(tiny: TinyBundle, setting: str, ours: object, theirs: object) -> None:
    other = config(tiny, start="fusion", network=NETWORK | {setting: ours})
    with pytest.raises(ConfigError, match=rf"start=fusion: network\.{setting} is {ours} here and {theirs} in the"):
        build_learner(other, open_towers(other, Path("nothing is kept")))


def test_a_head_that_does_not_describe_its_network_gives_no_fusion(tiny: TinyBundle) -> None:
    start = BundleStart.open(tiny.bundle.path)
    silent = replace(start, head=replace(start.head, description=HeadDescription()))
    with pytest.raises(ConfigError, match=r"was exported before 0\.4; take start=towers"):
        silent.start_fusion(tiny.network)


def test_a_graph_that_lacks_a_weight_gives_no_fusion(tiny: TinyBundle) -> None:
    start = BundleStart.open(tiny.bundle.path)
    poorer = replace(start, head=replace(start.head, description=HeadDescription(tiny.network.config)))
    with pytest.raises(ConfigError, match=r"the bundle's graph has no '.*'; take start=towers"):
        poorer.start_fusion(tiny.network)


def test_only_a_bundle_has_a_fusion_to_start_from(tmp_path: Path) -> None:
    shipped = parse_train_config(config_document({}, start="fusion") | {"backbone": "shipped-bundle"}, tmp_path)
    assert shipped.start_bundle == COMPACT_BUNDLE
    others: list[object] = ["compact-pair", write_compact_weights(tmp_path / "weights")]
    for backbone in others:
        with pytest.raises(ConfigError, match="start: a fusion to start from is in a bundle alone"):
            parse_train_config(config_document({}, start="fusion") | {"backbone": backbone}, tmp_path)


def test_the_image_tower_of_a_bundle_cannot_be_tuned(tiny: TinyBundle, tmp_path: Path) -> None:
    document = config(tiny).plain() | {"towers": {"image": {"mode": "full"}}}
    with pytest.raises(ConfigError, match="of a compact backbone or a bundle is an ONNX file and stays 'frozen'"):
        parse_train_config(document, tmp_path)


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        ({"kind": "bundle"}, r"backbone\.bundle: is missing"),
        ({"kind": "bundle", "bundel": "x", "bundle": "y"}, r"backbone\.bundel: no such key; did you mean 'bundle'\?"),
        (
            "shiped-bundle",
            "backbone: Input should be 'compact-pair', 'mpnet-pair' or 'shipped-bundle', got 'shiped-bundle'",
        ),
    ],
)
def test_a_backbone_that_is_misspelt_is_refused(backbone: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_train_config(config_document({}) | {"backbone": backbone}, tmp_path)


def test_a_folder_that_is_no_bundle_is_named(tiny: TinyBundle, tmp_path: Path) -> None:
    missing = TrainConfig.model_validate(
        config(tiny).plain() | {"backbone": {"kind": "bundle", "bundle": str(tmp_path)}}
    )
    with pytest.raises(BundleError, match=r"no manifest\.json here"):
        open_towers(missing, tmp_path)


def test_a_bundle_is_kept_by_its_absolute_path(tiny: TinyBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny.bundle.path.parent)
    relative = TrainConfig.model_validate(config(tiny).plain() | {"backbone": {"kind": "bundle", "bundle": "bundle"}})
    assert relative.with_paths(None).start_bundle == tiny.bundle.path


def test_quickstart_stands_on_the_bundle_that_ships(tmp_path: Path) -> None:
    quickstart = load_train_config(config_path("quickstart"), data_root=tmp_path)
    assert quickstart.start_bundle == COMPACT_BUNDLE
    towers = open_towers(quickstart, tmp_path)
    assert towers.preprocessor.pixel_fingerprint() == open_bundle().preprocessor.pixel_fingerprint()
    network = build_learner(quickstart, towers).network
    assert network.widths.text == 384
    assert not list(tmp_path.iterdir())
