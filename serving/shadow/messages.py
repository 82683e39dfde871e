"""Messages between a server and the process of its shadow bundle.

They are in a module of their own: what the process runs is called ``__main__`` there, and pickle could not find them.
"""

from dataclasses import dataclass, field
from pathlib import Path

from model import Judgement, MemeLimits
from model.engine import EngineChoice
from model.verdict import TextEvidence


@dataclass(frozen=True)
class BundleSpec:
    """What the process needs to know to judge as the server would with this bundle."""

    bundle: Path
    engine: EngineChoice
    limits: MemeLimits
    categories: Path | None


@dataclass(frozen=True)
class ShadowMeme:
    """A meme as it came in, with the words that were judged; ``view_texts`` are those of each view of its picture."""

    image: bytes | None = field(repr=False)
    tags: tuple[str, ...] = field(repr=False)
    text: TextEvidence = field(repr=False)
    view_texts: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class ShadowJudgement:
    """What the bundle makes of a meme; ``categories`` are scores of categories of one's own."""

    judgement: Judgement
    categories: dict[str, float]


@dataclass(frozen=True)
class ShadowFailure:
    """Why there is no judgement, or why the process cannot judge at all; it holds nothing of the meme."""

    reason: str
