from dataclasses import replace

import pytest
from support.ledgers import verdict_of

from model.bundle import Thresholds, ThresholdsByModality
from model.policy.policy import Policy
from model.verdict import PictureEvidence, ViewEvidence
from serving.openai.post import JudgedPart
from serving.openai.response import result_of

LIMITS = ThresholdsByModality(
    both=Thresholds(review=0.5, block=None),
    text=Thresholds(review=0.7, block=None),
    image=Thresholds(review=0.2, block=None),
)


@pytest.mark.parametrize(("of_silent_frame", "hate"), [(0.1, False), (0.3, True)])
def test_a_frame_without_words_is_hate_by_the_threshold_of_pictures_alone(of_silent_frame: float, hate: bool) -> None:
    views = (
        ViewEvidence(0, None, "words", {"hateful": 0.4}),
        ViewEvidence(1, None, "", {"hateful": of_silent_frame}),
    )
    picture = PictureEvidence("GIF", 8, 8, is_animated=True, n_frames=2, views=views)
    verdict = replace(verdict_of(), scores={"hateful": 0.4}, matches=(), judged_as="both", picture=picture)
    part = JudgedPart(0, with_picture=True, with_words=False, outcome=verdict)
    found = result_of([part], Policy("own", "1", {"hateful": LIMITS}))
    assert found.categories["hate"] is hate
