"""Configs of the network, free of torch: its sizes and switches, its backbone, and what of a tower is trained.

``NetworkConfig`` is read by ``memefier.py``, ``BackboneConfig`` by ``backbone.py``, ``TowerTuning`` by ``tuning.py``.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from model.taxonomy import Task, tasks_named

BackboneKind = Literal["open_clip", "compact"]
Rgb = tuple[float, float, float]
TuningMode = Literal["frozen", "adapters", "last_layers", "all_layers", "full"]
DecoderSize = Literal["small", "large"]
PresetName = Literal["small", "large"]
HeadKind = Literal["linear", "cosine", "am_softmax"]
_HEAD_KINDS: tuple[HeadKind, ...] = get_args(HeadKind)
#: Scale and margin of the AM-Softmax paper; MemeCLIP's cosine head has the same scale.
_HEAD_SCALE, _HEAD_MARGIN = 30.0, 0.35

# The paper's two stage-2 encoders. Its best Hateful Memes run used the large one at width 1024.
_PRESETS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "small": MappingProxyType({"width": 512, "encoder_layers": 1, "encoder_heads": 4, "encoder_ff": 512}),
        "large": MappingProxyType({"width": 1024, "encoder_layers": 3, "encoder_heads": 16, "encoder_ff": 2048}),
    }
)


def checked_fields(config_class: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """``values``, checked to name fields of the dataclass only; raises ``ValueError`` naming the first that is none."""
    known = [field.name for field in fields(config_class)]
    unknown = [key for key in values if key not in known]
    if unknown:
        raise ValueError(f"unknown {config_class.__name__} setting {unknown[0]!r}; known settings: {', '.join(known)}")
    return dict(values)


@dataclass(frozen=True)
class NetworkConfig:
    """The network that is trained and exported as the head.

    ``tasks`` are kept in taxonomy order, whatever order they are given in: it is the order of the logits.
    A part that is switched off has no parameters at all. Raises ``ValueError`` for a config that cannot be built.

    The switches:

    - ``stage1``: multiply each modality's tokens by the other one's pooled vector.
    - ``stage1_rescale``: L2-normalise these products, which otherwise have norm about 1/sqrt(width) beside the CLS and
      knowledge tokens of norm 1.
    - ``stage2``: the Transformer encoder. Without it the heads read the mean of the tokens.
    - ``knowledge``: the caller's tags as extra tokens.
    - ``type_embedding``: one learned vector a token stream, added to its tokens.
    - ``pooled_product``: Hate-CLIPper's branch (2022), an MLP over the product of the two pooled vectors, beside CLS.
    - ``pooled_concat``: the two pooled vectors themselves beside CLS: a short way to the heads, which a small set needs
      to do no worse than a linear model of the frozen features.
    - ``input_norm``: LayerNorm on a tower's features before they are projected: the patch states of CLIP have outlier
      dimensions with values in the tens.
    - ``norm_first``: pre-norm instead of the paper's post-norm encoder layers.
    - ``head``: ``linear``; ``cosine``, whose logits are ``head_scale`` (30 unless given) times cosines (MemeCLIP 2024);
      ``am_softmax``, the same trained with the additive margin ``head_margin`` (0.35 unless given; Wang et al. 2018)
      on the target class. The margin is in the training loss alone, never in a logit. See ``heads.py``.
    """

    tasks: tuple[str, ...]
    width: int = 512
    encoder_layers: int = 1
    encoder_heads: int = 4
    encoder_ff: int = 512
    projection_dropout: float = 0.4
    encoder_dropout: float = 0.5
    head_dropout: float = 0.1
    stage1: bool = True
    stage1_rescale: bool = True
    stage2: bool = True
    knowledge: bool = True
    type_embedding: bool = True
    pooled_product: bool = False
    pooled_concat: bool = False
    input_norm: bool = True
    norm_first: bool = False
    head: HeadKind = "linear"
    head_scale: float | None = None
    head_margin: float | None = None

    def __post_init__(self) -> None:
        if not self.tasks:
            raise ValueError("a network needs at least one task")
        object.__setattr__(self, "tasks", tuple(task.name for task in tasks_named(self.tasks)))
        for name in ("width", "encoder_layers", "encoder_heads", "encoder_ff"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.width % self.encoder_heads:
            raise ValueError(f"width {self.width} is not divisible by encoder_heads {self.encoder_heads}")
        for name in ("projection_dropout", "encoder_dropout", "head_dropout"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        self._check_head()

    def _check_head(self) -> None:
        if self.head not in _HEAD_KINDS:
            raise ValueError(f"unknown head {self.head!r}; known heads: {', '.join(_HEAD_KINDS)}")
        if self.head_scale is not None and self.head == "linear":
            raise ValueError("a linear head has no head_scale: leave it out, or take head 'cosine' or 'am_softmax'")
        if self.head_margin is not None and self.head != "am_softmax":
            raise ValueError(f"a {self.head} head has no head_margin: leave it out, or take head 'am_softmax'")
        if self.head_scale is not None and not 0 < self.head_scale < math.inf:
            raise ValueError(f"head_scale must be above 0 and finite, got {self.head_scale}")
        if self.head_margin is not None and not 0 <= self.head_margin < 2:
            raise ValueError(
                f"head_margin must be in [0, 2), since cosines are 2 apart at most, got {self.head_margin}"
            )

    @property
    def task_list(self) -> tuple[Task, ...]:
        """The tasks themselves, in the order of the logits."""
        return tasks_named(self.tasks)

    @property
    def fused_width(self) -> int:
        """Width of the vector that the heads read."""
        return self.width * (1 + self.pooled_product + 2 * self.pooled_concat)

    @property
    def scale(self) -> float:
        """What cosines are multiplied with to become logits; 1 for a linear head."""
        given = 1.0 if self.head == "linear" else _HEAD_SCALE
        return given if self.head_scale is None else self.head_scale

    @property
    def margin(self) -> float:
        """What is taken off the target's cosine in the training loss; 0 for a head without margin."""
        given = _HEAD_MARGIN if self.head == "am_softmax" else 0.0
        return given if self.head_margin is None else self.head_margin

    @classmethod
    def preset(cls, name: PresetName, tasks: tuple[str, ...], **overrides: Any) -> "NetworkConfig":
        """The paper's ``small`` or ``large`` network, with fields of one's own on top."""
        if name not in _PRESETS:
            raise ValueError(f"unknown preset {name!r}; known presets: {', '.join(_PRESETS)}")
        return cls.from_dict({**_PRESETS[name], "tasks": tasks, **overrides})

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON or YAML; ``from_dict`` reads them back."""
        return {**asdict(self), "tasks": list(self.tasks)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "NetworkConfig":
        """Raises ``ValueError`` naming the first key that is not a field, and the fields there are."""
        values = checked_fields(cls, values)
        tasks = values.get("tasks")
        if not isinstance(tasks, list | tuple):
            raise ValueError(f"tasks must be a list of task names, got {tasks!r}")  # noqa: TRY004 - a bad setting
        return cls(**{**values, "tasks": tuple(tasks)})


@dataclass(frozen=True)
class BackboneConfig:
    """Which towers, and where their weights are. Raises ``ValueError`` when something is missing or out of place.

    For ``open_clip``:

    - ``name``: a model name of open_clip ("ViT-L-14"), or "local-dir:FOLDER", a folder with ``open_clip_config.json``
      and weights.
    - ``pretrained``: a tag of open_clip ("openai") or the path of a weights file. None with a model name means random
      weights. OpenAI's weights from a file want a name that ends in "-quickgelu"; their tag sees to it by itself.
    - ``tokenizer``: path of a ``tokenizer.json``, for models that do not use CLIP's own tokenizer; ``pad_token_id`` is
      what the model was trained with (SigLIP: 1).
    - ``mean`` and ``std`` of the pixels in 0..1, only needed for a weights file of a model whose published weights do
      not agree on them (ViT-L-14).

    For ``compact``: ``image_tower``, path of the ONNX file, and ``text_tower``, the folder with ``config.json``,
    ``model.safetensors`` and ``tokenizer.json``.
    """

    kind: BackboneKind
    name: str | None = None
    pretrained: str | None = None
    tokenizer: str | None = None
    pad_token_id: int = 0
    mean: Rgb | None = None
    std: Rgb | None = None
    image_tower: str | None = None
    text_tower: str | None = None

    def __post_init__(self) -> None:
        needed: dict[str, tuple[str, ...]] = {"open_clip": ("name",), "compact": ("image_tower", "text_tower")}
        if self.kind not in needed:
            raise ValueError(f"unknown backbone kind {self.kind!r}; known kinds: {', '.join(needed)}")
        missing = [name for name in needed[self.kind] if not getattr(self, name)]
        if missing:
            raise ValueError(f"a backbone of kind {self.kind!r} needs {missing[0]!r}")
        if (self.mean is None) != (self.std is None):
            raise ValueError("a backbone needs both 'mean' and 'std', or neither")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "BackboneConfig":
        """Raises ``ValueError`` naming the first key that is not a field."""
        return cls(**checked_fields(cls, values))


class TowerTuning(BaseModel):
    """What of one tower is trained.

    - ``frozen``: nothing.
    - ``adapters``: a bottleneck net behind the pooled output and one behind the token outputs, ``adapter_ratio`` of
      which is blended in (MemeCLIP 2024). They are part of the tower, so they are saved and exported with it.
    - ``last_layers``: the last ``n_layers`` Transformer blocks with the norm, pooling and projection after them.
    - ``all_layers``: everything but the embedding tables, in which on a small set the rows of frequent words would
      drift from those of rare ones.
    - ``full``: everything, embedding tables too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: TuningMode = "frozen"
    n_layers: PositiveInt | None = None
    adapter_ratio: float = Field(default=0.2, ge=0, le=1)

    @model_validator(mode="after")
    def _layers_where_they_count(self) -> "TowerTuning":
        if self.mode == "last_layers" and self.n_layers is None:
            raise ValueError("mode 'last_layers' needs n_layers: how many Transformer blocks are trained, from the end")
        if self.mode != "last_layers" and self.n_layers is not None:
            raise ValueError(f"mode {self.mode!r} has no n_layers: leave it out, or take mode 'last_layers'")
        return self
