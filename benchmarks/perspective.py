"""Which attribute of Perspective a score may answer: does it put in order what the attribute asks for?

    python -m benchmarks.perspective --data ../shared/data

HateCheck's sentences of each kind that an attribute is about, against kinds that it is not about: AUROC with its 95%
interval. A score that does not tell them apart may not answer the attribute, whatever the name of its task.
"""

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model import Meme, Verdict, load
from training.evaluation.metrics.bootstrap import bootstrap
from training.evaluation.metrics.measures import AUROC
from training.evaluation.report.wording import interval_text

_FILE = Path("text_hate") / "hatecheck.csv"
_HATE = "every hateful sentence"
_OTHERS = "every other sentence"


@dataclass(frozen=True)
class Question:
    """Whether ``task`` puts sentences of the kinds ``about`` above those of ``others``; names of HateCheck's."""

    attribute: str
    task: str
    about: tuple[str, ...]
    others: tuple[str, ...]


_INSULTS = ("target_indiv_nh", "target_group_nh")
QUESTIONS = (
    Question("IDENTITY_ATTACK", "hateful", (_HATE,), (_OTHERS,)),
    Question("IDENTITY_ATTACK", "hateful", (_HATE,), _INSULTS),
    *(
        Question("INSULT", task, _INSULTS, others)
        for task in ("offensive", "hateful")
        for others in (("ident_neutral_nh", "ident_pos_nh"), ("target_obj_nh",), ("profanity_nh",))
    ),
)


def kinds_of(row: dict[str, str]) -> set[str]:
    """By what a question may name a sentence."""
    return {row["functionality"], _HATE if row["label_gold"] == "hateful" else _OTHERS}


def answer(question: Question, kinds: Sequence[set[str]], scores: np.ndarray) -> str:
    """A row of the table. ``scores`` [N] are the task's."""
    about = np.array([not one.isdisjoint(question.about) for one in kinds])
    asked = about | np.array([not one.isdisjoint(question.others) for one in kinds])
    found = bootstrap(AUROC, about[asked].astype(np.int64), scores[asked])
    names = f"{', '.join(question.about)} | {', '.join(question.others)}"
    return f"| {question.attribute} | {question.task} | {names} | {int(asked.sum())} | {interval_text(found)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with text_hate/hatecheck.csv")
    parser.add_argument("--bundle", type=Path, help="bundle folder; default: the one that ships")
    arguments = parser.parse_args()
    with (arguments.data / _FILE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    scorer = load(arguments.bundle, ocr="none") if arguments.bundle else load(ocr="none")
    verdicts = scorer.score(Meme.from_text(row["test_case"]) for row in rows)
    kinds = [kinds_of(row) for row in rows]
    print("| attribute | task | about | others | sentences | AUROC |\n|---|---|---|---|---|---|")
    for question in QUESTIONS:
        scores = np.array([verdict.scores[question.task] for verdict in verdicts if isinstance(verdict, Verdict)])
        print(answer(question, kinds, scores))


if __name__ == "__main__":
    main()
