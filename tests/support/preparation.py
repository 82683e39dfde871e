"""A small tokenizer, preprocessing that fits it, and pictures; no torch is needed for them."""

import numpy as np
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from model.preprocess import PreprocessConfig

SIDE_PX = 32
PREPROCESS = PreprocessConfig(side_px=SIDE_PX, max_text_tokens=12, max_tags=3, max_tag_tokens=6)
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *_LETTERS, *(f"##{letter}" for letter in _LETTERS), *"!?.,'…%"]


def tokenizer_json(**changed_ids: int) -> bytes:
    """A BERT tokenizer whose words are spelt letter by letter; ``changed_ids`` gives tokens other ids."""
    ids = {token: index for index, token in enumerate(VOCABULARY)} | changed_ids
    tokenizer = Tokenizer(WordPiece(ids, unk_token="[UNK]"))  # noqa: S106 - not a password
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    )
    return str(tokenizer.to_str()).encode()


def picture(seed: int, width_px: int = 40, height_px: int = 24) -> Image.Image:
    """Coarse noise that no other seed gives."""
    cells = np.random.default_rng(seed).integers(0, 256, size=(3, 4, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((width_px, height_px))
