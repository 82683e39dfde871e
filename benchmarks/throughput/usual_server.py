"""FastAPI server that a user would build instead: transformers' CLIP in torch, a linear layer, a common OCR library.

    uvicorn --factory benchmarks.throughput.usual_server:app

CLIP B/16 runs eagerly and in fp32 over the picture and the words on it, and one linear layer says how hateful both
together are. The weights are random: they would have to be downloaded, and time does not depend on them. The tokens
are CLIP's own, from the table in open_clip's wheel, and pictures are prepared by transformers. ``BENCHMARK_OCR`` is
``tesseract`` or ``rapidocr``, each as its documentation starts it; ``BENCHMARK_CLIP=tiny`` is a network for tests.
"""

import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import open_clip
import torch
from fastapi import FastAPI, Form, UploadFile
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

Read = Callable[[Image.Image], str]
RANDOM_WEIGHTS = "transformers' CLIP B/16 has random weights"
_TINY_VISION = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
_TINY_TEXT = {**_TINY_VISION, "max_position_embeddings": 77}


class ClipClassifier:
    """How hateful a picture and its words are, by CLIP's two embeddings and a linear layer."""

    def __init__(self, size: str) -> None:
        torch.manual_seed(0)
        self._clip = CLIPModel(_config(size)).eval()
        self._tokenize = open_clip.get_tokenizer("ViT-B-16")
        self._prepare = CLIPImageProcessor()
        self._head = torch.nn.Linear(2 * self._clip.config.projection_dim, 1)

    @torch.inference_mode()
    def __call__(self, picture: Image.Image, words: str) -> float:
        """A probability."""
        pixels = self._prepare(images=picture, return_tensors="pt")["pixel_values"]
        padded = self._tokenize([words])
        tokens = padded[:, : int(padded.argmax()) + 1]  # transformers' tokenizer pads to the longest: here not at all
        found = self._clip(input_ids=tokens, pixel_values=pixels)
        both = torch.cat([found.image_embeds, found.text_embeds], dim=-1)
        return float(torch.sigmoid(self._head(both)))


def app() -> FastAPI:
    """The server; ``/v1/classify`` takes the form that ours takes, blank words are read from the picture."""
    torch.set_num_threads(1)
    classifier = ClipClassifier(os.environ.get("BENCHMARK_CLIP", "base"))
    read = READERS[os.environ["BENCHMARK_OCR"]]()
    server = FastAPI()

    @server.post("/v1/classify")
    def classify(image: UploadFile, text: str = Form("")) -> dict[str, Any]:
        picture = Image.open(image.file).convert("RGB")
        words = text or read(picture)
        return {"hateful": classifier(picture, words), "text": words}

    @server.get("/readyz")
    def ready() -> dict[str, bool]:
        return {"ready": True}

    return server


def _tesseract() -> Read:
    pytesseract = importlib.import_module("pytesseract")
    return lambda picture: str(pytesseract.image_to_string(picture))


def _rapidocr() -> Read:
    """RapidOCR's defaults; it expects BGR."""
    engine = importlib.import_module("rapidocr").RapidOCR()

    def read(picture: Image.Image) -> str:
        found = engine(np.asarray(picture)[:, :, ::-1])
        return "\n".join(found.txts or ())

    return read


READERS: dict[str, Callable[[], Read]] = {"tesseract": _tesseract, "rapidocr": _rapidocr}


def _config(size: str) -> CLIPConfig:
    """B/16 as OpenAI published it, or a network of one layer."""
    if size == "tiny":
        return CLIPConfig(text_config=_TINY_TEXT, vision_config={**_TINY_VISION, "patch_size": 112}, projection_dim=16)
    return CLIPConfig(vision_config={"patch_size": 16})
