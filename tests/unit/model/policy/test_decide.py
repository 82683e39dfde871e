import hashlib
import json
import math
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.bundle import CalibrationSpec, Thresholds, ThresholdsByModality
from model.calibration import calibrated_logits, score_of
from model.modality import MODALITIES, Modality
from model.ocr.types import OcrResult, OcrStatus, OcrWord
from model.policy.decide import decide as decide_as
from model.policy.decide import grounds
from model.policy.policy import Band, PartialRules, Policy
from model.policy.scored_views import ScoredView
from model.policy.word_lists import WordList
from model.taxonomy import TASKS
from model.verdict import DECISIONS, Decision, PictureEvidence, TextEvidence, strictest

alike = ThresholdsByModality.alike
decide = partial(decide_as, judged_as="both")
WORDS = TextEvidence.from_caller("words")
UNREAD = TextEvidence.from_ocr(OcrResult("unavailable", "", (), None, "rapidocr", None, "not installed"))
POLICY = Policy("strict", "3", {"hateful": alike(Thresholds(review=0.4, block=0.8))})
SEVERITY: dict[Decision, int] = {"allow": 0, "review": 1, "block": 2}


def scores_of(task: str, *logits: float, scale: float = 1.0, shift: float = 0.0) -> Any:
    values = np.array(logits, dtype=np.float32)
    return score_of(TASKS[task], calibrated_logits(values, CalibrationSpec(scale=scale, shift=shift)))


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_a_binary_score_is_the_sigmoid_of_the_scaled_and_shifted_logit() -> None:
    assert scores_of("hateful", 1.5, scale=2.0, shift=-1.0) == pytest.approx(sigmoid(2.0))


def test_a_multiclass_score_is_a_softmax_over_named_classes() -> None:
    found = scores_of("memotion_sentiment", 0.0, math.log(2), math.log(3), scale=2.0, shift=5.0)
    assert found == pytest.approx({"negative": 1 / 14, "neutral": 4 / 14, "positive": 9 / 14})


def test_a_multilabel_score_is_a_sigmoid_for_each_class() -> None:
    found = scores_of("protected_class", -3, -2, -1, 0, 1, 2, scale=0.5, shift=1.0)
    expected = [sigmoid(0.5 * logit + 1) for logit in (-3, -2, -1, 0, 1, 2)]
    assert found == pytest.approx(dict(zip(TASKS["protected_class"].classes, expected, strict=True)))


@pytest.mark.parametrize("logit", [1e4, -1e4])
def test_extreme_logits_give_certain_scores_without_overflow(logit: float) -> None:
    with np.errstate(over="raise", invalid="raise"):
        assert scores_of("hateful", logit) == pytest.approx(float(logit > 0))
        classes = scores_of("memotion_sentiment", logit, 0.0, 0.0)
    assert classes["negative"] == pytest.approx(float(logit > 0))


@pytest.mark.parametrize(
    ("score", "decision"),
    [(0.0, "allow"), (0.3999, "allow"), (0.4, "review"), (0.7999, "review"), (0.8, "block"), (1.0, "block")],
)
def test_a_score_at_its_threshold_has_reached_it(score: float, decision: Decision) -> None:
    assert decide({"hateful": score}, WORDS, POLICY).decision == decision


def test_the_reasons_name_task_score_and_threshold() -> None:
    assert decide({"hateful": 0.55}, WORDS, POLICY).reasons == ("hateful 0.550 >= review threshold 0.400",)
    assert decide({"hateful": 0.9}, WORDS, POLICY).reasons == ("hateful 0.900 >= block threshold 0.800",)
    assert decide({"hateful": 0.1}, WORDS, POLICY).reasons == ("every score is under its review threshold",)


def test_block_wins_over_review_and_both_reasons_are_given() -> None:
    policy = replace(POLICY, thresholds={**POLICY.thresholds, "offensive": alike(Thresholds(review=0.2, block=0.9))})
    ruling = decide({"hateful": 0.9, "offensive": 0.5}, WORDS, policy)
    assert ruling.decision == "block"
    assert [reason.split()[0] for reason in ruling.reasons] == ["hateful", "offensive"]


def test_unread_words_ask_for_review_and_do_not_soften_a_block() -> None:
    ruling = decide({"hateful": 0.0}, UNREAD, POLICY)
    assert ruling.decision == "review"
    assert "could not be read (unavailable)" in ruling.reasons[0]
    assert decide({"hateful": 0.9}, UNREAD, POLICY).decision == "block"


def test_a_block_threshold_over_one_never_blocks() -> None:
    policy = Policy("look", "1", {"hateful": alike(Thresholds(review=0.5, block=1.01))})
    assert decide({"hateful": 1.0}, WORDS, policy).decision == "review"


def test_a_threshold_of_a_task_without_one_probability_has_no_say() -> None:
    policy = Policy("odd", "1", {"memotion_sentiment": alike(Thresholds(review=0.0, block=0.0))})
    assert decide({"memotion_sentiment": {"negative": 1.0}}, WORDS, policy).decision == "allow"


@given(
    lower=st.floats(0, 1),
    higher=st.floats(0, 1),
    review=st.floats(0, 1),
    block=st.floats(0, 1.01),
    text=st.sampled_from([WORDS, UNREAD]),
)
def test_a_higher_score_never_gives_a_milder_decision(
    lower: float, higher: float, review: float, block: float, text: TextEvidence
) -> None:
    lower, higher = sorted((lower, higher))
    policy = Policy("any", "1", {"hateful": alike(Thresholds(review=review, block=block))})
    milder, stricter = (decide({"hateful": score}, text, policy).decision for score in (lower, higher))
    assert SEVERITY[milder] <= SEVERITY[stricter]


LISTED = replace(
    POLICY,
    word_lists=(WordList("mild", "review", ("grumble", "turnip soup")), WordList("strong", "block", ("thunder",))),
)


@pytest.mark.parametrize(
    ("content", "decision", "lists"),
    [
        ("a fine day", "allow", []),
        ("GRUMB1E", "review", ["mild"]),
        ("grumble and thunder", "block", ["mild", "strong"]),
    ],
)
def test_a_word_list_asks_for_its_action_and_its_matches_are_told(
    content: str, decision: Decision, lists: list[str]
) -> None:
    ruling = decide({"hateful": 0.1}, TextEvidence.from_caller(content), LISTED)
    assert ruling.decision == decision
    assert [match.word_list for match in ruling.matches] == lists


def test_the_reason_names_the_list_and_never_the_word() -> None:
    ruling = decide({"hateful": 0.5}, TextEvidence.from_caller("thunder, thunder and grumble"), LISTED)
    assert ruling.reasons == (
        "word list strong: 2 matches, which asks for block",
        "hateful 0.500 >= review threshold 0.400",
        "word list mild: 1 match, which asks for review",
    )


@pytest.mark.parametrize(
    ("score", "band"),
    [(0.0, "low"), (0.2999, "low"), (0.3, "middle"), (0.8999, "middle"), (0.9, "high"), (1.0, "high")],
)
def test_a_score_has_the_highest_severity_whose_bound_it_reaches(score: float, band: str) -> None:
    policy = replace(POLICY, severity={"hateful": (Band("low", 0.0), Band("middle", 0.3), Band("high", 0.9))})
    assert decide({"hateful": score, "offensive": 0.5}, WORDS, policy).severity == {"hateful": band}


def test_the_digest_covers_every_rule() -> None:
    mild = WordList("mild", "review", ("grumble",))
    policies = [
        POLICY,
        replace(POLICY, version="4"),
        replace(POLICY, thresholds={"hateful": alike(Thresholds(review=0.4, block=0.9))}),
        replace(POLICY, severity={"hateful": (Band("low", 0.0),)}),
        replace(POLICY, severity={"hateful": (Band("minor", 0.0),)}),
        *(
            replace(POLICY, word_lists=(one,))
            for one in (
                mild,
                replace(mild, entries=("grumbles",)),
                replace(mild, action="block"),
                replace(mild, whole_words=False),
                replace(mild, name="other"),
            )
        ),
    ]
    assert len({policy.digest for policy in policies}) == len(policies)
    assert replace(POLICY).digest == POLICY.digest


def test_evidence_of_ocr_keeps_words_boxes_and_engine() -> None:
    words = (OcrWord("hi", (1, 2, 3, 4), 0.9),)
    evidence = TextEvidence.from_ocr(OcrResult("ok", "hi", words, 0.9, "rapidocr", "3.10.0"))
    assert (evidence.content, evidence.source, evidence.status, evidence.words) == ("hi", "ocr", "ok", words)
    assert (evidence.engine, evidence.engine_version, evidence.confidence) == ("rapidocr", "3.10.0", 0.9)
    assert json.dumps(evidence.words[0].box) == "[1, 2, 3, 4]"


@given(st.lists(st.sampled_from(DECISIONS)))
def test_the_strictest_of_several_decisions_goes_for_all(decisions: list[Decision]) -> None:
    assert SEVERITY[strictest(decisions)] == max([SEVERITY[one] for one in decisions], default=0)


@pytest.mark.parametrize("status", ["partial", "timeout"])
def test_words_that_were_not_all_judged_mean_review_unless_the_policy_says_otherwise(status: OcrStatus) -> None:
    partly = replace(WORDS, status=status)
    ruling = decide({"hateful": 0.0}, partly, POLICY)
    assert (ruling.decision, ruling.reasons) == ("review", (f"not all of the words were judged ({status})",))
    assert decide({"hateful": 0.0}, partly, replace(POLICY, partial=PartialRules(text="allow"))).decision == "allow"
    assert decide({"hateful": 0.0}, partly, replace(POLICY, partial=PartialRules(text="block"))).decision == "block"
    assert decide({"hateful": 0.9}, partly, replace(POLICY, partial=PartialRules(text="allow"))).decision == "block"


def test_a_picture_that_was_not_all_judged_means_review_unless_the_policy_says_otherwise() -> None:
    picture = PictureEvidence("GIF", 9, 9, True, 20, "partial", "8 of 20 distinct frames")
    ruling = decide({"hateful": 0.0}, WORDS, POLICY, picture)
    assert (ruling.decision, ruling.reasons) == ("review", ("not all that the picture shows was judged",))
    lenient = replace(POLICY, partial=PartialRules(picture="allow"))
    assert decide({"hateful": 0.0}, WORDS, lenient, picture).decision == "allow"


def test_words_that_nobody_could_read_mean_review_whatever_the_policy_says_of_parts() -> None:
    lenient = replace(POLICY, partial=PartialRules("allow", "allow"))
    assert decide({"hateful": 0.0}, UNREAD, lenient).decision == "review"


def test_the_rule_for_parts_changes_the_digest_only_where_it_is_another() -> None:
    assert replace(POLICY, partial=PartialRules()).digest == POLICY.digest
    assert replace(POLICY, partial=PartialRules(text="allow")).digest != POLICY.digest


OWN = ThresholdsByModality(
    both=Thresholds(review=0.4, block=0.8),
    text=Thresholds(review=0.6, block=None),
    image=Thresholds(review=0.2, block=0.3),
)


@given(score=st.floats(0, 1), modality=st.sampled_from(MODALITIES))
def test_a_meme_is_held_against_the_thresholds_of_what_there_is_of_it(score: float, modality: Modality) -> None:
    of_its_own = Policy("own", "1", {"hateful": alike(OWN.of(modality))})
    found = decide_as({"hateful": score}, WORDS, Policy("own", "1", {"hateful": OWN}), judged_as=modality)
    assert found.decision == decide({"hateful": score}, WORDS, of_its_own).decision


def test_a_reason_says_whose_threshold_it_is_where_they_differ() -> None:
    policy = Policy("own", "1", {"hateful": OWN})
    reasons = {one: decide_as({"hateful": 0.7}, WORDS, policy, judged_as=one).reasons for one in MODALITIES}
    assert reasons == {
        "both": ("hateful 0.700 >= review threshold 0.400 of pictures with words",),
        "text": ("hateful 0.700 >= review threshold 0.600 of words alone",),
        "image": ("hateful 0.700 >= block threshold 0.300 of pictures alone",),
    }
    assert [ground.rule for ground in grounds([ScoredView("text", {"hateful": 0.7})], "ok", (), policy)] == [
        "hateful review threshold of words alone"
    ]


TARGETS: dict[str, Any] = {"hateful": 0.1, "target": {"religion": 0.7, "disability": 0.2, "none": 0.9}}


def test_a_class_of_a_task_can_have_a_threshold_and_bands() -> None:
    bands = {"target.religion": (Band("low", 0), Band("high", 0.5)), "target.disability": (Band("low", 0),)}
    limits = alike(Thresholds(review=0.4, block=0.8))
    policy = Policy("own", "1", {"target.religion": limits, "target.disability": limits}, bands)
    found = decide(TARGETS, WORDS, policy)
    assert (found.decision, found.reasons) == ("review", ("target.religion 0.700 >= review threshold 0.400",))
    assert found.severity == {"target.religion": "high", "target.disability": "low"}


@pytest.mark.parametrize("name", ["hateful.religion", "target", "target.planet", "attack.slurs"])
def test_a_threshold_on_what_a_meme_has_no_score_of_asks_for_nothing(name: str) -> None:
    policy = Policy("own", "1", {name: alike(Thresholds(review=0, block=0))}, {name: (Band("low", 0),)})
    found = decide(TARGETS, WORDS, policy)
    assert (found.decision, found.severity) == ("allow", {})


def test_the_digest_of_thresholds_that_are_alike_is_that_of_before_they_could_differ() -> None:
    rules = {
        "name": "strict",
        "version": "3",
        "thresholds": {"hateful": {"review": 0.4, "block": 0.8}},
        "severity": {},
        "word_lists": [],
    }
    assert POLICY.digest == hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()
    assert replace(POLICY, thresholds={"hateful": OWN}).digest != POLICY.digest
