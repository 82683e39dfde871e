"""Documents of verdicts: ``Verdict.to_dict()`` as it is; a test holds the models here against it."""

from typing import Literal

from pydantic import Field

from model.engine import EngineName
from model.known.matching import MatchKind
from model.meme import Ground
from model.modality import Modality
from model.ocr.types import OcrStatus
from model.verdict import Action, Decision, KnownAction, PictureStatus, WordMethod
from serving.schemas.wire import Probability, Scores, Wire


class PolicyDoc(Wire):
    """Which policy decided, and why."""

    name: str
    version: str
    digest: str
    reasons: list[str]


class WordDoc(Wire):
    """A word that was read: ``box`` is left, top, right, bottom in pixels of the picture."""

    text: str
    box: tuple[int, int, int, int]
    confidence: Probability


class TextDoc(Wire):
    """The words that were judged, and where they come from."""

    content: str
    source: Literal["caller", "ocr"]
    status: OcrStatus
    engine: str | None
    engine_version: str | None
    confidence: Probability | None
    words: list[WordDoc]
    detail: str | None
    judged_chars: int = Field(description="Characters of content that the network was given.")
    unread: list[tuple[int, int, int, int]] = Field(description="Boxes of text that was found and not read.")


class ViewDoc(Wire):
    """A frame of an animation, from 0, or the picture with its clear parts on a ground; with what was judged of it."""

    frame: int | None
    ground: Ground | None
    text: str
    scores: Scores


class PictureDoc(Wire):
    """The picture that was judged. ``status`` partial: people are shown more of it, as ``detail`` says."""

    format: str
    width_px: int
    height_px: int
    is_animated: bool
    n_frames: int
    status: PictureStatus
    detail: str | None
    damage: str | None = Field(description="What was wrong with its bytes; null: nothing.")
    views: list[ViewDoc] = Field(description="Where several were judged; the scores are the highest of theirs.")
    strictest: int = Field(description="Index of the view that decided.")


class EnginesDoc(Wire):
    """What computes the networks; ``ocr`` null: no network reads words."""

    image_tower: EngineName
    head: EngineName
    ocr: EngineName | None


class ModelDoc(Wire):
    """The bundle that judged; ``digest`` is the sha256 of its manifest."""

    name: str
    version: str
    digest: str
    engines: EnginesDoc


class WordMatchDoc(Wire):
    """An entry of a policy's word list, at characters ``start`` to ``end`` of the judged text."""

    word_list: str
    start: int
    end: int
    action: Action


class KnownMemeDoc(Wire):
    """An entry of a bank of the policy that the meme was found to be."""

    bank: str
    entry: str
    kind: MatchKind = Field(description="The same meme, its picture with other words, or its words on another picture.")
    action: KnownAction = Field(description="What it asks for under the policy; none: it decides nothing.")
    picture_distance: int | None = Field(description="Bits of PDQ, 0 to 256; null: nothing to compare.")
    words_distance: Probability | None = Field(description="0: the same words; null: nothing to compare.")
    mirrored: bool = Field(description="It is the mirror image that is like the entry's picture.")
    quarantined: bool = Field(description="The entry matches so often that it no longer blocks.")


class WordEffectDoc(Wire):
    """A word, and by yes/no task what it did to the score."""

    text: str
    start: int
    end: int
    effects: dict[str, float]


class RegionEffectDoc(Wire):
    """A region of the picture, and by yes/no task the score with it less the score with it hidden.

    ``box`` is left, top, right, bottom in pixels of the picture.
    """

    box: tuple[int, int, int, int]
    effects: dict[str, float]
    view: int = Field(description="Index of the picture's view that it is of; 0 where there is one.")


class PairEffectDoc(Wire):
    """A word with a region, and by yes/no task what both together did to the score beyond what each did alone."""

    text: str
    start: int
    end: int
    box: tuple[int, int, int, int]
    effects: dict[str, float]
    view: int
    only_together: list[str] = Field(description="Tasks for which neither did much by itself.")


class ExplanationDoc(Wire):
    """What each modality says alone, the words that moved the scores most, and what regions of the picture did."""

    text_alone: Scores | None
    image_alone: Scores | None
    words: list[WordEffectDoc]
    regions: list[RegionEffectDoc] = Field(description="A grid over the picture, row by row; empty: not asked for.")
    pairs: list[PairEffectDoc] = Field(description="Those that did most together first; empty: not asked for.")
    detail: str | None = Field(description="What is missing, where there was no time for all of it.")
    method: WordMethod = Field(description="What a word's effect is: of leaving it out, or its Shapley value.")


class MemoryVoteDoc(Wire):
    """How remembered memes moved the scores; ``shifts`` are of calibrated logits, by yes/no task."""

    entries: int = Field(description="Remembered memes that it is like.")
    shifts: dict[str, float]


class VerdictDoc(Wire):
    """What is said of one meme. ``id`` is the caller's, or else ``decision_id``, which feedback names."""

    id: str
    decision_id: str
    decision: Decision
    policy: PolicyDoc
    scores: Scores
    severity: dict[str, str] = Field(description="By task, the band of the policy that its score falls into.")
    matches: list[WordMatchDoc]
    text: TextDoc
    model: ModelDoc
    timings_ms: dict[str, float]
    judged_as: Modality = Field(description="What there was of it to judge; thresholds may differ by it.")
    explanation: ExplanationDoc | None
    picture: PictureDoc | None
    known: list[KnownMemeDoc] = Field(description="Entries of the policy's banks that it is; the nearest first.")
    memory: MemoryVoteDoc | None = Field(description="Null: no remembered meme moved the scores.")
    categories: dict[str, Probability] = Field(default={}, description="Scores of the server's own categories.")
    categories_digest: str | None = Field(default=None, description="Of their file; null: there are none.")


class ItemErrorDoc(Wire):
    """Why one item has no verdict."""

    code: str
    message: str


class FailureDoc(Wire):
    """An item of a request for many that could not be judged."""

    id: str
    error: ItemErrorDoc


class ResultsDoc(Wire):
    """The answer to a request for many, in the order of the request."""

    results: list[VerdictDoc | FailureDoc]
