"""``memeguard cluster`` from an index to its page, tables and sample."""

import base64
import csv
import hashlib
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from support.banks import photo
from support.batch import write_jsonl
from support.indexes import make_index
from support.strict_pages import StrictPage
from support.tiny import TinyBundle

from serving.cli import main
from serving.index.clusters.config import ClusterConfig
from serving.index.clusters.near_duplicates import near_duplicate_groups
from serving.index.reader import opened_index
from training.datasets.layouts import detect_layout
from training.datasets.registry import Source, load_source

N_SCENES = 24
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    '"><img src=x onerror=alert(1)>',
    '=HYPERLINK("http://example.org")',
    "{{ 7 * 7 }} ${7*7} `x`",
    "\u2028\u2029\u202e reversed",
]


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="memeguard")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes, each with a recompressed copy; words alone; hostile ids and words. Labels go with the words."""
    folder = tmp_path_factory.mktemp("map")
    rows: list[dict[str, Any]] = []
    for number in range(N_SCENES):
        (folder / f"{number}.png").write_bytes(photo(number))
        (folder / f"{number}.jpg").write_bytes(photo(number, quality=80))
        words = f"about {('apples', 'pears')[number % 2]} today"
        for copy in ("png", "jpg"):
            label = ("fruit", "tree")[number % 2]
            rows.append({"id": f"{copy}{number}", "image": f"{number}.{copy}", "text": words, "label": label})
    rows += [{"id": f"words{number}", "text": f"about apples number {number}"} for number in range(6)]
    for number, words in enumerate(HOSTILE):
        (folder / f"h{number}.png").write_bytes(photo(100 + number))
        rows.append({"id": f"{words} {number}", "image": f"h{number}.png", "text": words})
    rows.append({"id": "broken", "image": "missing.png", "text": "nothing"})
    write_jsonl(folder / "in.jsonl", rows)
    return folder


@pytest.fixture(scope="module")
def index(folder: Path, tiny: TinyBundle) -> Path:
    make_index(folder / "in.jsonl", folder / "index", bundle=tiny.bundle.path, thumbnails=True)
    return folder / "index"


@pytest.fixture(scope="module")
def out(index: Path, folder: Path) -> Path:
    done = _run(
        *("cluster", index, "--out", folder / "map", "--thumbnails", "--label-column", "label", "--sample", 20),
        *("--left", 5, "--min-cluster-size", 3, "--k-step", 2),
    )
    assert done.exit_code == 0, done.output
    return folder / "map"


def _rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "memes.jsonl").read_text(encoding="utf-8").split("\n") if line]


def test_copies_are_near_duplicates_and_go_into_one_cluster(out: Path) -> None:
    rows = {row["id"]: row for row in _rows(out)}
    for number in range(N_SCENES):
        assert rows[f"jpg{number}"]["near_duplicate_of"] == f"png{number}"
        assert rows[f"jpg{number}"]["cluster"] == rows[f"png{number}"]["cluster"]
        assert rows[f"png{number}"]["near_duplicate_of"] is None
    assert len(rows) == 2 * N_SCENES + 6 + len(HOSTILE)
    assert "broken" not in rows


def test_hashes_of_little_quality_are_near_to_none(index: Path) -> None:
    with opened_index(index) as opened:
        first = near_duplicate_groups(opened, ClusterConfig(pdq_quality=100, pdq_distance=0))
        all_alone = near_duplicate_groups(opened, ClusterConfig(pdq_quality=101))
    assert (first <= np.arange(len(first))).all()
    assert np.array_equal(all_alone, np.arange(len(all_alone)))


def test_the_tables_say_the_same(out: Path) -> None:
    with (out / "memes.csv").open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    rows = _rows(out)
    assert [cell["cluster"] for cell in cells] == [
        "" if row["cluster"] is None else str(row["cluster"]) for row in rows
    ]
    assert [cell["label"] for cell in cells] == [row["label"] or "" for row in rows]
    document = json.loads((out / "clusters.json").read_text(encoding="utf-8"))
    assert document["n_memes"] == len(rows)
    assert document["n_near_duplicates"] == N_SCENES
    for method, column in (("kmeans", "cluster"), ("hdbscan", "density_cluster")):
        counted = {one["number"]: one["n_memes"] for one in document["clusters"][method]}
        values = [row[column] for row in rows if row[column] is not None]
        assert counted == {number: values.count(number) for number in set(values)}
        assert document["n_in_no_cluster"][method] == len(rows) - len(values)
    assert document["agreement"]["random"] == pytest.approx(0.5, abs=0.1)
    assert 0 <= document["agreement"]["within"] <= 1
    assert all(0 <= one["share_hateful"] <= 1 for one in document["clusters"]["kmeans"])


def test_cells_that_a_spreadsheet_would_compute_are_text(out: Path) -> None:
    with (out / "memes.csv").open(encoding="utf-8", newline="") as file:
        ids = [row["id"] for row in csv.DictReader(file)]
    assert '\'=HYPERLINK("http://example.org") 3' in ids
    assert not any(id.startswith(("=", "+", "-", "@")) for id in ids)


def test_the_page_is_whole_and_runs_our_script_alone(out: Path) -> None:
    page = StrictPage.of(out / "map.html")
    data, script = page.all("script")
    assert data.attributes == {"type": "application/json", "id": "points"}
    assert script.attributes == {}
    digest = base64.b64encode(hashlib.sha256(script.content.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page.policy
    assert page.policy.startswith("default-src 'none';")
    assert page.handlers() == []
    assert page.loads() == []
    ids = {point["id"] for point in json.loads(data.content)}
    assert {f"{words} {number}" for number, words in enumerate(HOSTILE)} <= ids
    assert "<" not in data.content


def test_the_script_writes_text_only_and_names_what_is_in_the_page(out: Path) -> None:
    page = StrictPage.of(out / "map.html")
    script = page.all("script")[1].content
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "import("):
        assert way not in script
    there = {one.attributes["id"] for one in page.elements if "id" in one.attributes}
    assert {"map", "told", "colouring", "points", "closer", "farther", "whole", "next", "previous"} <= there


def test_the_page_can_be_used_by_keyboard_and_screen_reader(out: Path) -> None:
    page = StrictPage.of(out / "map.html")
    (canvas,) = page.all("canvas")
    assert canvas.attributes["tabindex"] == "0"
    there = {one.attributes.get("id"): one for one in page.elements}
    assert there[canvas.attributes["aria-labelledby"]].content == "Map"
    assert "arrow keys" in there[canvas.attributes["aria-describedby"]].content
    assert there["told"].attributes["role"] == "status"
    links = [one.attributes["href"].removeprefix("#") for one in page.all("a")]
    assert all(link in there for link in links)
    assert all(one.content for one in page.all("button"))
    assert all(one.attributes.get("scope") in ("col", "row") for one in page.all("th"))
    levels = [int(one.name[1]) for one in page.elements if one.name in ("h1", "h2", "h3")]
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_thumbnails_are_blurred_and_off_by_default(out: Path, index: Path, tmp_path: Path) -> None:
    page = StrictPage.of(out / "map.html")
    assert page.all("img")
    assert not any("checked" in one.attributes for one in page.all("input"))
    done = _run("cluster", index, "--out", tmp_path / "plain", "--layout", "pca", "--method", "hdbscan")
    assert done.exit_code == 0, done.output
    assert StrictPage.of(tmp_path / "plain" / "map.html").all("img") == []


def test_the_same_command_gives_the_same_again(index: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert _run("cluster", index, "--out", tmp_path / name, "--layout", "pca").exit_code == 0
    again = _run("cluster", index, "--out", tmp_path / "two", "--layout", "pca")
    assert again.exit_code == 0
    for name in ("map.html", "memes.csv", "memes.jsonl", "clusters.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def _sample(out: Path) -> Sequence[dict[str, Any]]:
    return [
        json.loads(line) for line in (out / "sample" / "sample.jsonl").read_text(encoding="utf-8").split("\n") if line
    ]


def test_the_sample_is_what_training_reads(out: Path) -> None:
    rows = _sample(out)
    assert len(rows) == 20
    layout = detect_layout(out / "sample")
    found = layout.read(out / "sample", layout.splits(out / "sample")[0], dataset="mine")
    assert found.skipped == []
    assert {one.id for one in found.samples} == {row["id"].strip() for row in rows}
    filled = [row | {"hateful": number % 2} for number, row in enumerate(rows)]
    copy = out.parent / "labelled"
    copy.mkdir()
    (copy / "img").symlink_to(out / "sample" / "img")
    write_jsonl(copy / "sample.jsonl", filled)
    labelled = load_source(Source(path=copy, split="all"))
    assert labelled.skipped == []
    assert [one.labels for one in labelled.samples] == [{"hateful": number % 2} for number in range(20)]


def test_the_sample_has_near_duplicates_once_and_every_cluster(out: Path) -> None:
    rows, clusters = _sample(out), {row["id"]: row["cluster"] for row in _rows(out)}
    assert not {row["id"] for row in rows} & {f"jpg{number}" for number in range(N_SCENES)}
    assert len({row["why"] for row in rows}) > 3
    wanted = {cluster for cluster in clusters.values() if cluster is not None}
    assert len({clusters[row["id"]] for row in rows} & wanted) == min(len(wanted), 20)


def test_a_sample_that_is_there_is_left_alone(out: Path, index: Path, tmp_path: Path) -> None:
    (tmp_path / "map" / "sample").mkdir(parents=True)
    (tmp_path / "map" / "sample" / "sample.jsonl").write_text("labelled by hand", encoding="utf-8")
    done = _run("cluster", index, "--out", tmp_path / "map", "--layout", "pca", "--sample", 5)
    assert done.exit_code == 0, done.output
    assert "left as it is" in done.output
    assert (tmp_path / "map" / "sample" / "sample.jsonl").read_text(encoding="utf-8") == "labelled by hand"


def test_a_folder_of_something_else_is_refused(index: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years", encoding="utf-8")
    assert "holds 'thesis.txt' and no map" in " ".join(_run("cluster", index, "--out", tmp_path).output.split())
    assert "is the index itself" in " ".join(_run("cluster", index, "--out", index).output.split())
    assert "is no index" in _run("cluster", tmp_path, "--out", tmp_path / "map").output


def test_labels_of_other_memes_are_told(index: Path, tmp_path: Path) -> None:
    table = write_jsonl(tmp_path / "labels.jsonl", [{"id": "nobody", "label": "x"}])
    done = _run("cluster", index, "--out", tmp_path / "map", "--labels", table, "--label-column", "label")
    assert "has no label for any meme" in " ".join(done.output.split())
    assert "needs --label-column" in _run("cluster", index, "--out", tmp_path / "map", "--labels", table).output


def test_an_index_of_two_memes_has_a_map(tiny: TinyBundle, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "a.png")
    write_jsonl(tmp_path / "in.jsonl", [{"id": "a", "image": "a.png", "text": "x"}, {"id": "b", "text": "words"}])
    make_index(tmp_path / "in.jsonl", tmp_path / "index", bundle=tiny.bundle.path, words=False)
    done = _run("cluster", tmp_path / "index", "--out", tmp_path / "map", "--sample", 5)
    assert done.exit_code == 0, done.output
    page = StrictPage.of(tmp_path / "map" / "map.html")
    assert len(json.loads(page.all("script")[0].content)) == 2
    assert {row["cluster"] for row in _rows(tmp_path / "map")} == {None}
