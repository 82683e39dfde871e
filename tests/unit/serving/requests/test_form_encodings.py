"""Forms as clients write them: what is encoded is decoded or refused, and never judged as it stands."""

import asyncio
import base64
import quopri

import aiohttp
import httpx
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from support.forms import Part, multipart
from support.server import BOUNDARY

from serving.problems import ProblemError
from serving.requests.classify_body import ClassifyInput, Item
from serving.requests.classify_parser import parse_body
from serving.settings import Settings

FORM = f"multipart/form-data; boundary={BOUNDARY}"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
#: Charsets and words that can be written in them.
IN_CHARSETS = [
    ("iso-8859-1", "café für alle"),
    ("ISO-8859-15", "prix: 5 €"),
    ("windows-1252", "“quoted” – word"),
    ("Windows-1251", "привет"),
    ("koi8-r", "привет"),
    ("shift_jis", "こんにちは"),
    ("x-sjis", "こんにちは"),
    ("EUC-JP", "こんにちは"),
    ("iso-2022-jp", "こんにちは"),
    ("big5", "你好"),
    ("gb18030", "你好 🙂"),
    ("euc-kr", "안녕"),
    ("utf-16", "words 🙂"),
    ("UTF-16LE", "words 🙂"),
    ("utf-16be", "words 🙂"),
    ("utf-32", "words 🙂"),
    ("us-ascii", "words"),
    ("UTF8", "wörds"),
    ("macintosh", "wörds"),
    ("ISO_8859-1:1987", "wörds"),
]
_PYTHONS = {"x-sjis": "shift_jis", "macintosh": "mac-roman"}


def _encoded(words: str, charset: str) -> bytes:
    return words.encode(_PYTHONS.get(charset, charset))


def _items(*parts: Part, content_type: str = FORM) -> list[Item]:
    return parse_body(content_type, multipart(*parts), Settings()).items


def _only(*parts: Part, content_type: str = FORM) -> ClassifyInput:
    (item,) = _items(*parts, content_type=content_type)
    assert isinstance(item, ClassifyInput)
    return item


def _problem(*parts: Part, content_type: str = FORM) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        _items(*parts, content_type=content_type)
    return caught.value


@given(
    picture=st.binary(min_size=1, max_size=300),
    spelling=st.sampled_from([base64.b64encode, base64.encodebytes, base64.urlsafe_b64encode]),
    header=st.sampled_from(["base64", "BASE64", " Base64 "]),
)
def test_a_picture_in_base64_is_the_picture(picture: bytes, spelling: object, header: str) -> None:
    assert callable(spelling)
    part = Part("image", spelling(picture), {"Content-Transfer-Encoding": header, "Content-Type": "image/png"})
    assert _only(part).image == picture


@given(words=st.text(st.characters(codec="utf-8", exclude_characters="\r\ufeff"), min_size=1, max_size=100))
def test_words_in_any_transfer_encoding_are_the_same_words(words: str) -> None:
    content, picture = words.encode(), Part("image", PICTURE)
    for encoding, sent in (
        ("base64", base64.encodebytes(content)),
        ("quoted-printable", quopri.encodestring(content)),
        ("Quoted-Printable", quopri.encodestring(content, quotetabs=True)),
        ("8bit", content),
        ("binary", content),
    ):
        part = Part("text", sent, {"Content-Transfer-Encoding": encoding})
        assert _only(picture, part).text == words


@pytest.mark.parametrize("name", ["image", "text", "tags", "policy"])
@pytest.mark.parametrize("encoding", ["x-uuencode", "gzip", "base64, base64", "rot13", "7-bit"])
def test_another_transfer_encoding_is_refused_and_the_field_named(name: str, encoding: str) -> None:
    problem = _problem(Part("image", PICTURE), Part(name, b"words", {"Content-Transfer-Encoding": encoding}))
    assert (problem.status, problem.code) == (415, "unsupported_encoding")
    assert problem.detail.startswith(("image[1]: ", f"{name}: "))
    assert "Content-Transfer-Encoding" in problem.detail


def test_what_is_called_base64_and_is_none_is_refused() -> None:
    problem = _problem(Part("text", b"words!", {"Content-Transfer-Encoding": "base64"}))
    assert (problem.status, problem.code, problem.detail) == (400, "bad_base64", "text: this is not base64")


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip"])
def test_a_compressed_part_is_refused(encoding: str) -> None:
    problem = _problem(Part("image", PICTURE), Part("text", b"words", {"Content-Encoding": encoding}))
    assert (problem.status, problem.code) == (415, "unsupported_encoding")
    assert problem.detail.startswith("part 2 of the form has a Content-Encoding")


def test_parts_in_a_part_are_refused() -> None:
    problem = _problem(Part("image", b"--x\r\n", {"Content-Type": "multipart/mixed; boundary=x"}))
    assert (problem.status, problem.code) == (415, "unsupported_encoding")


@pytest.mark.parametrize("name", ["Content-Disposition", "Content-Type", "Content-Transfer-Encoding"])
def test_a_header_that_two_parsers_could_read_in_two_ways_is_refused(name: str) -> None:
    twice = Part("text", b"words", {name: 'form-data; name="text"', name.lower(): 'form-data; name="image"'})
    problem = _problem(twice)
    assert (problem.status, problem.code) == (400, "malformed_multipart")
    assert f"part 1 has two headers {name.lower()}" in problem.detail


@pytest.mark.parametrize(("charset", "words"), IN_CHARSETS)
def test_a_charset_is_honoured_wherever_it_is_declared(charset: str, words: str) -> None:
    sent = _encoded(words, charset)
    by_part = Part("text", sent, {"Content-Type": f"text/plain; charset={charset}"})
    quoted = Part("text", sent, {"Content-Type": f'text/plain;format=flowed; charset="{charset}"'})
    plain, named = Part("text", sent), Part("_charset_", charset.encode())
    for parts in ((by_part,), (quoted,), (named, plain), (plain, named)):
        assert _only(*parts).text == words
    assert _only(plain, content_type=f"{FORM}; charset={charset}").text == words
    in_base64 = Part("text", base64.encodebytes(sent), by_part.headers | {"Content-Transfer-Encoding": "base64"})
    assert _only(in_base64).text == words


def test_the_nearest_declaration_of_a_charset_counts() -> None:
    named, own = Part("_charset_", b"koi8-r"), {"Content-Type": "text/plain; charset=windows-1251"}
    parts = (Part("image", PICTURE), Part("text", "привет".encode("cp1251"), own), Part("tags", "кот".encode("koi8-r")))
    item = _only(named, *parts, content_type=f"{FORM}; charset=utf-8")
    assert (item.text, item.tags) == ("привет", ("кот",))


@pytest.mark.parametrize(
    "charset", ["utf-7", "rot13", "hex", "unicode_escape", "punycode", "idna", "x-user", "", "utf-9"]
)
def test_what_is_no_charset_of_text_is_refused(charset: str) -> None:
    by_part = (Part("text", b"words", {"Content-Type": f'text/plain; charset="{charset}"'}),)
    by_field = (Part("_charset_", charset.encode()), Part("text", b"words"))
    for parts in (by_part, by_field):
        problem = _problem(*parts)
        assert (problem.status, problem.code) == (415, "unsupported_charset")
        assert problem.detail.startswith(("text: ", "_charset_: "))


@pytest.mark.parametrize(
    ("charset", "sent"),
    [
        ("utf-8", b"caf\xe9"),
        ("ascii", b"caf\xc3\xa9"),
        ("utf-16", b"odd"),
        ("utf-16le", b"\x00\xd8"),
        ("euc-jp", b"\xff"),
    ],
)
def test_text_that_is_not_in_its_charset_is_refused_and_said_which(charset: str, sent: bytes) -> None:
    headers = {"Content-Type": f"text/plain; charset={charset}"}
    parts = (Part("image", PICTURE), Part("image", PICTURE), Part("text", b"words"), Part("text", sent, headers))
    problem = _problem(*parts)
    assert (problem.status, problem.code) == (400, "bad_encoding")
    assert problem.detail.startswith("text[1]: this is not ")


def test_a_byte_order_mark_is_no_part_of_the_words() -> None:
    assert _only(Part("text", b"\xef\xbb\xbfwords")).text == "words"
    assert _only(Part("explain", b"\xef\xbb\xbftrue"), Part("text", b"words")).text == "words"


@pytest.mark.parametrize(
    "disposition",
    [
        'form-data; name="{}"; filename="a.png"',
        "form-data; name={}; filename=a.png",
        'form-data;name="{}";filename="a.png"',
        'FORM-DATA; Name="{}"; FileName="a.png"',
        'form-data; filename="b.png"; filename*=UTF-8\'\'%e2%82%ac.png; name="{}"',
        'form-data; name="{}"; filename="with \\"quotes\\"; name=text.png"',
        'form-data; name="{}"; filename="C:\\\\pictures\\\\a.png"',
        'form-data; name="{}"; filename="größe.png"; size=10',
        'form-data; name="{}[]"; filename="a.png"',
        'form-data; name="{}[0]"; filename="a.png"',
    ],
)
def test_the_name_of_a_field_is_found_however_it_is_written(disposition: str) -> None:
    assert _only(Part("image", PICTURE, disposition=disposition)).image == PICTURE


@pytest.mark.parametrize("suffix", ["[]", "[{}]", ""])
def test_several_pictures_keep_their_order_and_their_words(suffix: str) -> None:
    pictures = [Part("image" + suffix.format(at), PICTURE + bytes([at])) for at in range(3)]
    words = [Part("text" + suffix.format(at), b"words %d" % at) for at in range(3)]
    items = _items(*pictures, *words)
    assert [(item.image, item.text) for item in items if isinstance(item, ClassifyInput)] == [
        (PICTURE + bytes([at]), f"words {at}") for at in range(3)
    ]


def test_a_file_that_nobody_chose_on_a_page_was_not_sent() -> None:
    unchosen = Part("image", b"", disposition='form-data; name="{}"; filename=""')
    assert _only(unchosen, Part("text", b"words")).image is None
    chosen = Part("image", b"", disposition='form-data; name="{}"; filename="a.png"')
    assert _only(chosen, Part("text", b"words")).image == b""


@given(picture=st.binary(min_size=1, max_size=100))
def test_a_data_url_in_the_field_image_is_the_picture(picture: bytes) -> None:
    url = b"data:image/png;base64," + base64.b64encode(picture)
    assert _only(Part("image", url)).image == picture


def test_a_data_url_that_is_none_is_refused_and_said_which() -> None:
    problem = _problem(Part("image", PICTURE), Part("image", b"data:image/svg+xml,<svg/>"))
    assert (problem.code, problem.detail[:10]) == ("bad_data_url", "image[1]: ")
    problem = _problem(Part("image", b"data:image/png;base64,\xff\xff"))
    assert (problem.code, problem.detail) == ("bad_base64", "image: this is not base64")


def test_a_form_of_each_python_client_holds_what_was_put_into_it() -> None:
    words = "größe €"
    by_requests = requests.Request(
        "POST", "http://x", files={"image": ("größe.png", PICTURE, "image/png")}, data={"text": words, "tags": "cat"}
    ).prepare()
    by_httpx = httpx.Request(
        "POST", "http://x", files={"image": ("größe.png", PICTURE)}, data={"text": words, "tags": "cat"}
    )
    sent = [
        (str(by_requests.headers["Content-Type"]), by_requests.body),
        (by_httpx.headers["Content-Type"], by_httpx.read()),
        *(asyncio.run(_by_aiohttp(words, charset)) for charset in ("utf-8", "utf-16")),
    ]
    for content_type, body in sent:
        assert isinstance(body, bytes)
        (item,) = parse_body(content_type, body, Settings()).items
        assert item == ClassifyInput(PICTURE, words, ("cat",))


async def _by_aiohttp(words: str, charset: str) -> tuple[str, bytes]:
    form = aiohttp.FormData(charset=charset)
    form.add_field("image", PICTURE, filename="größe.png", content_type="image/png")
    form.add_field("text", words, content_type=f"text/plain; charset={charset}")
    form.add_field("tags", "cat")
    payload = form()
    return payload.content_type, await payload.as_bytes()


def test_an_url_encoded_form_is_refused_with_what_to_send() -> None:
    for kind in ("application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8"):
        with pytest.raises(ProblemError) as caught:
            parse_body(kind, b"text=words", Settings())
        assert caught.value.status == 415
        for told in ("x-www-form-urlencoded", "multipart/form-data", "application/json"):
            assert told in caught.value.detail
