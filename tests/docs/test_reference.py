"""Every command, flag, setting and route is in the documents, and none is that does not exist."""

import re
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from starlette.testclient import TestClient
from support import ROOT
from support.documents import DOCUMENTS, code_spans
from support.scripts import script

from model import open_bundle
from serving.settings import Settings

write_cli_page = script("write_cli_page")
COMMANDS = list(write_cli_page.commands())
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
#: What was true of a version need not be true of this one.
PRESENT = [document for document in DOCUMENTS if document.name != "CHANGELOG.md"]
#: The card of the bundle that ships says what made it, at the time that it was made.
MADE_BY = open_bundle().manifest.training["command"]


def section(title: str) -> str:
    """What the page of commands says under a heading."""
    parts = re.split(r"^#{2,} (.+)$", CLI, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[title]


def flags_of(command: click.Command) -> set[str]:
    options = [option for option in command.params if isinstance(option, click.Option)]
    return {flag for option in options for flag in (*option.opts, *option.secondary_opts)}


ALL_FLAGS = {flag for _, command, _ in COMMANDS for flag in flags_of(command)} | {"--help", "-h"}


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    assert write_cli_page.page() == CLI, "run `python scripts/write_cli_page.py` and commit docs/cli.md"


@pytest.mark.parametrize(("name", "command"), [one[:2] for one in COMMANDS], ids=str)
def test_every_command_and_flag_is_documented_and_no_other(name: tuple[str, ...], command: click.Command) -> None:
    told = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", " ".join(_table_flags(section(" ".join(name))))))
    assert told - {"--help", "-h"} == flags_of(command) - {"--help", "-h"}


def _table_flags(text: str) -> list[str]:
    return re.findall(r"^\| `([^`]*)`", text, re.MULTILINE)


def test_the_page_has_no_command_that_does_not_exist() -> None:
    told = re.findall(r"^#{2,} (.+)$", CLI, re.MULTILINE)
    assert told == [" ".join(name) for name, _, _ in COMMANDS]
    assert len(told) > 20


def test_every_setting_is_documented_and_no_other_is_named() -> None:
    variables = {f"MEMEGUARD_{key.upper()}" for key in Settings.model_fields}
    listed = (ROOT / "serving" / "CONFIGURATION.md").read_text(encoding="utf-8")
    assert {name for name in variables if f"`{name}`" not in listed} == set()
    named = {name for document in PRESENT for name in re.findall(r"MEMEGUARD_[A-Z_]+\b", document.read_text("utf-8"))}
    assert named - variables == set()


def test_every_route_is_documented_and_no_other_is_named(client: TestClient) -> None:
    document = client.get("/openapi.json").json()["paths"]
    routes = {f"{method.upper()} {path}" for path, operations in document.items() for method in operations}
    http = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `((?:GET|POST|PUT|PATCH|DELETE) /\S+)` \|", http, re.MULTILINE))
    assert told == routes | {"GET /openapi.json"}
    path = re.compile(r"(?:[A-Z]+ )?(/(?:v1|livez|readyz)\S*)")
    spans = [path.fullmatch(span) for page in PRESENT for span in code_spans(page)]
    assert {match[1] for match in spans if match} - set(document) == set()


@pytest.mark.parametrize("document", PRESENT, ids=lambda path: path.name)
def test_every_command_that_a_sentence_names_exists(document: Path) -> None:
    wrong = [span for span in code_spans(document) if not _exists(span) and span != MADE_BY]
    assert wrong == []


def _exists(span: str) -> bool:
    words = span.split()
    if words[:1] == ["memeguard"] and len(words) > 1:
        return _is_command(words)
    if words[:2] == ["python", "-m"]:
        return find_spec(words[2]) is not None
    if words[:1] == ["python"] and len(words) > 1:
        return (ROOT / words[1]).is_file()
    if words[:1] == ["make"] and len(words) == 2:
        return f"\n{words[1]}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
    if words and words[0].startswith("--"):
        return words[0].split("=")[0] in ALL_FLAGS
    return True


def _is_command(words: list[str]) -> bool:
    """Its name is one of the commands, in full or up to a group, and its flags are those of that command."""
    names = [tuple(words[:length]) for length in (3, 2) if tuple(words[:length]) in {name for name, _, _ in COMMANDS}]
    if not names:
        return words[1] in {"COMMAND"}
    (command,) = [command for name, command, _ in COMMANDS if name == names[0]]
    given = {word.split("=")[0] for word in words if word.startswith("--")}
    return given <= flags_of(command) | {"--help"}


@pytest.mark.parametrize(
    "span",
    [
        "memeguard no-such-command",
        "memeguard score --no-such-flag",
        "memeguard batch verify --out X",
        "python -m training.no_such_module",
        "python scripts/no_such_script.py",
        "make no-such-target",
        "--no-such-flag",
    ],
)
def test_the_check_of_sentences_sees_what_does_not_exist(span: str) -> None:
    assert not _exists(span)
