"""What is said of one meme, as plain values: evidence, scores, explanation, ruling, verdict.

``judge.py`` makes scores of a meme, ``policy/decide.py`` holds them against a policy; both speak in these types.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from model.engine import REFERENCE, Engines
from model.known.features import MemeFeatures
from model.known.fingerprint import Fingerprint
from model.known.matching import BankAction, MatchKind
from model.known.memory import MemoryVote
from model.modality import Modality
from model.ocr.types import Box, OcrResult, OcrStatus, OcrWord
from model.picture.views import Ground

#: The milder first; see ``strictest``.
Decision = Literal["allow", "review", "block"]
#: What a word list can ask for.
Action = Literal["review", "block"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)
TextSource = Literal["caller", "ocr"]
PictureStatus = Literal["ok", "partial"]
#: How much is told of why: each holds what the one before it does.
ExplainLevel = Literal["words", "regions", "full"]
EXPLAIN_LEVELS: tuple[ExplainLevel, ...] = get_args(ExplainLevel)
#: How effects of words were found: each left out of the whole, or its Shapley value; "mixed": of some parts of a meme
#: the one, of some the other, since the time was over.
WordMethod = Literal["left_out", "shapley", "mixed"]
#: How callers ask for it: True is "words".
Explain = bool | ExplainLevel
#: A probability for a binary task; for the others a probability a class.
Score = float | dict[str, float]


def explain_level(asked: Explain) -> ExplainLevel | None:
    """The level that was asked for; None: no explanation."""
    if isinstance(asked, bool):
        return "words" if asked else None
    return asked


def strictest(decisions: Iterable[Decision]) -> Decision:
    """The decision that goes for all; "allow" where there is none."""
    return max(decisions, key=DECISIONS.index, default="allow")


@dataclass(frozen=True)
class ModelRef:
    """Which bundle judged: its digest is the sha256 of its manifest. ``engines`` computed its networks and OCR's."""

    name: str
    version: str
    digest: str
    engines: Engines = REFERENCE


@dataclass(frozen=True)
class PolicyRef:
    """Which policy decided, and why: a line for each threshold or rule that was met."""

    name: str
    version: str
    digest: str
    reasons: tuple[str, ...]


#: Of the words, the better known first; see ``worst_status``.
_STATUSES: tuple[OcrStatus, ...] = get_args(OcrStatus)


def worst_status(statuses: Iterable[OcrStatus]) -> OcrStatus:
    """The status that goes for all; "ok" where there is none."""
    return max(statuses, key=_STATUSES.index, default="ok")


@dataclass(frozen=True)
class TextEvidence:
    """The words that were judged.

    ``status`` "unavailable" or "failed" means that nobody could read the picture; "timeout", that there was no time to
    read all of it; "partial", that some text was found and not read (``unread`` are its boxes) or not judged:
    ``judged_chars`` is how many characters of ``content`` the network was given.
    """

    content: str
    source: TextSource
    status: OcrStatus
    engine: str | None = None
    engine_version: str | None = None
    confidence: float | None = None
    words: tuple[OcrWord, ...] = ()
    detail: str | None = None
    judged_chars: int = 0
    unread: tuple[Box, ...] = ()

    @classmethod
    def from_caller(cls, text: str) -> "TextEvidence":
        """Words that came with the request."""
        return cls(content=text, source="caller", status="ok", judged_chars=len(text))

    @classmethod
    def from_ocr(cls, result: OcrResult) -> "TextEvidence":
        """Words that an engine read, or its reason for reading none."""
        return cls(
            content=result.text,
            source="ocr",
            status=result.status,
            engine=result.engine,
            engine_version=result.engine_version,
            confidence=result.confidence,
            words=result.words,
            detail=result.detail,
            judged_chars=len(result.text),
            unread=result.unread,
        )


@dataclass(frozen=True)
class ViewEvidence:
    """What was judged of a picture that is not always shown the same: a frame, from 0, or its clear parts on a ground.

    ``text`` are the words that were judged with it, ``scores`` those that it got.
    """

    frame: int | None
    ground: Ground | None
    text: str
    scores: dict[str, Score]


@dataclass(frozen=True)
class PictureEvidence:
    """The picture that was judged.

    ``status`` is "partial" where people are shown more of it than was judged, which ``detail`` names. ``damage`` says
    what was wrong with its bytes. ``views`` are those of an animation or a transparent picture, where several were
    judged; the scores of the meme are the highest of theirs, and ``strictest`` is the index of the one that decided.
    """

    format: str
    width_px: int
    height_px: int
    is_animated: bool
    n_frames: int
    status: PictureStatus = "ok"
    detail: str | None = None
    damage: str | None = None
    views: tuple[ViewEvidence, ...] = ()
    strictest: int = 0


@dataclass(frozen=True)
class WordEffect:
    """A word of the judged text, ``start`` to ``end`` in its characters, and what it did to the score.

    ``effects``: by binary task, the score with the word less the score without it, among all other words or, as a
    Shapley value, averaged over which others are there. Positive: the word raised it.
    """

    text: str
    start: int
    end: int
    effects: dict[str, float]


@dataclass(frozen=True)
class RegionEffect:
    """A region of the picture with what it did to the score of each binary task: with it, less with it hidden.

    ``box`` is (left, top, right, bottom) in pixels of the upright picture. ``view`` is its place in the picture's
    ``views``, 0 where there is one.
    """

    box: Box
    effects: dict[str, float]
    view: int = 0


@dataclass(frozen=True)
class PairEffect:
    """A word with a region, and what both together did to the score of each binary task beyond what each did alone.

    ``only_together`` names the tasks for which neither did much by itself.
    """

    text: str
    start: int
    end: int
    box: Box
    effects: dict[str, float]
    view: int = 0
    only_together: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """What each modality says alone, and which words and regions moved the scores.

    ``text_alone`` and ``image_alone`` are None where the meme has no words or no picture. ``words`` are those that
    moved a score most, in the order of the text, and ``method`` is how their effects were found. ``regions`` are all of
    a grid over the picture, row by row, and ``pairs`` the words with regions that did most together, the strongest
    first; both empty where they were not asked for. ``detail`` says what is missing when there was no time for all of
    it.
    """

    text_alone: dict[str, Score] | None
    image_alone: dict[str, Score] | None
    words: tuple[WordEffect, ...]
    regions: tuple[RegionEffect, ...] = ()
    pairs: tuple[PairEffect, ...] = ()
    detail: str | None = None
    method: WordMethod = "left_out"

    def view_of(self, task: str) -> int | None:
        """Index of the view that decided ``task``: its regions are of that one. None where none were looked at."""
        return next((region.view for region in self.regions if task in region.effects), None)


@dataclass(frozen=True)
class Judgement:
    """Scores of one meme with their evidence, before any policy has looked at them.

    ``digest`` is the meme's: the sha256 of the picture file, or of words that stand alone. ``judged_as`` is what the
    network was shown of it, or of the part that decided. ``picture`` is None for words alone. ``features`` and
    ``fingerprint`` are there where they were asked for; judgements that differ in features alone are equal. ``memory``:
    how remembered memes moved the scores, where they did.
    """

    digest: str
    scores: dict[str, Score]
    text: TextEvidence
    model: ModelRef
    timings_ms: dict[str, float]
    judged_as: Modality
    explanation: Explanation | None = None
    picture: PictureEvidence | None = None
    features: MemeFeatures | None = field(default=None, compare=False)
    fingerprint: Fingerprint | None = None
    memory: MemoryVote | None = None


@dataclass(frozen=True)
class WordMatch:
    """An entry of a policy's word list, found at characters ``start`` to ``end`` of the judged text."""

    word_list: str
    start: int
    end: int
    action: Action


#: What an entry of a bank asks for under a policy. "none": it is told, and decides nothing.
KnownAction = BankAction | Literal["none"]


@dataclass(frozen=True)
class KnownMeme:
    """An entry of a bank that the meme was found to be.

    ``picture_distance`` is in bits of PDQ, ``words_distance`` from 0 to 1; None where there was nothing to compare.
    ``mirrored``: it is the picture's mirror image that is like the entry's. A ``quarantined`` entry matched so often
    that somebody should look at it; it does not block.
    """

    bank: str
    entry: str
    kind: MatchKind
    action: KnownAction
    picture_distance: int | None = None
    words_distance: float | None = None
    mirrored: bool = False
    quarantined: bool = False


@dataclass(frozen=True)
class Ruling:
    """What a policy makes of a judgement. ``severity`` names a band by task, for tasks that the policy gave bands."""

    decision: Decision
    reasons: tuple[str, ...]
    severity: dict[str, str]
    matches: tuple[WordMatch, ...]
    known: tuple[KnownMeme, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What is said of one meme. ``to_dict`` is the JSON that the service, the command line and batch rows carry.

    ``id`` is the caller's name for the meme, or else ``decision_id``, which no other verdict has. ``judged_as`` is the
    modality whose calibration and thresholds it has. ``known`` are the entries of the policy's banks that it is,
    ``memory`` is how remembered memes moved its scores, where they did. ``categories`` are scores of categories of
    one's own, by name, and ``categories_digest`` tells which file of them it was; None: there is none.
    """

    id: str
    decision_id: str
    decision: Decision
    policy: PolicyRef
    scores: dict[str, Score]
    severity: dict[str, str]
    matches: tuple[WordMatch, ...]
    text: TextEvidence
    model: ModelRef
    timings_ms: dict[str, float]
    judged_as: Modality
    explanation: Explanation | None = None
    picture: PictureEvidence | None = None
    known: tuple[KnownMeme, ...] = ()
    memory: MemoryVote | None = None
    categories: dict[str, float] = field(default_factory=dict)
    categories_digest: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Failure:
    """Why a meme has no verdict. ``code`` is stable; ``message`` says what was wrong and never holds the content."""

    id: str
    code: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        return {"id": self.id, "error": {"code": self.code, "message": self.message}}
