"""Meme and text to the arrays that the network reads, the same in training, evaluation and serving.

Everything that can change a pixel or a token is in ``PreprocessConfig`` or in the tokenizer, and travels inside the
bundle. ``Preprocessor.fingerprint`` hashes the config together with what this code makes of a fixed probe picture and
text, so that a changed library is found at load and not in production scores.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from tokenizers import Tokenizer

from model.meme import Meme
from model.parts.windows import MAX_WINDOWS, Windows, windows_of
from model.text.direction import RIGHT_TO_LEFT_OVERRIDE
from model.text.emoji_names import spelt_emoji, spelt_sequences
from model.text.folding import folded

Resize = Literal["squash", "pad"]
EmojiVocabulary = Literal["unicode", "cldr"]
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


#: WordPiece makes one unknown token of a longer run, and what it says would not be read.
_LONG_RUN = re.compile(r"\w{100}(?=\w)")


class PreprocessConfig(BaseModel):
    """How a meme becomes arrays.

    The whole picture is kept, since memes carry words at the edges: ``squash`` resizes both sides to ``side_px``
    whatever the aspect, ``pad`` keeps the aspect and fills with black. Text longer than ``max_text_tokens`` is cut;
    who judges gives it in windows (``Preprocessor.windows``). Emoji are spelt by the names that Unicode gives to single
    characters, without skin tones, or by those of ``cldr`` (``text/emoji_names.py``).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    side_px: int = Field(224, gt=0)
    resize: Resize = "squash"
    mean: tuple[float, float, float] = CLIP_MEAN
    std: tuple[float, float, float] = CLIP_STD
    max_text_tokens: int = Field(96, gt=2)
    max_tags: int = Field(8, gt=0)
    max_tag_tokens: int = Field(16, gt=2)
    pad_token_id: int = 0
    emoji_names: bool = True
    emoji_vocabulary: EmojiVocabulary = "unicode"


@dataclass(frozen=True)
class TextInputs:
    """Token arrays of a batch; int64.

    ``input_ids``, ``attention_mask`` [B, T]; ``tag_ids``, ``tag_mask`` [B, K, Tt] with K >= 1. A row of zeros in a
    mask means that the row has no text, or that the tag is padding.
    """

    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]
    tag_ids: NDArray[np.int64]
    tag_mask: NDArray[np.int64]


@dataclass(frozen=True)
class ModelInputs:
    """What the network reads: ``pixel_values`` float32 [B, 3, S, S], ``image_mask`` int64 [B] (0: no picture)."""

    pixel_values: NDArray[np.float32]
    image_mask: NDArray[np.int64]
    text: TextInputs


class Preprocessor:
    """Applies a ``PreprocessConfig`` with the bundle's tokenizer. Holds no state that a call changes."""

    def __init__(self, config: PreprocessConfig, tokenizer_json: bytes) -> None:
        self.config = config
        self._tokenizer_digest = hashlib.sha256(tokenizer_json).hexdigest()
        # Two tokenizers, since truncation is a setting of the object and calls may come from many threads.
        self._text_tokenizer = _truncating(tokenizer_json, config.max_text_tokens)
        self._tag_tokenizer = _truncating(tokenizer_json, config.max_tag_tokens)
        self._counter = Tokenizer.from_str(tokenizer_json.decode("utf-8"))
        self._counter.no_padding()
        self._counter.no_truncation()

    def __call__(
        self, memes: Sequence[Meme], texts: Sequence[str | None], tags: Sequence[Sequence[str]] | None = None
    ) -> ModelInputs:
        """Arrays of ``memes`` with their ``texts`` (None or blank: no words); tags are the memes' own by default."""
        side = self.config.side_px
        pixels = np.zeros((len(memes), 3, side, side), dtype=np.float32)
        for row, meme in enumerate(memes):
            if meme.image is not None:
                pixels[row] = self.pixels(meme.image)
        return ModelInputs(
            pixel_values=pixels,
            image_mask=np.array([meme.image is not None for meme in memes], dtype=np.int64),
            text=self.text_inputs(texts, tags if tags is not None else [meme.tags for meme in memes]),
        )

    def pixels(self, image: Image.Image) -> NDArray[np.float32]:
        """One RGB picture to float32 [3, S, S]."""
        raw = np.asarray(self._resized(image), dtype=np.float32) / np.float32(255)
        mean, std = (np.asarray(values, dtype=np.float32) for values in (self.config.mean, self.config.std))
        normalised = (raw - mean) / std
        return np.ascontiguousarray(normalised.transpose(2, 0, 1), dtype=np.float32)

    def text_inputs(self, texts: Sequence[str | None], tags: Sequence[Sequence[str]]) -> TextInputs:
        """Token arrays for one text and one list of tags a row; tags beyond ``max_tags`` are left out."""
        rows = [self._ids(self._text_tokenizer, text or "") for text in texts]
        input_ids, attention_mask = self._padded(rows)
        n_tags = max([1, *(min(len(row), self.config.max_tags) for row in tags)])
        tag_rows = [
            self._ids(self._tag_tokenizer, row[index]) if index < len(row) else []
            for row in tags
            for index in range(n_tags)
        ]
        tag_ids, tag_mask = self._padded(tag_rows)
        shape = (len(texts), n_tags, -1)
        return TextInputs(input_ids, attention_mask, tag_ids.reshape(shape), tag_mask.reshape(shape))

    def windows(self, text: str, max_windows: int = MAX_WINDOWS) -> Windows:
        """Pieces of ``text`` of which nothing is cut when each is given as a text of its own."""
        room = self.config.max_text_tokens - self._counter.num_special_tokens_to_add(False)
        found = windows_of(text, self._n_tokens, room, max_windows)
        if len(found.spans) > 1 and RIGHT_TO_LEFT_OVERRIDE in text:
            # What is read forwards from there on is written backwards, and a later window does not know it.
            return Windows(found.spans, min(found.judged_chars, text.index(RIGHT_TO_LEFT_OVERRIDE)))
        return found

    def _n_tokens(self, texts: Sequence[str]) -> list[int]:
        clean = [self._clean(text) for text in texts]
        return [len(found.ids) for found in self._counter.encode_batch(clean, add_special_tokens=False)]

    def fingerprint(self, format_version: Literal[1, 2] = 2) -> str:
        """sha256 over the config, the tokenizer and what both make of a fixed probe picture and texts.

        A manifest of ``format_version`` 1 was made before there were disguises and windows to probe.
        """
        content = hashlib.sha256(json.dumps(self._identity(), sort_keys=True).encode())
        content.update(self._tokenizer_digest.encode())
        content.update(self.pixel_fingerprint().encode())
        texts = [_PROBE_TEXT] if format_version == 1 else [_PROBE_TEXT, *_PROBE_DISGUISES]
        for text in texts:
            probe = self.text_inputs([text], [("Probe Tag",)])
            content.update(json.dumps([probe.input_ids.tolist(), probe.tag_ids.tolist()]).encode())
        if format_version > 1:
            seen, long = [self._clean(text) for text in texts], self.windows(_PROBE_LONG)
            content.update(json.dumps([seen, long.spans, long.judged_chars]).encode())
        return content.hexdigest()

    def _identity(self) -> dict[str, Any]:
        """The config; without what bundles did not have that were made before there was a choice."""
        config = self.config.model_dump()
        if self.config.emoji_vocabulary == "unicode":
            del config["emoji_vocabulary"]
        return config

    def pixel_fingerprint(self) -> str:
        """sha256 over what becomes of a fixed probe picture; image features may be cached under it."""
        content = hashlib.sha256(np.asarray(self._resized(_probe_picture()), dtype=np.uint8).tobytes())
        content.update(json.dumps([self.config.mean, self.config.std]).encode())
        return content.hexdigest()

    def place(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Where a picture of ``size`` (width, height) lies in the square: its left, top, right and bottom edge."""
        side = self.config.side_px
        if self.config.resize == "squash":
            return 0, 0, side, side
        scale = side / max(size)
        width, height = (max(1, round(length * scale)) for length in size)
        left, top = (side - width) // 2, (side - height) // 2
        return left, top, left + width, top + height

    def _resized(self, image: Image.Image) -> Image.Image:
        left, top, right, bottom = self.place(image.size)
        resized = image.resize((right - left, bottom - top), Image.Resampling.BICUBIC)
        if self.config.resize == "squash":
            return resized
        canvas = Image.new("RGB", (self.config.side_px, self.config.side_px))
        canvas.paste(resized, (left, top))
        return canvas

    def _ids(self, tokenizer: Tokenizer, text: str) -> list[int]:
        """Token ids of ``text``; none at all, special tokens included, for a text without words."""
        clean = self._clean(text)
        return list(tokenizer.encode(clean).ids) if clean else []

    def _clean(self, text: str) -> str:
        """Normalised; letters without any gap are parted where WordPiece would take them for one unknown word."""
        vocabulary = self.config.emoji_vocabulary if self.config.emoji_names else None
        return _LONG_RUN.sub(r"\g<0> ", normalise_text(text, emoji=vocabulary))

    def _padded(self, rows: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        width = max([1, *map(len, rows)])
        ids = np.full((len(rows), width), self.config.pad_token_id, dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = row
            mask[index, : len(row)] = 1
        return ids, mask


def normalise_text(text: str, *, emoji: EmojiVocabulary | None = "unicode") -> str:
    """Text as people see it (``text/folding.py``): invisible characters dropped, compatibility forms, look-alikes and
    other disguises folded, emoji spelt by name (None: left as they are), white space collapsed.

    Text towers of this size know no emoji: without their names, much of emoji-based hate is a row of unknown tokens. A
    Cyrillic letter inside a Latin word is an unknown token too, and put there to be one.
    """
    read = "".join(char for char, _, _ in folded(spelt_sequences(text) if emoji == "cldr" else text))
    spelt = spelt_emoji(read) if emoji == "cldr" else read
    return " ".join("".join(_spelt(char, emoji is not None) for char in spelt).split())


def _spelt(char: str, by_name: bool) -> str:
    category = unicodedata.category(char)
    if category == "Cc":
        return " "
    if by_name and category == "So" and ord(char) > 0x2000:
        return f" {unicodedata.name(char, '').lower()} "
    return char


def _truncating(tokenizer_json: bytes, max_tokens: int) -> Tokenizer:
    tokenizer = Tokenizer.from_str(tokenizer_json.decode("utf-8"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=max_tokens)
    return tokenizer


_PROBE_TEXT = "One does not simply… w\u200balk into \uff2dordor 🐀 10% 'twas m\u0435me"
#: What folding reads through, a kind each: signs for letters, letters apart, look-alikes of several scripts, letters as
#: symbols and with marks, turned and reversed letters, emoji, and what looks like a disguise and is none.
_PROBE_DISGUISES = (
    "a l1ttle k1tt3n pl@ys with $tring, r3ally",
    "a k i t t e n and a p.u.p.p.y and b-r-e-a-d",
    "\u043a\u0456tt\u0435n \u03c1\u03c5\u03c1\u03c1\u03c5 br\u0435\u0430d \u0455\u043e\u0443\u0430",
    "\U0001d424\U0001d422\U0001d42d\U0001d42d\U0001d41e\U0001d427 \U0001f17f\U0001f184\U0001f15f \u24d1\u24e1",
    "k\u0336i\u0336t\u0336t\u0336e\u0336n pu\u0308ppy b\u00adread mi\u2060lk na\u00efve \u200fx\u202edaerb",
    "u\u01dd\u0287\u0287\u0131\u029e \u0250 \u0265\u0287\u0131\u028d \u028e\u0250ld",
    "\U0001f44d\U0001f3fd \U0001f1ea\U0001f1fa \U0001f469\u200d\U0001f680 \u2764\ufe0f",
    "mp3s in C4, 50 cats, A.B. Smith, \u043a\u043e\u0442 \u0438 \u043a\u0438\u0442, \u732b\u3068\u72ac",
    "puppykitten" * 20,
)
_PROBE_LONG = " ".join(f"The cat number {n} drinks m1lk, and w\u0430its for br-\nead." for n in range(40))


def _probe_picture() -> Image.Image:
    """A fixed picture with edges, gradients and an odd aspect, on which a changed resize would show."""
    y, x = np.mgrid[0:97, 0:311].astype(np.int64)
    planes = [(x * 7 + y * 3) % 256, (x * y) % 256, ((x // 16 + y // 16) % 2) * 255]
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8))
