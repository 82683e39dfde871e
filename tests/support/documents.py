"""The documents of the checkout, taken apart: their headings, links and blocks of code."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from support import ROOT

#: What the README leads to. Prose that is pasted into a generated card is looked at there.
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "data_cards/*.md", "serving/CONFIGURATION.md")
    for path in ROOT.glob(pattern)
    if not path.name.endswith(".prose.md")
)
_PARSER = MarkdownIt("commonmark").enable("table").use(front_matter_plugin).use(anchors_plugin, max_level=6)
_MARK = re.compile(r"<!-- not run: (?P<why>[^;]+?)(?:; covered by (?P<test>\S+))? -->")


@dataclass(frozen=True)
class Block:
    """A fenced block of a document. ``why_not`` says why no test runs it, ``covered_by`` names a test in its place."""

    document: Path
    line: int
    language: str
    code: str
    why_not: str | None = None
    covered_by: str | None = None

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def tokens(document: Path) -> list[Token]:
    return _PARSER.parse(document.read_text(encoding="utf-8"))


def blocks(document: Path) -> list[Block]:
    """The fenced blocks, each with the mark in the comment right before it."""
    found = []
    parsed = tokens(document)
    for before, token in zip([None, *parsed], parsed, strict=False):
        if token.type != "fence":
            continue
        mark = _MARK.fullmatch(before.content.strip()) if before is not None and before.type == "html_block" else None
        told = (mark["why"], mark["test"]) if mark else (None, None)
        line = (token.map or [0])[0] + 1
        found.append(Block(document, line, token.info.strip(), token.content, *told))
    return found


def commands_in(block: Block) -> list[list[str]]:
    """The words of each ``memeguard`` command of a shell block."""
    text = block.code.replace("\\\n", " ")
    lines = [re.split(r"\s#\s|\s[|>&]\s?", line)[0].strip() for line in text.splitlines()]
    found = (re.search(r"(?:^|\s)(memeguard(?:\s.*)?)$", line) for line in lines if not line.startswith("#"))
    return [shlex.split(match[1]) for match in found if match]


def code_spans(document: Path) -> Iterator[str]:
    """What stands between single backticks."""
    for token in tokens(document):
        yield from (child.content for child in token.children or [] if child.type == "code_inline")


def links(document: Path) -> Iterator[str]:
    """The targets of links and pictures."""
    for token in tokens(document):
        for child in token.children or []:
            target = child.attrGet("href") or child.attrGet("src")
            if child.type in {"link_open", "image"} and target:
                yield str(target)


def anchors(document: Path) -> set[str]:
    """The ids of the headings, as code hosts and the pages make them."""
    return {str(token.attrGet("id")) for token in tokens(document) if token.type == "heading_open"}
