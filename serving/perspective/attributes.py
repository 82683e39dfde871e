"""Which attributes of Perspective are answered, by which task, and in which languages."""

from collections.abc import Collection, Sequence

from model.text.confusables import script
from model.text.folding import real_scripts

#: Perspective defines IDENTITY_ATTACK as "negative or hateful comments targeting someone because of their identity";
#: the task ``hateful`` asks whether people are attacked for a protected characteristic. No other task asks what one of
#: its attributes does: ``offensive`` comes close to INSULT by its name, but was learned from memes of one election
#: (MultiOFF), and ``target`` says whom an attack is on, not which kind it is.
TASK_OF: dict[str, str] = {"IDENTITY_ATTACK": "hateful"}
#: What Perspective has besides. Asked for here, they are unknown, as a misspelled one is there.
_NOT_ANSWERED = frozenset(
    [
        *("TOXICITY", "SEVERE_TOXICITY", "INSULT", "PROFANITY", "THREAT", "SEXUALLY_EXPLICIT", "FLIRTATION"),
        *("TOXICITY_FAST", "ATTACK_ON_AUTHOR", "ATTACK_ON_COMMENTER", "INCOHERENT", "INFLAMMATORY"),
        *("LIKELY_TO_REJECT", "OBSCENE", "SPAM", "UNSUBSTANTIAL"),
        *(f"{name}_EXPERIMENTAL" for name in ("TOXICITY", "SEVERE_TOXICITY", "IDENTITY_ATTACK", "INSULT")),
        *(f"{name}_EXPERIMENTAL" for name in ("PROFANITY", "THREAT", "AFFINITY", "COMPASSION", "CURIOSITY")),
        *(f"{name}_EXPERIMENTAL" for name in ("NUANCE", "PERSONAL_STORY", "REASONING", "RESPECT")),
        *("ALIENATION_EXPERIMENTAL", "FEARMONGERING_EXPERIMENTAL", "GENERALIZATION_EXPERIMENTAL"),
        *("MORAL_OUTRAGE_EXPERIMENTAL", "POWER_APPEAL_EXPERIMENTAL", "SCAPEGOATING_EXPERIMENTAL"),
    ]
)
#: Of all attributes that are answered: the text tower of the bundle that ships was trained on English.
LANGUAGE = "en"
#: Codes of scripts (ISO 15924) by the first word of the names of their letters.
_SCRIPT_CODES = {
    **{"CYRILLIC": "Cyrl", "GREEK": "Grek", "ARABIC": "Arab", "HEBREW": "Hebr", "ARMENIAN": "Armn"},
    **{"GEORGIAN": "Geor", "DEVANAGARI": "Deva", "BENGALI": "Beng", "GURMUKHI": "Guru", "GUJARATI": "Gujr"},
    **{"TAMIL": "Taml", "TELUGU": "Telu", "KANNADA": "Knda", "MALAYALAM": "Mlym", "SINHALA": "Sinh"},
    **{"THAI": "Thai", "LAO": "Laoo", "MYANMAR": "Mymr", "KHMER": "Khmr", "TIBETAN": "Tibt"},
    **{"ETHIOPIC": "Ethi", "HANGUL": "Hang", "CJK": "Hani", "HIRAGANA": "Hira", "KATAKANA": "Kana"},
}
_UNDETERMINED = "und"


def is_of_perspective(name: str) -> bool:
    """Whether Perspective has an attribute of this name."""
    return name in TASK_OF or name in _NOT_ANSWERED


def answered(tasks: Collection[str]) -> dict[str, str]:
    """By attribute its task, of those attributes that a bundle with these tasks can answer."""
    return {name: task for name, task in TASK_OF.items() if task in tasks}


def are_supported(languages: Sequence[str]) -> bool:
    """Whether all of these languages are judged; a region makes no difference."""
    return all(language.partition("-")[0].lower() == LANGUAGE for language in languages)


def seen_language(words: str) -> str | None:
    """The language that the writing shows not to be ours, as "und-Cyrl"; None where most letters are Latin.

    No language is told from another by its words here. Latin letters in disguise, such as a Cyrillic one in a word of
    Latin ones, do not make a script.
    """
    letters = [char for char in words if char.isalpha()]
    foreign = real_scripts(letters)
    of_foreign = [name for name in map(script, letters) if name in foreign]
    if 2 * len(of_foreign) <= len(letters):
        return None
    most = max(sorted(foreign), key=of_foreign.count)
    code = _SCRIPT_CODES.get(most)
    return f"{_UNDETERMINED}-{code}" if code else _UNDETERMINED
