"""The exported head against the torch network, on logits and on what the text tower pools."""

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
from model.export.graph import TEXT_OUTPUT, HeadOutputs, head_example
from model.network.memefier import HeadInputs, MemeNetwork

#: Largest difference that is let through, of a logit, and of what the text tower pools as a share of its largest value.
PARITY_LIMIT: dict[Precision, float] = {"fp32": 1e-4, "int8": 1e-3}
_BATCHES = (1, 3, 8)
_SHORT_TEXT_TOKENS = 2


@dataclass(frozen=True)
class ParityReport:
    """What was compared, and the largest differences found: ``max_text_diff`` as a share of the largest value."""

    max_abs_logit_diff: float
    max_text_diff: float
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
    """Compare all outputs at batch 1, 3 and 8, at short and full text, with one tag and with all that may be.

    Without tags too, where the graph takes none: who serves leaves tags away then that are all padding, and the text
    tower reads none.

    Raises ``ExportRefusedError`` when they differ by more than ``PARITY_LIMIT`` allows, or are not finite.
    """
    session = ort.InferenceSession(str(path), session_options(), providers=["CPUExecutionProvider"])
    text_tokens = _SHORT_TEXT_TOKENS, max_text_tokens
    tags = (0, 1, max_tags) if _takes_no_tags(network, session, patches) else (1, max_tags)
    differences = [
        _largest_differences(network, session, batch=batch, text_tokens=length, tags=n_tags, patches=patches)
        for batch in _BATCHES
        for length in text_tokens
        for n_tags in tags
    ]
    # The largest of a list with NaN may not be NaN; the largest of an array is.
    logit, text = (float(worst) for worst in np.max(differences, axis=0))
    limit = PARITY_LIMIT[precision]
    for what, worst in (("logits differ", logit), ("the text tower's pooled vectors differ", text)):
        if not worst <= limit:  # also true for NaN
            raise ExportRefusedError(f"{path.name}: {what} from the network's by {worst:.2e}; the limit is {limit:.0e}")
    return ParityReport(logit, text, limit, _BATCHES, text_tokens, tags)


def _takes_no_tags(network: MemeNetwork, session: ort.InferenceSession, patches: int) -> bool:
    """Open_clip's text towers look for the last token of each tag, which onnxruntime refuses to do in none."""
    try:
        _largest_differences(network, session, batch=1, text_tokens=_SHORT_TEXT_TOKENS, tags=0, patches=patches)
    except (Fail, InvalidArgument, RuntimeException):
        return False
    return True


def _largest_differences(
    network: MemeNetwork, session: ort.InferenceSession, *, batch: int, text_tokens: int, tags: int, patches: int
) -> tuple[float, float]:
    """Of logits, and of what the text tower pools as a share of its largest value."""
    seed = batch * 1000 + text_tokens
    example = head_example(network, batch=batch, text_tokens=text_tokens, tags=max(tags, 1), patches=patches, seed=seed)
    inputs = HeadInputs(*example)
    if not tags:  # the torch text tower wants a tag: one of padding
        inputs = inputs._replace(tag_mask=torch.zeros_like(inputs.tag_mask))
    network.eval()
    with torch.inference_mode():
        expected = [values.numpy() for values in HeadOutputs(network)(*inputs)]
    if not tags:
        inputs = inputs._replace(tag_ids=inputs.tag_ids[:, :0], tag_mask=inputs.tag_mask[:, :0])
    wanted = {node.name for node in session.get_inputs()}
    feed = {name: value.numpy() for name, value in inputs._asdict().items() if name in wanted}
    found = session.run([*network.config.tasks, TEXT_OUTPUT], feed)
    *logits, text = [float(np.abs(one - other).max()) for one, other in zip(expected, found, strict=True)]
    largest = max(float(np.abs(expected[-1]).max()), 1e-12)  # without tokens all may be zeros
    return float(np.max(logits)), text / largest
