"""Words of a comment, their sentences, and where each was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cpu_time import least_cpu_s

from serving.perspective.attributes import seen_language
from serving.perspective.comment import Comment, Span, html_comment, plain_comment

#: Of Perspective's own documentation, with the spans that it gives.
EXAMPLE = "What kind of idiot name is foo? Sorry, I like your name."
_HTML = st.lists(
    st.sampled_from(
        ["<p>", "</p>", "<b>", "</b>", "<br/>", "&amp;", "&amp", "&#33;", "&unknown;", "<", "\n", "\U0001f600"]
    )
    | st.text(max_size=5),
    max_size=12,
).map("".join)


def _sentences(comment: Comment, at_most: int = 15) -> list[str]:
    return [comment.words[span.start : span.end] for span in comment.sentences(at_most)]


def test_sentences_are_those_of_perspectives_own_example() -> None:
    comment = plain_comment(EXAMPLE)
    assert [comment.sent_place(span) for span in comment.sentences(15)] == [(0, 31), (32, 56)]


@pytest.mark.parametrize(
    ("words", "sentences"),
    [
        ("One. Two!\nThree", ["One.", "Two!", "Three"]),
        ('He said "no!" Then he left\u2026 Why?!', ['He said "no!"', "Then he left\u2026", "Why?!"]),
        ("3.5 percent of example.org", ["3.5 percent of example.org"]),
        ("  \n \n", []),
        (
            "No end \u200b. \u200b",
            [
                "No end \u200b.",
            ],
        ),
    ],
)
def test_a_sentence_ends_at_its_mark_or_its_line(words: str, sentences: list[str]) -> None:
    assert _sentences(plain_comment(words)) == sentences


@given(words=st.text(alphabet=st.sampled_from("ab .!?\n\u200b\u2026"), max_size=60), at_most=st.integers(1, 5))
def test_every_visible_word_is_in_one_part_and_there_are_never_too_many(words: str, at_most: int) -> None:
    spans = plain_comment(words).sentences(at_most)
    assert len(spans) <= at_most
    covered = [index for span in spans for index in range(span.start, span.end)]
    assert covered == sorted(set(covered))
    assert {index for index, char in enumerate(words) if char in "ab.!?\u2026"} <= set(covered)


@pytest.mark.parametrize(
    "piece",
    [
        ".",
        '."',
        ". ",
        "a.",
        "<a ",
        "<a b='",
        "<!--",
        "<!-- -",
        "</",
        "&",
        "&#1",
        "&#0",
        "<script>",
        "<a/",
        "<!--!",
        "<title>",
        "<title></title",
    ],
)
def test_no_text_takes_longer_than_its_length(piece: str) -> None:
    sent = piece * (20_000 // len(piece)) + "x"

    def split() -> None:
        for comment in (plain_comment(sent), html_comment(sent)):
            assert len(comment.sentences(15)) <= 15

    assert least_cpu_s(split, enough_s=2) < 2  # with a search in a search: 4 to 23 s


def test_places_are_counted_in_utf_16() -> None:
    comment = plain_comment("\U0001f600\U0001f600. Words")
    assert [comment.sent_place(span) for span in comment.sentences(15)] == [(0, 5), (6, 11)]


@pytest.mark.parametrize(
    ("sent", "lines"),
    [
        (
            "<p>One &amp; t<b>w</b>o.</p><!-- no --><p>3 &lt; 4</p><script>5</script>",
            ["One & two.", "3 < 4", "5"],
        ),
        ("One<!-- no --!> and <!-- no -->two", ["One and two"]),
        ("<!-->One<!---> and<!----> two<!-- no -- > no ->--> three", ["One and two three"]),
        ("<textarea rows=2><!-- shown --></textarea><!-- no -->!", ["<!-- shown -->", "!"]),
        ("<TITLE><b>One</b></Title ><!-- no -->two", ["<b>One</b>", "two"]),
        ("</textarea><!-- no -->One<textarea>two<!-- shown --></textareas>", ["One", "two<!-- shown --></textareas>"]),
    ],
)
def test_html_is_read_as_people_see_it(sent: str, lines: list[str]) -> None:
    assert [words for words in html_comment(sent).words.split("\n") if words] == lines


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("&#000000104;i", "hi"),
        ("&#x00000068;i", "hi"),
        ("&#X0000068i", "hi"),
        (f"&#{'0' * 10_000}104;i", "hi"),
        ("&#0;&#x0;", "&#0;&#x0;"),
        ("&#1040;", "\u0410"),
    ],
)
def test_a_reference_is_read_whatever_zeros_its_number_begins_with(sent: str, seen: str) -> None:
    assert html_comment(sent).words == seen


def test_sentences_of_html_are_placed_where_they_were_written() -> None:
    sent = "<p>Q&amp;A</p>\n<p>\U0001f600 &lt;&gt</p> Last"
    comment = html_comment(sent)
    in_utf_16 = sent.encode("utf-16-le")
    placed = [comment.sent_place(span) for span in comment.sentences(15)]
    assert [in_utf_16[2 * begin : 2 * end].decode("utf-16-le") for begin, end in placed] == [
        "Q&amp;A",
        "\U0001f600 &lt;&gt",
        "Last",
    ]
    assert comment.sent_place(Span(0, len(comment.words))) == (0, len(in_utf_16) // 2)


@given(sent=_HTML)
def test_any_text_can_be_read_as_html_and_each_of_its_words_has_a_place(sent: str) -> None:
    comment = html_comment(sent)
    assert comment.places is not None
    assert len(comment.places) == len(comment.words)
    for char, place in zip(comment.words, comment.places, strict=True):
        written = sent[place.start : place.end]
        assert char in {written, "\n"} or written.startswith("&")


@pytest.mark.parametrize(
    ("words", "language"),
    [
        ("plain words", None),
        ("größe, año, naïve", None),
        ("12345 :) \U0001f600", None),
        ("h\u0430te in dis\u0433uise", None),  # two Cyrillic letters
        ("one слово among many others", None),
        ("Привет, мир", "und-Cyrl"),
        ("Привет, dear world, как дела", "und-Cyrl"),
        ("مرحبا", "und-Arab"),
        ("你好", "und-Hani"),
        ("ᚠᚢᚦ", "und"),
    ],
)
def test_a_language_in_other_letters_is_seen_and_a_disguise_is_none(words: str, language: str | None) -> None:
    assert seen_language(words) == language
