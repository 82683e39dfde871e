"""Shadow run of a challenger on live traffic: the JSON of ``memeguard shadow report``, read and held to the limits."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.bundle import Bundle
from model.errors.validation import in_words
from training.promotion.results import ShadowRun
from training.promotion.rules import Finding, Limits, PromotionError


class _Part(BaseModel):
    """What is read of the document; whatever else it holds is left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class _Share(_Part):
    hits: int = Field(ge=0)
    n: int = Field(ge=0)
    value: float | None = Field(ge=0, le=1)
    low: float | None
    high: float | None


class _Subject(_Part):
    kind: str
    digest: str


class _InForce(_Part):
    model_digest: str


class _Beside(_Part):
    in_force: _InForce
    judged: int = Field(ge=0)


class _Change(_Part):
    in_force: _Share
    shadow: _Share


class _Shadow(_Part):
    subject: _Subject
    sampled: int = Field(ge=0)
    judged: int = Field(ge=0)
    flips: _Share
    beside: tuple[_Beside, ...]
    to_review: _Change


class _Document(_Part):
    format: Literal["memeguard-shadow-report"]
    format_version: Literal[1]
    made_at: str
    shadows: tuple[_Shadow, ...]


def read_shadow_run(path: Path, challenger: Bundle, champion: Bundle) -> ShadowRun:
    """What the report at ``path`` says of ``challenger`` beside ``champion``.

    Raises ``PromotionError`` for a file that is no such report, or in which the challenger was no shadow.
    """
    try:
        document = _Document.model_validate_json(path.read_bytes())
    except OSError as error:
        raise PromotionError(f"--shadow-report {path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        told = in_words(error, "the document")
        raise PromotionError(
            f"--shadow-report {path}: no report of a shadow ({told}); make one with `memeguard shadow report --format "
            "json`"
        ) from error
    for one in document.shadows:
        if (one.subject.kind, one.subject.digest) == ("bundle", challenger.digest):
            return _run(path, document, one, champion)
    found = ", ".join(one.subject.digest[:12] for one in document.shadows if one.subject.kind == "bundle") or "none"
    raise PromotionError(
        f"--shadow-report {path}: the challenger ({challenger.digest[:12]}) was no shadow in it (bundles that were: "
        f"{found}); serve with MEMEGUARD_SHADOW_BUNDLE={challenger.path} and make the report again"
    )


def check_shadow(run: ShadowRun, limits: Limits) -> list[Finding]:
    """The shadow run against ``limits``; the ceiling is held to what was measured: it is the operator's word."""
    findings = []
    if run.beside_champion < limits.min_shadow_decisions:
        message = (
            f"{run.beside_champion} decisions judged beside this champion, {limits.min_shadow_decisions} are asked for"
        )
        findings.append(Finding("too-few-shadowed", message))
    ceiling = limits.max_review_share
    if ceiling is not None and run.review is not None and run.review > ceiling:
        findings.append(Finding("shadow-review-share", f"over the ceiling of {ceiling:g}: {run.in_words()}"))
    return findings


def _run(path: Path, document: _Document, one: _Shadow, champion: Bundle) -> ShadowRun:
    beside = sum(part.judged for part in one.beside if part.in_force.model_digest == champion.digest)
    review = one.to_review
    return ShadowRun(
        report=str(path),
        made_at=document.made_at,
        sampled=one.sampled,
        judged=one.judged,
        beside_champion=beside,
        flips=one.flips.hits,
        review_in_force=review.in_force.value,
        review=review.shadow.value,
        low=review.shadow.low,
        high=review.shadow.high,
    )
