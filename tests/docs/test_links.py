"""Links between the documents, and what they say lies where. Links to elsewhere are not followed."""

import re
from pathlib import Path

import pytest
from support import ROOT
from support.documents import DOCUMENTS, anchors, code_spans, links

_ELSEWHERE = re.compile(r"[a-z]+:")
#: A path of the checkout in the words of a document.
_PATH = re.compile(r"(?:model|serving|training|data_cards|tests|deploy|docs|scripts|benchmarks)/[\w./-]*")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_to_something_that_is_there(document: Path) -> None:
    broken = [link for link in links(document) if not _ELSEWHERE.match(link) and not _is_there(document, link)]
    assert broken == []


def _is_there(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    if not (target.exists() and target.is_relative_to(ROOT)):
        return False
    return not anchor or anchor in anchors(target)


def test_the_check_of_links_sees_a_lost_file_and_a_lost_heading() -> None:
    readme = ROOT / "README.md"
    assert _is_there(readme, "docs/http.md#routes")
    assert not _is_there(readme, "docs/http.md#no-such-heading")
    assert not _is_there(readme, "docs/no_such_page.md")
    assert not _is_there(readme, "../beside_the_checkout.md")


def test_every_page_is_in_the_list_of_pages() -> None:
    index = ROOT / "docs" / "index.md"
    listed = {(index.parent / link).resolve() for link in links(index)}
    assert {path for path in (ROOT / "docs").glob("*.md") if path != index} - listed == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_that_a_document_names_is_there(document: Path) -> None:
    named = {span for span in code_spans(document) if _PATH.fullmatch(span)}
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_the_readme_is_one_page() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150
