"""Every task the network can have, and its classes in the one order that the project uses.

A label's place in a logit vector is decided here and nowhere else. Readers translate what a file says (a CSV header,
"Non-offensiv") into these names; the network's heads, the manifest and the verdict take widths and names from here.
"""

from dataclasses import dataclass
from typing import Literal

TaskKind = Literal["binary", "multiclass", "multilabel"]


@dataclass(frozen=True)
class Task:
    """One question asked of a meme.

    ``kind`` says how logits become probabilities: ``binary`` has one logit (sigmoid, probability of ``classes[1]``),
    ``multiclass`` one logit a class (softmax), ``multilabel`` one logit a class (sigmoid each). ``empty_class`` is the
    class of a multilabel task that says that no other holds: of several parts of a meme it holds where it holds in all.
    """

    name: str
    classes: tuple[str, ...]
    kind: TaskKind
    description: str
    empty_class: str | None = None

    @property
    def n_logits(self) -> int:
        """Width of the task's logit vector."""
        return 1 if self.kind == "binary" else len(self.classes)


_TASKS = (
    Task("hateful", ("not_hateful", "hateful"), "binary", "Attacks people for a protected characteristic."),
    Task("offensive", ("not_offensive", "offensive"), "binary", "Offensive to a person or group (MultiOFF)."),
    # Memotion 7k: A is sentiment; B is four yes/no questions; C is their intensity.
    Task("memotion_sentiment", ("negative", "neutral", "positive"), "multiclass", "Memotion task A."),
    Task("memotion_humour", ("not_funny", "funny"), "binary", "Memotion task B."),
    Task("memotion_sarcasm", ("not_sarcastic", "sarcastic"), "binary", "Memotion task B."),
    Task("memotion_offensive", ("not_offensive", "offensive"), "binary", "Memotion task B."),
    Task("memotion_motivational", ("not_motivational", "motivational"), "binary", "Memotion task B."),
    Task(
        "memotion_humour_level",
        ("not_funny", "funny", "very_funny", "hilarious"),
        "multiclass",
        "Memotion task C.",
    ),
    Task(
        "memotion_sarcasm_level",
        ("not_sarcastic", "general", "twisted_meaning", "very_twisted"),
        "multiclass",
        "Memotion task C.",
    ),
    Task(
        "memotion_offensive_level",
        ("not_offensive", "slight", "very_offensive", "hateful_offensive"),
        "multiclass",
        "Memotion task C.",
    ),
    Task(
        "memotion_motivational_level",
        ("not_motivational", "motivational"),
        "multiclass",
        "Memotion task C.",
    ),
    # Fine-grained Hateful Memes.
    Task(
        "protected_class",
        ("pc_empty", "religion", "race", "sex", "nationality", "disability"),
        "multilabel",
        "Which protected characteristic is attacked.",
    ),
    Task(
        "attack",
        (
            "attack_empty",
            "dehumanizing",
            "inferiority",
            "mocking",
            "inciting_violence",
            "contempt",
            "slurs",
            "exclusion",
        ),
        "multilabel",
        "How it attacks.",
    ),
    # Of many sets; see training/datasets/target_groups.py.
    Task(
        "target",
        ("religion", "race_or_origin", "sex_or_gender", "sexual_orientation", "disability", "none"),
        "multilabel",
        "Whom it attacks, by what they have in common; none: nobody.",
        empty_class="none",
    ),
    # Of sets made by `memeguard data confound`.
    Task("mismatch", ("match", "mismatch"), "binary", "The picture does not belong to the words."),
)

TASKS: dict[str, Task] = {task.name: task for task in _TASKS}


def tasks_named(names: tuple[str, ...] | list[str]) -> tuple[Task, ...]:
    """Look tasks up by name, in taxonomy order whatever the order asked for.

    Raises ``ValueError`` naming the unknown task and the known ones.
    """
    unknown = [name for name in names if name not in TASKS]
    if unknown:
        raise ValueError(f"unknown task {unknown[0]!r}; known tasks: {', '.join(TASKS)}")
    return tuple(task for task in _TASKS if task.name in names)
