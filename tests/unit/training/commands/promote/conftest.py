"""A champion and challengers, labelled memes that they are compared on, and a store of one's own."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.preparation import picture
from support.tiny import TinyBundle, tiny_network

from model.bundle import Bundle, CalibrationByModality, CalibrationSpec
from model.export import export_head
from training.datasets import Sample
from training.evaluation.scoring import score_bundle
from training.promotion.store import Store

N = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("promotion")


@pytest.fixture(scope="module")
def samples(folder: Path) -> list[Sample]:
    (folder / "memes" / "img").mkdir(parents=True)
    made = []
    for index in range(N):
        path = folder / "memes" / "img" / f"{index}.png"
        picture(index).save(path)
        made.append(Sample(str(index), "memes", "dev", f"word {index % 13} and {index % 7}", {"hateful": 0}, path))
    return made


@pytest.fixture(scope="module")
def logits(tiny: TinyBundle, samples: list[Sample]) -> NDArray[np.float32]:
    """What the small network says of the samples, [N]."""
    found: NDArray[np.float32] = score_bundle(tiny.bundle, samples, threads=1).logits["hateful"][:, 0]
    return found


@pytest.fixture(scope="module")
def data(samples: list[Sample], logits: NDArray[np.float32], folder: Path) -> Path:
    """Memes in the Hateful Memes layout, labelled as the champion sees them, but for a few."""
    labels = (logits > np.median(logits)).astype(int)
    labels[:4] = 1 - labels[:4]
    rows = [
        {"id": sample.id, "img": f"img/{sample.id}.png", "label": int(label), "text": sample.text}
        for sample, label in zip(samples, labels, strict=True)
    ]
    root = folder / "memes"
    (root / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def calibration(tiny: TinyBundle, logits: NDArray[np.float32]) -> dict[str, CalibrationByModality]:
    """Half of the samples lie above 0.5."""
    scale = float(2 / logits.std())
    fitted = CalibrationSpec(scale=scale, shift=float(-scale * np.median(logits)))
    return {**tiny.parts.calibration, "hateful": CalibrationByModality.alike(fitted)}


@pytest.fixture(scope="module")
def champion(tiny: TinyBundle, folder: Path, calibration: dict[str, CalibrationByModality]) -> Bundle:
    return tiny.written_anew(folder / "champion", calibration=calibration)


@pytest.fixture(scope="module")
def level(tiny: TinyBundle, folder: Path, calibration: dict[str, CalibrationByModality]) -> Bundle:
    """As good as the champion, and another bundle."""
    return tiny.written_anew(folder / "level", version="0.0.2", calibration=calibration)


@pytest.fixture(scope="module")
def worse(tiny: TinyBundle, folder: Path, calibration: dict[str, CalibrationByModality]) -> Bundle:
    """A head that learnt something else."""
    head = folder / "worse.onnx"
    export_head(tiny_network(seed=7, knowledge=False), head, "fp32")
    return tiny.written_anew(folder / "worse", version="0.0.3", calibration=calibration, head_path=head)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return Store.open()
