"""Posts of social media and sentences that name a group, on files of exactly their layouts; what may be trained on."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dataset_files import write_csv, write_group_mentions, write_posts

from training.datasets import (
    LAYOUTS,
    DatasetError,
    Labels,
    Loaded,
    Source,
    load_source,
    read_edos,
    read_implicit_hate,
    read_madlibs,
    read_redditbias,
    read_toxigen,
)
from training.datasets.readers import posts
from training.datasets.readers.posts import without_marks, without_scraping_remains
from training.datasets.text_key import split_of_key, text_key

SPLITS = ("train", "dev", "test")
HATEFUL: Labels = {"hateful": 1}
NOT_HATEFUL: Labels = {"hateful": 0}
#: With whom it attacks, in the classes religion, race_or_origin, sex_or_gender, sexual_orientation, disability, none.
RELIGION, SEX, DISABILITY, NOBODY = (
    labels | {"target": (place,)} for labels, place in ((HATEFUL, 0), (HATEFUL, 2), (HATEFUL, 4), (NOT_HATEFUL, 5))
)
LABELS: dict[str, list[Labels]] = {
    "implicit_hate": [NOT_HATEFUL, HATEFUL],
    "edos": [NOT_HATEFUL, SEX],
    "toxigen": [NOBODY, RELIGION, SEX],
    "redditbias": [NOBODY, RELIGION, SEX],
    "madlibs": [NOBODY, HATEFUL, RELIGION, DISABILITY],
}
NAMES = ("implicit_hate", "edos", "toxigen", "redditbias", "madlibs")
TOXIGEN_HEADER = ("id", "text", "target_group", "toxicity_human", "toxicity_ai", "written_by")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_group_mentions(write_posts(tmp_path))


def whole(root: Path, name: str, **fields: object) -> dict[str, Loaded]:
    sources = [Source.model_validate({"path": root, "split": split, "layout": name} | fields) for split in SPLITS]
    return {source.split: load_source(source) for source in sources}


@pytest.mark.parametrize("name", NAMES)
def test_every_split_has_both_classes_and_no_row_is_in_two_or_lost(root: Path, name: str) -> None:
    found = whole(root, name)
    ids = [sample.id for loaded in found.values() for sample in loaded.samples]
    n_rows = {"madlibs": 120}.get(name, 60)
    assert len(set(ids)) == len(ids) == n_rows - sum(len(loaded.skipped) for loaded in found.values())
    assert {(s.split, s.dataset) for loaded in found.values() for s in loaded.samples} == {(p, name) for p in SPLITS}
    assert {str(sample.labels) for sample in found["train"].samples} == {str(labels) for labels in LABELS[name]}


@pytest.mark.parametrize("name", ["implicit_hate", "redditbias"])
def test_a_split_by_words_keeps_the_same_words_together_whatever_else_is_there(root: Path, name: str) -> None:
    path = next(root.glob(f"{name}*.csv"))
    before = {s.id: split for split, loaded in whole(root, name).items() for s in loaded.samples}
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    twins = [
        row.replace("number", "NUMBER,!").replace(row.partition(",")[0], f"again{n}") for n, row in enumerate(rows)
    ]
    twins = [row.replace("NUMBER,!", "NUMBER!") for row in twins]
    path.write_text("\n".join([header, *reversed(rows), *twins]) + "\n", encoding="utf-8")
    after = {s.id: split for split, loaded in whole(root, name).items() for s in loaded.samples}
    numbers = {f"again{n}": row.partition(",")[0] for n, row in enumerate(rows)}
    assert {id_: after[id_] for id_ in before} == before
    assert {numbers[id_]: split for id_, split in after.items() if id_ in numbers} == before


@given(st.text())
def test_equal_words_have_equal_splits(text: str) -> None:
    assert split_of_key(text_key(f" {text.upper()}! ")) == split_of_key(text_key(text.upper()))
    assert split_of_key(text_key(text)) in SPLITS


def test_about_a_tenth_of_all_keys_is_dev_and_a_tenth_test() -> None:
    places = [split_of_key(f"sentence {n}") for n in range(2000)]
    assert all(160 < places.count(split) < 240 for split in ("dev", "test"))


def test_implicit_and_explicit_hate_are_hateful(root: Path) -> None:
    found = [sample for loaded in whole(root, "implicit_hate").values() for sample in loaded.samples]
    assert {int(s.id[2:]) % 2 == s.labels["hateful"] for s in found} == {True}
    assert {s.text.split(" number ")[0] for s in found} == {"sun over the hill", "rain on the roof"}
    assert [s.text for s in found if not s.text.endswith(", so")] == []


def test_edos_keeps_its_own_splits_and_loses_its_marks(root: Path) -> None:
    found = whole(root, "edos")
    assert [len(found[split].samples) for split in SPLITS] == [40, 10, 10]
    assert found["dev"].samples[1].text == "rain on the roof number 9"
    assert [sample.labels for sample in found["dev"].samples[:2]] == [NOT_HATEFUL, SEX]


def test_a_post_that_is_not_sexist_can_be_left_out_by_label_map_or_by_class_limits(root: Path) -> None:
    mapped = whole(root, "edos", label_map={"not sexist": "ignore"})
    limited = whole(root, "edos", class_limits={"hateful=not_hateful": 0})
    for split in SPLITS:
        assert [s.id for s in mapped[split].samples] == [s.id for s in limited[split].samples] != []
        assert {str(s.labels) for s in mapped[split].samples} == {str(SEX)}
    assert {item.reason for item in mapped["train"].skipped} == {"label 'not sexist' says nothing"}


def test_a_label_map_of_a_named_set_is_refused_for_a_label_that_it_does_not_have(root: Path) -> None:
    with pytest.raises(DatasetError, match="'sexy' is no label of this set; its labels are not sexist, sexist"):
        read_edos(root, "train", label_map={"sexy": "hateful=hateful"})


def test_a_row_of_edos_with_an_unknown_split_is_told_with_train(tmp_path: Path) -> None:
    rows = [("a", "some words", "sexist", "", "train"), ("b", "more words", "sexist", "", "evening")]
    write_csv(tmp_path / "edos.csv", [("id", "text", "label", "category", "split"), *rows])
    loaded = read_edos(tmp_path, "train")
    assert [s.id for s in loaded.samples] == ["a"]
    assert [item.reason for item in loaded.skipped] == ["split 'evening' is unknown; expected train, dev or test"]
    assert read_edos(tmp_path, "dev").skipped == []


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (' rt  "" : the "" sun ""  shines , they say ! ""', 'the " sun " shines, they say!'),
        ("rtl is an order of words", "rtl is an order of words"),
        ('"" "" :', '":'),
        ("plain words", "plain words"),
    ],
)
def test_what_scraping_left_is_taken_off(text: str, clean: str) -> None:
    assert without_scraping_remains(text) == clean


@given(st.text(alphabet='ab ".,:[]USERL'))
def test_cleaning_keeps_the_words_and_changes_nothing_the_second_time(text: str) -> None:
    once = without_scraping_remains(text)
    assert without_scraping_remains(once) == once
    assert text_key(once) == text_key(text)
    assert "[USER]" not in without_marks(text)


@pytest.mark.parametrize(
    ("rating", "labels"),
    [("1.0", NOBODY), ("2.0", NOBODY), ("4.0", SEX), ("5.0", SEX), ("2.333333333", None),
     ("3.666666667", None), ("", None), ("nan", None), ("0.5", None), ("6", None), ("high", None)],
)  # fmt: skip
def test_toxigens_middle_ratings_are_left_out(tmp_path: Path, rating: str, labels: Labels | None) -> None:
    write_csv(tmp_path / "toxigen_human.csv", [TOXIGEN_HEADER, ("tg0", "a b\nc", "women", rating, "1.0", "cbs")])
    found = [read_toxigen(tmp_path, split) for split in SPLITS]
    samples = [sample for loaded in found for sample in loaded.samples]
    assert [(s.labels, s.text, s.tags) for s in samples] == ([(labels, "a b c", ("women",))] if labels else [])
    assert sum(len(loaded.skipped) for loaded in found) == (labels is None)


def test_sentences_of_toxigen_that_begin_alike_are_in_one_split(tmp_path: Path) -> None:
    rows = [(f"tg{n}", f"The hill is green, {n}", "women", "1.0", "1.0", "cbs") for n in range(30)]
    write_csv(tmp_path / "toxigen_human.csv", [TOXIGEN_HEADER, *rows])
    assert sorted(len(read_toxigen(tmp_path, split).samples) for split in SPLITS) == [0, 0, 30]


def test_redditbias_is_labelled_by_its_sentence_and_other_values_are_counted(root: Path) -> None:
    found = whole(root, "redditbias")
    samples = [sample for loaded in found.values() for sample in loaded.samples]
    assert {int(s.id[3:]) % 3 == s.labels["hateful"] for s in samples} == {True}
    assert {s.tags for s in samples} == {("jews",), ("female",)}
    assert [item.reason for loaded in found.values() for item in loaded.skipped] == ["label 'fact?' says nothing"] * 20


def test_a_value_of_redditbias_can_be_given_a_meaning(root: Path) -> None:
    loaded = read_redditbias(root, "train", label_map={"fact?": "hateful=not_hateful"})
    assert (loaded.skipped, {int(s.id[3:]) % 3 for s in loaded.samples}) == ([], {0, 1, 2})


def test_madlibs_is_tagged_with_the_group_and_an_insulted_occupation_is_left_out(root: Path) -> None:
    found = whole(root, "madlibs")
    samples = [sample for loaded in found.values() for sample in loaded.samples]
    assert {s.tags for s in samples} == {("middle aged",), ("deaf",), ("sikh",), ("old",), ()}
    assert {s.labels["hateful"] for s in samples if not s.tags} == {0}
    assert sum(len(loaded.skipped) for loaded in found.values()) == 30


@pytest.mark.parametrize(
    ("template", "text", "group"),
    [
        ("name_adj", "Mary Ann is an amiable middle aged", "middle aged"),
        ("you_are_adj", "You are a kind sikh", "sikh"),
        ("being_adj", "Being african american is great", "african american"),
        ("verb_adj", "like middle eastern", "middle eastern"),
        ("am_hate_adj", "I am old", "old"),
    ],
)
def test_every_template_of_madlibs_gives_its_group(tmp_path: Path, template: str, text: str, group: str) -> None:
    header = ("id", "text", "template", "label")
    write_csv(tmp_path / "madlibs.csv", [header, ("ml0", text, template, "nontoxic"), ("ml1", text, "none", "toxic")])
    found = [read_madlibs(tmp_path, split) for split in SPLITS]
    assert [sample.tags for loaded in found for sample in loaded.samples] == [(group,)]
    reasons = [item.reason for loaded in found for item in loaded.skipped]
    assert reasons == ["it does not fit its template 'none'"]


def test_the_same_phrase_about_another_person_is_in_the_same_split(root: Path) -> None:
    phrases: dict[str, set[str]] = {}
    for split, loaded in whole(root, "madlibs").items():
        for sample in loaded.samples:
            phrases.setdefault(sample.text.partition(" ")[2], set()).add(split)
    assert [phrase for phrase, splits in phrases.items() if len(splits) > 1 and "gardener" not in phrase] == []


@pytest.mark.parametrize("read", [read_implicit_hate, read_edos])
def test_a_sentence_of_hatecheck_is_left_out_of_the_posts(
    tmp_path: Path, read: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts, "_OF_HATECHECK", {hashlib.sha256(b"the rain falls").hexdigest()[:16]})
    name = {read_implicit_hate: "implicit_hate", read_edos: "edos"}[read]  # type: ignore[index] # readers are hashable
    label = {"implicit_hate": "explicit_hate", "edos": "sexist"}[name]
    rows = [("a", "The RAIN falls !", label, "", "train"), ("b", "The rain fell", label, "", "train")]
    write_csv(tmp_path / f"{name}.csv", [("id", "text", "label", "category", "split"), *rows])
    found = [LAYOUTS[name].read(tmp_path, split, dataset=name) for split in SPLITS]
    assert [sample.id for loaded in found for sample in loaded.samples] == ["b"]
    assert [item.reason for loaded in found for item in loaded.skipped] == ["its words are a test of HateCheck"]


@pytest.mark.parametrize("name", NAMES)
def test_a_set_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="is missing; see data_cards/"):
        LAYOUTS[name].read(tmp_path, "train", dataset=name)
