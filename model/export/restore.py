"""An exported head back to weights in torch: what others start from who train on a bundle."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor

from model.engine.onnxruntime_network import session_options
from model.errors import BundleError
from model.export.description import TRANSPOSED, HeadDescription, read_description
from model.export.graph import HEAD_INPUTS
from model.network.adapters import TowerAdapters
from model.network.memefier import HeadInputs
from model.network.text_tower import BertTextTower

#: Largest difference between a token's vector in the graph and in the restored tower, as a share of the largest.
TOKEN_PARITY_LIMIT = 1e-3
_BERT, _ADAPTERS = "text_tower.bert.", "text_tower.adapters."
_LAYERS = "encoder.layer."
#: What is true of the towers in graphs that do not say: all-MiniLM-L6-v2's.
_MINILM_HEAD_WIDTH = 32


@dataclass(frozen=True)
class HeadWeights:
    """Weights of a head by the names that they have in torch; int8 ones as the graph computes with them, in floats."""

    path: Path
    model: onnx.ModelProto
    description: HeadDescription

    @classmethod
    def read(cls, path: Path) -> "HeadWeights":
        """Open a head's graph."""
        model = onnx.load(str(path))
        return cls(path, model, read_description(model))

    def below(self, prefix: str) -> dict[str, Tensor]:
        """The weights whose names begin with ``prefix``, without it."""
        arrays = dict(self._arrays())
        for name, place in self.description.found_at.items():
            values = arrays.get(place.removesuffix(TRANSPOSED))
            if values is not None:
                arrays[name] = values.T if place.endswith(TRANSPOSED) else values
        found = {name: values for name, values in arrays.items() if name.startswith(prefix)}
        return {name.removeprefix(prefix): torch.from_numpy(np.array(values)) for name, values in found.items()}

    def _arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        graph = self.model.graph
        stored = {entry.name: entry for entry in graph.initializer}
        packed: set[str] = set()
        for node in graph.node:
            if node.op_type == "DequantizeLinear" and node.input[0] in stored:
                packed |= set(node.input)
                yield node.output[0], _dequantised(node, *(numpy_helper.to_array(stored[name]) for name in node.input))
        yield from ((name, numpy_helper.to_array(entry)) for name, entry in stored.items() if name not in packed)


def restore_text_tower(head: HeadWeights) -> BertTextTower:
    """The text tower of a head, checked to give what the graph gives.

    Raises ``BundleError`` when it is no BERT, lacks a weight, or disagrees with the graph.
    """
    weights, settings = head.below(_BERT), head.description.text_tower
    if settings is None or "embeddings.word_embeddings.weight" not in weights:
        raise BundleError(f"{head.path}: its text tower is no BERT and cannot be restored; name its backbone instead")
    tower = BertTextTower.from_config(**_sizes(weights), **_unseen(weights, settings))
    adapters, ratio = head.below(_ADAPTERS), settings.get("adapter_ratio")
    if ratio is not None:
        tower.adapters = TowerAdapters(tower.pooled_width, tower.token_width, ratio)
    elif adapters:
        raise BundleError(f"{head.path}: it does not say how its text tower is adapted; export the bundle again")
    try:
        tower.bert.load_state_dict({name: values for name, values in weights.items() if "position_ids" not in name})
        if tower.adapters is not None:
            tower.adapters.load_state_dict(adapters)
    except RuntimeError as error:
        raise BundleError(f"{head.path}: its text tower cannot be restored: {error}") from error
    _check_tokens(tower.eval(), head)
    return tower


def _dequantised(node: onnx.NodeProto, values: NDArray[Any], scale: NDArray[Any]) -> NDArray[np.float32]:
    axis = next(attribute.i for attribute in node.attribute if attribute.name == "axis")
    return np.asarray(values * np.expand_dims(scale, 1 - axis), dtype=np.float32)


def _sizes(weights: dict[str, Tensor]) -> dict[str, int]:
    words = weights["embeddings.word_embeddings.weight"]
    layers = {name.removeprefix(_LAYERS).split(".")[0] for name in weights if name.startswith(_LAYERS)}
    return {
        "vocab_size": words.shape[0],
        "hidden_size": words.shape[1],
        "num_hidden_layers": len(layers),
        "intermediate_size": len(weights[f"{_LAYERS}0.intermediate.dense.bias"]),
        "max_position_embeddings": len(weights["embeddings.position_embeddings.weight"]),
        "type_vocab_size": len(weights["embeddings.token_type_embeddings.weight"]),
    }


def _unseen(weights: dict[str, Tensor], settings: Any) -> dict[str, Any]:
    width = weights["embeddings.word_embeddings.weight"].shape[1]
    said = {name: value for name, value in settings.items() if name != "adapter_ratio"}
    return {"num_attention_heads": width // _MINILM_HEAD_WIDTH} | said


def _check_tokens(tower: BertTextTower, head: HeadWeights) -> None:
    """Raise ``BundleError`` when the vectors of some tokens differ; a graph that hides them is taken at its word."""
    name = _token_vectors(head.model.graph)
    if name is None:
        return
    n_tokens = min(24, tower.bert.config.max_position_embeddings)
    ids = torch.randint(1, tower.vocab_size, (2, n_tokens), generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(n_tokens)[None] < torch.tensor([[n_tokens], [n_tokens // 2]])).long()
    with torch.inference_mode():
        expected = tower(ids, mask)[1].numpy()
    found = _run(head.model, name, ids, mask)
    shown = mask.numpy()[:, :, None] > 0
    difference = float(np.abs((expected - found) * shown).max() / np.abs(expected * shown).max())
    if not difference <= TOKEN_PARITY_LIMIT:
        raise BundleError(
            f"{head.path}: the restored text tower differs from the graph's by {difference:.1e} of its largest output; "
            f"the limit is {TOKEN_PARITY_LIMIT:.0e}: export the bundle again with this version"
        )


def _token_vectors(graph: onnx.GraphProto) -> str | None:
    """The name of what the fusion reads of the tokens: the input of the first norm behind the text tower."""
    return next(
        (
            str(node.input[0])
            for node in graph.node
            if node.op_type == "LayerNormalization" and node.input[1] == "fusion.tokens.norm.weight"
        ),
        None,
    )


def _run(model: onnx.ModelProto, output: str, ids: Tensor, mask: Tensor) -> NDArray[np.float32]:
    """One value inside the graph, [B, T, Dw], for texts without a picture."""
    asked = onnx.ModelProto()
    asked.CopyFrom(model)
    del asked.graph.output[:]
    asked.graph.output.add().CopyFrom(onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None))
    session = ort.InferenceSession(asked.SerializeToString(), session_options(), providers=["CPUExecutionProvider"])
    widths = {node.name: node.shape[-1] for node in session.get_inputs()}
    rows = len(ids)
    inputs = HeadInputs(
        image_embeds=torch.zeros(rows, _width(widths, "image_embeds")),
        patch_tokens=torch.zeros(rows, 1, _width(widths, "patch_tokens")),
        image_mask=torch.zeros(rows, dtype=torch.long),
        input_ids=ids,
        attention_mask=mask,
        tag_ids=torch.zeros(rows, 1, 1, dtype=torch.long),
        tag_mask=torch.zeros(rows, 1, 1, dtype=torch.long),
    )
    feed = {name: value.numpy() for name, value in zip(HEAD_INPUTS, inputs, strict=True) if name in widths}
    (found,) = session.run([output], feed)
    return np.asarray(found)


def _width(widths: dict[str, Any], name: str) -> int:
    """The last axis of an input; 1 for one that the graph does not read."""
    return int(widths.get(name, 1))
