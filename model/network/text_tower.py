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
        config_path, weights_path = folder / "config.json", folder / "model.safetensors"
        for path in (config_path, weights_path):
            if not path.is_file():
                raise FileNotFoundError(f"no text tower in {folder}: {path.name} is missing; give a local folder")
        # Not from_pretrained: it reports on the pooler, which is left out on purpose, and knows the way to a hub.
        tower = cls.from_config(**json.loads(config_path.read_text(encoding="utf-8")))
        named = {name.removeprefix("bert."): weights for name, weights in load_file(weights_path).items()}
        skipped = ("pooler.", "cls.", "embeddings.position_ids")
        tower.bert.load_state_dict({name: weights for name, weights in named.items() if not name.startswith(skipped)})
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
