"""Text-only hate speech: HatemojiBuild (Kirk et al. 2022), Stormfront (de Gibert et al. 2018) and HateCheck
(Roettger et al. 2021). HateCheck is a functional test: never train on it.

Each reader takes the folder or, since all three may lie in one, the file itself.
"""

import re
from pathlib import Path

from training.datasets.base import Loaded, Sample, hateful
from training.datasets.shown import shown
from training.datasets.split_files import file_of_split, files_there
from training.datasets.tables import Row, RowProblem, Table, load_rows, read_csv
from training.datasets.target_groups import TargetLabels

_HATEMOJI = {
    split: f"hatemoji_build_{name}.csv" for split, name in (("train", "train"), ("dev", "validation"), ("test", "test"))
}
_STORMFRONT = {"train": "stormfront.csv"}
_HATECHECK = {"test": "hatecheck.csv"}
#: HatemojiBuild writes the attacked groups as a list of Python has it, in codes: "['asi.south', 'mus']".
_CODE = re.compile(r"[\w.]+")


def splits_of_hatemoji(root: Path) -> tuple[str, ...]:
    """Those of ``train``, ``dev`` and ``test`` whose file is there."""
    return tuple(files_there(root, _HATEMOJI))


def splits_of_stormfront(root: Path) -> tuple[str, ...]:
    """``train``: the set has no official split."""
    return tuple(files_there(root, _STORMFRONT))


def splits_of_hatecheck(root: Path) -> tuple[str, ...]:
    """``test``, and never another one."""
    return tuple(files_there(root, _HATECHECK))


def read_hatemoji(root: Path, split: str, *, dataset: str = "hatemoji") -> Loaded:
    """HatemojiBuild, ``hatemoji_build_{train,validation,test}.csv``: adversarial, balanced, rich in emoji."""
    table = _table(root, _HATEMOJI, split, "entry_id", "text", "label_gold")
    target = TargetLabels()

    def parse(row: Row) -> Sample:
        is_hateful = _is_hateful(row, "label_gold", hate="1", no_hate="0")
        labels = hateful(is_hateful)
        if "target" in row.values:
            labels = target.added(labels, _CODE.findall(row.text("target")))
        return Sample(row.text("entry_id"), dataset, split, row.text("text"), labels)

    return load_rows(table, parse, target=target)


def read_stormfront(root: Path, split: str = "train", *, dataset: str = "stormfront") -> Loaded:
    """``stormfront.csv``: forum sentences labelled hate or noHate; it has no official split."""
    table = _table(root, _STORMFRONT, split, "id", "text", "label")

    def parse(row: Row) -> Sample:
        is_hateful = _is_hateful(row, "label", hate="hate", no_hate="noHate")
        return Sample(row.text("id"), dataset, split, row.text("text"), hateful(is_hateful))

    return load_rows(table, parse)


def read_hatecheck(root: Path, split: str = "test", *, dataset: str = "hatecheck") -> Loaded:
    """``hatecheck.csv``: 29 functions. The tags are a test's function and, where it has one, its target group."""
    table = _table(root, _HATECHECK, split, "case_id", "test_case", "functionality", "label_gold")
    target = TargetLabels()

    def parse(row: Row) -> Sample:
        is_hateful = _is_hateful(row, "label_gold", hate="hateful", no_hate="non-hateful")
        tags = tuple(filter(None, (row.text("functionality"), row.text("target_ident"))))
        labels = hateful(is_hateful)
        if "target_ident" in row.values:
            labels = target.added(labels, tags[1:])
        return Sample(row.text("case_id"), dataset, split, row.text("test_case"), labels, tags=tags)

    return load_rows(table, parse, target=target)


def _table(root: Path, files: dict[str, str], split: str, *columns: str) -> Table:
    path = file_of_split(files_there(root, files), split, root / files.get(split, f"{split}.csv"))
    return read_csv(path).nonempty().require(*columns)


def _is_hateful(row: Row, column: str, *, hate: str, no_hate: str) -> bool:
    label = row.text(column)
    if label not in (hate, no_hate):
        raise RowProblem(f"label {shown(label)} is unknown; expected {hate} or {no_hate}")
    return label == hate
