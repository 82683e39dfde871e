import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from support.tiny import TinyBundle

from model.atomic import file_digest
from model.bundle import (
    COMPACT_BUNDLE,
    MANIFEST_NAME,
    CalibrationByModality,
    CalibrationSpec,
    Thresholds,
    ThresholdsByModality,
    open_bundle,
)
from model.bundle import Manifest as BundleManifest
from model.errors import BundleError
from model.preprocess import PreprocessConfig

Manifest = dict[str, Any]


@pytest.fixture
def folder(tiny: TinyBundle, tmp_path: Path) -> Path:
    """A copy of the bundle that a test may damage."""
    return Path(shutil.copytree(tiny.bundle.path, tmp_path / "bundle"))


def edit_manifest(folder: Path, change: Callable[[Manifest], object]) -> None:
    path = folder / MANIFEST_NAME
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")


def test_a_bundle_that_was_written_opens_with_all_its_parts(tiny: TinyBundle) -> None:
    bundle = open_bundle(tiny.bundle.path)
    assert [task.name for task in bundle.tasks] == list(tiny.network.config.tasks)
    assert bundle.digest == file_digest(bundle.path / MANIFEST_NAME)
    assert set(bundle.manifest.files) == {"image_tower.onnx", "head.onnx", "tokenizer.json"}
    assert bundle.manifest.parity["max_abs_logit_diff"] <= bundle.manifest.parity["limit"]
    assert bundle.preprocessor.config == tiny.parts.preprocess


def test_a_folder_without_manifest_is_refused_by_name(folder: Path) -> None:
    (folder / MANIFEST_NAME).unlink()
    with pytest.raises(BundleError, match=r"no manifest\.json here"):
        open_bundle(folder)


def test_a_file_in_place_of_a_folder_is_refused(folder: Path) -> None:
    with pytest.raises(BundleError, match=r"give the folder"):
        open_bundle(folder / "head.onnx")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format_version": 2}'])
def test_a_manifest_that_is_none_is_refused(folder: Path, content: bytes) -> None:
    (folder / MANIFEST_NAME).write_bytes(content)
    with pytest.raises(BundleError, match="manifest does not fit"):
        open_bundle(folder)


@pytest.mark.parametrize("name", ["image_tower.onnx", "head.onnx", "tokenizer.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing"):
        open_bundle(folder)


@pytest.mark.parametrize("name", ["image_tower.onnx", "head.onnx", "tokenizer.json"])
def test_a_changed_byte_is_noticed_and_the_file_named(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(BundleError, match=f"{name} has sha256"):
        open_bundle(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda m: m["preprocess"].update(side_px=48), "fingerprint", id="preprocess config"),
        pytest.param(lambda m: m["preprocess"].update(emoji_names=False), "fingerprint", id="text setting"),
        pytest.param(lambda m: m["tasks"][0]["classes"].reverse(), "'hateful' with classes", id="class order"),
        pytest.param(lambda m: m["tasks"][0].update(name="rude"), "no such task", id="unknown task"),
        pytest.param(lambda m: m["calibration"].pop("hateful"), "'hateful' has no calibration", id="calibration"),
        pytest.param(lambda m: m["thresholds"].update(hatefull=m["thresholds"]["hateful"]), "'hatefull'", id="typo"),
        pytest.param(
            lambda m: m["thresholds"].update(protected_class=m["thresholds"]["hateful"]),
            "'protected_class', which is no binary task",
            id="thresholds of a multilabel task",
        ),
        pytest.param(lambda m: m["files"].update({"../head.onnx": "0" * 64}), "plain name", id="path in a name"),
        pytest.param(lambda m: m["files"].update({"/etc/hostname": "0" * 64}), "plain name", id="absolute path"),
        pytest.param(lambda m: m["files"].update({"..": "0" * 64}), r"\.\. is missing", id="parent folder"),
        pytest.param(lambda m: m["files"].pop("head.onnx"), "head 'head.onnx' is not among", id="undigested head"),
        pytest.param(lambda m: m["head"].update(file="../head.onnx"), "is not among", id="head elsewhere"),
        pytest.param(lambda m: m.update(extra=1), "extra: Extra inputs", id="unknown key"),
        pytest.param(lambda m: m["head"].update(extra=1), r"head\.extra: Extra inputs", id="unknown key within"),
        pytest.param(lambda m: m.pop("licence"), "licence: Field required", id="missing key"),
        pytest.param(lambda m: m.update(version="1.0"), "version: String should match", id="version"),
        pytest.param(
            lambda m: m["calibration"]["hateful"]["text"].update(scale=-1), r"hateful\.text\.scale", id="negative scale"
        ),
    ],
)
def test_a_changed_manifest_is_refused_with_the_part_named(
    folder: Path, change: Callable[[Manifest], object], message: str
) -> None:
    edit_manifest(folder, change)
    with pytest.raises(BundleError, match=message):
        open_bundle(folder)


def test_the_digest_follows_the_manifest(tiny: TinyBundle, folder: Path) -> None:
    edit_manifest(folder, lambda manifest: manifest.update(description="another"))
    assert open_bundle(folder).digest != tiny.bundle.digest


def test_a_bundle_is_replaced_by_the_new_one_and_no_draft_is_left(tiny: TinyBundle, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    tiny.written_anew(folder)
    (folder / "left_over.txt").write_text("from before")
    assert tiny.written_anew(folder, version="0.0.2").manifest.version == "0.0.2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle"]
    assert not (folder / "left_over.txt").exists()


def test_a_bundle_that_would_not_open_does_not_replace_the_one_that_stands(tiny: TinyBundle, folder: Path) -> None:
    with pytest.raises(BundleError, match="no calibration"):
        tiny.written_anew(folder, calibration={})
    assert open_bundle(folder).digest == tiny.bundle.digest


def test_a_tower_may_be_taken_over_from_the_bundle_that_is_replaced(tiny: TinyBundle, folder: Path) -> None:
    opened = tiny.written_anew(folder, image_tower_path=folder / "image_tower.onnx")
    assert opened.manifest.files == tiny.bundle.manifest.files


def test_other_preprocessing_gives_another_fingerprint(tiny: TinyBundle, tmp_path: Path) -> None:
    changed = PreprocessConfig(**(tiny.parts.preprocess.model_dump() | {"resize": "pad"}))
    opened = tiny.written_anew(tmp_path / "padded", preprocess=changed)
    assert opened.manifest.preprocess_fingerprint != tiny.bundle.manifest.preprocess_fingerprint


def test_a_task_that_never_blocks_has_no_threshold_and_is_written_as_it_always_was() -> None:
    never = Thresholds.model_validate_json('{"review": 0.188, "block": 1.01}')
    assert (never.block, never.bounds) == (None, {"review": 0.188})
    assert never == Thresholds(review=0.188, block=None)
    assert never.model_dump() == {"review": 0.188, "block": 1.01}
    assert json.loads(never.model_dump_json()) == never.model_dump()
    with pytest.raises(ValidationError):
        Thresholds(review=0.5, block=1.02)


@pytest.mark.parametrize(
    ("score", "met"), [(0.0, None), (0.2, "review"), (0.7999, "review"), (0.8, "block"), (1.0, "block")]
)
def test_a_score_meets_the_strictest_bound_that_it_reaches(score: float, met: str | None) -> None:
    assert Thresholds(review=0.2, block=0.8).met(score) == met
    assert Thresholds(review=0.2, block=None).met(score) == (None if met is None else "review")


def test_the_shipped_manifest_is_written_as_it_was_read() -> None:
    raw = (COMPACT_BUNDLE / MANIFEST_NAME).read_text(encoding="utf-8")
    dumped = BundleManifest.model_validate_json(raw).model_dump(mode="json")
    assert dumped["thresholds"] == json.loads(raw)["thresholds"]


def as_version_1(manifest: Manifest, fingerprint: str) -> None:
    """As it was written before calibration and thresholds went by modality."""
    for key in ("calibration", "thresholds"):
        manifest[key] = {task: found["both"] for task, found in manifest[key].items()}
    manifest.update(format_version=1, preprocess_fingerprint=fingerprint)


def test_what_a_manifest_of_version_1_says_of_a_task_goes_for_every_modality(tiny: TinyBundle, folder: Path) -> None:
    edit_manifest(folder, lambda manifest: as_version_1(manifest, tiny.bundle.preprocessor.fingerprint(1)))
    opened = open_bundle(folder).manifest
    assert opened.calibration == tiny.bundle.manifest.calibration
    assert opened.thresholds == tiny.bundle.manifest.thresholds
    assert opened.model_dump(mode="json") == json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m["calibration"]["hateful"].update(scale=-1), r"calibration\.hateful\.both\.scale"),
        (lambda m: m["thresholds"].update(hateful=0.5), r"thresholds\.hateful\.both"),
        (lambda m: m["thresholds"].update(protected_class=m["thresholds"]["hateful"]), "which is no binary task"),
        (lambda m: m.update(thresholds=None), r"thresholds: "),
        (lambda m: m.update(preprocess_fingerprint="0" * 64), "preprocessing here"),
        (lambda m: m.update(format_version=3), "format_version"),
        (lambda m: m.update(format_version=2), r"calibration\.hateful\.both: Field required"),
    ],
)
def test_a_damaged_manifest_of_version_1_is_refused_with_the_part_named(
    tiny: TinyBundle, folder: Path, change: Callable[[Manifest], object], message: str
) -> None:
    edit_manifest(folder, lambda manifest: as_version_1(manifest, tiny.bundle.preprocessor.fingerprint(1)))
    edit_manifest(folder, change)
    with pytest.raises(BundleError, match=message):
        open_bundle(folder)


def test_an_export_has_a_calibration_and_thresholds_for_each_modality(tiny: TinyBundle, tmp_path: Path) -> None:
    calibration = CalibrationByModality(
        both=CalibrationSpec(scale=1.0), text=CalibrationSpec(scale=2.0), image=CalibrationSpec(scale=3.0, shift=-1.0)
    )
    thresholds = ThresholdsByModality(
        both=Thresholds(review=0.5, block=0.9),
        text=Thresholds(review=0.6, block=None),
        image=Thresholds(review=1, block=1),
    )
    tiny.written_anew(
        tmp_path / "own",
        calibration=tiny.parts.calibration | {"hateful": calibration},
        thresholds={"hateful": thresholds},
    )
    written = json.loads((tmp_path / "own" / MANIFEST_NAME).read_text(encoding="utf-8"))
    assert written["format_version"] == 2
    assert written["thresholds"]["hateful"]["text"] == {"review": 0.6, "block": 1.01}
    opened = open_bundle(tmp_path / "own").manifest
    assert (opened.calibration["hateful"], opened.thresholds["hateful"]) == (calibration, thresholds)
