"""What a meme is, and what the network makes of it.

Three lines score a file::

    from model import load
    scorer = load()
    verdict = scorer.score_file("meme.jpg")

One meme goes through these files, in this order: ``meme.py`` (bytes to picture), ``ocr/`` (picture to text),
``preprocess.py`` (arrays), ``runtime.py`` (logits), ``judge.py`` (scores), ``policy/decide.py`` (what a policy makes
of them); ``scorer.py`` calls them. ``verdict.py`` holds the values that they pass on.
Nothing here but ``model/network`` and ``model/export`` imports torch.
"""

import os

# onnxruntime would send events about models and this machine to its maker, and keep them in a file until it can.
# It reads this when it is imported, which the lines below do.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from model.bundle import open_bundle
from model.errors import BundleError, EngineUnavailableError, MemeError, MemeguardError
from model.meme import Meme, MemeLimits
from model.policy.policy import Policy
from model.scorer import Scorer, load
from model.verdict import Failure, Judgement, Verdict

__all__ = [
    "BundleError",
    "EngineUnavailableError",
    "Failure",
    "Judgement",
    "Meme",
    "MemeError",
    "MemeLimits",
    "MemeguardError",
    "Policy",
    "Scorer",
    "Verdict",
    "load",
    "open_bundle",
]
