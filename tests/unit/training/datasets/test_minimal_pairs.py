"""The minimal pairs that ship: how they are filled, and the laws that keep a name or a word from telling a label."""

import re
from collections import Counter
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from training.datasets import DatasetError, Sample, Source, detect_layout, group_classes, load_source, parse_source
from training.datasets.minimal_pairs import SHIPPED
from training.datasets.minimal_pairs.fill import filled
from training.datasets.minimal_pairs.templates import Template, read_sets, read_words
from training.datasets.text_key import text_key
from training.run.export.model_card import CARDS

SPLITS = ("train", "dev", "test")
CLASSES = {"religion", "race", "sex_or_gender", "sexual_orientation", "disability", "other"}
#: Words that many a filter takes for hate, or for its contrary.
LOADED = tuple(
    re.findall(
        r"\S+",
        """hate kill love die dead burn disgusting stupid dirty filthy animals rats vermin pigs trash scum liars idiots
        fuck fucking deport ban criminal disease attacks proud beautiful respect happy friend friends never nobody
        should everyone please sorry why normal deserve law no not smell hell joke 😂 lol""",
    )
)


@cache
def samples(split: str) -> list[Sample]:
    return load_source(Source.model_validate({"split": split, "layout": "minimal_pairs"})).samples


@cache
def templates(split: str) -> list[Template]:
    return [one for group in read_sets(SHIPPED / f"{split}.yaml", read_words(SHIPPED)) for one in group.templates]


def n_by_label(found: list[Sample]) -> tuple[int, int]:
    hateful = sum(sample.labels["hateful"] == 1 for sample in found)
    return hateful, len(found) - hateful


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[\w']+|😂", text.lower()))


def test_there_are_at_least_350_templates_and_each_split_has_its_share() -> None:
    n = {split: len(templates(split)) for split in SPLITS}
    total = sum(n.values())
    assert total >= 350
    assert 0.12 < n["dev"] / total < 0.2
    assert 0.08 < n["test"] / total < 0.15


def test_no_words_are_in_two_splits_or_twice_in_one() -> None:
    keys = {split: [text_key(sample.text) for sample in samples(split)] for split in SPLITS}
    assert {split: len(found) - len(set(found)) for split, found in keys.items()} == dict.fromkeys(SPLITS, 0)
    texts = {split: {text_key(template.text) for template in templates(split)} for split in SPLITS}
    for one, other in combinations(SPLITS, 2):
        assert set(keys[one]) & set(keys[other]) == set()
        assert texts[one] & texts[other] == set()


@pytest.mark.parametrize("split", SPLITS)
def test_ids_are_unique_and_no_slot_is_left_open(split: str) -> None:
    found = samples(split)
    assert len({sample.id for sample in found}) == len(found)
    assert [sample.text for sample in found if re.search(r"[{}]|  ", sample.text)] == []


@pytest.mark.parametrize("split", SPLITS)
def test_each_group_is_hated_about_as_often_as_it_is_named_harmlessly(split: str) -> None:
    hateful, harmless = (
        Counter(s.tags[0] for s in samples(split) if s.tags and s.labels["hateful"] == k) for k in (1, 0)
    )
    assert hateful.keys() == harmless.keys() == group_classes().keys()
    slack = 1 if split == "train" else 3
    unequal = [
        group
        for group in group_classes()
        if max(hateful[group], harmless[group]) > 1.3 * min(hateful[group], harmless[group]) + slack
    ]
    assert unequal == []
    assert max(hateful.values()) <= min(hateful.values()) + 4


def test_both_labels_are_about_equal_in_number_and_length() -> None:
    for split in SPLITS:
        hateful, harmless = n_by_label(samples(split))
        assert 1 / 1.3 < hateful / harmless < 1.3
    lengths = {0: [], 1: []}  # type: dict[int, list[int]]
    for sample in samples("train"):
        lengths[int(str(sample.labels["hateful"]))].append(len(sample.text.split()))
    means = {label: sum(found) / len(found) for label, found in lengths.items()}
    assert 1 / 1.3 < means[0] / means[1] < 1.3


@pytest.mark.parametrize("word", LOADED)
def test_a_loaded_word_stands_in_training_sentences_of_both_labels(word: str) -> None:
    hateful, harmless = n_by_label([sample for sample in samples("train") if word in words_of(sample.text)])
    assert min(hateful, harmless) >= 3


def test_every_split_has_most_functions_and_training_all() -> None:
    functions = yaml.safe_load((SHIPPED / "functions.yaml").read_text(encoding="utf-8"))
    names = {name for found in functions.values() for name in found}
    there = {split: {template.function for template in templates(split)} for split in SPLITS}
    assert there["train"] == names
    assert all(len(found) > 0.85 * len(names) for found in there.values())


@pytest.mark.parametrize("split", SPLITS)
def test_articles_fit_the_words_behind_them(split: str) -> None:
    wrong = re.compile(r"\b(?:a [aeio]\w|an [b-df-gj-np-tv-z]\w|a (?:hour|honest|HIV))", re.IGNORECASE)
    right = re.compile(r"\b(?:a one|a on|an (?:LGBT|HIV))", re.IGNORECASE)
    found = [
        match[0] for s in samples(split) for match in [wrong.search(s.text)] if match and not right.match(match[0])
    ]
    assert found == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Afghan", "an Afghan"),
        ("Ukrainian", "a Ukrainian"),
        ("useless", "a useless"),
        ("HIV-positive", "an HIV-positive"),
        ("Indian", "an Indian"),
        ("nurse", "a nurse"),
        ("unemployed", "an unemployed"),
    ],
)
def test_an_article_goes_by_the_sound(value: str, expected: str) -> None:
    assert filled("This is {a_word}.", {"word": value}) == f"This is {expected}."


@given(st.sampled_from(["deaf person", "Muslim", "Sikh"]))
def test_a_slot_is_written_as_it_is_called(value: str) -> None:
    values = {"one": value, "groups": f"{value}s"}
    assert filled("{Groups}, {GROUPS}", values) == f"{value[0].upper()}{value[1:]}s, {value.upper()}S"
    assert filled("{A_one} and {a_one}", values) == f"A {value} and a {value}"
    assert filled("hello {group} :)", values, opener="So.") == f"so. hello {value.lower()} :)"


def test_sentences_of_a_pair_differ_in_their_templates_alone_and_most_have_both_labels() -> None:
    pairs: dict[str | None, list[Sample]] = {}
    for sample in samples("train"):
        pairs.setdefault(sample.pair, []).append(sample)
    several = [found for found in pairs.values() if len(found) > 1]
    assert len(several) > 0.6 * len(pairs)
    assert [found for found in several if len({s.labels["hateful"] for s in found}) != 2] == []
    assert [found for found in several if len({s.tags for s in found if s.tags}) > 1] == []


def test_reading_again_gives_the_same_and_a_limit_keeps_pairs_and_labels_even() -> None:
    again = load_source(Source.model_validate({"split": "train", "layout": "minimal_pairs"})).samples
    assert again == samples("train")
    few = load_source(Source.model_validate({"split": "train", "layout": "minimal_pairs", "limit": 600})).samples
    hateful, harmless = n_by_label(few)
    assert len(few) == 600
    assert 0.75 < hateful / harmless < 1.3
    sizes = Counter(sample.pair for sample in few)
    whole = Counter(sample.pair for sample in samples("train"))
    assert sum(sizes[pair] != whole[pair] for pair in sizes) <= 1


def test_the_path_may_be_the_folder_one_file_or_left_out() -> None:
    assert parse_source(f"{SHIPPED}:dev", "train").split == "dev"
    assert detect_layout(SHIPPED).splits(SHIPPED) == SPLITS
    dev = SHIPPED / "dev.yaml"
    assert (detect_layout(dev).name, detect_layout(dev).splits(dev)) == ("minimal_pairs", ("dev",))
    assert load_source(Source(path=dev, split="dev")).samples == samples("dev")
    assert Source.model_validate({"split": "dev", "layout": "minimal_pairs"}).path == SHIPPED


def test_another_layout_needs_its_path() -> None:
    with pytest.raises(ValueError, match="path"):
        Source.model_validate({"split": "train", "layout": "hatecheck"})


def test_every_group_has_a_class() -> None:
    assert set(group_classes().values()) == CLASSES
    assert len(group_classes()) >= 45


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("- praise: 'I like {planets}.'", "has a slot 'planets'"),
        ("- shouting: 'I like {groups}.'", "shouting"),
        ("- [", "not YAML"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, entry: str, message: str) -> None:
    for name in ("words.yaml", "functions.yaml"):
        (tmp_path / name).write_bytes((SHIPPED / name).read_bytes())
    (tmp_path / "train.yaml").write_text(entry, encoding="utf-8")
    with pytest.raises(DatasetError, match=message):
        load_source(Source(path=tmp_path, split="train"))


def test_the_card_says_how_many_there_are() -> None:
    card = (CARDS / "minimal_pairs.md").read_text(encoding="utf-8")
    n_templates = sum(len(templates(split)) for split in SPLITS)
    n_sets = sum(len(read_sets(SHIPPED / f"{split}.yaml", read_words(SHIPPED))) for split in SPLITS)
    assert f"{n_templates} templates in {n_sets} sets" in card
    assert f"12 of {len(group_classes())}" in " ".join(card.split())
    splits = yaml.safe_load(card.split("---\n")[1])["splits"]
    assert splits == {f"minimal_pairs_{split}": len(samples(split)) for split in SPLITS}
