"""torch modules to ONNX graphs with the input and output names that ``model.runtime`` feeds and reads."""

import logging
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from model.bundle import Precision
from model.export.description import describe
from model.export.int8 import pack_int8
from model.network.memefier import HeadInputs, MemeNetwork

OPSET = 20
HEAD_INPUTS = HeadInputs._fields
#: Of the head's graph, behind the tasks: what the text tower pools of a text, before any fusion.
TEXT_OUTPUT = "text_embeds"
_DYNAMIC = torch.export.Dim.DYNAMIC


class HeadOutputs(nn.Module):
    """All that the graph of a network's head gives of a batch: a tensor of logits a task, then ``TEXT_OUTPUT``."""

    def __init__(self, network: MemeNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        image_embeds: Tensor,
        patch_tokens: Tensor,
        image_mask: Tensor,
        input_ids: Tensor,
        attention_mask: Tensor,
        tag_ids: Tensor,
        tag_mask: Tensor,
    ) -> tuple[Tensor, ...]:
        """Takes what ``MemeNetwork.forward`` takes."""
        given = HeadInputs(image_embeds, patch_tokens, image_mask, input_ids, attention_mask, tag_ids, tag_mask)
        inputs = self.network.look(given)
        features = self.network.read(inputs)
        return (*self.network.judge(inputs, features), features.text_embeds)


def head_example(
    network: MemeNetwork,
    *,
    batch: int,
    text_tokens: int,
    tags: int = 1,
    tag_tokens: int = 4,
    patches: int = 5,
    seed: int = 0,
) -> tuple[Tensor, ...]:
    """Random inputs of ``MemeNetwork.forward``: rows of every text length up to full, absent pictures, padding tags."""
    generator = torch.Generator().manual_seed(seed)
    widths = network.widths

    def ids(*shape: int) -> Tensor:
        return torch.randint(1, network.text_tower.vocab_size, shape, generator=generator)

    def mask(rows: int, width: int) -> Tensor:
        lengths = torch.randint(0, width + 1, (rows, 1), generator=generator)
        lengths[0] = width
        return (torch.arange(width)[None] < lengths).long()

    image_mask = torch.randint(0, 2, (batch,), generator=generator)
    image_mask[0] = 1
    return (
        torch.randn(batch, widths.image, generator=generator),
        torch.randn(batch, patches, widths.patch, generator=generator),
        image_mask,
        ids(batch, text_tokens),
        mask(batch, text_tokens),
        ids(batch, tags, tag_tokens),
        mask(batch * tags, tag_tokens).reshape(batch, tags, tag_tokens),
    )


def export_head(network: MemeNetwork, path: Path, precision: Precision = "fp32") -> None:
    """Write the head graph; batch, patches, text length and tags stay dynamic.

    Outputs are named by task; behind them stands ``TEXT_OUTPUT`` [B, Dt]. The graph says of what network it is
    (``description``), for who trains on from it. With ``int8`` the weights must be on the int8 grid already
    (``round_weights_to_int8``): they are packed without further loss.
    """
    network.eval()
    # Sizes above 1: the exporter takes a size of 1 for a constant.
    example = head_example(network, batch=2, text_tokens=7, tags=3, tag_tokens=4)
    shapes = {
        name: dict.fromkeys(range(value.dim()), _DYNAMIC) for name, value in zip(HEAD_INPUTS, example, strict=True)
    }
    for name in ("image_embeds", "patch_tokens"):  # the last axis is a width of the network
        del shapes[name][example[HEAD_INPUTS.index(name)].dim() - 1]
    outputs = HeadOutputs(network)
    model = _exported(outputs, example, path, HEAD_INPUTS, (*network.config.tasks, TEXT_OUTPUT), shapes)
    _rename_weights(model, outputs)
    describe(model, network)
    onnx.save(pack_int8(model) if precision == "int8" else model, path)


def export_image_tower(tower: nn.Module, side_px: int, path: Path) -> None:
    """Write ``pixel_values`` [B, 3, S, S] -> ``image_embeds`` [B, Di], ``patch_tokens`` [B, P, Dp]; B stays dynamic."""
    tower.eval()
    example = (torch.zeros(2, 3, side_px, side_px),)
    shapes: dict[str, dict[int, object]] = {"pixel_values": {0: _DYNAMIC}}
    onnx.save(_exported(tower, example, path, ("pixel_values",), ("image_embeds", "patch_tokens"), shapes), path)


def _rename_weights(model: onnx.ModelProto, outputs: HeadOutputs) -> None:
    """Give weights the names that they have in the network, of several the first; the exporter takes the last."""
    firsts: dict[Tensor, str] = {}
    names: dict[str, str] = {}
    for found in (outputs.named_parameters(remove_duplicate=False), outputs.named_buffers(remove_duplicate=False)):
        names |= {name: firsts.setdefault(values, name.removeprefix("network.")) for name, values in found}
    for entry in model.graph.initializer:
        entry.name = names.get(entry.name, entry.name)
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]


def _exported(
    module: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    shapes: dict[str, dict[int, object]],
) -> onnx.ModelProto:
    """The graph without the exporter's notes: of each node the lines of code, with paths of this machine; megabytes.

    The exporter leaves it at ``path`` with them.
    """
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():  # the exporter warns of its own internals; parity is checked on numbers instead
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            example,
            str(path),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=shapes,
            external_data=False,
            verbose=False,
        )
    model = onnx.load(path)
    for part in (*model.graph.node, *model.graph.initializer, *model.graph.value_info):
        del part.metadata_props[:]
    return model
