"""Which parameters of a tower are trained: none, adapters behind it, its last layers, or all of it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator
from torch import nn

from model.network.adapters import TowerAdapters
from model.network.image_tower import OpenClipImageTower
from model.network.text_tower import BertTextTower, OpenClipTextTower

TuningMode = Literal["frozen", "adapters", "last_layers", "full"]
Tower = BertTextTower | OpenClipTextTower | OpenClipImageTower


class TowerTuning(BaseModel):
    """What of one tower is trained.

    - ``frozen``: nothing.
    - ``adapters``: a bottleneck net behind the pooled output and one behind the token outputs, ``adapter_ratio`` of
      which is blended in (MemeCLIP 2024). They are part of the tower, so they are saved and exported with it.
    - ``last_layers``: the last ``n_layers`` Transformer blocks with the norm, pooling and projection after them.
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


def apply_tuning(tower: nn.Module | None, tuning: TowerTuning) -> list[nn.Parameter]:
    """Freeze ``tower`` but for what ``tuning`` trains, and return these parameters, in the tower's own order.

    ``tower`` is changed in place: adapters become a part of it, so call this before a checkpoint of it is loaded.
    Calling it again keeps adapters that are there, with the new ratio. None stands for a tower that is an ONNX file.

    Raises ``ValueError`` for a tuning that the tower cannot have.
    """
    if tower is None:
        if tuning.mode == "frozen":
            return []
        raise ValueError(
            f"this image tower is an ONNX file and cannot be tuned (mode {tuning.mode!r}): use mode 'frozen', or a "
            "backbone of kind 'open_clip', whose tower has its weights in torch"
        )
    if tuning.mode == "adapters":
        _attach_adapters(_known(tower), tuning.adapter_ratio)
    chosen = {id(parameter) for parameter in _chosen(tower, tuning)}
    for parameter in tower.parameters():
        parameter.requires_grad_(id(parameter) in chosen)
    return [parameter for parameter in tower.parameters() if parameter.requires_grad]


def _chosen(tower: nn.Module, tuning: TowerTuning) -> list[nn.Parameter]:
    if tuning.mode == "frozen":
        return []
    if tuning.mode == "full":
        return list(tower.parameters())
    if tuning.mode == "last_layers":
        return _last_layers(_known(tower), tuning.n_layers or 0)
    adapters = _known(tower).adapters
    return [] if adapters is None else list(adapters.parameters())


def _known(tower: nn.Module) -> Tower:
    if not isinstance(tower, Tower):
        raise ValueError(  # noqa: TRY004 - a setting that does not fit the tower
            f"a tower of type {type(tower).__name__} can only be 'frozen' or 'full'; adapters and last layers are for "
            "BertTextTower, OpenClipTextTower and OpenClipImageTower"
        )
    return tower


def _attach_adapters(tower: Tower, ratio: float) -> None:
    if tower.adapters is None:
        token_width = tower.patch_width if isinstance(tower, OpenClipImageTower) else tower.token_width
        device = next(tower.parameters()).device
        tower.adapters = TowerAdapters(tower.pooled_width, token_width, ratio).to(device)
    tower.adapters.pooled.ratio = tower.adapters.tokens.ratio = ratio


def _last_layers(tower: Tower, n_layers: int) -> list[nn.Parameter]:
    """Parameters of the last blocks and of what stands behind them."""
    blocks, behind = _anatomy(tower)
    if n_layers > len(blocks):
        raise ValueError(f"n_layers is {n_layers}, but this tower has {len(blocks)} Transformer blocks: ask for fewer")
    parts = [*list(blocks)[len(blocks) - n_layers :], *behind, tower.adapters]
    return [parameter for part in parts for parameter in _parameters(part)]


def _parameters(part: object) -> list[nn.Parameter]:
    """A projection is a bare parameter in some towers, a module in others, and absent in a few."""
    if isinstance(part, nn.Parameter):
        return [part]
    return list(part.parameters()) if isinstance(part, nn.Module) else []


def _anatomy(tower: Tower) -> tuple[nn.ModuleList | nn.Sequential, list[object]]:
    """The Transformer blocks of a tower, and whatever stands behind them: norms, pooling, projection."""
    if isinstance(tower, BertTextTower):
        return tower.bert.encoder.layer, []
    if isinstance(tower, OpenClipTextTower):
        return tower.text.transformer.resblocks, [tower.text.ln_final, tower.text.text_projection]
    visual = tower.visual
    if hasattr(visual, "trunk"):
        names = ("norm", "attn_pool", "fc_norm", "head")
        return visual.trunk.blocks, [*(getattr(visual.trunk, name, None) for name in names), visual.head]
    return visual.transformer.resblocks, [visual.ln_post, visual.proj]
