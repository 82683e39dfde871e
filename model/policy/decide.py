"""Logits become calibrated scores, and scores held against a policy become a decision.

The decision is an aid to a moderator. "review" is an answer of its own: it is also given when the words of a picture
could not be read, or something of the meme was not judged, since a score without that is no ground for letting it pass.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from model.bundle import Thresholds, ThresholdsByModality
from model.modality import MODALITIES, Modality, modality_title
from model.ocr.types import OcrStatus
from model.policy.known_memes import BankAnswer, known_memes, missing_reasons, not_asked, reason_of
from model.policy.policy import Policy
from model.policy.scored_views import ScoredView, highest_named, scored_views
from model.verdict import (
    DECISIONS,
    Decision,
    Judgement,
    KnownMeme,
    PictureEvidence,
    PictureStatus,
    Ruling,
    Score,
    TextEvidence,
    WordMatch,
    strictest,
)

_NO_GROUND = "every score is under its review threshold"


@dataclass(frozen=True)
class Ground:
    """One thing that asks for a decision: ``rule`` says which rule it is, ``reason`` what met it in this meme.

    ``is_score``: it is a score that met a threshold.
    """

    decision: Decision
    rule: str
    reason: str
    is_score: bool = False


def decide_on(
    judgement: Judgement,
    policy: Policy,
    *,
    banks: BankAnswer | None = None,
    categories: Mapping[str, float] | None = None,
) -> Ruling:
    """``decide`` on the scores and the evidence of a judgement."""
    return decide(
        judgement.scores,
        judgement.text,
        policy,
        judgement.picture,
        judged_as=judgement.judged_as,
        banks=banks,
        categories=categories,
    )


def decide(
    scores: Mapping[str, Score],
    text: TextEvidence,
    policy: Policy,
    picture: PictureEvidence | None = None,
    *,
    judged_as: Modality,
    banks: BankAnswer | None = None,
    categories: Mapping[str, float] | None = None,
) -> Ruling:
    """The strictest decision that a threshold, a word list, a bank or the lack of words asks for, with the reasons.

    ``judged_as`` is the modality whose thresholds count, unless views of the picture differ in theirs. Reasons may be
    logged: they name a word list, never the word that was found. ``banks`` is what the policy's banks say of the
    meme; None: nobody asked them. ``categories`` are scores of categories of one's own.
    """
    matches = policy.words.find(text.content)
    status = "ok" if picture is None else picture.status
    views = scored_views(scores, judged_as, picture, categories)
    answer = not_asked(policy.banks) if banks is None else banks
    known = known_memes(answer, policy.banks)
    found = grounds(views, text.status, matches, policy, status, (*_met_banks(known), *_not_there(answer)))
    benign = tuple(one for one in known if one.action == "benign")
    if benign:
        found = [ground for ground in found if not ground.is_score]
    reasons = (*(ground.reason for ground in found), *(reason_of(one) for one in benign))
    return Ruling(
        decision=strictest(ground.decision for ground in found),
        reasons=reasons or (_NO_GROUND,),
        severity=_severity(views, policy),
        matches=matches,
        known=known,
    )


def grounds(
    views: Sequence[ScoredView],
    text_status: OcrStatus,
    matches: Sequence[WordMatch],
    policy: Policy,
    picture_status: PictureStatus = "ok",
    of_banks: Iterable[Ground] = (),
) -> list[Ground]:
    """Everything that asks for more than "allow", the strictest first; ``of_banks`` are grounds beside those here."""
    found = [*met_thresholds(views, policy.thresholds), *_met_lists(matches), *of_banks]
    found += _not_judged(text_status, picture_status, policy)
    found = [ground for ground in found if ground.decision != "allow"]
    return sorted(found, key=lambda ground: DECISIONS.index(ground.decision), reverse=True)


def _not_judged(text_status: OcrStatus, picture_status: PictureStatus, policy: Policy) -> Iterator[Ground]:
    """What no score is of: always a review where nobody read the words, as the policy says where some are missing."""
    if text_status in ("unavailable", "failed"):
        yield Ground("review", "words not read", f"the picture's words could not be read ({text_status})")
    elif text_status != "ok":
        yield Ground(policy.partial.text, "words partly judged", f"not all of the words were judged ({text_status})")
    if picture_status != "ok":
        yield Ground(policy.partial.picture, "picture partly judged", "not all that the picture shows was judged")


def met_thresholds(views: Sequence[ScoredView], thresholds: Mapping[str, ThresholdsByModality]) -> Iterator[Ground]:
    """A ground for each threshold, by name, that a view of its modality meets."""
    for name, by_modality in thresholds.items():
        if by_modality.shared is not None:
            yield from _met(name, views, by_modality.shared)
            continue
        for modality in MODALITIES:
            shown = [view for view in views if view.modality == modality]
            yield from _met(name, shown, by_modality.of(modality), f" of {modality_title(modality)}")


def _met(name: str, views: Sequence[ScoredView], limits: Thresholds, of: str = "") -> Iterator[Ground]:
    score = highest_named(views, name)
    if score is not None and (action := limits.met(score)):
        reason = f"{name} {score:.3f} >= {action} threshold {limits.bounds[action]:.3f}{of}"
        yield Ground(action, f"{name} {action} threshold{of}", reason, is_score=True)


def _met_lists(matches: Sequence[WordMatch]) -> Iterator[Ground]:
    for (name, action), n_matches in Counter((match.word_list, match.action) for match in matches).items():
        told = "1 match" if n_matches == 1 else f"{n_matches} matches"
        yield Ground(action, f"word list {name}", f"word list {name}: {told}, which asks for {action}")


def _met_banks(known: Iterable[KnownMeme]) -> Iterator[Ground]:
    """A ground for each bank, action and kind of match: of a thousand entries that are alike one is told."""
    told = set()
    for one in known:
        if one.action in ("review", "block") and (one.bank, one.action, one.kind) not in told:
            told.add((one.bank, one.action, one.kind))
            yield Ground(one.action, f"bank {one.bank}", reason_of(one))


def _not_there(answer: BankAnswer) -> Iterator[Ground]:
    """Always a review, as where nobody read the words."""
    for name, reason in missing_reasons(answer):
        yield Ground("review", f"bank {name} not there", reason)


def _severity(views: Sequence[ScoredView], policy: Policy) -> dict[str, str]:
    """The name of the highest band that each score reaches."""
    named = {}
    for name, bands in policy.severity.items():
        score = highest_named(views, name)
        if score is not None:
            named[name] = [band.name for band in bands if score >= band.lower][-1]
    return named
