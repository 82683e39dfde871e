"""A trained torch network to a bundle that serves without torch, refused unless the two agree."""

from model.export.graph import export_head, export_image_tower
from model.export.int8 import MAX_DEV_AUROC_LOSS, check_auroc_loss, round_weights_to_int8
from model.export.parity import PARITY_LIMIT, ParityReport, check_head_parity
from model.export.writer import BundleParts, write_bundle

__all__ = [
    "MAX_DEV_AUROC_LOSS",
    "PARITY_LIMIT",
    "BundleParts",
    "ParityReport",
    "check_auroc_loss",
    "check_head_parity",
    "export_head",
    "export_image_tower",
    "round_weights_to_int8",
    "write_bundle",
]
