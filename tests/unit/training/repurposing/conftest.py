"""A set of memes with pictures of noise, in which near-duplicates, copies and repeated words are known."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

NAMES = ("Anna", "Berlin", "Carlos", "Dublin", "Elena", "Fatima")


def write_noise(path: Path, seed: int) -> None:
    """A picture that looks like no other: eight by eight squares of random grey."""
    cells = np.random.default_rng(seed).integers(0, 256, size=(8, 8), dtype=np.uint8)
    Image.fromarray(cells).resize((64, 64), Image.Resampling.NEAREST).convert("RGB").save(path)


@pytest.fixture(scope="session")
def memes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty memes in three splits. Two of train have the picture of one of test, and two have the words of others."""
    root = tmp_path_factory.mktemp("memes") / "noise"
    (root / "img").mkdir(parents=True)
    rows: dict[str, list[str]] = {"train": [], "dev": [], "test": []}
    for number in range(60):
        split = "train" if number < 36 else "dev" if number < 46 else "test"
        seed = {0: 50, 1: 51}.get(number, number)
        write_noise(root / "img" / f"{number}.png", seed)
        text = f"when {NAMES[number % 6]} sees the number {'eleven' if number in (10, 11) else number}"
        if number in (10, 11):
            text = "the same words"
        row = {"id": f"m{number}", "image": f"img/{number}.png", "text": text, "hateful": "hateful", "tags": ["x"]}
        rows[split].append(json.dumps(row))
    rows["train"].append(json.dumps({"id": "wordless", "image": "img/2.png", "text": ""}))
    rows["train"].append(json.dumps({"id": "pictureless", "text": "only words"}))
    for split, lines in rows.items():
        (root / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return root
