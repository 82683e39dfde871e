"""Results of an evaluation as plain values: ``report.json`` is these dataclasses, field by field."""

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel

from model.engine import Engines
from training.evaluation.breakdown import GroupTable
from training.evaluation.curves import Curves
from training.evaluation.decisions import Decisions
from training.evaluation.false_alarms import AtRecall
from training.evaluation.metrics.bootstrap import Estimate, PairedInterval

FORMAT_VERSION = 1
#: The bundle as it is served, beside which the others stand.
FULL_INPUT = "full"
TEXT_ONLY_INPUT, IMAGE_ONLY_INPUT = "text_only_input", "image_only_input"


@dataclass(frozen=True)
class Difference:
    """Full result minus that of ``other`` (a view or another bundle) on the same memes, by metric."""

    other: str
    metrics: dict[str, PairedInterval]


@dataclass(frozen=True)
class Mistake:
    """A meme whose probability is far from its label, by id."""

    id: str
    label: str
    probability: float


@dataclass(frozen=True)
class TaskResult:
    """One task on one set. ``metrics`` and ``curves`` by column: ``full``, the views, other bundles.

    ``at_recall`` is of a yes/no task with positives.
    """

    title: str
    task: str
    labels_of: str
    kind: str
    n: int
    class_counts: dict[str, int]
    metrics: dict[str, dict[str, Estimate]]
    differences: list[Difference]
    decisions: Decisions | None
    at_recall: AtRecall | None
    confusion: list[list[int]] | None
    curves: dict[str, Curves]
    groups: list[GroupTable]
    mistakes: dict[str, list[Mistake]]


@dataclass(frozen=True)
class OcrTask:
    """One task with the given words and with the words that were read, on the same memes."""

    title: str
    given: dict[str, Estimate]
    read: dict[str, Estimate]
    difference: dict[str, PairedInterval]
    same_class: Estimate
    mean_abs_difference: float


@dataclass(frozen=True)
class OcrResult:
    """Given words against words read by ``engine``: ``word_recall`` of the given ones were read, and so on."""

    engine: str
    n: int
    n_unread: int
    word_recall: float | None
    word_precision: float | None
    tasks: list[OcrTask]


@dataclass(frozen=True)
class SetResult:
    """One set: what was read and left out, and each task's result. ``words`` says where the words came from.

    ``ms_per_meme`` is None when image features came from a cache: it would say nothing of the service.
    """

    name: str
    split: str
    source: str
    words: str
    n_read: int
    n_unlabelled: int
    n_scored: int
    n_with_picture: int
    n_with_words: int
    left_out: dict[str, int]
    left_out_items: list[dict[str, str]]
    ms_per_meme: float | None
    decision_counts: dict[str, int]
    tasks: list[TaskResult]
    memotion: dict[str, Estimate]
    ocr: OcrResult | None
    notes: list[str]


@dataclass(frozen=True)
class BundleRef:
    """Which bundle: its digest is the sha256 of its manifest."""

    name: str
    version: str
    digest: str
    path: str
    tasks: list[str]
    size_mb: float
    engines: Engines


@dataclass(frozen=True)
class Report:
    """Everything that one call of ``memeguard evaluate`` found."""

    bundle: BundleRef
    others: dict[str, BundleRef]
    sets: list[SetResult]
    command: str
    created: str
    seed: int
    n_resamples: int
    resample_by: str
    packages: dict[str, str]
    format_version: int = FORMAT_VERSION

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON: no NaN, a value that is not defined is null beside its reason."""
        found: dict[str, Any] = plain(asdict(self))
        return found


def plain(value: Any) -> Any:
    """Nested dicts, lists and plain values, floats rounded to six digits: what JSON can hold."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value
