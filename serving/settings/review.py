"""Settings of the pages: how items are given to reviewers, what they are shown, and whether ``/try`` is there."""

from typing import Literal

from pydantic import BaseModel, Field

Cover = Literal["blur", "greyscale", "plain"]


class ReviewSettings(BaseModel):
    """The reviewer's page, and the page to try things on."""

    review_hide_scores: bool = Field(
        False, description="Tell a reviewer no score, no decision and no evidence of a meme before their own decision."
    )
    review_golden_share: float = Field(
        0.0, ge=0, le=0.5, description="Share of golden items, whose answer is known, among what reviewers are given."
    )
    review_second_share: float = Field(
        0.0, ge=0, le=1, description="Share of items that a second reviewer judges without knowing the first answer."
    )
    review_claim_minutes: float = Field(
        15.0, gt=0, le=1440, description="Time after which an item that was given and not decided goes to others."
    )
    review_break_minutes: int | None = Field(
        None, ge=5, le=480, description="Time of reviewing after which the page reminds of a break; unset: it does not."
    )
    review_pictures: Cover = Field(
        "blur", description="How a picture is shown until the reviewer asks for it; plain: as it is."
    )
    review_session_hours: float = Field(
        12.0,
        gt=0,
        le=72,
        description="Time after which a reviewer signs in again; a quarter of it without a click, too.",
    )
    try_page: bool = Field(True, description="Serve /try, a page to judge a meme on that is not kept.")
