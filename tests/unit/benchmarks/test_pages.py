from pathlib import Path

import pytest

from benchmarks.pages import section, write_section

PAGE = """# Title

<!-- one: by a command -->
old
<!-- end of one -->

text

<!-- two: by another -->
<!-- end of two -->
"""


def test_a_section_is_replaced_and_the_rest_of_the_page_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    for text in ("| a |\n|---|\n| \\1 |\n", "other"):
        write_section(page, "one", text)
        assert section(page, "one") == text.strip()
        assert section(page, "two") == ""
    assert page.read_text(encoding="utf-8") == PAGE.replace("old\n", "\nother\n\n")


@pytest.mark.parametrize("text", ["no section", PAGE + PAGE])
def test_a_page_without_the_section_or_with_two_is_refused_and_left(text: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="sections <!-- one"):
        write_section(page, "one", "new")
    assert page.read_text(encoding="utf-8") == text
