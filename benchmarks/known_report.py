"""The page of ``benchmarks.known``: docs/known_distances.md."""

from typing import Any

from model.known.matching import Distances

_HEAD = """# Distances of known memes

How far an altered meme is from itself, and how near memes come that have nothing to do with each other: by this the
distances of a bank ({defaults}) are chosen.

The page is written by `python -m benchmarks.known --data DIR --out docs/known_distances.md` from {n_memes:,} memes: the
training pictures of MultiOFF and religious_memes, and captions that people wrote, drawn on the templates they wrote
them for (imgflip). No test split is read. The pictures are halved by their name, memes on one template together; the
defaults were chosen on the other half. Everything below is of this one: {memes:,} memes on {pictures:,} pictures, of
which {low:.1%} are of too low a quality to be known by their picture.
"""

_ALTERED = """
## Altered copies that are found

Share of copies within so many bits of PDQ of the meme that they were made of, by the picture as it is, mirrored, or
without a frame around it. {n_altered} memes were altered in each way; "caption change" ({n_recaptioned}) is another
caption on the same template. A copy or a meme of quality below {min_quality} counts as not found.

"""

_FALSE = """
PDQ sees the whole of a picture. It forgives another size, format, colour or caption, and with the two other looks a
mirror and a plain border; what is cut off moves everything that is left. Where the words are the same, twice as many
bits count: a cropped copy whose words are left is the same meme, and one that is cropped more has the same words.

## Different memes that are taken for one

Share of the memes that match at least one of the {memes:,} of this half that is on another picture, and how many pairs
that is; and, apart from that, the share of pairs of memes on *one* template that match, which is right: they are
`same_picture`, and `same_meme` only with the same words. Pairs with a real picture are counted
beyond {same_real} bits only, so that up to there the figures are of drawn memes: real sets hold one picture again and
again. Of both halves the 126 pairs of real pictures and bare templates from 25 to {same_real} bits were looked at, as
thumbnails: all seem to be one picture twice or one template.

"""

_WORDS = """
## Words

A key of words is compared by the letters, by threes; 0 is the same words, 1 nothing in common. Share of texts that
are found again when some of their characters were misread (another letter, one missing, one too many; at least one),
{n_misread} texts of {fewest} letters and more:

"""

_FALSE_WORDS = """
Share of texts that match another one of this half, by how many letters a text must have to count; not all of that is
wrong, since sentences are posted again with a word changed:

"""


def report(figures: dict[str, Any]) -> str:
    """Markdown of all tables, of the half that the distances were not chosen on."""
    half, defaults = figures["report"], Distances()
    told = (
        f"`picture` {defaults.picture}, `words` {defaults.words:g}, "
        f"`min_quality` {defaults.min_quality}, `min_letters` {defaults.min_letters}"
    )
    facts = {
        "defaults": told,
        "n_memes": figures["dev"]["memes"] + half["memes"],
        "memes": half["memes"],
        "pictures": half["pictures"],
        "low": half["low_quality"],
        "n_altered": half["n_altered"],
        "same_real": half["same_real"],
        "n_recaptioned": half["n_recaptioned"],
        "min_quality": defaults.min_quality,
        "n_misread": half["n_misread"],
        "fewest": min(map(int, half["words_apart"])),
    }
    parts = [
        _HEAD,
        _ALTERED,
        _table("altered by", half["altered"], defaults.picture),
        _FALSE,
        _false_table(half["pictures_apart"], defaults.picture),
        _WORDS,
        _table("misread", half["misread"], defaults.words),
        _FALSE_WORDS,
        _table("letters", half["words_apart"], defaults.words),
    ]
    return "".join(part.format(**facts) for part in parts)


def _table(name: str, rows: dict[str, dict[str, float]], default: float) -> str:
    """Shares in percent; the column of the default in bold."""
    columns = list(dict.fromkeys(column for shares in rows.values() for column in shares))
    lines = [_row([name, *columns]), "|---|" + "---:|" * len(columns)]
    for row, shares in rows.items():
        cells = [
            _percent(shares[column], bold=float(column) == default) if column in shares else "" for column in columns
        ]
        lines.append(_row([row, *cells]))
    return "\n".join(lines) + "\n"


def _false_table(rows: dict[str, dict[str, float]], default: int) -> str:
    head = ["bits", "memes that match a different picture", "pairs", "pairs on one template that match"]
    lines = [_row(head), "|---:|---:|---:|---:|"]
    for distance, found in rows.items():
        bold = int(distance) == default
        shares = [_percent(found[name], bold=bold) for name in ("false_memes", "one_template_pairs")]
        lines.append(_row([distance, shares[0], str(int(found["false_pairs"])), shares[1]]))
    return "\n".join(lines) + "\n"


def _percent(share: float, *, bold: bool) -> str:
    """One digit behind the point where that tells something; nothing is told to be all or none that is not."""
    text = f"{100 * share:.0f} %" if share in (0, 1) or 0.1 <= share < 0.995 else f"{100 * share:.2g} %"
    if share > 0.995 and share < 1:
        text = f"{100 * share:.1f} %"
    return f"**{text}**" if bold else text


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
