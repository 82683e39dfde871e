"""Reports on shadows: flips known by hand, their rules, groups and labels, over real decisions and in every format."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from scipy.stats import binomtest
from support.ledgers import context, database_of, digest_of, ledger_settings, review, verdict_of

from model import Policy
from model.bundle import Thresholds, ThresholdsByModality
from model.policy.decide import decide
from model.policy.known_memes import BankAnswer, BankMatch
from model.policy.policy import BankRule
from model.policy.word_lists import WordList
from model.verdict import PolicyRef, Score, TextEvidence
from serving.cli import main
from serving.ledger.database import Database
from serving.ledger.entry import entry_of
from serving.ledger.queries import insert_entries, insert_review
from serving.requests.classify_body import ClassifyInput
from serving.review.figures.shadow.counts import groups_of, paired_difference
from serving.review.figures.shadow.labels import exact_mcnemar
from serving.review.figures.shadow.report import ShadowReport, shadow_report
from serving.review.figures.shadow.rows import Window
from serving.review.figures.shadow.rules import rule_of
from serving.shadow.recorder import write_rows
from serving.shadow.subject import ShadowResult, Subject

NOBODY, RELIGION = {"religion": 0.1, "none": 0.9}, {"religion": 0.8, "none": 0.2}


def policy(name: str, review_at: float, block_at: float | None) -> Policy:
    limits = ThresholdsByModality.alike(Thresholds(review=review_at, block=block_at))
    return Policy(name=name, version="1", thresholds={"hateful": limits})


IN_FORCE, STRICTER = policy("community", 0.5, 0.9), policy("stricter", 0.3, 0.6)


class Kept:
    """A ledger of decisions by ``IN_FORCE`` and what ``shadow`` would have made of each."""

    def __init__(self, database: Database, shadow: Policy) -> None:
        self.database = database
        self.shadow = shadow

    def add(self, score: float, target: dict[str, float] = NOBODY, label: str | None = None, text: str = "x") -> str:
        """A decision with its shadow, and what a reviewer says of it; its id."""
        scores: dict[str, Score] = {"hateful": score, "target": target}
        words = TextEvidence.from_caller(text)
        in_force, ruling = (decide(scores, words, one, judged_as="text") for one in (IN_FORCE, self.shadow))
        ref = PolicyRef(IN_FORCE.name, IN_FORCE.version, IN_FORCE.digest, in_force.reasons)
        verdict = replace(verdict_of(text), scores=scores, decision=in_force.decision, policy=ref)
        self.write(verdict.decision_id, verdict, ShadowResult(verdict.decision_id, Subject.of_policy(self.shadow),
                   "judged", policy=self.shadow, ruling=ruling))  # fmt: skip
        if label is not None:
            with self.database.writing() as connection:
                assert insert_review(connection, review(verdict.decision_id, hateful=label)) is not None
        return verdict.decision_id

    def drop(self, score: float) -> None:
        """A decision that the shadow had no time for."""
        decision = decide({"hateful": score}, TextEvidence.from_caller("x"), IN_FORCE, judged_as="text").decision
        verdict = replace(verdict_of("x"), decision=decision)
        self.write(verdict.decision_id, verdict, ShadowResult(verdict.decision_id, Subject.of_policy(self.shadow),
                   "dropped"))  # fmt: skip

    def write(self, decision_id: str, verdict: Any, result: ShadowResult) -> None:
        item = ClassifyInput(None, verdict.text.content)
        entry = entry_of(verdict, item, context(), digest_of(item), ledger_settings("none"))
        with self.database.writing() as connection:
            insert_entries(connection, [entry])
        write_rows(self.database, [result.row() | {"created_at": entry.row["created_at"]}])

    def report(self, most: int | None = None) -> ShadowReport:
        with self.database.reading() as connection:
            return shadow_report(connection, Window(), most)


@pytest.fixture
def kept(ledger_url: str) -> Any:
    database = database_of(ledger_url)
    found = Kept(database, STRICTER)
    #        in force  shadow
    found.add(0.1)  # allow     allow
    found.add(0.2, RELIGION, "not_hateful")  # allow allow
    found.add(0.4, RELIGION, "hateful")  # allow review: only the shadow is right
    found.add(0.45, RELIGION, "not_hateful", text="y")  # allow review: only the one in force is right
    found.add(0.35)  # allow     review
    found.add(0.55, label="hateful")  # review review
    found.add(0.7)  # review    block
    found.add(0.95)  # block    block
    found.drop(0.1)
    found.drop(0.95)
    yield found
    database.close()


def test_flips_are_counted_by_direction_rule_and_group(kept: Kept) -> None:
    (one,) = kept.report().shadows
    assert (one.sampled, one.judged, one.dropped.hits, one.failed.hits, one.memes) == (10, 8, 2, 0, 2)
    assert (one.dropped_stopped.hits, one.judged_stopped.hits) == (1, 3)
    assert [(flip.old, flip.new, flip.share.hits, flip.share.n) for flip in one.by_direction] == [
        ("allow", "review", 3, 8),
        ("review", "block", 1, 8),
    ]
    assert [(flip.rule, flip.share.hits) for flip in one.by_rule] == [
        ("hateful review threshold", 3),
        ("hateful block threshold", 1),
    ]
    assert {group.group: (group.flips.hits, group.flips.n) for group in one.by_group} == {
        "religion": (2, 3),
        "nobody": (2, 5),
    }


def test_of_a_report_that_is_cut_every_figure_is_of_the_same_rows(kept: Kept) -> None:
    cut = kept.report(most=3)
    (one,) = cut.shadows
    assert (cut.is_cut, one.sampled, one.judged, one.memes) == (True, 3, 1, 1)


def test_what_the_flips_mean_for_review_is_told_with_the_interval_of_pairs(kept: Kept) -> None:
    (one,) = kept.report().shadows
    assert (one.to_review.in_force.hits, one.to_review.shadow.hits, one.to_review.in_force.n) == (2, 4, 8)
    assert one.to_review.difference == pytest.approx(2 / 8)
    assert (one.stopped.in_force.hits, one.stopped.shadow.hits) == (3, 6)
    # Agresti and Min (2005): half a thing in each cell; 3 gained, 1 lost of 8.
    middle, reach = 2 / 10, 1.96 * math.sqrt(5 - 4 / 10) / 10
    assert paired_difference(3, 1, 8) == pytest.approx((2 / 8, middle - reach, middle + reach), abs=1e-4)
    assert paired_difference(0, 0, 0) == (None, None, None)


def test_both_are_held_against_what_reviewers_say(kept: Kept) -> None:
    (one,) = kept.report().shadows
    found = one.labelled
    assert (found.n, found.only_in_force, found.only_shadow, found.p_value) == (4, 1, 1, 1.0)
    assert (found.in_force.right.hits, found.shadow.right.hits) == (3, 3)
    assert (found.in_force.misses.hits, found.in_force.misses.n) == (1, 2)
    assert (found.shadow.false_alarms.hits, found.shadow.false_alarms.n) == (1, 2)


def test_a_milder_shadow_is_told_by_the_rule_that_it_does_not_have(tmp_path: Path) -> None:
    database = database_of(f"sqlite:///{tmp_path}/ledger.db")
    found = Kept(database, policy("milder", 0.8, None))
    found.add(0.95)
    (one,) = found.report().shadows
    database.close()
    assert [(flip.old, flip.new, flip.rule) for flip in one.by_rule] == [("block", "review", "hateful block threshold")]
    assert one.by_group[0].milder.hits == 1


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 5), (1, 5), (3, 3), (40, 61), (0, 3000)])
def test_mcnemar_is_exact(first: int, second: int) -> None:
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert exact_mcnemar(first, second) == pytest.approx(expected, abs=1e-12)


def test_every_reason_that_a_policy_gives_is_told_without_its_numbers() -> None:
    never, ever = Thresholds(review=0.2, block=None), Thresholds(review=0.5, block=0.9)
    limits = {"hateful": ThresholdsByModality(both=ever, text=never, image=ever)}
    rules = (BankRule("removed"), BankRule("gone"))
    tried = Policy(name="all", version="1", thresholds=limits, banks=rules,
                   word_lists=(WordList("names", "block", ("monday",)),))  # fmt: skip
    banks = BankAnswer((BankMatch("removed", "e" * 32, "same_meme", "block"),), ("gone",))
    words = TextEvidence("monday", "ocr", "failed", judged_chars=6)
    found = decide({"hateful": 0.731}, words, tried, judged_as="text", banks=banks)
    assert {rule_of(reason) for reason in found.reasons} == {
        "hateful review threshold of words alone",
        "word list names",
        "bank removed",
        "the picture's words could not be read",
        "bank gone: it is not there, so nobody knows whether the meme is in it",
    }


def test_whom_a_meme_attacks_is_by_the_classes_that_hold() -> None:
    assert groups_of({"hateful": 0.9}) == ["not told"]
    assert groups_of({"target": {"religion": 0.5, "sex_or_gender": 0.6, "none": 0.1}}) == ["religion", "sex or gender"]
    assert groups_of({"protected_class": {"pc_empty": 0.9, "race": 0.2}}) == ["nobody"]


def test_the_command_writes_the_report_in_every_format(kept: Kept, ledger_url: str, tmp_path: Path) -> None:
    def asked(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["shadow", "report", "--ledger", ledger_url, *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    document = json.loads(asked("--format", "json"))
    assert (document["format"], document["format_version"], document["decisions"]) == ("memeguard-shadow-report", 1, 10)
    assert document["shadows"][0]["subject"]["digest"] == STRICTER.digest
    assert document["shadows"][0]["to_review"]["shadow"]["hits"] == 4
    assert "4 flips, 0.500 (0.215 to 0.785) of the judged" in asked()
    assert asked("--format", "html", "--out", str(tmp_path / "shadow.html")).startswith("Report: ")
    page = (tmp_path / "shadow.html").read_text("utf-8")
    assert "hateful review threshold" in page
    assert re.findall(r"(?:src|href)=", page) == []
    assert json.loads(asked("--format", "json", "--until", "2020-01-01"))["shadows"] == []
