"""A bento is what gets deployed: built here, served from its own folder, it must answer as the checkout does."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.pictures import meme
from support.server import free_port, running

from model import load

ROOT = Path(__file__).parents[2]


def _build(home: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "bentoml", "build", "--output", "tag"],
        env=os.environ | {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("__tag__:")]
    return line.removeprefix("__tag__:")


def test_a_built_bento_answers_as_the_checkout_does(tmp_path: Path) -> None:
    home = tmp_path / "bentoml"
    home.mkdir()
    tag = _build(home)
    source = home / "bentos" / tag.replace(":", "/") / "src"
    assert sorted(path.name for path in source.iterdir()) == ["bentofile.yaml", "model", "serving"]
    assert not (source / "model" / "network").exists()

    # A blank line gives the bento's copy another digest: the answer shows that it was not the checkout's that judged.
    manifest = source / "model" / "bundles" / "compact" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b"\n")

    expected = load().score_file(_written(tmp_path / "meme.png"))
    port = free_port()
    command = ["bentoml", "serve", tag, "--host", "127.0.0.1", "--port", str(port)]
    with running(command, port, tmp_path) as server:
        answer = server.classify(meme(5)).json()
    assert answer["scores"] == pytest.approx(expected.scores, abs=1e-5)
    assert answer["decision"] == expected.decision
    assert answer["text"]["content"] == expected.text.content
    assert answer["model"]["digest"] == hashlib.sha256(manifest.read_bytes()).hexdigest()


def _written(path: Path) -> Path:
    path.write_bytes(meme(5))
    return path
