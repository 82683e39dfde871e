from pathlib import Path

import onnx
import pytest
import torch
from support.published_clip import SIDE_PX, publish, tiny_clip

from model.errors import EngineUnavailableError
from training.towers.published import published_tower, resized_positions


@pytest.fixture
def published(tmp_path: Path) -> Path:
    publish(tiny_clip(), tmp_path / "clip.onnx")
    return tmp_path / "clip.onnx"


def test_a_published_tower_computes_what_its_weights_say(tmp_path: Path) -> None:
    clip = tiny_clip()
    publish(clip, tmp_path / "clip.onnx")
    pixels = torch.randn(2, 3, SIDE_PX, SIDE_PX)
    tower = published_tower(tmp_path / "clip.onnx")
    with torch.inference_mode():
        expected, (embeds, patches) = clip(pixel_values=pixels), tower(pixels)
    assert torch.allclose(embeds, expected.image_embeds, atol=1e-5)
    assert torch.allclose(patches, expected.last_hidden_state, atol=1e-5)
    assert tower.side_px == SIDE_PX


def test_for_smaller_pictures_it_has_fewer_patches_and_sees_alike(published: Path) -> None:
    picture = torch.nn.functional.interpolate(torch.randn(1, 3, 4, 4), size=(SIDE_PX, SIDE_PX), mode="bicubic")
    smaller = torch.nn.functional.interpolate(picture, size=(24, 24), mode="bicubic", antialias=True)
    with torch.inference_mode():
        whole, patches = published_tower(published)(picture)
        found, fewer = published_tower(published, 24)(smaller)
        other, _ = published_tower(published, 24)(-smaller)
    assert (patches.shape[1], fewer.shape[1]) == (1 + 16, 1 + 9)
    alike = torch.cosine_similarity(whole, found).item()
    assert alike > 0.8
    assert alike > torch.cosine_similarity(whole, other).item()


def test_positions_of_the_same_grid_stay_as_they_are() -> None:
    positions = torch.randn(1 + 16, 8)
    assert resized_positions(positions, 4) is positions
    assert torch.equal(resized_positions(positions, 3)[0], positions[0])
    assert torch.allclose(resized_positions(torch.ones(17, 8), 2), torch.ones(5, 8), atol=1e-5)


@pytest.mark.parametrize("side_px", [20, 4])
def test_a_side_that_patches_do_not_fill_is_refused(published: Path, side_px: int) -> None:
    with pytest.raises(ValueError, match=rf"side_px is {side_px}: the image tower wants a multiple of 8"):
        published_tower(published, side_px)


def test_another_network_is_refused(tmp_path: Path, published: Path) -> None:
    model = onnx.load(published)
    del model.graph.initializer[0]
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(EngineUnavailableError, match="is no vision tower of CLIP as transformers exports it"):
        published_tower(tmp_path / "other.onnx")
