"""What the documents tell people to type, typed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from support import ROOT
from support.documents import DOCUMENTS, Block, blocks, commands_in
from support.page_folder import SERVE, PageFolder

from serving.cli import main

BLOCKS = [block for document in DOCUMENTS for block in blocks(document)]
TYPED = [block for block in BLOCKS if block.language in {"bash", "python"}]
#: The server of all pages is started by these words.
RUN = [block for block in TYPED if block.why_not is None and block.code.strip() != SERVE]


def test_every_block_says_what_it_is_in() -> None:
    known = {"bash", "python", "javascript", "json", "yaml", "text", "{toctree}"}
    assert [str(block) for block in BLOCKS if block.language not in known] == []


def test_the_pages_start_a_server_as_the_tests_do() -> None:
    assert SERVE in [block.code.strip() for block in TYPED]


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted({block.document for block in RUN}), ids=lambda page: page.name)
def test_every_block_of_a_page_runs_after_the_ones_before(page: Path, page_folder: PageFolder) -> None:
    failed = []
    for block in [block for block in RUN if block.document == page]:
        done = page_folder.run(block)
        if done.returncode != 0:
            failed.append(f"{block} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    assert failed == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("bash", "curl -s -F nothing=1 localhost:3000/v1/classify | cat"),
        ("bash", "memeguard no-such-command\ntrue"),
        ("python", "import no_such_module"),
    ],
)
def test_what_goes_wrong_in_a_block_is_seen(language: str, code: str, page_folder: PageFolder) -> None:
    assert page_folder.run(Block(ROOT / "README.md", 1, language, code)).returncode != 0


def test_a_block_that_is_not_run_names_a_test_that_is_there() -> None:
    covering = [block.covered_by for block in TYPED if block.covered_by]
    assert covering
    assert [name for name in covering if not _is_a_test(name)] == []


def _is_a_test(name: str) -> bool:
    path, _, test = name.partition("::")
    file = ROOT / path
    return file.is_file() and re.search(rf"^def {re.escape(test)}\(", file.read_text("utf-8"), re.MULTILINE) is not None


def test_a_block_without_a_test_in_its_place_is_the_tests_themselves() -> None:
    assert [block.code.split()[:2] for block in TYPED if block.why_not and not block.covered_by] == [["make", "test"]]


@pytest.mark.parametrize("block", [block for block in TYPED if block.language == "bash"], ids=str)
def test_the_flags_of_every_command_exist_where_it_is_not_run_too(block: Block) -> None:
    for words in commands_in(block):
        _parse(words[1:])


def _parse(words: list[str]) -> None:
    """As click takes the words apart; raises at a flag that is not there. What they hold is not looked at."""
    command: click.Command = main
    context = click.Context(main, info_name="memeguard", **main.context_settings)
    while isinstance(command, click.Group):
        child = command.get_command(context, words[0])
        assert child is not None, f"there is no command {words[0]}"
        command, words, context = child, words[1:], click.Context(child, info_name=words[0], parent=context)
    command.make_parser(context).parse_args(list(words))


def test_json_and_yaml_in_the_documents_can_be_read() -> None:
    assert [json.loads(block.code) for block in BLOCKS if block.language == "json"] != []
    assert [yaml.safe_load(block.code) for block in BLOCKS if block.language == "yaml"] != []


@pytest.mark.slow
def test_the_demo_prints_a_verdict() -> None:
    demo = subprocess.run(
        [sys.executable, "scripts/demo.py"], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert demo.returncode == 0, demo.stderr
    assert "demo passed" in demo.stdout
    assert "'WHEN THE CODE\\nWORKS\\nON THE FIRST\\nTRY' by rapidocr" in demo.stdout
