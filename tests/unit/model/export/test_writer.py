"""A bundle that replaces another one: whole at every moment, and nothing of it left behind."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.bundle_writing import write_and_be_killed
from support.killing import run
from support.tiny import TinyBundle

from model import open_bundle
from model.errors import BundleError
from model.export import BundleParts, write_bundle


@pytest.fixture
def home(tiny: TinyBundle, tmp_path: Path) -> Path:
    """A folder with the bundle 0.0.1 in it."""
    write_bundle(tmp_path / "home" / "bundle", tiny.parts)
    return tmp_path / "home"


@pytest.fixture
def newer(tiny: TinyBundle) -> BundleParts:
    return replace(tiny.parts, version="0.0.2")


def versions(home: Path) -> dict[str, str]:
    """The version of everything in ``home`` that opens as a bundle, by its folder's name."""
    found = {}
    for folder in home.iterdir():
        try:
            found[folder.name] = open_bundle(folder).manifest.version
        except BundleError:
            continue
    return found


@pytest.mark.slow
def test_killed_anywhere_a_whole_bundle_is_there_and_the_next_call_cleans_up(
    home: Path, newer: BundleParts, tmp_path: Path
) -> None:
    assert run(write_and_be_killed, home, newer, tmp_path / "outcomes") == 0
    outcomes = [json.loads(line) for line in (tmp_path / "outcomes").read_text().splitlines()]
    assert [one["killed"] for one in outcomes] == [True] * (len(outcomes) - 1) + [False]
    left = [versions(Path(one["folder"])) for one in outcomes]
    assert [found for found in left if "bundle" not in found and found.get("bundle.old") != "0.0.1"] == []
    # The moments that matter were met: the old one in place, aside, and gone while the new one stands.
    assert {found.get("bundle") for found in left} == {"0.0.1", "0.0.2", None}
    for one in outcomes:
        folder = Path(one["folder"])
        write_bundle(folder / "bundle", newer)
        assert (versions(folder), len(list(folder.iterdir()))) == ({"bundle": "0.0.2"}, 1)


def test_an_old_bundle_that_stepped_aside_is_put_back_before_anything_else(home: Path, newer: BundleParts) -> None:
    (home / "bundle").rename(home / "bundle.old")
    with pytest.raises(FileNotFoundError):
        write_bundle(home / "bundle", replace(newer, head_path=home / "nowhere"))
    assert versions(home) == {"bundle": "0.0.1"}


def test_a_link_is_replaced_and_what_it_leads_to_is_not_touched(home: Path, newer: BundleParts) -> None:
    (home / "link").symlink_to("bundle")
    write_bundle(home / "link", newer)
    assert versions(home) == {"bundle": "0.0.1", "link": "0.0.2"}
