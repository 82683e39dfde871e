"""The weights that an ONNX graph stores, and the linear layers that they make up."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

Floats = NDArray[np.float32]
#: What moves values about and changes none.
_MOVES = ("Reshape", "Transpose")


class Wiring:
    """Which nodes make and read the values of a graph. As it was when this was built."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.makers = {output: node for node in graph.node for output in node.output}
        self.stored = {entry.name for entry in graph.initializer}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)
        self._outputs = {value.name for value in graph.output}

    def readers(self, name: str) -> list[onnx.NodeProto]:
        """The nodes that read the values ``name``; one that asks for their shape alone does not."""
        return [node for node in self._readers.get(name, ()) if node.op_type != "Shape"]

    def only_reader(self, name: str) -> onnx.NodeProto | None:
        """The one node that reads ``name``, if there is one and the graph does not give it out."""
        readers = self.readers(name)
        return readers[0] if len(readers) == 1 and name not in self._outputs else None


class Weights:
    """The stored arrays of a graph, by the nodes that read them: exporters store equal ones once for several nodes."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self._entries = {entry.name: entry for entry in graph.initializer}
        self._readers = Counter(name for node in graph.node for name in node.input)

    def read(self, node: onnx.NodeProto, place: int) -> Floats:
        """What ``node`` is given at ``place``."""
        values: Floats = numpy_helper.to_array(self._entries[node.input[place]])
        return values

    def write(self, node: onnx.NodeProto, place: int, values: Floats) -> None:
        """Give ``node`` other values there, and no other node."""
        name = node.input[place]
        if self._readers[name] == 1:
            self._entries[name].CopyFrom(numpy_helper.from_array(values, name))
            return
        self._readers[name] -= 1
        node.input[place] = own = f"{name}.{node.output[0]}"
        self._graph.initializer.append(numpy_helper.from_array(values, own))
        self._entries[own] = self._graph.initializer[-1]
        self._readers[own] = 1


@dataclass(frozen=True)
class Linear:
    """A product with a stored matrix [K, N] and the addition of a stored bias [N]."""

    product: onnx.NodeProto
    addition: onnx.NodeProto
    bias_place: int

    def scale(self, weights: Weights, factors: Floats | float) -> None:
        """Multiply what it gives by ``factors``, of each channel [N] or of all."""
        for node, place in ((self.product, 1), (self.addition, self.bias_place)):
            weights.write(node, place, weights.read(node, place) * np.float32(factors))


def linear_behind(wiring: Wiring, name: str) -> Linear | None:
    """The layer whose values ``name`` are, moved about at most; None where they are anything else, or go elsewhere too.

    So what that layer gives can be changed, and nothing but ``name`` changes with it.
    """
    node = wiring.makers.get(name)
    while node is not None and node.op_type in _MOVES and wiring.only_reader(node.input[0]) == node:
        node = wiring.makers.get(node.input[0])
    if node is None or node.op_type != "Add":
        return None
    places = [place for place, of_node in enumerate(node.input) if of_node in wiring.stored]
    products = [wiring.makers.get(of_node) for of_node in node.input if of_node not in wiring.stored]
    if len(places) != 1 or products[0] is None or not is_stored_product(wiring, products[0]):
        return None
    return Linear(products[0], node, places[0]) if wiring.only_reader(products[0].output[0]) == node else None


def is_stored_product(wiring: Wiring, node: onnx.NodeProto) -> bool:
    """Whether ``node`` multiplies with a matrix that the graph stores."""
    return node.op_type == "MatMul" and node.input[1] in wiring.stored


def without_unread(graph: onnx.GraphProto) -> None:
    """Take nodes and stored arrays out of ``graph`` that nothing reads."""
    while unread := _unread(graph):
        for node in unread:
            graph.node.remove(node)
    read = _read(graph)
    kept = [entry for entry in graph.initializer if entry.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _unread(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    read = _read(graph)
    return [node for node in graph.node if not read.intersection(node.output)]


def _read(graph: onnx.GraphProto) -> set[str]:
    names: Iterable[str] = (name for node in graph.node for name in node.input)
    return {*names, *(value.name for value in graph.output)}
