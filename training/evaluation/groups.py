"""Groups of memes that may be judged differently: who is named or attacked, how long the words are, what is tested.

No group is inferred from a face or a picture: they come from annotations and from the words alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from model.atomic import file_digest
from model.preprocess import normalise_text
from model.taxonomy import TASKS
from model.text.identity_terms import identity_patterns
from training.datasets import LAYOUTS, Sample
from training.evaluation.metrics.measures import Ints, Mask

ResampleBy = Literal["item", "text", "picture"]
#: A single identity term is shown as a group of its own from this many items on.
_MIN_TERM_ITEMS = 20
#: The items outside all groups, which the groups are held against.
_NO_TERM, _NO_GROUP = "no identity term", "no group named"
#: All groups together: in many sets each is small.
_ANY_TERM, _ANY_GROUP = "any identity term", "any group named"
#: Upper bounds, in words, of short and medium texts; captions of meme templates are mostly short.
_SHORT, _MEDIUM = 8, 20


@dataclass(frozen=True)
class Grouping:
    """One way of sorting items: ``masks`` [N] by group name. Groups may overlap and need not cover every item.

    ``has_background`` says that a group is to be held against the items outside it (Borkan et al. 2019).
    ``reference`` is the name of the items outside all groups, where they have one.
    """

    name: str
    title: str
    note: str
    masks: dict[str, Mask] = field(repr=False)
    has_background: bool = False
    reference: str | None = None


def groupings(samples: Sequence[Sample]) -> list[Grouping]:
    """Every grouping that these samples have something for."""
    ways = (by_identity_terms, by_protected_class, by_target, by_text_length, by_target_group, by_function)
    return [grouping for grouping in (way(samples) for way in ways) if len(grouping.masks) > 1]


def by_whom_they_name(samples: Sequence[Sample]) -> Grouping:
    """Whom items are about, as a set's authors say; the identity terms in the words where they do not."""
    named = by_target_group(samples)
    return named if named.masks else by_identity_terms(samples)


def by_identity_terms(samples: Sequence[Sample]) -> Grouping:
    """Whose words name a group of people, by protected class and, where there are enough items, by term."""
    texts = [normalise_text(sample.text).casefold() for sample in samples]
    masks: dict[str, Mask] = {}
    terms: dict[str, Mask] = {}
    for protected_class, names in identity_patterns().items():
        found = {name: np.array([bool(pattern.search(text)) for text in texts]) for name, pattern in names.items()}
        masks[protected_class] = np.any(list(found.values()), axis=0)
        terms |= {f"{protected_class}: {name}": mask for name, mask in found.items() if mask.sum() >= _MIN_TERM_ITEMS}
    any_term = np.any(list(masks.values()), axis=0)
    present = {name: mask for name, mask in masks.items() if mask.any()}
    masks_by_name = {_NO_TERM: ~any_term, _ANY_TERM: any_term} | present | terms
    return Grouping(
        "identity_terms",
        "Identity terms in the words",
        "Neutral words for people (model/text/identity_terms.yaml). A high false positive rate, or a low BPSN "
        "AUROC, says that harmless memes are held against those whom they name.",
        {_spaced(name): mask for name, mask in masks_by_name.items()} if any_term.any() else {},
        has_background=True,
        reference=_NO_TERM,
    )


def by_protected_class(samples: Sequence[Sample]) -> Grouping:
    """Who is attacked, where annotators said so."""
    return Grouping(
        "protected_class",
        "Protected class attacked",
        "As annotated; pc_empty: nobody. A meme that attacks two counts in both.",
        _masks_by_label(samples, "protected_class"),
        has_background=True,
    )


def by_target(samples: Sequence[Sample]) -> Grouping:
    """Who is attacked, by what they have in common, where the set says so: how much hate against them is found."""
    return Grouping(
        "target",
        "Who is attacked",
        "As labelled for the task target; none: nobody. What attacks two counts in both.",
        {_spaced(name): mask for name, mask in _masks_by_label(samples, "target").items()},
        has_background=True,
    )


def by_text_length(samples: Sequence[Sample]) -> Grouping:
    """How many words a meme has."""
    words = np.array([len(normalise_text(sample.text).split()) for sample in samples])
    masks = {
        "none": words == 0,
        f"short (1 to {_SHORT} words)": (words > 0) & (words <= _SHORT),
        f"medium ({_SHORT + 1} to {_MEDIUM})": (words > _SHORT) & (words <= _MEDIUM),
        f"long (over {_MEDIUM})": words > _MEDIUM,
    }
    return Grouping(
        "text_length",
        "Length of the words",
        "In the words that were scored.",
        {name: mask for name, mask in masks.items() if mask.any()},
    )


def by_target_group(samples: Sequence[Sample]) -> Grouping:
    """Whom a sentence is about, harmless ones too, in sets whose authors say so: HateCheck, ToxiGen and others."""
    places = {name: one.target_tag for name, one in LAYOUTS.items() if one.target_tag is not None}
    masks = _masks_by_tag(samples, places)
    named = np.any(list(masks.values()), axis=0) if masks else np.zeros(len(samples), dtype=bool)
    beside = {_NO_GROUP: ~named} if masks and not named.all() else {}
    beside |= {_ANY_GROUP: named} if len(masks) > 1 else {}
    return Grouping(
        "target_group",
        "Group that the sentence is about",
        "As the set's authors say, in their words. HateCheck's and madlibs' templates were filled with most groups.",
        beside | masks,
        has_background=True,
        reference=_NO_GROUP,
    )


def by_function(samples: Sequence[Sample]) -> Grouping:
    """HateCheck's functional tests (Roettger et al. 2021): each function has one right answer, so accuracy says all."""
    return Grouping(
        "function",
        "HateCheck by functionality",
        "Names that end in _h are hateful tests, in _nh not hateful ones.",
        _masks_by_tag(samples, {"hatecheck": 0}),
    )


def resampling_groups(samples: Sequence[Sample], by: ResampleBy) -> Ints | None:
    """Numbers [N] of the groups that a resample draws whole; None: every item by itself.

    ``text``: memes with the same words; ``picture``: memes with the same bytes of picture.
    """
    if by == "item":
        return None
    keys = [_text_key(sample) if by == "text" else _picture_key(sample) for sample in samples]
    return np.asarray(np.unique(np.array(keys), return_inverse=True)[1], dtype=np.int64)


def _masks_by_label(samples: Sequence[Sample], task: str) -> dict[str, Mask]:
    """Samples by each class of a multilabel task that some of them have."""
    labels = [sample.labels.get(task) for sample in samples]
    sets = [set(label) if isinstance(label, tuple) else set() for label in labels]
    masks = {name: np.array([index in own for own in sets]) for index, name in enumerate(TASKS[task].classes)}
    return {name: mask for name, mask in masks.items() if mask.any()}


def _masks_by_tag(samples: Sequence[Sample], place_of: Mapping[str, int]) -> dict[str, Mask]:
    """Samples by the tag at the place for their set; none of another set, whose tags say something else."""
    tags = [dict(enumerate(sample.tags)) for sample in samples]
    found = [own.get(place_of.get(sample.dataset, -1)) for sample, own in zip(samples, tags, strict=True)]
    names = sorted({name for name in found if name is not None})
    return {name: np.array([one == name for one in found]) for name in names}


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _text_key(sample: Sample) -> str:
    return normalise_text(sample.text).casefold() or f"no words, {sample.dataset} {sample.id}"


def _picture_key(sample: Sample) -> str:
    if sample.image is None:
        return f"no picture, {sample.dataset} {sample.id}"
    return file_digest(sample.image)
