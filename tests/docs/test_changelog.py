"""The versions of the changelog against those that the package and the bundle say they are."""

import re
import tomllib
from datetime import date
from itertools import pairwise

from support import ROOT

from model import open_bundle

TEXT = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
VERSIONS = re.findall(r"^## (\d+\.\d+\.\d+) - (\S+)$", TEXT, re.MULTILINE)


def test_every_heading_is_a_dated_version_or_what_is_unreleased() -> None:
    headings = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert headings[1:] == [f"{version} - {day}" for version, day in VERSIONS]


def test_versions_and_dates_rise() -> None:
    numbers = [tuple(map(int, version.split("."))) for version, _ in VERSIONS]
    days = [date.fromisoformat(day) for _, day in VERSIONS]
    assert all(newer > older for newer, older in pairwise(numbers))
    assert all(newer >= older for newer, older in pairwise(days))


def test_the_package_is_the_newest_version_and_the_bundle_a_known_one() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert package == VERSIONS[0][0]
    unreleased = TEXT.split("## Unreleased", 1)[1].split("\n## ", 1)[0]
    told = re.findall(r"bundle that ships is (\d+\.\d+\.\d+)", unreleased)
    assert open_bundle().manifest.version in {*told, *(version for version, _ in VERSIONS)}
