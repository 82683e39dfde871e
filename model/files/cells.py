"""Cells of tables that say nothing: what pandas writes where there was no value, and reads as none."""

_NOTHING = frozenset(
    ("nan", "NaN", "-nan", "-NaN", "NaT", "None", "null", "NULL", "NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "#N/A N/A")
)


def says_nothing(text: str) -> bool:
    """Whether a whole cell stands for no value, or is blank. A sentence that holds such a word is one."""
    stripped = text.strip()
    return not stripped or stripped in _NOTHING
