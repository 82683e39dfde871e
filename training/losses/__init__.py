"""What training minimises, one loss a file; ``training.trainer.learner`` adds them up.

Caption supervision's loss stands with its decoder, in ``model/network/caption.py``.
"""

from training.datasets.base import ABSENT
from training.losses.contrastive import PooledView, n_modal_contrastive_loss, projected_contrastive_loss
from training.losses.margin import with_margin
from training.losses.multi_task import multi_task_loss
from training.losses.retrieval import RetrievalMemory, retrieval_loss

__all__ = [
    "ABSENT",
    "PooledView",
    "RetrievalMemory",
    "multi_task_loss",
    "n_modal_contrastive_loss",
    "projected_contrastive_loss",
    "retrieval_loss",
    "with_margin",
]
