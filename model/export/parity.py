"""The exported head against the torch network, on logits."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, RuntimeException

from model.bundle import Precision
from model.engine.onnxruntime_network import session_options
from model.errors import ExportRefusedError
from model.export.graph import head_example
from model.network.memefier import HeadInputs, MemeNetwork

#: Largest difference of a logit that is let through.
PARITY_LIMIT: dict[Precision, float] = {"fp32": 1e-4, "int8": 1e-3}
_BATCHES = (1, 3, 8)
_SHORT_TEXT_TOKENS = 2


@dataclass(frozen=True)
class ParityReport:
    """What was compared, and the largest difference found."""

    max_abs_logit_diff: float
    limit: float
    batches: tuple[int, ...]
    text_tokens: tuple[int, ...]
    tags: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for the manifest."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def check_head_parity(
    network: MemeNetwork, path: Path, precision: Precision, *, max_text_tokens: int, max_tags: int, patches: int
) -> ParityReport:
    """Compare logits at batch 1, 3 and 8, at short and full text, with one tag and with all that may be.

    Without tags too, where the graph takes none: who serves leaves tags away then that are all padding, and the text
    tower reads none.

    Raises ``ExportRefusedError`` when they differ by more than ``PARITY_LIMIT`` allows, or are not finite.
    """
    session = ort.InferenceSession(str(path), session_options(), providers=["CPUExecutionProvider"])
    text_tokens = _SHORT_TEXT_TOKENS, max_text_tokens
    tags = (0, 1, max_tags) if _takes_no_tags(network, session, patches) else (1, max_tags)
    differences = [
        _largest_difference(network, session, batch=batch, text_tokens=length, tags=n_tags, patches=patches)
        for batch in _BATCHES
        for length in text_tokens
        for n_tags in tags
    ]
    # The largest of a list with NaN may not be NaN; the largest of an array is.
    worst = float(np.max(differences))
    limit = PARITY_LIMIT[precision]
    if not worst <= limit:  # also true for NaN
        raise ExportRefusedError(
            f"{path.name}: logits differ from the network's by {worst:.2e}; the limit is {limit:.0e}"
        )
    return ParityReport(worst, limit, _BATCHES, text_tokens, tags)


def _takes_no_tags(network: MemeNetwork, session: ort.InferenceSession, patches: int) -> bool:
    """Open_clip's text towers look for the last token of each tag, which onnxruntime refuses to do in none."""
    try:
        _largest_difference(network, session, batch=1, text_tokens=_SHORT_TEXT_TOKENS, tags=0, patches=patches)
    except (Fail, InvalidArgument, RuntimeException):
        return False
    return True


def _largest_difference(
    network: MemeNetwork, session: ort.InferenceSession, *, batch: int, text_tokens: int, tags: int, patches: int
) -> float:
    seed = batch * 1000 + text_tokens
    example = head_example(network, batch=batch, text_tokens=text_tokens, tags=max(tags, 1), patches=patches, seed=seed)
    inputs = HeadInputs(*example)
    if not tags:  # the torch text tower wants a tag: one of padding
        inputs = inputs._replace(tag_mask=torch.zeros_like(inputs.tag_mask))
    network.eval()
    with torch.inference_mode():
        expected = [logits.numpy() for logits in network(*inputs)]
    if not tags:
        inputs = inputs._replace(tag_ids=inputs.tag_ids[:, :0], tag_mask=inputs.tag_mask[:, :0])
    wanted = {node.name for node in session.get_inputs()}
    feed = {name: value.numpy() for name, value in inputs._asdict().items() if name in wanted}
    found = session.run(list(network.config.tasks), feed)
    return float(np.max([np.abs(one - other).max() for one, other in zip(expected, found, strict=True)]))
