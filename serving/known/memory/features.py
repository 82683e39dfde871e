"""Features of memes that are to be remembered, made by the bundle in force."""

from model import Meme, Scorer
from model.judge import ScoringError
from model.known.features import MemeFeatures
from model.meme import has_words
from serving.known.memory.store import Content, RememberError


def features_of(meme: Meme, scorer: Scorer) -> MemeFeatures:
    """What the towers see in a meme; ``scorer`` was loaded with features.

    Raises ``RememberError`` where they see nothing that can be compared.
    """
    if meme.image is None and not has_words(meme.text or ""):
        raise RememberError("there is nothing to remember: no picture, and no words")
    (judgement,) = scorer.judge([scorer.read(meme)])
    if isinstance(judgement, ScoringError):
        raise RememberError(f"the meme cannot be remembered: {judgement}")
    found = judgement.features
    if found is None or (found.image is None and found.text is None):
        raise RememberError(
            "this bundle says nothing of words that could be compared, and the meme has no picture; export the bundle "
            "again with this version"
        )
    return found


def meme_of(content: Content, scorer: Scorer) -> Meme:
    """The meme whose content was kept; raises ``MemeError`` for a picture that is refused."""
    if content.picture is None:
        return Meme.from_text(content.text or "", limits=scorer.limits)
    return Meme.from_bytes(content.picture, text=content.text, limits=scorer.limits)
