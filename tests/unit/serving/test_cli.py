import importlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from support import ROOT

from model import open_bundle
from serving.cli import SUBCOMMANDS, main
from training.commands.options import train_extra

#: What takes seconds to import.
HEAVY = {"torch", "transformers", "sklearn", "scipy", "pandas", "matplotlib", "bentoml"}
#: Packages of the extra ``train``.
EXTRA = ("torch", "scipy", "sklearn", "matplotlib", "imagehash")


def test_help_lists_every_command_without_importing_the_model() -> None:
    script = (
        "import sys; from serving.cli import main; main(['--help'], standalone_mode=False);"
        "print('onnxruntime' in sys.modules, 'bentoml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert all(name in done.stdout for name in SUBCOMMANDS)
    assert done.stdout.splitlines()[-1] == "False False"


def test_every_command_has_help() -> None:
    for name in SUBCOMMANDS:
        result = CliRunner().invoke(main, [name, "--help"])
        assert result.exit_code == 0, result.output


def test_help_of_training_is_quick_since_it_imports_nothing_heavy() -> None:
    commands = [["train"], ["export"], ["evaluate"], ["promote"], ["data"], ["data", "check"], ["data", "split"]]
    script = (
        "import sys; from serving.cli import main;"
        f"[main([*command, '--help'], standalone_mode=False) for command in {commands}];"
        f"print({HEAVY} & sys.modules.keys() or 'nothing')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.count("Usage: ") == len(commands)
    assert done.stdout.splitlines()[-1] == "nothing"


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--config", "quickstart"),
        ("export", "run"),
        ("evaluate", "--data", "memes"),
        ("promote", "bundle", "--data", "memes"),
        ("data", "check", "memes"),
    ],
)
def test_a_command_whose_extra_is_missing_says_so(arguments: tuple[str, ...], tmp_path: Path) -> None:
    script = f"import sys; sys.modules.update(dict.fromkeys({EXTRA})); from serving.cli import main; main()"
    words = [sys.executable, "-c", script, *arguments]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "needs the extra 'train', which is not installed" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_module_of_our_own_that_is_missing_is_no_missing_extra() -> None:
    with pytest.raises(ModuleNotFoundError, match="nowhere"), train_extra():
        importlib.import_module("training.nowhere")


def test_an_unknown_command_is_a_usage_error() -> None:
    assert CliRunner().invoke(main, ["scroe"]).exit_code == 2


def test_inspect_json_is_the_manifest_with_digest_and_sizes() -> None:
    bundle = open_bundle()
    document = json.loads(CliRunner().invoke(main, ["inspect", "--json"]).stdout)
    assert document["digest"] == bundle.digest
    assert document["manifest"] == bundle.manifest.model_dump(mode="json")
    assert document["size_bytes"]["tokenizer.json"] == bundle.file("tokenizer.json").stat().st_size


def test_inspect_shows_identity_tasks_and_precision() -> None:
    bundle = open_bundle()
    shown = CliRunner().invoke(main, ["inspect", str(bundle.path)]).stdout
    for expected in (bundle.manifest.name, bundle.manifest.version, bundle.digest[:40], "hateful", "precision"):
        assert expected in shown


def test_inspect_names_a_file_that_was_changed(tmp_path: Path) -> None:
    bundle = open_bundle()
    for name in (*bundle.manifest.files, "manifest.json"):
        (tmp_path / name).symlink_to(bundle.file(name).resolve())
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "tokenizer.json").write_text("{}")
    result = CliRunner().invoke(main, ["inspect", str(tmp_path)])
    assert result.exit_code == 1
    assert "tokenizer.json has sha256" in result.stderr


@pytest.mark.parametrize("port", ["0", "70000", "http"])
def test_an_impossible_port_is_a_usage_error(port: str) -> None:
    assert CliRunner().invoke(main, ["serve", "--port", port]).exit_code == 2


def test_a_port_that_is_taken_is_one_line_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["serve", "--port", str(port)])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: cannot listen on 127.0.0.1 port {port}")
    assert "--port" in result.stderr


def test_serve_refuses_an_unknown_setting() -> None:
    result = CliRunner(env={"MEMEGUARD_BUNDEL": "x"}).invoke(main, ["serve"])
    assert result.exit_code == 1
    assert "did you mean MEMEGUARD_BUNDLE" in result.stderr


def test_serve_refuses_a_folder_without_a_bundle(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["serve", "--bundle", str(tmp_path)])
    assert result.exit_code == 1
    assert "manifest.json" in result.stderr
