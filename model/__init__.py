"""What a meme is, and what the network makes of it.

Three lines score a file::

    from model import load
    scorer = load()
    verdict = scorer.score_file("meme.jpg")

One meme goes through these files, in this order: ``meme.py`` (bytes to picture), ``ocr/`` (picture to text),
``preprocess.py`` (arrays), ``runtime.py`` (logits), ``decision.py`` (verdict); ``scorer.py`` calls them.
Nothing here but ``model/network`` and ``model/export.py`` imports torch.
"""

from model.bundle import open_bundle
from model.decision import Failure, Policy, Verdict
from model.errors import BundleError, EngineUnavailableError, MemeError, MemeguardError
from model.meme import Meme, MemeLimits
from model.scorer import Scorer, load

__all__ = [
    "BundleError",
    "EngineUnavailableError",
    "Failure",
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
