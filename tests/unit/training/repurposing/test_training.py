"""The task of mismatched twins, trained like any other on what the command wrote."""

from pathlib import Path

import yaml
from support.runs import config_document, done, invoke, write_compact_weights
from support.tiny import TinyBundle

from training.run.config.file import config_path, load_train_config
from training.run.folder import RunFolder


def test_a_network_is_trained_on_twins_as_they_were_written(tiny: TinyBundle, memes: Path, tmp_path: Path) -> None:
    out = tmp_path / "data" / "twins"
    making = ["data", "confound", memes, "--out", out, "--swap", "random", "--bundle", tiny.bundle.path]
    done(invoke(*map(str, making), "--cache", str(memes.parent / "cache")))
    document = config_document(write_compact_weights(tmp_path / "weights"))
    document["network"]["tasks"] = ["mismatch"]
    document["data"] = {"train": ["twins:train"]}
    document["phases"][0] |= {"select_on": "mismatch", "epochs": 2}
    (tmp_path / "mismatch.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    given = ["--config", tmp_path / "mismatch.yaml", "--data", tmp_path / "data", "--cache", tmp_path / "cache"]
    done(invoke("train", *map(str, given), "--out", str(tmp_path / "run")))
    assert RunFolder(tmp_path / "run").is_finished
    results = (tmp_path / "run" / "results.md").read_text(encoding="utf-8")
    assert "mismatch" in results


def test_the_ready_config_has_the_task_and_asks_for_no_review() -> None:
    config = load_train_config(config_path("mismatch"), [], Path("twins"))
    assert config.network.tasks == ("mismatch",)
    assert config.policy_tasks == ()
