"""The folder that ships: an image tower, a head, a tokenizer and the manifest that ties them together.

A frozen image tower is its own file, so that retraining replaces the head only. ``open_bundle`` checks every digest,
the preprocess fingerprint and the taxonomy before anything is run, and says which one does not match.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from model.atomic import file_digest, write_atomically
from model.errors import BundleError
from model.errors.validation import in_words
from model.modality import MODALITIES, ByModality
from model.preprocess import PreprocessConfig, Preprocessor
from model.taxonomy import TASKS, Task, tasks_named
from model.verdict import Action

#: What is written. Before, a task had one calibration and one pair of thresholds, whatever there was of a meme.
FORMAT_VERSION = 2
MANIFEST_NAME = "manifest.json"
#: The embedded default that a fresh checkout serves.
COMPACT_BUNDLE = Path(__file__).parent / "bundles" / "compact"

#: How a manifest writes a threshold that no probability reaches; in Python it is None.
_NEVER_IN_FILES = 1.01

#: Of a manifest: what has a value for each modality.
_BY_MODALITY = ("calibration", "thresholds")

#: Of a bundle's version: three numbers, as in 0.2.0.
VERSION_PATTERN = r"^\d+\.\d+\.\d+$"
Precision = Literal["fp32", "int8"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ImageTowerSpec(_Strict):
    """The picture's graph: ``pixel_values`` [B, 3, S, S] to pooled [B, embed_width] and patches [B, P, patch_width].

    ``batch_invariant`` is false when a row's output depends on the rows beside it (int8 activations are quantised over
    the whole batch): the runtime then feeds pictures one at a time, so that a meme's score depends on the meme alone.
    ``static_int8``: its activations have fixed scales and its weights 7 bits, so that it is run in integers, whose sums
    overflow on no processor.
    """

    file: str
    input_name: str
    embeds_output: str
    patches_output: str
    embed_width: int
    patch_width: int
    batch_invariant: bool
    precision: Precision
    static_int8: bool = False
    backbone: str
    source: str
    licence: str


class HeadSpec(_Strict):
    """The text tower, fusion and classification graph; its output names are task names.

    ``text_output`` names one more, [B, text_width]: what the text tower pools. Older bundles have None.
    """

    file: str
    precision: Precision
    opset: int
    text_backbone: str
    source: str
    licence: str
    text_output: str | None = None
    text_width: int | None = None

    @model_validator(mode="after")
    def _named_with_its_width(self) -> "HeadSpec":
        if (self.text_output is None) != (self.text_width is None):
            raise ValueError("text_output and text_width come together")
        return self

    @model_serializer(mode="wrap")
    def _without_what_it_lacks(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A manifest that says nothing of such an output is written as it was."""
        return {name: value for name, value in handler(self).items() if value is not None}


class TaskSpec(_Strict):
    """A task as this bundle has it, with its classes spelt out so that a changed taxonomy is noticed."""

    name: str
    classes: list[str]


class CalibrationSpec(_Strict):
    """Platt scaling, fitted on dev: probability = sigmoid(scale * logit + shift), softmax for several classes."""

    scale: float = Field(gt=0)
    shift: float = 0.0


class Thresholds(_Strict):
    """Calibrated probabilities at and above which a task asks for review, or blocks (None: never by itself)."""

    review: float = Field(ge=0, le=1)
    block: float | None = Field(ge=0, le=1)

    @field_validator("block", mode="before")
    @classmethod
    def _from_files(cls, block: object) -> object:
        return None if isinstance(block, float) and 1 < block <= _NEVER_IN_FILES else block

    @field_serializer("block")
    def _as_in_files(self, block: float | None) -> float:
        return _NEVER_IN_FILES if block is None else block

    @property
    def bounds(self) -> dict[Action, float]:
        """Where each action begins, the milder first; without "block" where the task never blocks."""
        return {"review": self.review} if self.block is None else {"review": self.review, "block": self.block}

    def met(self, score: float) -> Action | None:
        """The strictest action whose bound ``score`` reaches."""
        return next((action for action, bound in reversed(self.bounds.items()) if score >= bound), None)


CalibrationByModality = ByModality[CalibrationSpec]
ThresholdsByModality = ByModality[Thresholds]


def spread_text(low: float, high: float) -> str:
    """An interval in words; one of no width, as of a few items that are all right, would read as if that were sure."""
    return f"{low:.3f} to {high:.3f}" if low < high else "no interval: no resample differs"


class Interval(_Strict):
    """A measured value with its 95% interval, of no width where no resample of the items differed."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """As in ``0.734 (0.701 to 0.766)``."""
        return f"{self.value:.3f} ({spread_text(self.low, self.high)})"


class MetricRow(_Strict):
    """How one model did on one set: ``model`` says which twin (fused, text_only, image_only), or which baseline."""

    data: str
    split: str
    task: str
    model: str
    n: int
    metrics: dict[str, Interval]


class Manifest(_Strict):
    """Everything that identifies a bundle and says what it is worth.

    Of format version 1 it has the same ``calibration`` and ``thresholds`` for every modality, and is written as it was.
    """

    format_version: Literal[1, 2]
    name: str
    version: str = Field(pattern=VERSION_PATTERN)
    description: str
    licence: str
    files: dict[str, str]
    image_tower: ImageTowerSpec
    head: HeadSpec
    tokenizer: str
    tasks: list[TaskSpec]
    preprocess: PreprocessConfig
    preprocess_fingerprint: str
    calibration: dict[str, CalibrationByModality]
    thresholds: dict[str, ThresholdsByModality]
    parity: dict[str, Any]
    metrics: list[MetricRow]
    training: dict[str, Any]
    data_cards: list[str]

    @model_validator(mode="before")
    @classmethod
    def _one_for_all(cls, document: Any) -> Any:
        """What format version 1 says of a task goes for every modality."""
        if not isinstance(document, dict) or document.get("format_version") != 1:
            return document
        found = {key: document[key] for key in _BY_MODALITY if isinstance(document.get(key), dict)}
        spread = {
            key: {task: dict.fromkeys(MODALITIES, one) for task, one in tasks.items()} for key, tasks in found.items()
        }
        return document | spread

    @field_serializer(*_BY_MODALITY)
    def _in_its_format(self, by_task: dict[str, ByModality[Any]]) -> dict[str, Any]:
        return {task: one.both if self.format_version == 1 else one for task, one in by_task.items()}

    @field_validator("files")
    @classmethod
    def _plain_names(cls, files: dict[str, str]) -> dict[str, str]:
        for name in files:
            if Path(name).name != name or name == MANIFEST_NAME:
                raise ValueError(f"file name {name!r} must be a plain name inside the bundle")
        return files


@dataclass(frozen=True)
class Bundle:
    """A bundle whose parts were checked. ``digest`` is the sha256 of its manifest, which holds every other digest."""

    path: Path
    manifest: Manifest
    digest: str
    tasks: tuple[Task, ...]
    preprocessor: Preprocessor

    def file(self, name: str) -> Path:
        """Path of one of the bundle's files."""
        return self.path / name


def open_bundle(path: str | Path = COMPACT_BUNDLE) -> Bundle:
    """Read and check a bundle folder.

    Raises ``BundleError`` when a part is missing, its digest differs, the preprocessing of this code differs from that
    of training, or a task's classes differ from the taxonomy.
    """
    folder = Path(path)
    raw = _read_manifest(folder)
    manifest = _parse_manifest(folder, raw)
    for name, digest in manifest.files.items():
        _check_digest(folder, name, digest)
    for role, name in _roles(manifest).items():
        if name not in manifest.files:
            raise BundleError(f"{folder}: the {role} {name!r} is not among the manifest's files; export it again")
    return Bundle(
        path=folder,
        manifest=manifest,
        digest=hashlib.sha256(raw).hexdigest(),
        tasks=_checked_tasks(folder, manifest),
        preprocessor=_checked_preprocessor(folder, manifest),
    )


def shares_space(bundle: Bundle) -> bool:
    """Whether features of words and of pictures can be compared: both towers are of one open_clip model."""
    image, head = bundle.manifest.image_tower, bundle.manifest.head
    if head.text_output is None or head.text_width != image.embed_width:
        return False
    name = image.backbone.partition(",")[0]
    return name.startswith("open_clip ") and name == head.text_backbone.partition(",")[0]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``manifest.json`` in one step, so that a reader never sees half of it."""
    text = json.dumps(manifest.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"
    write_atomically(folder / MANIFEST_NAME, text.encode())


def _read_manifest(folder: Path) -> bytes:
    try:
        return (folder / MANIFEST_NAME).read_bytes()
    except OSError as error:  # also when the path is a file, or may not be read
        raise BundleError(f"{folder}: no {MANIFEST_NAME} here; give the folder that `export` wrote") from error


def _parse_manifest(folder: Path, raw: bytes) -> Manifest:
    try:
        return Manifest.model_validate_json(raw)
    except ValidationError as error:
        raise BundleError(
            f"{folder}: the manifest does not fit this version of Memeguard (format {FORMAT_VERSION}): "
            f"{in_words(error, 'document')}; export the bundle again with this version"
        ) from error


def _roles(manifest: Manifest) -> dict[str, str]:
    return {
        "image tower": manifest.image_tower.file,
        "head": manifest.head.file,
        "tokenizer": manifest.tokenizer,
    }


def _check_digest(folder: Path, name: str, expected: str) -> None:
    path = folder / name
    if not path.is_file():
        raise BundleError(f"{folder}: {name} is missing; copy the whole folder, or fetch large files (git lfs) first")
    found = file_digest(path)
    if found != expected:
        raise BundleError(
            f"{folder}: {name} has sha256 {found[:12]}, the manifest says {expected[:12]}; the file was changed or cut "
            "short: copy or export the bundle again"
        )


def _checked_tasks(folder: Path, manifest: Manifest) -> tuple[Task, ...]:
    for spec in manifest.tasks:
        known = TASKS.get(spec.name)
        if known is None or list(known.classes) != spec.classes:
            raise BundleError(
                f"{folder}: task {spec.name!r} with classes {spec.classes} does not match model/taxonomy.py "
                f"({list(known.classes) if known else 'no such task'}); export the bundle again with this version"
            )
        if spec.name not in manifest.calibration:
            raise BundleError(f"{folder}: task {spec.name!r} has no calibration; export the bundle again")
    binary = {spec.name for spec in manifest.tasks if TASKS[spec.name].kind == "binary"}
    for name in manifest.thresholds:
        if name not in binary:  # it would never be met, in silence
            raise BundleError(f"{folder}: thresholds for {name!r}, which is no binary task of it; export it again")
    return tasks_named([spec.name for spec in manifest.tasks])


def _checked_preprocessor(folder: Path, manifest: Manifest) -> Preprocessor:
    preprocessor = Preprocessor(manifest.preprocess, (folder / manifest.tokenizer).read_bytes())
    found = preprocessor.fingerprint(manifest.format_version)
    if found != manifest.preprocess_fingerprint:
        raise BundleError(
            f"{folder}: preprocessing here (fingerprint {found[:12]}) differs from training "
            f"({manifest.preprocess_fingerprint[:12]}): another pillow or tokenizers version, or changed code; install "
            "the versions in constraints.txt or export the bundle again"
        )
    return preprocessor
