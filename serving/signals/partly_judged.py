"""What was judged in part: in another tool's shape a score, or an "allow", could not say that it is of no more."""

from dataclasses import dataclass

from model import Verdict


@dataclass(frozen=True)
class PartlyJudged:
    """``code`` is stable: text_partial, text_timeout, text_unavailable, text_failed or picture_partial."""

    code: str
    message: str


def partly_judged(text_status: str, picture_status: str | None) -> PartlyJudged | None:
    """What of a meme was not judged, by the statuses of a verdict; None: nothing. No picture has no status."""
    if text_status != "ok":
        return PartlyJudged(f"text_{text_status}", f"not all of the words were read and judged ({text_status})")
    if picture_status not in (None, "ok"):
        return PartlyJudged(f"picture_{picture_status}", "not all that the picture shows was judged")
    return None


def not_judged(verdict: Verdict) -> PartlyJudged | None:
    """What of a verdict's meme was not judged; None: nothing."""
    return partly_judged(verdict.text.status, None if verdict.picture is None else verdict.picture.status)
