import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import ROOT
from support.picture_files import png_chunk
from support.preparation import PREPROCESS, picture, tokenizer_json
from support.tiny import TinyBundle, export_tower, tower_spec

from model.preprocess import Preprocessor
from model.runtime import ImageFeatures
from training.data.feature_cache import FrozenTower
from training.data.image_augment import AugmentConfig
from training.data.image_store import open_pictures
from training.datasets.base import DatasetError


@pytest.fixture
def plain(tiny: TinyBundle, tmp_path: Path) -> FrozenTower:
    preprocessor = Preprocessor(PREPROCESS, tokenizer_json())
    return FrozenTower(tiny.parts.image_tower_path, tower_spec(), preprocessor, tmp_path / "cache", threads=1)


@pytest.fixture
def augmented(plain: FrozenTower) -> FrozenTower:
    return replace(plain, augment=AugmentConfig(geometry_p=1.0, colour_p=1.0), n_views=2)


def pictures(folder: Path, n_pictures: int = 3) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{seed:03}.png" for seed in range(n_pictures)]
    for seed, path in enumerate(paths):
        picture(seed).save(path)
    return paths


def stored(tower: FrozenTower) -> list[Path]:
    return sorted(tower.cache.rglob("*.npz"))


def agree(one: ImageFeatures, other: ImageFeatures) -> bool:
    return np.array_equal(one.embeds, other.embeds) and np.array_equal(one.patches, other.patches)


def test_views_differ_from_the_plain_picture_and_from_each_other(augmented: FrozenTower, tmp_path: Path) -> None:
    paths = pictures(tmp_path / "p")
    views = [augmented.features(paths, view=view).embeds for view in range(3)]
    for row in range(3):
        assert len({view[row].tobytes() for view in views}) == 3


def test_view_0_is_the_plain_picture_and_shares_its_files(
    plain: FrozenTower, augmented: FrozenTower, tmp_path: Path
) -> None:
    paths = pictures(tmp_path / "p")
    expected = plain.features(paths)
    files = stored(plain)
    assert agree(augmented.features(paths), expected)
    assert stored(plain) == files


def test_a_view_depends_on_the_picture_and_its_number_alone(augmented: FrozenTower, tmp_path: Path) -> None:
    paths = pictures(tmp_path / "p")
    together = augmented.features(paths, view=2)
    elsewhere = replace(augmented, cache=tmp_path / "other")
    elsewhere.features(paths[:1], view=1)
    alone = elsewhere.features(paths[2:], view=2)
    assert np.array_equal(alone.embeds[0], together.embeds[2])


def test_other_settings_of_the_augmentation_have_other_files(augmented: FrozenTower, tmp_path: Path) -> None:
    paths = pictures(tmp_path / "p", 1)
    first = augmented.features(paths, view=1)
    stronger = replace(augmented, augment=AugmentConfig(geometry_p=1.0, colour_p=1.0, brightness=0.5))
    assert not agree(stronger.features(paths, view=1), first)
    assert agree(augmented.features(paths, view=1), first)


def test_views_are_computed_once(augmented: FrozenTower, tmp_path: Path) -> None:
    paths = pictures(tmp_path / "p")
    augmented.fill(paths, view=1)
    times = [path.stat().st_mtime_ns for path in stored(augmented)]
    augmented.fill(paths, view=1)
    augmented.features(paths, view=1)
    assert len(times) == 3
    assert [path.stat().st_mtime_ns for path in stored(augmented)] == times


def test_the_files_of_plain_pictures_are_named_as_they_always_were(plain: FrozenTower, tmp_path: Path) -> None:
    """Caches of earlier versions stay good."""
    (path,) = pictures(tmp_path / "p", 1)
    plain.features([path])
    outputs = f"{plain.spec.embeds_output} {plain.spec.patches_output}"
    digest = hashlib.sha256(plain.path.read_bytes()).hexdigest()
    parts = (digest, outputs, plain.preprocessor.pixel_fingerprint())
    folder = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    assert stored(plain) == [plain.cache / folder / f"{hashlib.sha256(path.read_bytes()).hexdigest()}.npz"]


def test_rows_of_an_int8_tower_from_before_its_integers_were_exact_are_not_read(
    plain: FrozenTower, tmp_path: Path
) -> None:
    (path,) = pictures(tmp_path / "p", 1)
    plain.features([path])
    (before,) = stored(plain)
    before.write_bytes(b"noise")
    int8 = replace(plain, spec=plain.spec.model_copy(update={"precision": "int8"}))
    int8.features([path])
    assert before.read_bytes() == b"noise"
    assert len(stored(int8)) == 2


def test_training_batches_show_each_view_and_others_the_plain_picture(augmented: FrozenTower, tmp_path: Path) -> None:
    store = open_pictures(augmented, pictures(tmp_path / "p", 1))
    index = np.zeros(1, dtype=np.int64)
    views = {augmented.features([tmp_path / "p" / "000.png"], view=view).embeds.tobytes() for view in range(3)}
    assert {store.show(index, np.random.default_rng(seed)).embeds.numpy().tobytes() for seed in range(40)} == views
    assert len({store.show(index, None).embeds.numpy().tobytes() for _ in range(10)}) == 1


@pytest.mark.parametrize("view", [-1, 3])
def test_a_view_that_there_is_not_is_refused(augmented: FrozenTower, tmp_path: Path, view: int) -> None:
    with pytest.raises(ValueError, match=f"there is no view {view}"):
        augmented.features(pictures(tmp_path / "p", 1), view=view)


def test_views_without_an_augmentation_are_refused(plain: FrozenTower) -> None:
    with pytest.raises(ValueError, match="must be 0 without an augmentation"):
        replace(plain, n_views=2)


def test_several_pictures_at_once_give_what_each_gives_alone(plain: FrozenTower, tmp_path: Path) -> None:
    paths = pictures(tmp_path / "p", 21)
    together = plain.features(paths)
    alone = [replace(plain, cache=tmp_path / path.stem).features([path]) for path in paths]
    assert np.array_equal(together.embeds, np.concatenate([one.embeds for one in alone]))
    assert np.array_equal(together.patches, np.concatenate([one.patches for one in alone]))


def test_a_tower_that_looks_at_its_whole_batch_is_shown_one_picture_at_a_time(
    plain: FrozenTower, tmp_path: Path
) -> None:
    paths = pictures(tmp_path / "p")
    scaled = export_tower(tmp_path / "scaled.onnx", batch_scaled=True)
    tower = replace(plain, path=scaled, spec=tower_spec(batch_invariant=False))
    together = tower.features(paths)
    alone = replace(tower, cache=tmp_path / "alone").features(paths[2:])
    assert np.array_equal(alone.embeds[0], together.embeds[2])


def flipped(content: bytes) -> bytes:
    """One bit of the numbers, as a disk may lose it."""
    index = len(content) // 2
    return content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: b"\0" * len(content),
        lambda content: content.replace(b"patches.npy", b"patched.npy"),
        flipped,
    ],
    ids=["empty", "half", "last byte", "zeros", "other names", "bit"],
)
def test_a_damaged_file_is_computed_anew_and_mended(
    plain: FrozenTower, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    paths = pictures(tmp_path / "p")
    expected = plain.features(paths)
    victim = stored(plain)[1]
    whole = victim.read_bytes()
    victim.write_bytes(damage(whole))
    assert agree(plain.features(paths), expected)
    with np.load(victim) as mended:
        assert sorted(mended) == ["embeds", "patches"]


def test_features_of_another_width_are_computed_anew(plain: FrozenTower, tmp_path: Path) -> None:
    paths = pictures(tmp_path / "p", 1)
    expected = plain.features(paths)
    (victim,) = stored(plain)
    np.savez(victim, embeds=np.zeros(3, np.float32), patches=np.zeros((2, 3), np.float16))
    assert agree(plain.features(paths), expected)


def test_a_killed_writer_leaves_only_whole_features_and_the_next_run_agrees(plain: FrozenTower, tmp_path: Path) -> None:
    paths = pictures(tmp_path / "p", 200)  # 2 s of pauses in all: the writer is killed long before its end
    arguments = [plain.path, plain.spec.model_dump_json(), plain.cache, tmp_path / "p"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    command = [sys.executable, "-m", "support.feature_cache", *map(str, arguments)]
    writer = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment)
    deadline = time.monotonic() + 120
    while len(stored(plain)) < 5 and time.monotonic() < deadline:
        time.sleep(0.005)
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=30)
    assert writer.returncode == -signal.SIGKILL
    before = {path: path.stat().st_mtime_ns for path in stored(plain)}
    assert 5 <= len(before) < 200
    after_kill = plain.features(paths)
    assert all(path.stat().st_mtime_ns == written for path, written in before.items())
    assert len(stored(plain)) == 200
    assert agree(after_kill, replace(plain, cache=tmp_path / "unbroken").features(paths))


def test_an_unreadable_picture_is_named(plain: FrozenTower, tmp_path: Path) -> None:
    paths = pictures(tmp_path / "p", 2)
    paths[1].write_bytes(paths[1].read_bytes()[:60])
    with pytest.raises(DatasetError, match=r"p/001\.png cannot be used"):
        plain.features(paths)


def test_a_missing_picture_is_named(plain: FrozenTower, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"gone\.png cannot be read"):
        plain.features([tmp_path / "gone.png"])


def test_no_pictures_have_no_features(plain: FrozenTower) -> None:
    found = plain.features([])
    assert (found.embeds.shape, found.patches.shape) == ((0, 6), (0, 0, 8))


def test_pictures_that_a_later_decoder_makes_other_pixels_of_have_rows_of_their_own(
    plain: FrozenTower, tmp_path: Path
) -> None:
    (ordinary,) = pictures(tmp_path / "p", 1)
    managed = tmp_path / "p" / "managed.png"
    data = ordinary.read_bytes()
    managed.write_bytes(data[:33] + png_chunk(b"gAMA", (3000).to_bytes(4, "big")) + data[33:])
    plain.features([ordinary, managed])
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in (ordinary, managed)}
    assert {path.name for path in stored(plain)} == {f"{digests[ordinary]}.npz", f"{digests[managed]}.d2.npz"}
