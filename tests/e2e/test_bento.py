"""A bento is what gets deployed: built here, served from its own folder, it must answer as the checkout does."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT
from support.judgements import flat
from support.pictures import meme
from support.server import free_port, running

from model import load


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
    _same_files(source)
    health_check = _health_check((source.parent / "env" / "docker" / "Dockerfile").read_text())

    # A blank line gives the bento's copy another digest: the answer shows that it was not the checkout's that judged.
    manifest = source / "model" / "bundles" / "compact" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b"\n")

    expected = load().score_file(_written(tmp_path / "meme.png"))
    port = free_port()
    command = ["bentoml", "serve", tag, "--host", "127.0.0.1", "--port", str(port)]
    with running(command, port, tmp_path) as server:
        answer = server.classify(meme(5)).json()
        assert _exit_status(health_check, port) == 0
    assert _exit_status(health_check, port) != 0
    assert flat(answer["scores"]) == pytest.approx(flat(expected.scores), abs=1e-5)
    assert answer["decision"] == expected.decision
    assert answer["text"]["content"] == expected.text.content
    assert answer["model"]["digest"] == hashlib.sha256(manifest.read_bytes()).hexdigest()


def _same_files(source: Path) -> None:
    """Every file of the packages is in the bento, templates and YAML too, but for what needs torch."""
    left_out = ("__pycache__", "model/network", "model/export")
    for package in ("model", "serving"):
        files = {path.relative_to(ROOT) for path in (ROOT / package).rglob("*") if path.is_file()}
        wanted = {path for path in files if not any(part in path.as_posix() for part in left_out)}
        assert wanted <= {path.relative_to(source) for path in source.rglob("*")}


def _health_check(dockerfile: str) -> list[str]:
    """The command of the image's health check. The image has tesseract in it, and is not root's when it starts."""
    lines = dockerfile.splitlines()
    assert "tesseract-ocr" in next(line for line in lines if "ca-certificates" in line)
    assert [line for line in lines if line.startswith("USER ")][-1] == "USER bentoml"
    for variable in ("MEMEGUARD_LOG_FORMAT", "ORT_DISABLE_TELEMETRY", "BENTOML_DO_NOT_TRACK"):
        assert f"ENV {variable}=${variable}" in lines
    assert any(line.startswith("HEALTHCHECK ") for line in lines)
    (command,) = [line.strip().removeprefix("CMD ") for line in lines if line.strip().startswith("CMD ")]
    words: list[str] = json.loads(command)
    return words


def _exit_status(command: list[str], port: int) -> int:
    assert command[0] == "python"
    environ = os.environ | {"BENTOML_PORT": str(port)}
    return subprocess.run([sys.executable, *command[1:]], env=environ, check=False, capture_output=True).returncode


def _written(path: Path) -> Path:
    path.write_bytes(meme(5))
    return path
