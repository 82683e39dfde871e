import subprocess
import sys

import ftfy
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from open_clip.tokenizer import SimpleTokenizer
from tokenizers import Tokenizer

from model.network.clip_tokenizer import build_clip_tokenizer

END_ID = 49407
TEXTS = [
    "",
    "a photo of a cat",
    "WHEN YOU'RE\n\n  late!!! #monday @bob 100%",
    "It's they're we've I'm she'll he'd don't 's 't ''",
    "“curly” ‘quotes’ don’t",
    "naïve café Ünïcödé e\u0301",
    "日本語 テスト 한국어 Привет мир नमस्ते",
    "😂😂🔥 lol 👩‍👩‍👧 🇩🇪",
    "12345 3.14 1/2 ½ ² Ⅷ ١٢٣",
    "a_b-c...d !?!? tl;dr <3",
    "\tword\u00a0nbsp \u200bzero\u200bwidth",
    "pneumonoultramicroscopic" * 10,
]


@pytest.fixture(scope="module")
def ours() -> Tokenizer:
    return build_clip_tokenizer()


@pytest.fixture(scope="module")
def theirs() -> SimpleTokenizer:
    return SimpleTokenizer()


@pytest.mark.parametrize("text", TEXTS)
def test_ids_are_those_of_open_clip(ours: Tokenizer, theirs: SimpleTokenizer, text: str) -> None:
    assert ours.encode(text).ids == [theirs.sot_token_id, *theirs.encode(text), theirs.eot_token_id]


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("abcXYZ 0189'’.,!?#@_-()éßñÜжЖ中文かな😂🔥\n"), max_size=40))
def test_ids_are_those_of_open_clip_for_any_text_that_needs_no_repair(
    ours: Tokenizer, theirs: SimpleTokenizer, text: str
) -> None:
    assume(ftfy.fix_text(text.replace("’", "'")) == text.replace("’", "'"))
    assert ours.encode(text).ids[1:-1] == theirs.encode(text)


def test_truncated_text_keeps_its_end_token_as_open_clip_does(theirs: SimpleTokenizer) -> None:
    tokenizer = build_clip_tokenizer()
    tokenizer.enable_truncation(77)
    tokenizer.enable_padding(length=77, pad_id=0)
    for text in ("word " * 200, "short"):
        assert tokenizer.encode(text).ids == theirs([text])[0].tolist()


def test_an_end_token_spelt_out_in_a_text_does_not_end_it(ours: Tokenizer) -> None:
    ids = ours.encode("fine <end_of_text> the rest").ids
    assert ids.count(END_ID) == 1
    assert ids[-1] == END_ID


def test_tokenizer_survives_its_file(ours: Tokenizer) -> None:
    reread = Tokenizer.from_str(ours.to_str())
    assert all(reread.encode(text).ids == ours.encode(text).ids for text in TEXTS)


def test_tokenizer_is_built_without_torch() -> None:
    code = "import sys, model.network.clip_tokenizer as t; t.build_clip_tokenizer(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
