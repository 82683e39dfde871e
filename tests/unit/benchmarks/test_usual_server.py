import io

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image

from benchmarks.throughput import usual_server
from training.data.meme_renderer import STYLES, render_meme


@pytest.fixture(params=["tesseract", "rapidocr"])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setenv("BENCHMARK_OCR", request.param)
    monkeypatch.setenv("BENCHMARK_CLIP", "tiny")
    return TestClient(usual_server.app())


def jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95)
    return file.getvalue()


def test_words_are_taken_or_read_and_both_inputs_reach_the_network(client: TestClient) -> None:
    assert client.get("/readyz").status_code == 200
    picture = Image.new("RGB", (600, 450), "navy")
    meme = jpeg(render_meme(picture, ["nobody knows why"], style=STYLES[0], rng=np.random.default_rng(0)).image)
    read = client.post("/v1/classify", files={"image": meme}, data={"text": ""}).json()
    assert "nobody knows why" in " ".join(read["text"].lower().split())
    given = client.post("/v1/classify", files={"image": meme}, data={"text": "other words"}).json()
    assert given["text"] == "other words"
    assert 0 < given["hateful"] < 1
    assert given["hateful"] != read["hateful"]
    plain = jpeg(Image.new("RGB", (600, 450), "red"))
    assert client.post("/v1/classify", files={"image": plain}, data={"text": "other words"}).json() != given


def test_the_network_is_clip_b_16_of_transformers() -> None:
    config = usual_server._config("base")
    vision, text = config.vision_config, config.text_config
    assert (vision.patch_size, vision.image_size, vision.hidden_size, vision.num_hidden_layers) == (16, 224, 768, 12)
    assert (text.hidden_size, text.num_hidden_layers, text.vocab_size) == (512, 12, 49408)
    assert config.projection_dim == 512


def test_the_network_sees_no_more_tokens_than_there_are_words() -> None:
    """Padding to 77 tokens, which transformers does not do, would make it slower than what a user has."""
    classifier = usual_server.ClipClassifier("tiny")
    seen: list[int] = []
    classifier._clip.text_model.register_forward_hook(lambda _, given, found: seen.append(found[0].shape[1]))
    classifier(Image.new("RGB", (20, 20)), "two words")
    assert seen == [4]  # with the tokens of begin and end
    assert torch.is_grad_enabled()
