from pathlib import Path

import numpy as np
import pytest
from support.shared_space import with_shared_space
from support.tiny import TinyBundle

from model import open_bundle
from model.bundle import COMPACT_BUNDLE
from model.projections import description
from model.projections.description import Projection, can_describe, description_of, projection_path


def _projection(seed: int = 0) -> Projection:
    rng = np.random.default_rng(seed)
    return Projection(rng.normal(size=(24, 16)).astype(np.float32), rng.normal(size=16).astype(np.float32))


def test_a_projection_that_is_written_and_read_gives_nearly_the_same(tmp_path: Path) -> None:
    before = _projection()
    before.write(tmp_path / "one.npz")
    after = Projection.read(tmp_path / "one.npz")
    texts = np.random.default_rng(1).normal(size=(50, 24)).astype(np.float32)
    assert ((before(texts) * after(texts)).sum(axis=1) > 0.99999).all()


def test_descriptions_are_of_length_one_however_long_the_features_are() -> None:
    text = np.random.default_rng(1).normal(size=24).astype(np.float32)
    found = _projection()(text)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-6)
    assert np.allclose(found, _projection()(text * 100), atol=1e-6)


def test_without_a_shared_space_or_a_projection_there_is_no_description(tiny: TinyBundle) -> None:
    assert not can_describe(tiny.bundle)
    assert description_of(tiny.bundle, np.ones(8, np.float32)) is None


def test_where_towers_share_a_space_words_are_compared_as_they_are(tiny: TinyBundle, tmp_path: Path) -> None:
    bundle = with_shared_space(tiny, tmp_path)
    text = np.array([3.0, 4.0], np.float32)
    found = description_of(bundle, text)
    assert can_describe(bundle)
    assert found is not None
    assert found.tolist() == pytest.approx([0.6, 0.8])
    assert description_of(bundle, None) is None


def test_a_projection_is_of_one_pair_of_towers(
    tiny: TinyBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(description, "_PROJECTIONS", tmp_path)
    _projection().write(projection_path(tiny.bundle))
    assert can_describe(tiny.bundle)
    assert not can_describe(open_bundle(COMPACT_BUNDLE))
    text = np.ones(24, np.float32)
    found = description_of(tiny.bundle, text)
    assert found is not None
    assert np.allclose(found, _projection()(text), atol=1e-3)


def test_the_bundle_that_ships_has_a_projection_of_its_towers() -> None:
    bundle = open_bundle(COMPACT_BUNDLE)
    assert can_describe(bundle), "its towers changed: run python -m benchmarks.description_search --write"
    manifest = bundle.manifest
    projection = Projection.read(projection_path(bundle))
    assert projection.weights.shape == (manifest.head.text_width, manifest.image_tower.embed_width)
    found = description_of(bundle, np.ones(manifest.head.text_width or 0, np.float32))
    assert found is not None
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
