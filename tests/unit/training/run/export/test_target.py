"""A run that learns whom memes attack beside whether they are hateful, with a memory, to the bundle that ships."""

from pathlib import Path

import numpy as np
import pytest
from support.runs import Workplace, dev_logits, done, invoke

from model import open_bundle
from training.datasets import Source
from training.evaluation.scoring import score_bundle
from training.run.export.restore import restore
from training.run.folder import RunFolder

WHOM = {"1": "hateful=hateful, target=religion", "0": "hateful=not_hateful, target=none"}


@pytest.mark.slow
def test_whom_a_meme_attacks_is_trained_beside_a_memory_and_ships(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    source = {"path": "memes", "layout": "hateful_memes", "label_map": WHOM}
    changed = (
        "network.tasks=[hateful, target]",
        f"data.train=[{Source.model_validate(source | {'split': 'train'}).model_dump_json(exclude_unset=True)}]",
        f"data.dev=[{Source.model_validate(source | {'split': 'dev'}).model_dump_json(exclude_unset=True)}]",
        "memory={}",
    )
    done(invoke(*place.train_arguments("run", *changed)))
    done(invoke(*place.export_arguments("run", "--precision", "fp32")))
    bundle = open_bundle(tmp_path / "run" / "bundle")
    assert [task.name for task in bundle.manifest.tasks] == ["hateful", "target"]
    assert {row.task for row in bundle.manifest.metrics} == {"hateful", "target"}
    restored = restore(RunFolder(tmp_path / "run"), tmp_path / "cache")
    assert restored.memory is not None
    assert restored.memory.weights.shape[1] == 1
    torch_logits, shipped = dev_logits(place, "run")
    assert [values.shape for values in shipped] == [(12, 1), (12, 6)]
    assert max(np.abs(one - other).max() for one, other in zip(torch_logits, shipped, strict=True)) < 1e-3
    scored = score_bundle(bundle, restored.dev.samples[:2])
    assert scored.probabilities["target"].shape == (2, 6)
