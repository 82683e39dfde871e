"""Groups of people as sets and templates name them, with the classes of the task ``target`` that an attack on them has.

This is the one place for that. A group of an intersection has both classes (Black women: race or origin, and sex or
gender), but men, lesbians and gay men the one that they are attacked for there. Muslims, Jews, Hindus and Sikhs are
attacked as a religion; immigrants, refugees, travellers and nations for where they come from. LGBTQ people as a whole
stand with sexual orientation, trans and nonbinary people with sex or gender.
"""

from collections.abc import Iterable

from model.taxonomy import TASKS
from training.datasets.base import Labels, hateful

_CLASSES = TASKS["target"].classes
_HATEFUL, _HARMLESS = hateful(True)["hateful"], hateful(False)["hateful"]
_NOBODY: Labels = {"target": (_CLASSES.index("none"),)}


def _groups(classes: tuple[str, ...], *names: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(names, classes)


#: Names without case, and with blanks in place of underscores. An attack on a group without a class is of no class
#: here: it is for something that the task does not ask about.
CLASSES_OF_GROUP: dict[str, tuple[str, ...]] = {
    **_groups(
        ("religion",),
        "muslim", "muslims", "jewish", "jews", "sikh", "hindu", "buddhist", "taoist", "christian", "catholic",
        "protestant", "mus", "jew", "hind", "religion",
    ),
    **_groups(
        ("race_or_origin",),
        "black", "black people", "african american", "african", "white", "asian", "chinese", "japanese", "indian",
        "middle eastern", "middle east", "latino", "latina", "latinx", "hispanic", "mexican", "native american",
        "european", "american", "canadian", "immigrants", "bla", "blaman", "asi", "asiman", "asi.east",
        "asi.east.chin", "asi.south", "asi.south.pak", "asi.south.thai", "arab", "hisp", "mex", "ethmin", "mix.race",
        "indig", "ind", "abo", "trav", "immig", "ref", "asy", "for", "europe.east", "race", "nationality",
    ),
    **_groups(
        ("sex_or_gender",),
        "women", "female", "male", "trans people", "trans", "transgender", "nonbinary", "wom", "sex",
        "sex or gender",
    ),
    **_groups(
        ("sexual_orientation",),
        "gay people", "gay", "lesbian", "bisexual", "homosexual", "heterosexual", "straight", "queer", "lgbt", "lgbtq",
        "lgbtqa", "gayman", "gaywom", "bis", "sexual orientation",
    ),
    **_groups(
        ("disability",),
        "disabled people", "deaf", "blind", "paralyzed", "physical dis", "mental dis", "dis", "disability",
    ),
    **_groups(("religion", "sex_or_gender"), "muswom", "sikhwom"),
    **_groups(("race_or_origin", "sex_or_gender"), "blawom", "asiwom", "indwom", "indigwom", "mexwom"),
    # Age and social class, and what a set writes where no group was noted.
    **_groups(
        (),
        "old", "older", "elderly", "young", "younger", "teenage", "middle aged", "millenial", "wc", "other", "none",
    ),
}  # fmt: skip


class TargetLabels:
    """Gives samples of one set their label of ``target``; ``unknown`` are the names of groups that are not known."""

    def __init__(self) -> None:
        self._unknown: set[str] = set()

    @property
    def unknown(self) -> tuple[str, ...]:
        """In the set's own words, sorted."""
        return tuple(sorted(self._unknown))

    def added(self, labels: Labels, groups: Iterable[str]) -> Labels:
        """``labels`` with whom the content attacks: nobody where it is not hateful, else these ``groups``.

        Without a label where nobody says whom it attacks, where one of the groups is not known, and where all of them
        are of no class: "none" would say that it attacks nobody.
        """
        if labels.get("hateful") == _HARMLESS:
            return labels | _NOBODY
        if labels.get("hateful") != _HATEFUL:
            return labels
        names = list(groups)
        found = [_classes_of(name) for name in names]
        self._unknown.update(name for name, known in zip(names, found, strict=True) if known is None)
        classes = {name for known in found if known for name in known}
        if not classes or None in found:
            return labels
        return labels | {"target": tuple(sorted(map(_CLASSES.index, classes)))}


def _classes_of(name: str) -> tuple[str, ...] | None:
    """None: nobody knows that group. HatemojiBuild writes "nat." before a nation."""
    key = name.strip().casefold().replace("_", " ")
    return CLASSES_OF_GROUP.get("nationality" if key.startswith("nat.") else key)
