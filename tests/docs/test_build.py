"""``make docs``: the pages build without a warning and load nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

#: As the Makefile has it.
BUILD = "sphinx -W --keep-going -q -c docs -d build/doctrees . build/docs"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    command = BUILD.replace("build/doctrees", str(folder / "doctrees")).replace("build/docs", str(folder / "html"))
    done = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


def test_make_docs_runs_what_is_tested_here() -> None:
    assert f"$(PYTHON) -m {BUILD}\n" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_page_is_built(pages: Path) -> None:
    names = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert {path.stem for path in (pages / "docs").glob("*.html")} == names
    assert 'url=docs/index.html"' in (pages / "index.html").read_text(encoding="utf-8")


def test_the_pages_load_nothing_from_elsewhere(pages: Path) -> None:
    loaded = r"""(?:<(?:script|img|iframe|source)[^>]*\ssrc|<link[^>]*\shref)=["'](?:https?:)?//"""
    found = [path.name for path in pages.rglob("*.html") if re.search(loaded, path.read_text(encoding="utf-8"))]
    assert found == []
    styles = {path.name: path.read_text(encoding="utf-8") for path in pages.rglob("*.css")}
    assert [name for name, style in styles.items() if re.search(r"url\(.?https?:|@import", style)] == []
