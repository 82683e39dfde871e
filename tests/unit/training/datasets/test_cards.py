"""The cards against the code and the bundle that they describe."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from model import open_bundle
from model.taxonomy import TASKS
from training.datasets import LAYOUTS, Layout, columns
from training.datasets.label_map import check_label_map
from training.run.export.model_card import CARDS, card_path, render_model_card

DATASETS = sorted(path.stem for path in CARDS.glob("*.md") if not path.stem.startswith("model_"))
SECTIONS = ("Motivation", "Composition", "Collection", "Annotators", "Known biases", "Leakage", "Unsafe uses")


def head_of(text: str) -> dict[str, Any]:
    """The YAML between the first two lines of dashes."""
    head: dict[str, Any] = yaml.safe_load(text.split("---\n")[1])
    return head


def head_named(name: str) -> dict[str, Any]:
    return head_of((CARDS / f"{name}.md").read_text(encoding="utf-8"))


def test_every_dataset_that_the_shipped_bundle_names_has_a_card() -> None:
    assert set(open_bundle().manifest.data_cards) <= set(DATASETS)


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_card_has_its_head_and_every_section(name: str) -> None:
    text = (CARDS / f"{name}.md").read_text(encoding="utf-8")
    assert {"language", "license", "task_categories", "pretty_name", "size_categories"} <= head_of(text).keys()
    assert [section for section in SECTIONS if f"- **{section}.**" not in text] == []


@pytest.mark.parametrize("name", DATASETS)
def test_the_readers_that_a_data_card_names_exist(name: str) -> None:
    from training import datasets  # noqa: PLC0415

    readers = re.findall(r"`(?:training\.datasets\.)?(read_\w+)`", (CARDS / f"{name}.md").read_text(encoding="utf-8"))
    assert bool(readers) == bool(head_named(name)["layouts"])  # what never trains has neither
    assert [reader for reader in readers if not callable(getattr(datasets, reader, None))] == []


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
def test_every_layout_has_a_card_that_names_it_with_its_reader(layout: Layout) -> None:
    assert layout.card in DATASETS
    assert layout.name in head_named(layout.card)["layouts"]
    name = layout.read.__name__  # type: ignore[attr-defined] # every reader is a function
    assert f"{name}`" in (CARDS / f"{layout.card}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_card_names_the_tasks_of_its_layouts_with_the_classes_of_the_taxonomy(name: str) -> None:
    head = head_named(name)
    tasks = [task for task in TASKS if any(task in LAYOUTS[layout].tasks for layout in head["layouts"])]
    assert head["tasks"] == {task: list(TASKS[task].classes) for task in tasks}


def test_the_card_of_ones_own_data_lists_every_column_that_is_known() -> None:
    text = (CARDS / "generic.md").read_text(encoding="utf-8")
    known = [columns.ID, columns.IMAGE, columns.TEXT, columns.TAGS, columns.CAPTION, columns.SPLIT, columns.LABEL]
    names = [name for names in known for name in names] + list(columns.TASK_COLUMNS)
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_label_map_on_the_card_of_ones_own_data_can_be_used() -> None:
    text = (CARDS / "generic.md").read_text(encoding="utf-8")
    example = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
    assert len(example) == 5
    check_label_map(example)


def test_the_model_card_is_what_the_manifest_says() -> None:
    manifest = open_bundle().manifest
    assert card_path(manifest).read_text(encoding="utf-8") == render_model_card(manifest)


def test_the_model_card_shows_the_twins_beside_the_fused_model() -> None:
    card = Path(card_path(open_bundle().manifest)).read_text(encoding="utf-8")
    section = card.split("### religious_memes")[1].split("###")[0]
    assert [name for name in ("fused", "text_only", "image_only", "concatenation_frozen") if name not in section] == []
