import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.games import Floats, players
from support.memes_on_disk import hateful_memes, row

from benchmarks.explanation_causes import case_of, cases
from benchmarks.explanation_methods import (
    LEFT_OUT,
    LIME_SUPER_PIXELS,
    RANDOM,
    ROLLOUT,
    curve,
    methods,
    rank_correlation,
)
from benchmarks.explanations import main
from benchmarks.explanations_report import mean_with_interval

if TYPE_CHECKING:
    from support.tiny import TinyBundle

_PAGE = "# Page\n\n<!-- explanations: by a command -->\nold\n<!-- end of explanations -->\n"
_WORDS = ("some words to be read", "they are other words", "wh the cod wo")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("explanations")


@pytest.fixture(scope="module")
def data(folder: Path) -> Path:
    rows = [row(number, text=words) for number, words in enumerate(_WORDS)]
    hateful_memes(folder / "data" / "religious_memes", test=rows)
    with _new(folder / "data" / "text_hate" / "hatecheck.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["test_case", "label_gold", "case_templ"])
        writer.writerow(["I hate all sailors. ", "hateful", "I hate all [IDENTITY_P]."])
        writer.writerow(["I hate all winters. ", "non-hateful", "I hate all winters."])
    return folder / "data"


@pytest.fixture(scope="module")
def found(tiny: "TinyBundle", data: Path, folder: Path) -> dict[str, Any]:
    """What two memes and HateCheck come to; the second of them in a run that goes on from the first."""
    (folder / "page.md").write_text(_PAGE, encoding="utf-8")
    for n in (1, 2):
        _run(tiny, data, folder, "--memes", str(n))
    document: dict[str, Any] = json.loads((folder / "found.json").read_text())
    return document


def _run(tiny: "TinyBundle", data: Path, folder: Path, *more: str) -> None:
    files = {"records": "kept.jsonl", "out": "found.json", "plot": "found.svg", "page": "page.md"}
    named = [part for name, file in files.items() for part in (f"--{name}", str(folder / file))]
    main([str(tiny.bundle.path), "--data", str(data), "--min-score", "0", *named, *more])


def _new(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    return path


def _sum(rows: np.ndarray) -> dict[str, Floats]:
    """A game in which the players add .4, .3, .2 and .1."""
    return {"task": rows @ np.array([0.4, 0.3, 0.2, 0.1])}


def test_a_true_order_lowers_the_score_at_once_and_a_reversed_one_at_last() -> None:
    effects = np.array([0.4, 0.3, 0.2, 0.1])
    true, reverse = (curve(_sum, "task", sign * effects, (0.25, 0.5, 0.75)) for sign in (1, -1))
    assert true.hidden == [0, 0.25, 0.5, 0.75, 1]
    assert true.deletion == pytest.approx([1, 0.6, 0.3, 0.1, 0])
    assert true.insertion == pytest.approx([1, 0.9, 0.7, 0.4, 0])
    assert true.gap == pytest.approx(0.25)
    assert reverse.gap == pytest.approx(-0.25)


@pytest.mark.parametrize("name", methods(16))
def test_every_method_ranks_the_players_of_a_sum_by_what_they_add(name: str) -> None:
    effects = methods(16)[name](_sum, players(2, 2), 0)["task"]
    assert np.argsort(-effects).tolist() == [0, 1, 2, 3]


def test_ranks_of_equal_effects_are_told_to_have_no_correlation() -> None:
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([2.0, 4, 9])) == pytest.approx(1)
    assert rank_correlation(np.zeros(3), np.array([2.0, 4, 9])) is None


def test_an_interval_is_over_the_memes_that_have_a_value() -> None:
    estimate = mean_with_interval([0.0, None, 1.0, 0.5])
    assert estimate.value == pytest.approx(0.5)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < 0.5 < estimate.high
    assert mean_with_interval([None]).reason == "not measured"


def test_the_word_in_a_templates_place_is_the_known_cause() -> None:
    case = case_of("I hate all old sailors. ", "I hate all [IDENTITY_P].")
    assert case is not None
    assert [case.text[start:end] for start, end in case.words] == ["I", "hate", "all", "old", "sailors."]
    assert case.is_cause == (False, False, False, True, True)
    assert case_of("I hate them.", "I hate them.") is None
    assert case_of("I h4te sailors.", "I hate [IDENTITY_P].") is None


def test_only_hateful_sentences_have_a_known_cause(data: Path) -> None:
    assert [case.text for case in cases(data)] == ["I hate all sailors."]
    assert list(cases(data / "nowhere")) == []


def test_all_methods_are_measured_on_words_and_regions_and_a_run_goes_on(found: dict[str, Any], folder: Path) -> None:
    assert found["n_memes"] == {"religious_memes": 2}
    assert found["n_thorough"] == 1
    assert list(found["faithfulness"]["words"]) == [LEFT_OUT, "Shapley", "LIME", ROLLOUT, RANDOM]
    assert list(found["faithfulness"]["regions"]) == [
        LEFT_OUT,
        "Shapley",
        "LIME",
        "left out of the features",
        LIME_SUPER_PIXELS,
        ROLLOUT,
        RANDOM,
    ]
    assert len((folder / "kept.jsonl").read_text().splitlines()) == 2
    assert found["cost_ratio"] > 0
    assert set(found["pairs"]) == {"rank correlation", "largest error", "largest interaction", "only together"}


def test_both_ends_of_a_methods_curves_are_those_of_every_other(found: dict[str, Any]) -> None:
    for methods_ in found["faithfulness"].values():
        ends = {(round(one[name][end], 6), end) for one in methods_.values() for name in _CURVES for end in (0, -1)}
        assert len(ends) == 2


_CURVES = ("deletion", "insertion")


def test_known_causes_are_told_beside_chance(found: dict[str, Any]) -> None:
    causes = found["causes"]
    assert causes["n"] == 1
    assert causes["first"]["by chance"] == pytest.approx(1 / 4)
    assert causes["among_three"]["by chance"] == pytest.approx(3 / 4)
    assert set(causes["first"]) == {LEFT_OUT, "Shapley", "LIME", "by chance"}


def test_the_page_has_the_tables_and_no_word_of_a_meme(found: dict[str, Any], folder: Path) -> None:
    page = (folder / "page.md").read_text(encoding="utf-8")
    assert page.startswith("# Page\n")
    assert "| **left out** (used) |" in page
    assert "old" not in page
    assert (folder / "found.svg").read_text(encoding="utf-8").startswith("<?xml")
    for text in (page, json.dumps(found)):
        assert not [words for words in _WORDS if words in text]


def test_a_split_without_such_memes_is_said(tiny: "TinyBundle", data: Path, folder: Path) -> None:
    with pytest.raises(SystemExit, match=r"no meme of test in .* scores 2 and more"):
        main([str(tiny.bundle.path), "--data", str(data), "--min-score", "2"])
