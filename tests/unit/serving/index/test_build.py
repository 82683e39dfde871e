import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.batch import write_jsonl, write_memes
from support.indexes import arrays_of, failures_of, killed_at, make_index, memes_of
from support.pictures import meme
from support.tiny import TinyBundle

from model import Meme, load
from model.known.fingerprint import fingerprint_of
from serving.batch.errors import BatchError
from serving.batch.input.items import Columns
from serving.index.arrays import HAS_IMAGE, HAS_MEME, HAS_PDQ, HAS_TEXT
from serving.index.errors import MemeIndexError
from serving.index.manifest import read_manifest

N_MEMES = 40


@pytest.fixture(scope="module")
def memes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Memes of which the last two are words alone, and two more are no pictures."""
    path = write_memes(tmp_path_factory.mktemp("in"), N_MEMES - 2, corrupt=2)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"id": "words-1", "text": "words alone"}) + "\n")
        file.write(json.dumps({"id": "words-2", "text": "and more words"}) + "\n")
    return path


@pytest.fixture(scope="module")
def made(memes: Path, tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("indexes") / "index"
    make_index(memes, out, bundle=tiny.bundle.path)
    return out


def _content(index: Path) -> tuple[Any, ...]:
    arrays = arrays_of(index)
    return (
        memes_of(index),
        failures_of(index),
        *(None if array is None else np.asarray(array).tobytes() for array in vars(arrays).values()),
    )


def test_every_item_has_its_place_with_what_the_library_says_of_it(made: Path, memes: Path, tiny: TinyBundle) -> None:
    scorer, arrays = load(tiny.bundle.path, ocr="none"), arrays_of(made)
    rows = [json.loads(line) for line in memes.read_text(encoding="utf-8").splitlines()]
    found = memes_of(made)
    bad = failures_of(made)
    assert len(bad) == 2
    assert [one.id for one in found] == [row["id"] for row in rows if row["id"] not in bad]
    for one in (found[0], found[17], found[-1]):
        row = rows[one.row]
        item = (
            Meme.from_bytes((memes.parent / row["image"]).read_bytes(), text=row["text"], tags=row["tags"])
            if "image" in row
            else Meme.from_text(row["text"])
        )
        (verdict,) = scorer.score([item])
        known = fingerprint_of(item, row["text"])
        assert one.words == row["text"]
        assert one.scores.keys() == verdict.to_dict()["scores"].keys()
        assert one.scores["hateful"] == pytest.approx(verdict.to_dict()["scores"]["hateful"], abs=1e-6)
        assert one.decision == verdict.to_dict()["decision"]
        assert (one.sha256, one.words_key, one.pdq_quality) == (known.sha256, known.words_key, known.pdq_quality)
        assert bytes(arrays.pdq[one.row]) == (known.pdq or bytes(32))


def test_flags_tell_which_features_and_hashes_a_meme_has(made: Path) -> None:
    arrays = arrays_of(made)
    kinds = {one.id: int(arrays.flags[one.row]) for one in memes_of(made)}
    assert kinds["m0"] == HAS_MEME | HAS_IMAGE | HAS_TEXT | HAS_PDQ
    assert kinds["words-1"] == HAS_MEME | HAS_TEXT
    assert set(arrays.flags.tolist()) == {0, *kinds.values()}
    assert arrays.image is not None
    assert arrays.text is not None
    lengths = np.linalg.norm(arrays.image.astype(np.float64), axis=1)
    assert np.allclose(lengths[arrays.rows_with(HAS_IMAGE)], 1, atol=2e-3)
    assert not lengths[np.flatnonzero(~(arrays.flags.astype(int) & HAS_IMAGE).astype(bool))].any()
    assert np.allclose(np.linalg.norm(arrays.text.astype(np.float64), axis=1)[arrays.rows_with(HAS_TEXT)], 1, atol=2e-3)


def test_the_manifest_says_by_what_the_index_was_made(made: Path, tiny: TinyBundle) -> None:
    manifest = read_manifest(made)
    assert manifest is not None
    assert manifest.model_digest == tiny.bundle.digest
    assert (manifest.n_rows, manifest.n_memes) == (N_MEMES, N_MEMES - 2)
    assert not manifest.shared_space


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_without_loss_or_doubles(
    made: Path, memes: Path, tiny: TinyBundle, tmp_path: Path
) -> None:
    out = tmp_path / "index"
    flags = [memes, "--out", out, "--bundle", tiny.bundle.path, "--ocr", "none", "--unit-rows", 16, "--workers", 1]
    for shard, moment in ((0, "before"), (0, "after"), (1, "before"), (2, "after")):
        assert killed_at(shard, moment, *flags) == -9
        assert read_manifest(out) is None
    assert killed_at(9, "never", *flags) == 0
    assert _content(out) == _content(made)
    assert not list(out.glob("scoring/part-*"))


def test_a_finished_index_is_left_as_it_is(made: Path, memes: Path, tiny: TinyBundle) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.iterdir() if path.is_file()}
    make_index(memes, made, bundle=tiny.bundle.path)
    assert {path: path.stat().st_mtime_ns for path in made.iterdir() if path.is_file()} == before


def test_another_bundle_cannot_go_on_with_it(made: Path, memes: Path) -> None:
    with pytest.raises(BatchError, match="its model digest is"):
        make_index(memes, made)


def test_other_settings_cannot_go_on_with_it(made: Path, memes: Path, tiny: TinyBundle) -> None:
    with pytest.raises(MemeIndexError, match="was begun with words and without thumbnails"):
        make_index(memes, made, bundle=tiny.bundle.path, words=False)


def test_a_folder_of_something_else_is_refused_and_left_alone(memes: Path, tiny: TinyBundle, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(MemeIndexError, match=r"is no index and holds 'thesis.txt'"):
        make_index(memes, tmp_path, bundle=tiny.bundle.path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_without_words_none_reach_the_disk(memes: Path, tiny: TinyBundle, tmp_path: Path) -> None:
    make_index(memes, tmp_path / "index", bundle=tiny.bundle.path, words=False)
    held = b"".join(path.read_bytes() for path in (tmp_path / "index").rglob("*") if path.is_file())
    assert b"words number 3" not in held
    assert b"words alone" not in held
    assert all(one.words is None and one.words_key for one in memes_of(tmp_path / "index"))


def test_no_pictures_are_kept_but_thumbnails_where_that_is_asked(tiny: TinyBundle, tmp_path: Path) -> None:
    picture = meme(3, "JPEG")
    (tmp_path / "a.jpg").write_bytes(picture)
    rows = write_jsonl(tmp_path / "in.jsonl", [{"id": "a", "image": "a.jpg", "text": "words"}])
    for thumbnails in (False, True):
        out = tmp_path / str(thumbnails)
        make_index(rows, out, bundle=tiny.bundle.path, thumbnails=thumbnails)
        held = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
        assert picture[len(picture) // 2 :] not in held
        with sqlite3.connect(out / "memes.sqlite") as connection:
            kept = [jpeg for (jpeg,) in connection.execute("SELECT jpeg FROM thumbnails")]
        connection.close()
        assert [jpeg[:3] for jpeg in kept] == [b"\xff\xd8\xff"] * thumbnails


def test_addresses_are_kept_without_what_gives_access(tiny: TinyBundle, tmp_path: Path) -> None:
    address = "https://user:password@127.0.0.1:9/a.jpg?signature=secret"
    rows = write_jsonl(tmp_path / "in.jsonl", [{"id": "a", "image": address}, {"id": "b", "text": "words"}])
    make_index(rows, tmp_path / "index", bundle=tiny.bundle.path)
    held = b"".join(path.read_bytes() for path in (tmp_path / "index").rglob("*") if path.is_file())
    assert b"password" not in held
    assert b"secret" not in held


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"id": "a", "text": "x"}, {"id": "a", "text": "y"}], "several rows have the same id: 'a'"),
        ([{"id": "a", "text": "x"}, {"id": "", "text": "y"}], "row 2 has no id"),
        ([{"id": "a", "text": "x"}, {"id": "\ud800", "text": "y"}], "row 2: column 'id' holds half a character"),
    ],
)
def test_a_hostile_id_is_refused_with_its_row(
    rows: list[dict[str, str]], told: str, tiny: TinyBundle, tmp_path: Path
) -> None:
    path = write_jsonl(tmp_path / "in.jsonl", rows)
    with pytest.raises(BatchError, match=told):
        make_index(path, tmp_path / "index", bundle=tiny.bundle.path, columns=Columns(image=""))


def test_a_damaged_index_is_told_and_not_read(made: Path, tmp_path: Path) -> None:
    broken = tmp_path / "index"
    shutil.copytree(made, broken)
    (broken / "pdq.npy").write_bytes(b"nothing")
    with pytest.raises(MemeIndexError, match="is gone or damaged"):
        arrays_of(broken)
    (broken / "index.json").write_text("{}", encoding="utf-8")
    with pytest.raises(MemeIndexError, match="is damaged or of another version"):
        read_manifest(broken)
