"""The functional test's cases: pairs that differ in one thing, and no way into training."""

import ast
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import ROOT

from training.datasets import LAYOUTS, DatasetError
from training.datasets.minimal_pairs import SHIPPED as MINIMAL_PAIRS
from training.datasets.readers.minimal_pairs import read_minimal_pairs
from training.datasets.registry import parse_source
from training.datasets.text_key import text_key
from training.functions.cases import DATASET, make_cases
from training.functions.templates import SHIPPED, read_functional_test

TEST = read_functional_test()
CASES = make_cases(TEST)
PAIRS = list(zip(CASES[::2], CASES[1::2], strict=True))


def test_a_pair_has_one_label_each_and_differs_in_the_words_or_in_the_picture() -> None:
    for hateful, harmless in PAIRS:
        assert (hateful.pair, hateful.label, harmless.label) == (harmless.pair, "hateful", "harmless")
        assert (hateful.text == harmless.text) != (hateful.picture == harmless.picture)


def test_no_meme_is_there_twice_and_every_slot_is_filled() -> None:
    assert len({(case.picture, case.text) for case in CASES}) == len({case.id for case in CASES}) == len(CASES)
    assert [case.id for case in CASES if "{" in case.text] == []


def test_the_card_counts_what_there_is() -> None:
    card = (ROOT / "data_cards" / "meme_functions.md").read_text(encoding="utf-8")
    differs = Counter(function.pairs[0].differs_in for function in TEST.functions)
    assert f"  test: {len(CASES)}\n" in card
    assert f"{len(PAIRS)} pairs" in card
    assert f"{len(TEST.functions)} functions" in card
    assert f"{differs['picture']} functions differ in the picture" in card
    assert f"{len(TEST.groups)}\n  groups" in card
    assert f"{len({case.picture for case in CASES})} drawings" in card


def test_every_group_meets_every_function_that_it_can_be_drawn_and_named_for() -> None:
    told = Counter((case.function, case.group) for case in CASES)
    assert set(told.values()) == {4}  # two templates, each with its twin
    everywhere = {function for function, _ in told if function not in ("target_in_picture", "sign_greeted")}
    per_group = Counter(group for function, group in told if function in everywhere - {"reclaimed_word"})
    assert dict(per_group) == dict.fromkeys((one.group.name for one in TEST.groups), len(TEST.functions) - 3)


def test_no_sentence_is_one_that_a_model_is_trained_on() -> None:
    own = {text_key(case.text) for case in CASES}
    for split in ("train", "dev"):
        assert own.isdisjoint(text_key(sample.text) for sample in read_minimal_pairs(MINIMAL_PAIRS, split).samples)


def test_no_layout_reads_it_and_no_config_names_it() -> None:
    assert DATASET not in LAYOUTS
    assert [layout.name for layout in LAYOUTS.values() if layout.shipped == SHIPPED] == []
    with pytest.raises(DatasetError, match="of no known layout"):
        parse_source(str(SHIPPED), "test")
    configs = [path.read_text(encoding="utf-8") for path in (ROOT / "training" / "configs").glob("*.yaml")]
    assert [config for config in configs if DATASET in config or "functions" in config] == []


def test_of_training_only_the_command_that_evaluates_imports_it() -> None:
    importing = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "training").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("training.functions")
    }
    outside = {name for name in importing if not name.startswith("training/functions/")}
    assert outside == {"training/commands/evaluate_functions.py"}


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, Callable[[Any], object]], Path]:
    """A copy of the files, one of them changed."""

    def write(name: str, change: Callable[[Any], object]) -> Path:
        for path in SHIPPED.glob("*.yaml"):
            shutil.copy(path, tmp_path)
        document = yaml.safe_load((SHIPPED / name).read_text(encoding="utf-8"))
        change(document)
        (tmp_path / name).write_text(yaml.safe_dump(document), encoding="utf-8")
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("cases.yaml", lambda cases: cases[0]["pairs"][0].update(picture="rat"), "one of text and picture in common"),
        ("cases.yaml", lambda cases: cases[0].update(label="harmful"), "function 'dehumanising_picture': 'harmful'"),
        ("cases.yaml", lambda cases: cases[0]["pairs"][0].update(text="{Colour} {groups}"), "has a slot 'colour'"),
        ("cases.yaml", lambda cases: cases[0]["pairs"][0].update(hateful="unicorn"), "has no drawing 'unicorn'"),
        ("words.yaml", lambda words: words["slots"]["city"].pop(), "city has fewer words than there are groups"),
        ("words.yaml", lambda words: words["groups"].update(Martians={}), "has no group 'Martians'"),
    ],
)
def test_files_that_do_not_fit_are_refused_with_what_is_wrong(
    changed: Callable[[str, Callable[[Any], object]], Path], name: str, change: Callable[[Any], object], said: str
) -> None:
    with pytest.raises(DatasetError, match=said):
        read_functional_test(changed(name, change))
