from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import open_bundle
from model.bundle import Bundle, Thresholds, ThresholdsByModality
from model.policy.decide import decide
from model.policy.file import PolicyFileError, read_policies
from model.policy.policy import Policy
from model.verdict import DECISIONS, PictureEvidence, TextEvidence, ViewEvidence

POLICY = 'format_version: 1\npolicies: {p: {version: "1", thresholds: {categories.NAME: {review: 0.5, block: 0.9}}}}\n'
TEXT = TextEvidence.from_caller("words")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return open_bundle()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policies.yaml"
    path.write_text(POLICY.replace("NAME", "cats"))
    return path


def test_a_policy_has_thresholds_on_categories(file: Path, bundle: Bundle) -> None:
    policy = read_policies(file, bundle, ["cats"]).policies["p"]
    for score, decision in ((0.49, "allow"), (0.5, "review"), (0.9, "block")):
        ruling = decide({"hateful": 1.0}, TEXT, policy, judged_as="text", categories={"cats": score})
        assert ruling.decision == decision
    assert decide({"hateful": 1.0}, TEXT, policy, judged_as="text", categories={"dogs": 1.0}).decision == "allow"


def test_a_category_is_of_the_meme_where_frames_are_held_apart(file: Path, bundle: Bundle) -> None:
    policy = read_policies(file, bundle, ["cats"]).policies["p"]
    views = (ViewEvidence(0, None, "words", {"hateful": 0.1}), ViewEvidence(1, None, "", {"hateful": 0.2}))
    picture = PictureEvidence("gif", 8, 8, True, 2, views=views)
    ruling = decide({"hateful": 0.2}, TEXT, policy, picture, judged_as="both", categories={"cats": 0.7})
    assert ruling.decision == "review"


@pytest.mark.parametrize(("names", "told"), [((), "none are scored"), (("dogs",), "known: categories.dogs")])
def test_a_category_that_is_not_there_is_refused(file: Path, bundle: Bundle, names: tuple[str, ...], told: str) -> None:
    with pytest.raises(PolicyFileError, match=rf"thresholds: 'categories.cats' is no category \({told}\); name the"):
        read_policies(file, bundle, names)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_higher_score_of_a_category_is_never_decided_more_mildly(one: float, other: float) -> None:
    limits = ThresholdsByModality.alike(Thresholds(review=0.5, block=0.9))
    policy = Policy("p", "1", {"categories.cats": limits})
    found = [
        decide({}, TEXT, policy, judged_as="text", categories={"cats": score}).decision
        for score in sorted([one, other])
    ]
    assert found == sorted(found, key=DECISIONS.index)
