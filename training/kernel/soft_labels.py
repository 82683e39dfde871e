"""What a teacher says of a training set: of which tasks, its soft labels, and where a run keeps them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from model.atomic import write_atomically
from model.network.memefier import MemeNetwork
from model.taxonomy import Task
from training.data.examples import Examples
from training.data.modalities import Modalities
from training.datasets import Sample
from training.datasets.base import ABSENT
from training.errors import ConfigError, RunError
from training.kernel.config import TeacherConfig
from training.kernel.memory import check_size, described, tower_views, whole_rows
from training.kernel.ridge import Floats, soft_labels

#: In the folder of a run.
SOFT_LABELS_FILE = "teacher.safetensors"
_NAME = "soft_labels"


def taught_tasks(
    samples: Sequence[Sample], tasks: Sequence[Task], config: TeacherConfig, modalities: Modalities
) -> list[Task]:
    """The binary tasks that a teacher can be fitted on, fold by fold.

    Raises ``ConfigError`` when there is none, or when there are too many samples: cheap, so before any work.
    """
    rows = whole_rows(samples, modalities)
    check_size(len(rows), "teacher")
    counts = {}
    for task in tasks:
        if task.kind == "binary":
            labels = [samples[row].labels.get(task.name, ABSENT) for row in rows]
            counts[task] = labels.count(0), labels.count(1)
    taught = [task for task, pair in counts.items() if min(pair) >= config.folds]
    if not taught:
        found = "; ".join(f"of {task.name!r} {one} and {other}" for task, (one, other) in counts.items())
        raise ConfigError(
            f"teacher.folds is {config.folds}, so a teacher needs as many training samples of either class with "
            f"{described(modalities)}, and there are {found}: take fewer folds, or leave the teacher out (teacher=null "
            "losses.distillation_weight=0)"
        )
    return taught


def teach(
    network: MemeNetwork,
    examples: Examples,
    rows: NDArray[np.int64],
    tasks: Sequence[Task],
    config: TeacherConfig,
    seed: int,
    modalities: Modalities,
) -> Floats:
    """Out-of-fold soft labels [N, n_tasks] of those samples at ``rows`` that have the label; NaN everywhere else.

    The teacher reads what the towers of ``network`` see of ``modalities``. Every one of ``tasks`` is binary.
    """
    soft = np.full((len(examples), len(examples.tasks)), np.nan)
    for task in tasks:
        place = examples.tasks.index(task)
        labels = examples.labels(place)
        known = rows[labels[rows] != ABSENT]
        views = list(tower_views(network, examples, known, modalities).values())
        soft[known, place] = soft_labels(views, labels[known], config, seed)
    return soft


def write_soft_labels(path: Path, soft: Floats) -> None:
    """Keep soft labels, in one step: computed anew on another machine, they could differ in the last bit."""
    write_atomically(path, save({_NAME: soft}))


def read_soft_labels(path: Path, n_samples: int) -> Floats:
    """What ``write_soft_labels`` wrote; raises ``RunError`` when it cannot be read or is of other samples."""
    try:
        soft: Floats = load_file(path)[_NAME]
    except (OSError, KeyError, SafetensorError) as error:
        raise RunError(f"{path}: soft labels cannot be read ({error}); train into another folder") from error
    if len(soft) != n_samples:
        raise RunError(f"{path} holds soft labels of {len(soft)} samples, not {n_samples}; train into another folder")
    return soft
