"""Ways to write a word so that people read it and a filter does not: what ``benchmarks.disguises`` tries."""

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType

Disguise = Callable[[str, random.Random], str]

_SMALL = "abcdefghijklmnopqrstuvwxyz"
_CYRILLIC = dict(zip("acdehijlopqsvwxyABCEHIJKMOPSTXY", "асԁеһіјӏорԛѕѵԝхуАВСЕНІЈКМОРЅТХУ", strict=True))
_CYRILLIC_DRAWN_ALIKE = _CYRILLIC | dict(zip("bkmt", "вкмт", strict=True))
_GREEK = dict(zip("ainopuvyABEHIKMNOPTXYZ", "αιησρυνγΑΒΕΗΙΚΜΝΟΡΤΧΥΖ", strict=True))
_OTHER_SCRIPTS = dict(zip("fghnoqusABCDEGHJKLMPRSTVWZ", "քցհոօզսꮪᎪᏴᏟᎠᎬᏀᎻᎫᏦᏞᎷᏢᏒᏚᎢᏙᎳᏃ", strict=True))
_SMALL_CAPITALS = dict(zip("abcdefghijklmnoprstuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", strict=True))
_PHONETIC = dict(zip("agijoquvy", "ɑɡıȷᴏʠʋᴠʏ", strict=True))
_SUPERSCRIPT = dict(zip("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True))
_UPSIDE_DOWN = dict(zip(_SMALL, "ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹsʇnʌʍxʎz", strict=True))
_ACCENTED = dict(zip("aceinosuyz", "äçéîñõšûÿž", strict=True))
_STROKED = dict(zip("bdhlotz", "ƀđħłøŧƶ", strict=True))
_LEET = dict(zip("aeiost", "431057", strict=True))
_INVISIBLE = (
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u115f\u1160\u17b4\u180b\u180f\u3164\uffa0\ufe0f\U000e0065\U000e0101"
)


def _mapped(letters: Mapping[str, str]) -> Disguise:
    return lambda word, _: "".join(letters.get(char, char) for char in word)


def _one_mapped(letters: Mapping[str, str]) -> Disguise:
    def change(word: str, rng: random.Random) -> str:
        places = [at for at, char in enumerate(word) if char in letters]
        chosen = rng.choice(places) if places else -1
        return "".join(letters[char] if at == chosen else char for at, char in enumerate(word))

    return change


def _shifted(small: int, capital: int) -> Disguise:
    """Letters of an alphabet elsewhere in Unicode."""
    move = {chr(first + index): chr(to + index) for first, to in ((97, small), (65, capital)) for index in range(26)}
    return _mapped(move)


def _between(*options: str) -> Disguise:
    return lambda word, rng: "".join(char + rng.choice(options) for char in word[:-1]) + word[-1]


def _behind(*marks: str, n: int = 1) -> Disguise:
    return lambda word, rng: "".join(char + "".join(rng.choice(marks) for _ in range(n)) for char in word)


def _into(sign: str) -> Disguise:
    def change(word: str, rng: random.Random) -> str:
        at = rng.randrange(1, len(word))
        return word[:at] + sign + word[at:]

    return change


def _inside(disguise: Disguise) -> Disguise:
    return lambda word, rng: word[0] + disguise(word[1:-1], rng) + word[-1]


DISGUISES: Mapping[str, Disguise] = MappingProxyType(
    {
        "invisible characters between letters": _between(*_INVISIBLE),
        "a letter in Cyrillic": _one_mapped(_CYRILLIC),
        "all letters that Cyrillic has": _mapped(_CYRILLIC),
        "all letters that Cyrillic has nearly": _mapped(_CYRILLIC_DRAWN_ALIKE),
        "all letters that Greek has": _mapped(_GREEK),
        "Armenian and Cherokee letters": _mapped(_OTHER_SCRIPTS),
        "letters of all scripts": _mapped(_CYRILLIC | _GREEK | _OTHER_SCRIPTS),
        "script g, dotless i and their kin": _mapped(_PHONETIC),
        "small capitals": _mapped(_SMALL_CAPITALS),
        "full width": _shifted(0xFF41, 0xFF21),
        "mathematical letters": _shifted(0x1D51E, 0x1D56C),
        "superscripts": _mapped(_SUPERSCRIPT),
        "circled letters": _shifted(0x24D0, 0x24B6),
        "letters in brackets": _shifted(0x249C, 0x249C),
        "white on a square": _shifted(0x1F170, 0x1F170),
        "white on a disc": _shifted(0x1F150, 0x1F150),
        "regional indicators": _shifted(0x1F1E6, 0x1F1E6),
        "regional indicators, parted": lambda word, rng: "\u200b".join(_shifted(0x1F1E6, 0x1F1E6)(word, rng)),
        "an accent on each letter": _mapped(_ACCENTED),
        "a combining mark on each letter": _behind("\u0301", "\u0323", "\u0332", "\u0307", "\u0489"),
        "heaps of marks": _behind("\u0301", "\u0323", "\u0335", "\u0352", "\u0307", "\u1dc4", n=5),
        "struck through": _behind("\u0336"),
        "slashed": _behind("\u0337", "\u0338"),
        "framed": _behind("\u20dd", "\u20de", "\u20e3"),
        "letters with a stroke": _mapped(_STROKED),
        "backwards in an override": lambda word, _: f"\u202e{word[::-1]}\u202c",
        "backwards in an isolate": lambda word, _: f"\u2067\u202e{word[::-1]}\u202c\u2069",
        "upside down": lambda word, _: "".join(_UPSIDE_DOWN.get(char, char) for char in reversed(word.lower())),
        "backwards": lambda word, _: word[::-1],
        "a space between letters": _between(" "),
        "two spaces between letters": _between("  "),
        "a dot between letters": _between("."),
        "an asterisk between letters": _between("*"),
        "a dash between letters": _between("-"),
        "any sign between letters": _between(".", "-", "*", "_", "·", "|", "~"),
        "brackets between letters": _between(")(", "]["),
        "an emoji between letters": _between("👏"),
        "blank glyphs between letters": _between("\u2800"),
        "a letter a line": _between("\n"),
        "a sign in the word": _into("*"),
        "a line break in the word": _into("-\n"),
        "a digit for a letter inside": _inside(_one_mapped(_LEET)),
        "all letters that digits have": _mapped(_LEET),
        "a letter four times": lambda word, rng: _into("")(word, rng).replace(word[1], word[1] * 4, 1),
    }
)
