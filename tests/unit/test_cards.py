"""The cards against the code and the bundle that they describe."""

import re
from pathlib import Path

import pytest
import yaml

from model import open_bundle
from training.model_card import CARDS, card_path, render_model_card

DATASETS = sorted(path.stem for path in CARDS.glob("*.md") if not path.stem.startswith("model_"))
SECTIONS = ("Motivation", "Composition", "Collection", "Annotators", "Known biases", "Leakage", "Unsafe uses")


def head_of(text: str) -> dict[str, object]:
    """The YAML between the first two lines of dashes."""
    head: dict[str, object] = yaml.safe_load(text.split("---\n")[1])
    return head


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
    assert readers
    assert [reader for reader in readers if not callable(getattr(datasets, reader, None))] == []


def test_the_model_card_is_what_the_manifest_says() -> None:
    manifest = open_bundle().manifest
    assert card_path(manifest).read_text(encoding="utf-8") == render_model_card(manifest)


def test_the_model_card_shows_the_twins_beside_the_fused_model() -> None:
    card = Path(card_path(open_bundle().manifest)).read_text(encoding="utf-8")
    section = card.split("### religious_memes")[1].split("###")[0]
    assert [name for name in ("fused", "text_only", "image_only", "logistic_regression") if name not in section] == []
