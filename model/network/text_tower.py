"""Text towers: token ids -> one pooled vector a text, and one vector a token."""

import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from model.network.adapters import AdaptableTower
from model.network.fusion import masked_mean


class TextTower(AdaptableTower):
    """What every text tower is to the network. Symbols: B texts, T tokens, Dt and Dw the widths given here."""

    pooled_width: int
    token_width: int
    vocab_size: int

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """``input_ids`` and ``attention_mask`` [B, T] int64 -> pooled [B, Dt], tokens [B, T, Dw].

        A text's outputs, where its mask is 1, depend neither on what stands where the mask is 0 nor on the other texts.
        A text of mask zeros gives finite numbers without meaning.
        """
        raise NotImplementedError


class BertTextTower(TextTower):
    """A BERT encoder without its pooler (Devlin et al. 2019); a text is the mean of its tokens, as in MiniLM-L6."""

    def __init__(self, bert: Any) -> None:
        """``bert`` is a ``transformers.BertModel`` built with ``add_pooling_layer=False``."""
        super().__init__()
        self.bert = bert
        self.pooled_width = self.token_width = bert.config.hidden_size
        self.vocab_size = bert.config.vocab_size
        self.pad_token_id: int = bert.config.pad_token_id
        self.max_tokens: int = bert.config.max_position_embeddings

    @classmethod
    def from_config(cls, **bert_config: Any) -> "BertTextTower":
        """Random weights; ``bert_config`` are fields of ``transformers.BertConfig``."""
        from transformers import BertConfig, BertModel  # noqa: PLC0415 - slow to import

        config = BertConfig(**bert_config, attn_implementation="sdpa")
        return cls(BertModel(config, add_pooling_layer=False))

    @classmethod
    def from_folder(cls, folder: Path) -> "BertTextTower":
        """Weights from a local folder with ``config.json`` and ``model.safetensors``.

        Raises ``FileNotFoundError`` naming the missing file, ``RuntimeError`` when the weights are not those of the
        config.
        """
        # Not from_pretrained: it reports on the pooler, which is left out on purpose, and knows the way to a hub.
        config, weights = _read_folder(folder, "bert.")
        tower = cls.from_config(**config)
        tower.bert.load_state_dict(weights)
        return tower

    @property
    def unseen_settings(self) -> dict[str, Any]:
        """What the shapes of its weights do not tell: settings of ``from_config``, and the adapters' ratio."""
        names = ("num_attention_heads", "hidden_act", "layer_norm_eps")
        ratio = {} if self.adapters is None else {"adapter_ratio": self.adapters.pooled.ratio}
        return {name: getattr(self.bert.config, name) for name in names} | ratio

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """See ``TextTower.forward``; the pooled vector is the mean of the tokens, zeros without tokens."""
        present = attention_mask > 0
        # Attention over no key at all is NaN: a text of mask zeros attends to everything, and nobody reads it.
        keys = present | ~present.any(dim=1, keepdim=True)
        # Not bert.forward: it looks at the mask's values to choose a kernel, which costs equal numbers and the export.
        embedded = self.bert.embeddings(input_ids)
        tokens: Tensor = self.bert.encoder(embedded, attention_mask=keys[:, None, None, :]).last_hidden_state
        return self.adapted(masked_mean(tokens, present), tokens)


class MpnetTextTower(TextTower):
    """An MPNet encoder without its pooler (Song et al. 2020); a text is the mean of its tokens, as in all-mpnet-base.

    Five times as large as MiniLM, so it is for teaching a smaller tower rather than for serving.
    """

    def __init__(self, mpnet: Any) -> None:
        """``mpnet`` is a ``transformers.MPNetModel`` built with ``add_pooling_layer=False``."""
        super().__init__()
        self.mpnet = mpnet
        self.pooled_width = self.token_width = mpnet.config.hidden_size
        self.vocab_size = mpnet.config.vocab_size
        self.pad_token_id: int = mpnet.config.pad_token_id
        # Its positions are counted from the one behind that of padding.
        self.max_tokens: int = mpnet.config.max_position_embeddings - self.pad_token_id - 1

    @classmethod
    def from_config(cls, **mpnet_config: Any) -> "MpnetTextTower":
        """Random weights; ``mpnet_config`` are fields of ``transformers.MPNetConfig``."""
        from transformers import MPNetConfig, MPNetModel  # noqa: PLC0415 - slow to import

        return cls(MPNetModel(MPNetConfig(**mpnet_config), add_pooling_layer=False))

    @classmethod
    def from_folder(cls, folder: Path) -> "MpnetTextTower":
        """As ``BertTextTower.from_folder``."""
        config, weights = _read_folder(folder, "mpnet.")
        tower = cls.from_config(**config)
        tower.mpnet.load_state_dict(weights)
        return tower

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """See ``TextTower.forward``; the pooled vector is the mean of the tokens, zeros without tokens."""
        present = attention_mask > 0
        keys = present | ~present.any(dim=1, keepdim=True)
        # Its positions are counted by which ids are padding, so padding is what it calls so whatever stands there.
        ids = torch.where(present, input_ids, self.pad_token_id)
        barred = torch.zeros(keys.shape, device=keys.device).masked_fill(~keys, torch.finfo(torch.float32).min)
        encoded = self.mpnet.encoder(self.mpnet.embeddings(ids), attention_mask=barred[:, None, None, :])
        tokens: Tensor = encoded[0]
        return self.adapted(masked_mean(tokens, present), tokens)


class OpenClipTextTower(TextTower):
    """The text tower of an open_clip model; a text is what that model pools and projects (CLIP: its end token)."""

    def __init__(self, text: Any, pad_token_id: int) -> None:
        """``text`` is the ``text`` of an open_clip ``CustomTextCLIP``; ``pad_token_id`` is what it was trained with.

        Raises ``ValueError`` when it is not open_clip's own Transformer.
        """
        from open_clip.transformer import TextTransformer  # noqa: PLC0415 - slow to import

        if not isinstance(text, TextTransformer):
            found = type(text).__name__
            raise ValueError(f"text tower {found} is not supported: use open_clip's own")  # noqa: TRY004 - a bad model
        super().__init__()
        text.output_tokens = True
        self.text = text
        self.pad_token_id = pad_token_id
        self.context_length: int = text.context_length
        self.vocab_size: int = text.vocab_size
        self.token_width: int = text.width
        self.pooled_width: int = text.width if text.text_projection is None else text.output_dim

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """See ``TextTower.forward``; T is at most ``context_length``.

        These towers know no mask. They were trained on texts padded to the context length with one id, and some
        (SigLIP) pool the last place, so each text is padded that way here.
        """
        n_tokens = input_ids.shape[1]
        ids = torch.where(attention_mask > 0, input_ids, self.pad_token_id)
        ids = F.pad(ids, (0, self.context_length - n_tokens), value=self.pad_token_id)
        pooled, tokens = self.text(ids)
        return self.adapted(pooled, tokens[:, :n_tokens])


def read_text_tower(folder: Path) -> BertTextTower | MpnetTextTower:
    """The text tower in a local folder, of the kind that its ``config.json`` says.

    Raises ``ValueError`` for another kind, and what ``BertTextTower.from_folder`` raises.
    """
    towers: dict[str, type[BertTextTower] | type[MpnetTextTower]] = {"bert": BertTextTower, "mpnet": MpnetTextTower}
    config, _ = _found_in(folder)
    kind = json.loads(config.read_text(encoding="utf-8")).get("model_type", "bert")
    if kind not in towers:
        raise ValueError(f"the text tower in {folder} is of the kind {kind!r}: there are {', '.join(towers)}")
    return towers[kind].from_folder(folder)


def _read_folder(folder: Path, prefix: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The config in ``folder``, and its weights by their names behind ``prefix``, those of a pooler left out."""
    config, weights = _found_in(folder)
    named = {name.removeprefix(prefix): values for name, values in load_file(weights).items()}
    skipped = ("pooler.", "cls.", "embeddings.position_ids")
    kept = {name: values for name, values in named.items() if not name.startswith(skipped)}
    return json.loads(config.read_text(encoding="utf-8")), kept


def _found_in(folder: Path) -> tuple[Path, Path]:
    config, weights = folder / "config.json", folder / "model.safetensors"
    for path in (config, weights):
        if not path.is_file():
            raise FileNotFoundError(f"no text tower in {folder}: {path.name} is missing; give a local folder")
    return config, weights
