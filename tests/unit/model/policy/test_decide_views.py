"""What a policy makes of a picture in several views: each is held to the thresholds of what is in it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from model.bundle import Thresholds, ThresholdsByModality
from model.policy.decide import decide as decide_as
from model.policy.policy import Policy
from model.verdict import PictureEvidence, TextEvidence, ViewEvidence, strictest

WORDS = TextEvidence.from_caller("words")
OWN = ThresholdsByModality(
    both=Thresholds(review=0.4, block=0.8),
    text=Thresholds(review=0.6, block=None),
    image=Thresholds(review=0.2, block=0.3),
)


def frames(*shown: tuple[str, Any]) -> PictureEvidence:
    views = tuple(ViewEvidence(number, None, text, {"hateful": score}) for number, (text, score) in enumerate(shown))
    return PictureEvidence("GIF", 8, 8, is_animated=True, n_frames=len(views), views=views)


@given(st.lists(st.tuples(st.sampled_from(["", "words"]), st.floats(0, 1)), min_size=1, max_size=4))
def test_a_picture_is_stopped_when_a_frame_of_it_alone_would_be(shown: list[tuple[str, float]]) -> None:
    policy = Policy("own", "1", {"hateful": OWN})
    alone = [
        decide_as({"hateful": score}, WORDS, policy, judged_as="both" if text else "image").decision
        for text, score in shown
    ]
    text, score = max(shown, key=lambda one: one[1])
    found = decide_as({"hateful": score}, WORDS, policy, frames(*shown), judged_as="both" if text else "image").decision
    assert found == strictest(alone)


def test_a_frame_without_words_is_held_to_the_thresholds_of_pictures_alone() -> None:
    policy, picture = Policy("own", "1", {"hateful": OWN}), frames(("words", 0.39), ("", 0.25))
    found = decide_as({"hateful": 0.39}, WORDS, policy, picture, judged_as="both")
    assert found.reasons == ("hateful 0.250 >= review threshold 0.200 of pictures alone",)
