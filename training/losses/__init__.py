"""What training minimises, one loss a file; ``training.learner`` adds them up."""

from training.losses.multi_task import ABSENT, multi_task_loss

__all__ = ["ABSENT", "multi_task_loss"]
