"""A bundle written over another one by processes that are killed; see ``support.killing``."""

import json
from pathlib import Path

from model.export import BundleParts, write_bundle
from support.killing import killed_everywhere


def write_and_be_killed(template: Path, parts: BundleParts, outcomes: Path) -> None:
    """Write ``parts`` over the bundle in a copy of ``template``, killed at each change of a file in turn.

    ``outcomes`` gets a line of JSON a process: {"folder": the copy, "killed": bool}.
    """
    with outcomes.open("w", encoding="utf-8") as file:
        for folder, killed in killed_everywhere(template, lambda folder: write(folder, parts)):
            file.write(json.dumps({"folder": str(folder), "killed": killed}) + "\n")


def write(folder: Path, parts: BundleParts) -> None:
    write_bundle(folder / "bundle", parts)
