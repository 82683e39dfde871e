from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import helper, numpy_helper
from support.preparation import PREPROCESS, SIDE_PX, picture
from support.tiny import (
    EMBED_WIDTH,
    PATCH_WIDTH,
    PATCHES,
    TinyBundle,
    TinyImageTower,
    make_tiny_bundle,
    tiny_network,
)

from model.errors import ExportRefusedError
from model.export import MAX_DEV_AUROC_LOSS, PARITY_LIMIT, check_auroc_loss, check_head_parity, round_weights_to_int8
from model.export.graph import HEAD_INPUTS, TEXT_OUTPUT
from model.export.int8 import pack_int8
from model.meme import Meme
from model.network.memefier import MemeFier
from model.preprocess import TextInputs
from model.runtime import ImageFeatures, Runtime

LIMITS = {"max_text_tokens": PREPROCESS.max_text_tokens, "max_tags": PREPROCESS.max_tags, "patches": PATCHES}
MEMES = [Meme(picture(seed), "digest", tags=("cat", "dog")[:seed]) for seed in range(3)]
TEXTS = ["first words", None, "a much longer third text"]


@pytest.fixture(scope="session")
def tiny_int8(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    return make_tiny_bundle(tmp_path_factory.mktemp("int8"), precision="int8")


@pytest.fixture(scope="session")
def tiny_without_knowledge(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    return make_tiny_bundle(tmp_path_factory.mktemp("plain"), knowledge=False)


def torch_logits(tiny: TinyBundle, features: ImageFeatures) -> list[np.ndarray]:
    inputs = tiny.bundle.preprocessor(MEMES, TEXTS)
    text = inputs.text
    arrays = (features.embeds, features.patches, inputs.image_mask, text.input_ids, text.attention_mask)
    with torch.inference_mode():
        logits = tiny.network(*(torch.from_numpy(array) for array in (*arrays, text.tag_ids, text.tag_mask)))
    return [task_logits.numpy() for task_logits in logits]


@pytest.mark.parametrize("kind", ["tiny", "tiny_int8", "tiny_without_knowledge"])
def test_the_runtime_gives_the_logits_of_the_torch_network(kind: str, request: pytest.FixtureRequest) -> None:
    bundle: TinyBundle = request.getfixturevalue(kind)
    runtime = Runtime(bundle.bundle, threads=1)
    inputs = bundle.bundle.preprocessor(MEMES, TEXTS)
    found = runtime.logits(inputs)
    expected = torch_logits(bundle, runtime.encode_images(inputs.pixel_values))
    assert list(found) == list(bundle.network.config.tasks)
    for task, logits in zip(found, expected, strict=True):
        assert np.abs(found[task] - logits).max() < 1e-4
        assert logits.std() > 1e-3


@pytest.mark.parametrize("kind", ["tiny", "tiny_int8", "tiny_without_knowledge"])
def test_the_report_says_what_was_compared(kind: str, request: pytest.FixtureRequest) -> None:
    bundle: TinyBundle = request.getfixturevalue(kind)
    report = bundle.parts.parity
    assert report.max_abs_logit_diff <= report.limit == PARITY_LIMIT[bundle.parts.head.precision]
    assert (report.batches, report.text_tokens, report.tags) == ((1, 3, 8), (2, 12), (0, 1, 3))


def test_the_image_tower_gives_what_its_torch_module_gives(tiny: TinyBundle) -> None:
    torch.manual_seed(1)
    module = TinyImageTower().eval()
    pixels = torch.randn(5, 3, SIDE_PX, SIDE_PX)
    with torch.inference_mode():
        embeds, patches = module(pixels)
    found = Runtime(tiny.bundle, threads=1).encode_images(pixels.numpy())
    assert found.embeds.shape == (5, EMBED_WIDTH)
    assert found.patches.shape == (5, PATCHES, PATCH_WIDTH)
    assert np.abs(found.embeds - embeds.numpy()).max() < 1e-5
    assert np.abs(found.patches - patches.numpy()).max() < 1e-5


def test_a_head_without_knowledge_does_not_hear_of_tags(tiny_without_knowledge: TinyBundle) -> None:
    runtime = Runtime(tiny_without_knowledge.bundle, threads=1)
    preprocessor = tiny_without_knowledge.bundle.preprocessor
    tagged = runtime.logits(preprocessor(MEMES, TEXTS))
    untagged = runtime.logits(preprocessor(MEMES, TEXTS, [()] * 3))
    assert all(np.array_equal(tagged[task], untagged[task]) for task in tagged)


def test_a_head_with_knowledge_hears_of_tags(tiny: TinyBundle) -> None:
    runtime = Runtime(tiny.bundle, threads=1)
    tagged = runtime.logits(tiny.bundle.preprocessor(MEMES, TEXTS))["hateful"]
    untagged = runtime.logits(tiny.bundle.preprocessor(MEMES, TEXTS, [()] * 3))["hateful"]
    assert tagged[0] == pytest.approx(untagged[0], abs=1e-5)
    assert np.abs(tagged[1:] - untagged[1:]).min() > 1e-4


@pytest.mark.parametrize("kind", ["tiny", "tiny_int8"])
@pytest.mark.parametrize(("more_tokens", "more_tags", "more_tag_tokens"), [(1, 0, 0), (4, 2, 3), (0, 1, 0)])
def test_padding_changes_no_score(
    kind: str, more_tokens: int, more_tags: int, more_tag_tokens: int, request: pytest.FixtureRequest
) -> None:
    bundle: TinyBundle = request.getfixturevalue(kind)
    runtime = Runtime(bundle.bundle, threads=1)
    inputs = bundle.bundle.preprocessor(MEMES, TEXTS)
    features, text = runtime.encode_images(inputs.pixel_values), inputs.text
    of_text, of_tags = ((0, 0), (0, more_tokens)), ((0, 0), (0, more_tags), (0, more_tag_tokens))
    padded = TextInputs(
        np.pad(text.input_ids, of_text),
        np.pad(text.attention_mask, of_text),
        np.pad(text.tag_ids, of_tags),
        np.pad(text.tag_mask, of_tags),
    )
    short, long = (runtime.head(features, inputs.image_mask, some) for some in (text, padded))
    assert all(np.abs(short[task] - long[task]).max() < 1e-5 for task in short)


@pytest.mark.parametrize("kind", ["tiny", "tiny_int8"])
@pytest.mark.parametrize("graph", ["head", "image_tower"])
def test_a_graph_holds_no_path_of_the_machine_that_exported_it(
    kind: str, graph: str, request: pytest.FixtureRequest
) -> None:
    bundle: TinyBundle = request.getfixturevalue(kind)
    content = bundle.bundle.file(getattr(bundle.bundle.manifest, graph).file).read_bytes()
    assert str(Path(torch.__file__).parents[1]).encode() not in content
    assert b".py" not in content


@pytest.mark.parametrize("kind", ["tiny", "tiny_int8"])
def test_tags_that_are_all_padding_may_be_left_away(kind: str, request: pytest.FixtureRequest) -> None:
    bundle: TinyBundle = request.getfixturevalue(kind)
    runtime = Runtime(bundle.bundle, threads=1)
    inputs = bundle.bundle.preprocessor(MEMES, TEXTS, [()] * 3)
    features, text = runtime.encode_images(inputs.pixel_values), inputs.text
    none = replace(text, tag_ids=text.tag_ids[:, :0], tag_mask=text.tag_mask[:, :0])
    padded, without = (runtime.head(features, inputs.image_mask, some) for some in (text, none))
    assert all(np.abs(padded[task] - without[task]).max() < 1e-6 for task in padded)


def changed(network: MemeFier, by: float) -> MemeFier:
    twin = tiny_network()
    twin.load_state_dict(network.state_dict())
    with torch.no_grad():
        twin.heads.get_parameter("linears.protected_class.bias")[-1] += by
    return twin


def test_a_network_that_was_changed_after_its_export_is_refused(tiny: TinyBundle) -> None:
    with pytest.raises(ExportRefusedError, match="differ from the network's by"):
        check_head_parity(changed(tiny.network, 1e-3), tiny.parts.head_path, "fp32", **LIMITS)


def test_logits_that_are_not_finite_are_refused(tiny: TinyBundle) -> None:
    with pytest.raises(ExportRefusedError, match="by nan"):
        check_head_parity(changed(tiny.network, float("nan")), tiny.parts.head_path, "fp32", **LIMITS)


def test_a_nan_at_one_length_alone_is_refused(tiny: TinyBundle) -> None:
    network = changed(tiny.network, 0.0)
    with torch.no_grad():  # a place that only texts of full length reach
        positions = network.text_tower.get_parameter("bert.embeddings.position_embeddings.weight")
        positions[PREPROCESS.max_text_tokens - 1] = torch.nan
    with pytest.raises(ExportRefusedError, match="by nan"):
        check_head_parity(network, tiny.parts.head_path, "fp32", **LIMITS)


@pytest.mark.parametrize("by", [0.01, float("nan")])
def test_a_graph_that_pools_texts_otherwise_is_refused(tiny: TinyBundle, by: float, tmp_path: Path) -> None:
    model = onnx.load(tiny.parts.head_path)
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = ["pooled" if name == TEXT_OUTPUT else name for name in names]
    model.graph.initializer.append(numpy_helper.from_array(np.array(by, dtype=np.float32), "by"))
    model.graph.node.append(helper.make_node("Add", ["pooled", "by"], [TEXT_OUTPUT]))
    onnx.save(model, tmp_path / "head.onnx")
    with pytest.raises(ExportRefusedError, match="pooled vectors differ"):
        check_head_parity(tiny.network, tmp_path / "head.onnx", "fp32", **LIMITS)


def test_weights_that_were_not_rounded_are_refused_for_int8(tiny: TinyBundle) -> None:
    with pytest.raises(ExportRefusedError, match="round the network's weights"):
        pack_int8(onnx.load(tiny.parts.head_path))


def test_rounding_moves_weights_a_little_and_only_once() -> None:
    network, rounded = tiny_network(), tiny_network()
    round_weights_to_int8(rounded)
    once = {name: values.clone() for name, values in rounded.state_dict().items()}
    round_weights_to_int8(rounded)
    embeddings = "text_tower.bert.embeddings.word_embeddings.weight"
    assert not torch.equal(once[embeddings], network.state_dict()[embeddings])
    for name, values in rounded.state_dict().items():
        assert torch.allclose(values, once[name], rtol=1e-6, atol=0)
        largest = network.state_dict()[name].abs().max()
        assert (values - network.state_dict()[name]).abs().max() <= largest / 254 * 1.001


def test_small_matrices_and_vectors_are_not_rounded() -> None:
    network, rounded = tiny_network(), tiny_network()
    round_weights_to_int8(rounded)
    for name in ("heads.linears.hateful.weight", "text_tower.bert.embeddings.LayerNorm.weight"):
        assert torch.equal(rounded.state_dict()[name], network.state_dict()[name])


def test_every_large_matrix_is_packed_as_int8(tiny_int8: TinyBundle) -> None:
    packed = onnx.load(tiny_int8.parts.head_path)
    kinds = {entry.data_type for entry in packed.graph.initializer if np.prod(entry.dims) >= 4096}
    assert kinds == {onnx.TensorProto.INT8}


def test_packing_at_least_halves_the_head(tiny: TinyBundle, tiny_int8: TinyBundle) -> None:
    whole, packed = (
        sum(entry.ByteSize() for entry in onnx.load(bundle.parts.head_path).graph.initializer)
        for bundle in (tiny, tiny_int8)
    )
    assert packed < 0.5 * whole


def test_the_head_has_the_names_that_the_runtime_feeds_and_reads(tiny: TinyBundle) -> None:
    session = ort.InferenceSession(str(tiny.parts.head_path), providers=["CPUExecutionProvider"])
    assert [node.name for node in session.get_inputs()] == list(HEAD_INPUTS)
    assert [node.name for node in session.get_outputs()] == [*tiny.network.config.tasks, TEXT_OUTPUT]


@pytest.mark.parametrize(("fp32", "int8"), [(0.8, 0.8), (0.8, 0.81), (0.9, 0.895), (0.8123, 0.8073)])
def test_an_auroc_loss_up_to_the_limit_is_let_through(fp32: float, int8: float) -> None:
    check_auroc_loss(fp32, int8)


@pytest.mark.parametrize(("fp32", "int8"), [(0.9, 0.8949), (0.9, 0.5), (0.9, float("nan")), (float("nan"), 0.9)])
def test_a_larger_auroc_loss_is_refused(fp32: float, int8: float) -> None:
    assert MAX_DEV_AUROC_LOSS == 0.005
    with pytest.raises(ExportRefusedError, match="export fp32"):
        check_auroc_loss(fp32, int8)
