"""CLIP's byte-pair tokenizer as a ``tokenizers.Tokenizer``: fast, saved to one JSON file, and free of torch.

It gives the ids of open_clip's ``SimpleTokenizer`` with two exceptions. Mojibake and HTML entities are left as they
are, since that repair (ftfy) cannot be put into the file. And a special token spelt out in a text is plain text:
CLIP reads a text at its first end token, so whoever could write one could hide all that follows.
"""

import gzip
from importlib.util import find_spec
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

START_TOKEN, END_TOKEN = "<start_of_text>", "<end_of_text>"
# 256 bytes, the same 256 as word ends, 48,894 merges and the two special tokens: the 49,408 of CLIP.
_N_MERGES = 49152 - 256 - 2
_WORD = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def clip_vocabulary_path() -> Path:
    """The vocabulary file inside the open_clip package, which is not imported for it.

    Raises ``FileNotFoundError`` when open_clip is not installed.
    """
    spec = find_spec("open_clip")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("CLIP's vocabulary comes with open_clip_torch, which is not installed (extra: train)")
    return Path(spec.origin).parent / "bpe_simple_vocab_16e6.txt.gz"


def build_clip_tokenizer(vocabulary_path: Path | None = None) -> Tokenizer:
    """CLIP's tokenizer; ``vocabulary_path`` is open_clip's by default. Neither truncates nor pads."""
    merges = _read_merges(vocabulary_path or clip_vocabulary_path())
    vocabulary = _vocabulary(merges)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            # Curly quotes to straight ones, as ftfy does, else no contraction of a typeset text is found.
            normalizers.Replace(Regex("[\u02bc\u2018-\u201b]"), "'"),
            normalizers.Replace(Regex("[\u201c-\u201f]"), '"'),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Lowercase(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORD), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START_TOKEN} $A {END_TOKEN}",
        special_tokens=[(token, vocabulary[token]) for token in (START_TOKEN, END_TOKEN)],
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _read_merges(path: Path) -> list[tuple[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")
    # The first line is a version.
    pairs = [line.split() for line in lines[1 : _N_MERGES + 1]]
    return [(left, right) for left, right in pairs]


def _vocabulary(merges: list[tuple[str, str]]) -> dict[str, int]:
    """Token to id, in CLIP's order: bytes, bytes that end a word, merges, special tokens."""
    bytes_ = _byte_symbols()
    tokens = [*bytes_, *(f"{byte}</w>" for byte in bytes_), *("".join(pair) for pair in merges), START_TOKEN, END_TOKEN]
    return {token: index for index, token in enumerate(tokens)}


def _byte_symbols() -> list[str]:
    """A printable character for each byte (GPT-2's table): first the bytes that print as themselves, then the rest."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    n_others = 256 - len(printable)
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(n_others)]
