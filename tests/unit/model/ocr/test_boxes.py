from hypothesis import given
from hypothesis import strategies as st

from model.ocr.boxes import MAX_BOXES, area, containment, fewest
from model.ocr.types import Box

_BOXES = st.lists(
    st.builds(
        lambda left, top, width, height: (left, top, left + width, top + height),
        st.integers(0, 500),
        st.integers(0, 500),
        st.integers(0, 40),
        st.integers(0, 40),
    ),
    max_size=120,
)


@given(_BOXES)
def test_few_boxes_stay_and_of_very_many_each_lies_in_one_that_is_told(boxes: list[Box]) -> None:
    told = fewest(boxes)
    assert len(told) == min(MAX_BOXES, len({box for box in boxes if area(box)}))
    assert all(any(containment(box, other) == 1.0 for other in told) for box in boxes if area(box))
    assert fewest(told) == tuple(sorted(told, key=lambda box: (-area(box), box)))
