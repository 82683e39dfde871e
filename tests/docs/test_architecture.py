"""The page on architecture against the imports, which are read here by other means than the drawing's."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from support import ROOT
from support.scripts import script

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
draw_architecture = script("draw_architecture")
_ARROW = re.compile(r'<path data-from="([^"]+)" data-to="([^"]+)" d="M\S+ (\d+)[^"]*?([\d.]+)"')


@cache
def imports_of(file: Path) -> frozenset[Path]:
    """The files of the checkout that ``file`` imports; a name of a package may be one of its modules."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {target for name in node.names for target in _files(name.name)}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {target for name in node.names for target in _files(f"{node.module}.{name.name}")}
            found |= set(_files(node.module))
    return frozenset(found)


def _files(module: str) -> Iterator[Path]:
    path = ROOT.joinpath(*module.split("."))
    yield from (file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file())


def files_of(room: str) -> list[Path]:
    path = ROOT.joinpath(*room.split("."))
    return [path.with_suffix(".py")] if path.with_suffix(".py").is_file() else sorted(path.rglob("*.py"))


def rooms() -> set[str]:
    """Folders of the three packages, as the page writes them."""
    folders = [path for package in ("model", "serving", "training") for path in (ROOT / package).iterdir()]
    # A room that is gone can leave its compiled files behind in an old checkout.
    return {f"{path.relative_to(ROOT)}/" for path in folders if path.is_dir() and _has_files(path)}


def _has_files(folder: Path) -> bool:
    return folder.name != "__pycache__" and any(path.name != "__pycache__" for path in folder.iterdir())


def test_the_drawing_is_what_the_imports_say() -> None:
    made = draw_architecture.drawing(draw_architecture.room_imports())
    committed = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    assert made == committed, "run `python scripts/draw_architecture.py` and commit docs/architecture.svg"


def test_every_arrow_of_the_drawing_is_an_import_and_runs_down() -> None:
    arrows = _ARROW.findall((ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8"))
    assert len(arrows) > 40
    no_import = [
        (source, target)
        for source, target, _, _ in arrows
        if not set().union(*map(imports_of, files_of(source))) & set(files_of(target))
    ]
    assert no_import == []
    assert [arrow for arrow in arrows if float(arrow[2]) >= float(arrow[3])] == []


def test_every_room_and_every_import_between_rooms_is_in_the_drawing_or_implied_by_it() -> None:
    arrows = _ARROW.findall((ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8"))
    drawn: dict[str, set[str]] = {}
    for source, target, _, _ in arrows:
        drawn.setdefault(source, set()).add(target)
    names = [room.rstrip("/").replace("/", ".") for room in rooms() - {"model/bundles/", "training/configs/"}]
    for source in names:
        imported = set().union(*map(imports_of, files_of(source)))
        near = {target for target in names if imported & set(files_of(target)) and target != source}
        same_package = {target for target in near if target.split(".")[0] == source.split(".")[0]}
        assert same_package <= _below(source, drawn), source


def _below(room: str, drawn: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [room]
    while ahead:
        for target in drawn.get(ahead.pop(), set()) - found:
            found.add(target)
            ahead.append(target)
    return found


def test_the_page_lists_every_room_and_no_other() -> None:
    table = PAGE.split("## The rooms")[1]
    assert set(re.findall(r"^\| `([\w/]+/)` \|", table, re.MULTILINE)) == rooms()


def way(title: str) -> list[Path]:
    """The files of a numbered list, the first link of each entry."""
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    return [ROOT / path for path in re.findall(r"^\d+\. \[`([^`]+)`\]", section, re.MULTILINE)]


@pytest.mark.parametrize(
    ("title", "n_files"), [("The way of one request", 6), ("The way of one training run", 5)], ids=str
)
def test_every_file_of_a_way_is_imported_by_one_before_it(title: str, n_files: int) -> None:
    files = way(title)
    assert len(files) == n_files
    lost = [
        file for index, file in enumerate(files) if index and not any(file in imports_of(one) for one in files[:index])
    ]
    assert lost == []


def test_every_file_of_the_way_of_one_meme_is_imported_on_the_way_to_the_scorer() -> None:
    """The last of them calls the others: each is imported by a later one, or by the door of its folder."""
    files = way("The way of one meme")
    assert files[-1] == ROOT / "model" / "scorer.py"
    assert len(files) == 7
    lost = [file for index, file in enumerate(files[:-1]) if not any(_imports(one, file) for one in files[index + 1 :])]
    assert lost == []


def _imports(file: Path, target: Path) -> bool:
    door = target.parent / "__init__.py"
    has_door = door != ROOT / "model" / "__init__.py" and door in imports_of(file)
    return target in imports_of(file) or (has_door and target in imports_of(door))


def test_the_way_of_one_request_ends_where_the_way_of_one_meme_does() -> None:
    assert ROOT / "model" / "__init__.py" in imports_of(way("The way of one request")[-1])
    assert ROOT / "model" / "scorer.py" in imports_of(ROOT / "model" / "__init__.py")
