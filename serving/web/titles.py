"""The words by which the pages call tasks and classes, made of the taxonomy's names."""

_CLASS_TITLES = {"pc_empty": "none", "attack_empty": "none"}


def task_title(name: str) -> str:
    """As in "Hateful"."""
    return _spaced(name.removeprefix("memotion_")).capitalize()


def class_title(name: str) -> str:
    """As in "not hateful"."""
    return _CLASS_TITLES.get(name, _spaced(name))


def _spaced(name: str) -> str:
    return name.replace("_", " ")
