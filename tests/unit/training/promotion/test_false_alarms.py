"""False alarms by group of two bundles on the same items, and what is said of groups that cannot be judged."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from model.taxonomy import TASKS
from training.datasets import Sample
from training.promotion.false_alarms import Stopped, alarm_lines, with_notes
from training.promotion.groups import Pair
from training.promotion.results import AlarmLine, Comparison, Contender
from training.promotion.rules import Limits, check_measured

NOBODY = Contender("given", "tiny", "0.0.1", "0" * 64, 1)
N = 40


def pair(tags: Sequence[tuple[str, ...]], labels: Sequence[int], dataset: str = "toxigen", text: str = "sun") -> Pair:
    samples = [
        Sample(str(n), dataset, "dev", text, {"hateful": label}, tags=own)
        for n, (own, label) in enumerate(zip(tags, labels, strict=True))
    ]
    scores = np.zeros(len(labels))
    return Pair(f"{dataset}, dev", TASKS["hateful"], samples, np.array(labels), scores, scores, None)


def alarms(found: Pair, champion: list[int], challenger: list[int]) -> dict[str, AlarmLine]:
    """By the rows that each of the two stops."""
    masks = [np.isin(np.arange(len(found.labels)), rows) for rows in (champion, challenger)]
    stopped = Stopped(found.labels == 0, masks[0], masks[1])
    return {one.group: one for one in alarm_lines(found, stopped, n_resamples=200, seed=0)}


def notes(found: dict[str, AlarmLine], **limits: int) -> list[str]:
    return with_notes(Comparison(NOBODY, NOBODY, alarms=list(found.values())), Limits(**limits)).notes


def test_a_group_that_is_stopped_more_often_has_its_rates_and_the_reference_beside_it() -> None:
    tags: Sequence[tuple[str, ...]] = [*([("women",)] * N), *([("asian",)] * N), *([()] * N)]
    found = alarms(pair(tags, [0] * 3 * N), [0, 1, 2 * N], [*range(9), N, 2 * N])
    women, reference = found["target group: women"], found["target group: no group named"]
    assert women.line is not None
    assert reference.line is not None
    assert (women.n, women.line.champion, women.line.challenger, women.is_reference) == (N, 0.05, 0.225, False)
    assert women.line.low > 0
    assert women.line.p_value == 2 / 2**7
    assert (reference.line.difference, reference.is_reference) == (0.0, True)
    refused = check_measured(Comparison(NOBODY, NOBODY, alarms=list(found.values())), Limits(min_items=0))
    assert [one.rule for one in refused] == ["group-false-alarms"]
    assert "target group: women: 0.050 to 0.225, difference +0.175" in refused[0].message


def test_only_harmless_items_count_and_a_group_of_attacks_alone_is_named() -> None:
    found = alarms(pair([("women",)] * N + [("asian",)] * N, [0] * N + [1] * N), [], list(range(2 * N)))
    assert {group: (one.n, one.line is None) for group, one in found.items()} == {
        "target group: any group named": (N, False),
        "target group: asian": (0, True),
        "target group: women": (N, False),
    }
    (note,) = notes(found)
    assert "fewer than 30 harmless items: asian (0)" in note


def test_groups_that_are_too_small_are_named_with_their_size() -> None:
    found = alarms(pair([("women",)] * N + [("asian",)] * 12, [0] * (N + 12)), [], [N, N + 1, N + 2])
    (note,) = notes(found)
    assert "asian (12: 0.000 to 0.250)" in note
    assert "women" not in note
    few = notes(found, min_group_items=60)
    assert "women (40: 0.000 to 0.000)" in few[0]
    assert few[1].startswith("no group has enough harmless items")
    assert notes({})[0].startswith("no group has enough harmless items")


def test_a_rise_that_chance_may_explain_is_told_and_refuses_nothing() -> None:
    found = alarms(pair([("women",)] * N, [0] * N), [0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
    (told,) = notes(found)
    assert told.startswith("not sure, and so no ground to refuse: harmless but stopped on toxigen, dev, hateful")
    assert check_measured(Comparison(NOBODY, NOBODY, alarms=list(found.values())), Limits(min_items=0)) == []


def test_words_are_searched_for_identity_terms_where_nobody_annotated_groups() -> None:
    mine = pair([()] * 2 * N, [0] * 2 * N, dataset="memes", text="a jewish friend")
    mine = replace(mine, samples=[*mine.samples[:N], *(replace(one, text="sun") for one in mine.samples[N:])])
    found = alarms(mine, [], list(range(N)))
    assert {group: (one.n, one.is_reference) for group, one in found.items()} == {
        "identity terms: no identity term": (N, True),
        "identity terms: any identity term": (N, False),
        "identity terms: religion": (N, False),
        "identity terms: religion: jewish": (N, False),
    }
