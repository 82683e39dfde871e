"""Law 1 of CONTRIBUTING.md, read off the source: training -> model <- serving, and torch in two places only."""

import ast
from pathlib import Path

import pytest
from support import ROOT

TORCH_STACK = {"torch", "torchvision", "transformers", "open_clip", "onnx", "sklearn"}
SERVED = [
    path
    for folder in ("model", "serving")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not path.is_relative_to(ROOT / "model/network") and not path.is_relative_to(ROOT / "model/export")
]


def imported(path: Path) -> set[str]:
    """Dotted names that a file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", SERVED, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_served_imports_no_torch_no_training_and_no_export(path: Path) -> None:
    assert not packages(path) & (TORCH_STACK | {"training", "benchmarks", "tests"})
    assert not [name for name in imported(path) if name.startswith(("model.network", "model.export"))]


@pytest.mark.parametrize("path", sorted((ROOT / "model").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_model_knows_neither_the_service_nor_the_trainer(path: Path) -> None:
    assert not packages(path) & {"serving", "training", "bentoml", "fastapi", "starlette"}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "training").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_training_never_imports_serving(path: Path) -> None:
    assert "serving" not in packages(path)
