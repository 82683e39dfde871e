"""What a head's graph says of the network that it was made of, so that others can train on from it.

It is JSON in the graph's own metadata: the network's config, what the shapes of the text tower's weights do not tell,
and where to find the weights that the exporter did not leave under the names that they have in torch (a matrix that is
used once lies there transposed, under a name such as ``val_1026``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from model.network.config import NetworkConfig
from model.network.memefier import MemeNetwork
from model.network.text_tower import BertTextTower

#: Of the entry in the metadata.
_KEY = "memeguard.network"
#: Behind the name of a weight that lies in the graph transposed.
TRANSPOSED = ".T"


@dataclass(frozen=True)
class HeadDescription:
    """``network`` is None in graphs that say nothing of themselves, which were exported before 0.4.

    ``text_tower`` are settings of a BERT that its weights do not tell; None where the tower is of another kind.
    ``found_at`` maps the name of a weight in torch to its name in the graph, with ``TRANSPOSED`` behind it.
    """

    network: NetworkConfig | None = None
    text_tower: Mapping[str, Any] | None = field(default_factory=dict)
    found_at: Mapping[str, str] = field(default_factory=dict)


def describe(model: onnx.ModelProto, network: MemeNetwork) -> None:
    """Write into the metadata of ``model``, exported but not packed to int8 yet, what it was made of."""
    tower = network.text_tower
    text_tower = tower.unseen_settings if isinstance(tower, BertTextTower) else None
    about = {"network": network.config.to_dict(), "text_tower": text_tower, "found_at": _found_at(model, network)}
    entry = model.metadata_props.add()
    entry.key, entry.value = _KEY, json.dumps(about)


def read_description(model: onnx.ModelProto) -> HeadDescription:
    """What ``describe`` wrote; an empty description where it wrote nothing."""
    written = {entry.key: entry.value for entry in model.metadata_props}.get(_KEY)
    if written is None:
        return HeadDescription()
    about = json.loads(written)
    return HeadDescription(NetworkConfig.from_dict(about["network"]), about["text_tower"], about["found_at"])


def _found_at(model: onnx.ModelProto, network: MemeNetwork) -> dict[str, str]:
    """Where those weights lie that have no initialiser of their name; such as are in no graph at all are left out."""
    there = {entry.name: entry for entry in model.graph.initializer}
    absent = {name: values.detach().numpy() for name, values in network.named_parameters() if name not in there}
    is_float = onnx.TensorProto.FLOAT
    floats = {name: numpy_helper.to_array(entry) for name, entry in there.items() if entry.data_type == is_float}
    places = {name: _place(values, floats) for name, values in absent.items()}
    return {name: place for name, place in places.items() if place is not None}


def _place(values: NDArray[np.float32], floats: Mapping[str, NDArray[np.float32]]) -> str | None:
    """The initialiser of these very values, or of their transpose."""
    for name, found in floats.items():
        if np.array_equal(found, values):
            return name
        if values.ndim == 2 and np.array_equal(found, values.T):
            return name + TRANSPOSED
    return None
