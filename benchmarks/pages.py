"""Sections of a page that a command writes.

A section stands between ``<!-- NAME: by COMMAND -->`` and ``<!-- end of NAME -->``: who reads the page's source sees
where the numbers come from.
"""

import re
from pathlib import Path


def write_section(page: Path, name: str, text: str) -> None:
    """Put ``text`` between the section's comments; raises ``ValueError`` where the page has no such section."""
    old = page.read_text(encoding="utf-8")
    new, n_found = _pattern(name).subn(lambda match: f"{match['begin']}\n{text.strip()}\n\n{match['end']}", old)
    if n_found != 1:
        raise ValueError(f"{page} has {n_found} sections <!-- {name}: ... --> to <!-- end of {name} -->, not one")
    page.write_text(new, encoding="utf-8")


def section(page: Path, name: str) -> str:
    """What stands in it now; raises ``ValueError`` where the page has no such section."""
    found = _pattern(name).search(page.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{page} has no section {name}")
    return found["text"].strip()


def _pattern(name: str) -> re.Pattern[str]:
    mark = re.escape(name)
    return re.compile(rf"(?P<begin><!-- {mark}: [^\n]*-->\n)(?P<text>.*?)(?P<end><!-- end of {mark} -->)", re.DOTALL)
