"""Which parameters of a tower are trained: none, adapters behind it, its last layers, or all of it."""

from torch import nn

from model.network.adapters import TowerAdapters
from model.network.config import TowerTuning
from model.network.image_tower import OpenClipImageTower
from model.network.text_tower import BertTextTower, OpenClipTextTower

Tower = BertTextTower | OpenClipTextTower | OpenClipImageTower


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
    if tuning.mode == "all_layers":
        tables = [module for module in tower.modules() if isinstance(module, nn.Embedding)]
        kept = {id(parameter) for table in tables for parameter in table.parameters()}
        return [parameter for parameter in tower.parameters() if id(parameter) not in kept]
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
