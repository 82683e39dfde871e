from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import Scorer
from model.bundle import Thresholds, ThresholdsByModality
from model.known.matching import BankAction, MatchKind
from model.ocr.types import OcrResult
from model.policy.decide import decide as decide_as
from model.policy.file import PolicyFileError, read_policies
from model.policy.known_memes import BankAnswer, BankMatch
from model.policy.policy import BankRule, Policy
from model.policy.word_lists import WordList
from model.verdict import DECISIONS, Decision, KnownAction, Ruling, TextEvidence

decide = partial(decide_as, judged_as="both")
HATEFUL = ThresholdsByModality.alike(Thresholds(review=0.4, block=0.8))
WORDS = TextEvidence.from_caller("some grumble")
UNREAD = TextEvidence.from_ocr(OcrResult("unavailable", "", (), None, "rapidocr", None, "not installed"))


def match(
    kind: MatchKind = "same_meme", action: BankAction = "block", bank: str = "removed", *, quarantined: bool = False
) -> BankMatch:
    return BankMatch(bank, "0" * 16, kind, action, 4, 0.0, quarantined=quarantined)


def ruling(
    *matches: BankMatch,
    score: float = 0.1,
    text: TextEvidence = WORDS,
    rules: tuple[BankRule, ...] = (BankRule("removed"), BankRule("jokes")),
    lists: tuple[WordList, ...] = (),
) -> Ruling:
    policy = Policy("p", "1", {"hateful": HATEFUL}, word_lists=lists, banks=rules)
    return decide({"hateful": score}, text, policy, banks=BankAnswer(matches))


@pytest.mark.parametrize(
    ("kind", "action", "decision"),
    [
        ("same_meme", "block", "block"),
        ("same_meme", "review", "review"),
        ("same_picture", "block", "review"),
        ("same_picture", "review", "review"),
        ("same_words", "block", "review"),
        ("same_words", "review", "review"),
        ("same_picture", "benign", "allow"),
    ],
)
def test_only_the_same_meme_is_blocked_of_itself_and_parts_of_it_are_reviewed(
    kind: MatchKind, action: BankAction, decision: Decision
) -> None:
    assert ruling(match(kind, action)).decision == decision


@pytest.mark.parametrize(
    ("kind", "decision"), [("same_meme", "allow"), ("same_picture", "block"), ("same_words", "block")]
)
def test_a_benign_match_takes_away_what_scores_ask_for_and_only_if_it_is_the_same_meme(
    kind: MatchKind, decision: Decision
) -> None:
    found = ruling(match(kind, "benign", "jokes"), score=0.9)
    assert found.decision == decision
    assert [one.action for one in found.known] == ["benign" if kind == "same_meme" else "none"]


def test_the_reason_of_a_benign_match_is_told_and_no_score_is() -> None:
    (reason,) = ruling(match("same_meme", "benign", "jokes"), score=0.9).reasons
    assert reason == "bank jokes: the same meme as entry 0000000000000000, which asks for benign"


@pytest.mark.parametrize("action", ["review", "block"])
def test_a_benign_match_takes_away_nothing_that_another_bank_asks_for(action: BankAction) -> None:
    assert ruling(match("same_meme", "benign", "jokes"), match(action=action), score=0.9).decision == action


@pytest.mark.parametrize("action", ["review", "block"])
def test_a_benign_match_takes_away_nothing_that_a_word_list_asks_for(action: BankAction) -> None:
    assert action != "benign"
    lists = (WordList("mild", action, ("grumble",)),)
    assert ruling(match("same_meme", "benign", "jokes"), score=0.9, lists=lists).decision == action


def test_a_benign_match_does_not_make_words_read_that_nobody_read() -> None:
    assert ruling(match("same_meme", "benign", "jokes"), score=0.9, text=UNREAD).decision == "review"


@pytest.mark.parametrize(
    ("action", "score", "decision"), [("block", 0.1, "review"), ("review", 0.1, "review"), ("benign", 0.9, "block")]
)
def test_a_quarantined_entry_makes_review_of_block_and_suppresses_nothing(
    action: BankAction, score: float, decision: Decision
) -> None:
    found = ruling(match("same_meme", action, quarantined=True), score=score)
    assert found.decision == decision
    assert found.known[0].quarantined


@pytest.mark.parametrize(
    ("rule", "found", "decision"),
    [
        (BankRule("removed", same_picture="block"), match("same_picture"), "block"),
        (BankRule("removed", same_words="none"), match("same_words"), "allow"),
        (BankRule("removed", same_meme="review"), match("same_meme"), "review"),
        (BankRule("removed", same_picture="benign"), match("same_picture", "benign"), "allow"),
    ],
)
def test_a_policy_may_say_otherwise_for_each_kind_of_match(
    rule: BankRule, found: BankMatch, decision: Decision
) -> None:
    assert ruling(found, rules=(rule,)).decision == decision


def test_a_bank_that_is_not_there_makes_review_and_says_so() -> None:
    policy = Policy("p", "1", {"hateful": HATEFUL}, banks=(BankRule("removed"),))
    for banks in (BankAnswer(missing=("removed",)), None):
        found = decide({"hateful": 0.1}, WORDS, policy, banks=banks)
        assert found.decision == "review"
        assert "bank removed: it is not there" in found.reasons[0]


def test_matches_of_banks_that_the_policy_does_not_name_decide_nothing() -> None:
    found = ruling(match(bank="others"))
    assert (found.decision, found.known) == ("allow", ())


def test_many_entries_of_one_bank_are_one_reason() -> None:
    assert len(ruling(*[match() for _ in range(30)]).reasons) == 1


_matches = st.builds(
    match,
    st.sampled_from(["same_meme", "same_picture", "same_words"]),
    st.sampled_from(["review", "block", "benign"]),
    st.sampled_from(["removed", "jokes"]),
    quarantined=st.booleans(),
)


@given(st.lists(_matches, max_size=6), st.sampled_from([0.1, 0.5, 0.9]))
def test_the_decision_is_the_strictest_that_a_bank_or_an_unsuppressed_score_asks_for(
    matches: list[BankMatch], score: float
) -> None:
    found = ruling(*matches, score=score)
    asked: list[KnownAction] = [one.action for one in found.known]
    of_score = "allow" if "benign" in asked else {0.1: "allow", 0.5: "review", 0.9: "block"}[score]
    strictest = max([of_score, *asked], key=lambda one: DECISIONS.index(one) if one in DECISIONS else 0)
    assert found.decision == (strictest if strictest in DECISIONS else "allow")


def _policies(tmp_path: Path, banks: str) -> Path:
    path = tmp_path / "policies.yaml"
    path.write_text(
        f"format_version: 1\npolicies:\n  strict:\n    version: '1'\n    extends: bundle\n    banks: {banks}\n"
    )
    return path


def test_banks_of_a_policy_file_are_read(tmp_path: Path, scorer: Scorer) -> None:
    path = _policies(tmp_path, "{removed: {same_picture: block}, jokes: }")
    assert read_policies(path, scorer.bundle).policies["strict"].banks == (
        BankRule("removed", same_picture="block"),
        BankRule("jokes"),
    )


@pytest.mark.parametrize(
    ("banks", "told"),
    [
        ("{removed: {same_picture: allow}}", "policy 'strict': banks.removed.same_picture: this should be"),
        ("{removed: {same_pictures: block}}", "did you mean 'same_picture'"),
        ("{'../etc': {}}", "not a name"),
        ("[removed]", "banks"),
    ],
)
def test_banks_that_say_something_else_are_refused_with_their_place(
    tmp_path: Path, scorer: Scorer, banks: str, told: str
) -> None:
    with pytest.raises(PolicyFileError, match=told.replace("(", r"\(")):
        read_policies(_policies(tmp_path, banks), scorer.bundle)


def test_a_policy_with_banks_has_another_digest_than_without() -> None:
    policies = [
        Policy("p", "1", {"hateful": HATEFUL}, banks=banks)
        for banks in ((), (BankRule("removed"),), (BankRule("removed", same_words="none"),))
    ]
    assert len({policy.digest for policy in policies}) == 3
