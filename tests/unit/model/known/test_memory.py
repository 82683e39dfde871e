"""Votes of remembered memes: near copies move, far ones stay, and nothing moves further than the cap."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.judgements import judgement

from model.known.features import MemeFeatures
from model.known.memory import Memory, MemorySettings, RememberedMeme
from model.remembered import all_with_votes, shifted_scores, with_votes
from model.verdict import Judgement, PictureEvidence, ViewEvidence

IMAGE_WIDTH, TEXT_WIDTH = 512, 384
TASKS = ("hateful", "offensive")


def directions(n: int, width: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n, width)).astype(np.float32)


def some_features(n: int, seed: int = 0) -> list[MemeFeatures]:
    """Of memes that have nothing to do with each other; CLIP's vectors of any two pictures have something in common."""
    images, texts = directions(n, IMAGE_WIDTH, seed), directions(n, TEXT_WIDTH, seed + 1)
    images = images + directions(1, IMAGE_WIDTH, 77)
    return [MemeFeatures(image, text) for image, text in zip(images, texts, strict=True)]


def near(features: MemeFeatures, seed: int = 9, by: float = 0.1) -> MemeFeatures:
    """As of a copy that was cropped or compressed: of any length, in nearly the same direction."""
    rng = np.random.default_rng(seed)
    found = []
    for values in (features.image, features.text):
        assert values is not None
        noise = rng.standard_normal(len(values)).astype(np.float32)
        found.append(3 * (values + by * np.linalg.norm(values) * noise / np.linalg.norm(noise)).astype(np.float32))
    return MemeFeatures(*found)


def shifts(memory: Memory, features: MemeFeatures) -> dict[str, float]:
    (vote,) = memory.votes([features])
    return {} if vote is None else vote.shifts


def remembered(features: Sequence[MemeFeatures], label: bool = True, weight: float = 1.0) -> list[RememberedMeme]:
    return [RememberedMeme(one, {"hateful": label}, weight) for one in features]


def judged(features: MemeFeatures | None, score: float = 0.5) -> Judgement:
    return replace(judgement("one"), scores={"hateful": score, "target": {"none": 1.0}}, features=features)


@pytest.mark.parametrize("label", [True, False])
def test_one_remembered_meme_moves_its_near_copies_and_no_other_meme(label: bool) -> None:
    known, *others = some_features(40)
    memory = Memory(remembered([known], label), TASKS)
    sign = 1 if label else -1
    for copy in (known, near(known)):
        assert 2 < sign * shifts(memory, copy)["hateful"] <= MemorySettings().cap
    assert memory.votes(others) == [None] * len(others)


def test_the_same_picture_with_other_words_moves_less() -> None:
    known, other = some_features(2)
    memory = Memory(remembered([known]), TASKS)
    halves = [MemeFeatures(known.image, other.text), MemeFeatures(other.image, known.text)]
    whole = shifts(memory, known)["hateful"]
    assert all(0 < shifts(memory, half)["hateful"] < whole / 2 for half in halves)


def test_a_meme_that_lacks_a_view_is_compared_by_the_other_and_moves_less() -> None:
    known, other = some_features(2)
    memory = Memory(remembered([known]), TASKS)
    whole = shifts(memory, known)["hateful"]
    for part in (MemeFeatures(known.image, None), MemeFeatures(None, known.text)):
        assert whole / 4 < shifts(memory, part)["hateful"] < whole
        assert shifts(Memory(remembered([part]), TASKS), known)["hateful"] == pytest.approx(
            shifts(memory, part)["hateful"], rel=1e-4
        )
        assert shifts(Memory(remembered([part]), TASKS), part)["hateful"] == pytest.approx(whole, rel=1e-4)
    assert shifts(memory, MemeFeatures(other.image, None)) == {}
    assert shifts(memory, MemeFeatures(None, None)) == {}
    assert shifts(Memory(remembered([MemeFeatures(known.image, None)]), TASKS), MemeFeatures(None, known.text)) == {}


def test_many_copies_share_one_vote() -> None:
    (known,) = some_features(1)
    one, many = Memory(remembered([known]), TASKS), Memory(remembered([near(known, at) for at in range(200)]), TASKS)
    assert 0 < shifts(one, known)["hateful"] < shifts(many, known)["hateful"] <= MemorySettings().cap


def test_labels_that_contradict_each_other_cancel() -> None:
    (known,) = some_features(1)
    memory = Memory([*remembered([known]), *remembered([known], label=False)], TASKS)
    assert abs(shifts(memory, known).get("hateful", 0.0)) < 0.01


def test_each_task_is_moved_by_the_memes_that_have_its_label() -> None:
    first, second, third = some_features(3)
    memory = Memory(
        [
            RememberedMeme(first, {"hateful": True}),
            RememberedMeme(second, {"offensive": False}),
            RememberedMeme(third, {"another task": True}),
        ],
        TASKS,
    )
    assert set(shifts(memory, first)) == {"hateful"}
    assert shifts(memory, second)["offensive"] < -2
    assert shifts(memory, third) == {}


def test_a_trusted_label_moves_more_and_one_without_weight_not_at_all() -> None:
    (known,) = some_features(1)
    found = [shifts(Memory(remembered([known], weight=weight), TASKS), known) for weight in (0.0, 0.1, 1.0, 10.0)]
    assert found[0] == {}
    assert 0 < found[1]["hateful"] < found[2]["hateful"] < found[3]["hateful"]


def test_the_cap_is_a_setting() -> None:
    (known,) = some_features(1)
    memory = Memory(remembered([known], weight=100.0), TASKS, MemorySettings(cap=0.5))
    assert shifts(memory, known)["hateful"] == pytest.approx(0.5, abs=0.01)


def test_the_vote_counts_the_memes_that_are_alike() -> None:
    known, other = some_features(2)
    memory = Memory(remembered([known, near(known), other]), TASKS)
    (vote,) = memory.votes([known])
    assert vote is not None
    assert (vote.entries, len(memory)) == (2, 3)


def test_an_empty_memory_says_nothing() -> None:
    assert Memory([], TASKS).votes(some_features(2)) == [None, None]
    assert Memory(remembered(some_features(1)), TASKS).votes([]) == []


features = st.builds(
    lambda seed, image, text: MemeFeatures(
        directions(1, IMAGE_WIDTH, seed % 5)[0] if image else None,
        directions(1, TEXT_WIDTH, seed % 7)[0] if text else None,
    ),
    st.integers(0, 99),
    st.booleans(),
    st.booleans(),
)
memes = st.builds(
    RememberedMeme,
    features,
    st.dictionaries(st.sampled_from(TASKS), st.booleans()),
    st.sampled_from([0.0, 0.1, 1.0, 9.0]),
)


@given(st.lists(memes, max_size=24), st.lists(features, min_size=1, max_size=4))
def test_no_shift_is_beyond_the_cap_whatever_is_remembered(
    known: list[RememberedMeme], asked: list[MemeFeatures]
) -> None:
    memory = Memory(known, TASKS)
    for features, vote in zip(asked, memory.votes(asked), strict=True):
        found = {} if vote is None else vote.shifts
        assert all(abs(shift) <= MemorySettings().cap for shift in found.values())
        assert shifts(memory, features) == pytest.approx(found, abs=1e-4)


def test_votes_of_many_are_those_of_ridge_regression() -> None:
    known = [near(one, at, by=0.5) for one in some_features(4) for at in range(30)]
    labels = np.random.default_rng(3).integers(0, 2, len(known))
    memory = Memory(
        [RememberedMeme(one, {"hateful": bool(label)}) for one, label in zip(known, labels, strict=True)], TASKS
    )
    kernel = _kernel(known, known)
    expected = 4 * kernel @ np.linalg.solve(kernel + 0.3 * np.eye(len(known)), 2.0 * labels - 1)
    found = [shifts(memory, one).get("hateful", 0.0) for one in known]
    assert found == pytest.approx(expected.clip(-4, 4).tolist(), abs=0.01)
    assert np.std(found) > 0.5


def _kernel(some: Sequence[MemeFeatures], others: Sequence[MemeFeatures]) -> NDArray[np.float64]:
    """As the documentation has it, in plain words."""
    found = np.zeros((len(some), len(others)))
    for row, one in enumerate(some):
        for column, other in enumerate(others):
            distance = 0.0
            for name, width in (("image", 0.35), ("text", 0.5)):
                a, b = (getattr(meme, name) / np.linalg.norm(getattr(meme, name)) for meme in (one, other))
                distance += float(((a - b) ** 2).sum()) / width**2
            found[row, column] = max(0.0, np.exp(-distance / 4) - 0.03) / 0.97
    return found


def test_a_judgement_is_moved_and_says_by_what() -> None:
    (known,) = some_features(1)
    memory = Memory(remembered([known]), TASKS)
    before = judged(known, 0.2)
    after = with_votes(before, memory)
    assert after.memory is not None
    assert after.memory.shifts["hateful"] > 2
    score = after.scores["hateful"]
    assert isinstance(score, float)
    assert np.log(score / (1 - score)) - np.log(0.2 / 0.8) == pytest.approx(after.memory.shifts["hateful"])
    assert after.scores["target"] == {"none": 1.0}
    assert before.scores["hateful"] == 0.2


def test_a_judgement_that_nothing_is_like_is_the_same_object() -> None:
    known, other = some_features(2)
    memory = Memory(remembered([known]), TASKS)
    for one in (judged(other), judged(None), judged(MemeFeatures(None, None))):
        assert with_votes(one, memory) is one
        assert with_votes(one, None) is one
        assert with_votes(one, Memory([], TASKS)) is one


def test_the_views_of_a_picture_move_with_it() -> None:
    (known,) = some_features(1)
    views = tuple(ViewEvidence(frame, None, "", {"hateful": score}) for frame, score in enumerate((0.2, 0.1)))
    picture = PictureEvidence("gif", 9, 9, True, 2, views=views)
    after = with_votes(replace(judged(known, 0.2), picture=picture), Memory(remembered([known]), TASKS))
    assert after.picture is not None
    first, second = (view.scores["hateful"] for view in after.picture.views)
    assert first == after.scores["hateful"]
    assert isinstance(second, float)
    assert 0.1 < second < 0.9


def test_of_many_judgements_each_gets_its_own_votes() -> None:
    known, other = some_features(2)
    memory = Memory(remembered([known]), TASKS)
    found = all_with_votes([judged(other), judged(None), judged(known)], memory)
    assert [one.memory is not None for one in found] == [False, False, True]


@given(st.floats(1e-9, 1 - 1e-9), st.floats(-4, 4))
def test_a_shift_taken_back_gives_the_score_of_before(score: float, shift: float) -> None:
    shifted = shifted_scores({"hateful": score, "other": 0.3}, {"hateful": shift})
    back = shifted_scores(shifted, {"hateful": -shift})
    assert back["hateful"] == pytest.approx(score, rel=1e-6)
    assert back["other"] == 0.3


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_score_that_is_sure_moves_to_a_finite_one(score: float) -> None:
    found = shifted_scores({"hateful": score}, {"hateful": 4.0})["hateful"]
    assert isinstance(found, float)
    assert 0 <= found <= 1
