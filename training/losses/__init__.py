"""What training minimises, one loss a file; ``training.trainer.learner`` adds them up.

Read ``config`` (which losses, and how much each weighs), ``multi_task``, ``margin``, ``contrastive``, ``retrieval``.
Caption supervision's loss stands with its decoder, in ``model/network/caption.py``.
"""
