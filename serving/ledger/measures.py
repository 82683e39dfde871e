"""What a decision's row says of its content without holding any: how long its words are, in which script, known or not.

Two windows of decisions are compared by it (``serving/drift``), on servers that keep no words too.
"""

from collections import Counter
from typing import Any

from model import Verdict
from model.text.confusables import script

#: The script of words without letters.
NO_SCRIPT = "none"
#: More characters than these say nothing more of which script a text is in.
_LOOKED_AT = 2_000


def measures_of(verdict: Verdict) -> dict[str, Any]:
    """Numbers and names, ready for JSON; ``ocr_confidence`` is None where no words were read."""
    content = verdict.text.content
    return {
        "characters": len(content),
        "words": len(content.split()),
        "script": main_script(content),
        "ocr_confidence": verdict.text.confidence,
        "banks": sorted({known.bank for known in verdict.known}),
    }


def main_script(text: str) -> str:
    """The script that most letters of ``text`` are in, as "latin"; "none" without letters.

    It is no language: English and French are both in Latin letters.
    """
    letters = Counter(script(char) for char in text[:_LOOKED_AT] if char.isalpha())
    return letters.most_common(1)[0][0].lower() if letters else NO_SCRIPT
