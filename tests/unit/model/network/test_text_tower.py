import json
from pathlib import Path
from typing import Any

import pytest
import torch
from open_clip.transformer import TextTransformer
from safetensors.torch import save_file
from support.network_cases import VOCABULARY_SIZE, tiny_bert
from torch import Tensor, nn

from model.network.text_tower import BertTextTower, MpnetTextTower, OpenClipTextTower, TextTower, read_text_tower


def clip_text(**overrides: Any) -> OpenClipTextTower:
    torch.manual_seed(0)
    sizes = {"context_length": 9, "vocab_size": VOCABULARY_SIZE, "width": 8, "heads": 2, "layers": 2, "output_dim": 6}
    return OpenClipTextTower(TextTransformer(**{**sizes, **overrides}).eval(), pad_token_id=0)


def siglip_text() -> OpenClipTextTower:
    return clip_text(no_causal_mask=True, pool_type="last", proj_bias=True)


def bert_text() -> BertTextTower:
    torch.manual_seed(0)
    tower = tiny_bert()
    tower.eval()
    return tower


def mpnet_text() -> MpnetTextTower:
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 16}
    return MpnetTextTower.from_config(vocab_size=VOCABULARY_SIZE, pad_token_id=1, model_type="mpnet", **sizes).eval()


def texts(n_tokens: int) -> tuple[Tensor, Tensor]:
    """Three texts of 4, 2 and no tokens; each ends with the highest id, as CLIP's do."""
    ids, mask = torch.zeros(2, 3, n_tokens, dtype=torch.int64)
    end = VOCABULARY_SIZE - 1
    ids[0, :4], ids[1, :2] = torch.tensor([5, 6, 7, end]), torch.tensor([8, end])
    mask[0, :4] = mask[1, :2] = 1
    return ids, mask


TOWERS = [bert_text, mpnet_text, clip_text, siglip_text]


@pytest.mark.parametrize("make_tower", TOWERS)
@torch.no_grad()
def test_towers_give_the_widths_they_state(make_tower: Any) -> None:
    tower: TextTower = make_tower()
    pooled, tokens = tower(*texts(5))
    assert pooled.shape == (3, tower.pooled_width)
    assert tokens.shape == (3, 5, tower.token_width)


@pytest.mark.parametrize("make_tower", TOWERS)
@torch.no_grad()
def test_a_text_does_not_depend_on_its_padding_nor_on_other_texts(make_tower: Any) -> None:
    tower = make_tower()
    pooled, tokens = tower(*texts(4))
    ids, mask = texts(9)
    ids = torch.where(mask > 0, ids, 17)
    padded_pooled, padded_tokens = tower(ids, mask)
    alone_pooled, alone_tokens = tower(ids[1:2], mask[1:2])
    torch.testing.assert_close(padded_pooled[:2], pooled[:2], atol=1e-5, rtol=0)
    torch.testing.assert_close(padded_tokens[0, :4], tokens[0, :4], atol=1e-5, rtol=0)
    torch.testing.assert_close(alone_pooled, pooled[1:2], atol=1e-5, rtol=0)
    torch.testing.assert_close(alone_tokens[0, :2], tokens[1, :2], atol=1e-5, rtol=0)


@pytest.mark.parametrize("make_tower", TOWERS)
@torch.no_grad()
def test_a_text_without_tokens_gives_finite_numbers(make_tower: Any) -> None:
    pooled, tokens = make_tower()(*texts(5))
    assert torch.isfinite(pooled).all()
    assert torch.isfinite(tokens).all()


@torch.no_grad()
def test_bert_tokens_are_those_of_the_library() -> None:
    tower = bert_text()
    ids, mask = texts(5)
    expected = tower.bert(input_ids=ids[:2], attention_mask=mask[:2]).last_hidden_state
    pooled, tokens = tower(ids[:2], mask[:2])
    torch.testing.assert_close(tokens[mask[:2] > 0], expected[mask[:2] > 0], atol=1e-5, rtol=0)
    torch.testing.assert_close(pooled[1], expected[1, :2].mean(dim=0), atol=1e-5, rtol=0)


@torch.no_grad()
def test_mpnet_tokens_are_those_of_the_library() -> None:
    tower = mpnet_text()
    ids, mask = texts(5)
    ids = torch.where(mask > 0, ids, tower.pad_token_id)
    expected = tower.mpnet(input_ids=ids[:2], attention_mask=mask[:2]).last_hidden_state
    pooled, tokens = tower(ids[:2], mask[:2])
    torch.testing.assert_close(tokens[mask[:2] > 0], expected[mask[:2] > 0], atol=1e-5, rtol=0)
    torch.testing.assert_close(pooled[1], expected[1, :2].mean(dim=0), atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_folder_holds_the_tower_that_its_config_names(tmp_path: Path) -> None:
    saved = mpnet_text()
    weights = {name: value.contiguous() for name, value in saved.mpnet.state_dict().items()}
    save_file({**weights, "pooler.dense.weight": torch.zeros(8, 8)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(saved.mpnet.config.to_dict()), encoding="utf-8")
    loaded = read_text_tower(tmp_path).eval()
    torch.testing.assert_close(loaded(*texts(5))[0], saved(*texts(5))[0])
    save_bert(tmp_path)
    assert isinstance(read_text_tower(tmp_path), BertTextTower)
    (tmp_path / "config.json").write_text('{"model_type": "t5"}', encoding="utf-8")
    with pytest.raises(ValueError, match="of the kind 't5': there are bert, mpnet"):
        read_text_tower(tmp_path)


def save_bert(folder: Path, prefix: str = "") -> BertTextTower:
    """A folder as a hub has it: weights of a tower and of a pooler, and the config."""
    tower = bert_text()
    weights = {prefix + name: value.contiguous() for name, value in tower.bert.state_dict().items()}
    save_file({**weights, f"{prefix}pooler.dense.weight": torch.zeros(8, 8)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(tower.bert.config.to_dict()), encoding="utf-8")
    return tower


@pytest.mark.parametrize("prefix", ["", "bert."])
@torch.no_grad()
def test_bert_is_read_from_a_local_folder_without_its_pooler(tmp_path: Path, prefix: str) -> None:
    saved = save_bert(tmp_path, prefix)
    loaded = BertTextTower.from_folder(tmp_path).eval()
    torch.testing.assert_close(loaded(*texts(5))[0], saved(*texts(5))[0])


def test_weights_that_do_not_fit_the_config_are_refused(tmp_path: Path) -> None:
    save_bert(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}), encoding="utf-8")
    with pytest.raises(RuntimeError, match="Missing key"):
        BertTextTower.from_folder(tmp_path)


def test_a_missing_weights_file_is_named(tmp_path: Path) -> None:
    save_bert(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors is missing"):
        BertTextTower.from_folder(tmp_path)


@torch.no_grad()
def test_clip_text_is_pooled_and_projected_as_open_clip_does() -> None:
    tower = clip_text()
    ids, mask = texts(9)
    tower.text.output_tokens = False
    expected = tower.text(ids)
    tower.text.output_tokens = True
    torch.testing.assert_close(tower(ids, mask)[0], expected)


def test_a_foreign_text_tower_is_refused() -> None:
    with pytest.raises(ValueError, match="text tower Linear is not supported"):
        OpenClipTextTower(nn.Linear(2, 2), pad_token_id=0)
