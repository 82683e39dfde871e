"""Labelled memes on disk for the tests of data checks: pictures that differ in what is seen, in two layouts."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def scene(seed: int, side_px: int = 48) -> Image.Image:
    """A smooth picture; two seeds are about 30 of 64 bits apart."""
    noise = np.random.default_rng(seed).integers(0, 255, size=(6, 6, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((side_px, side_px), Image.Resampling.BICUBIC)


def row(number: int, **changed: Any) -> dict[str, Any]:
    """A row of the Hateful Memes layout with a picture of its own."""
    return {"id": f"{number:05}", "img": f"img/{number}.png", "label": number % 2, "text": f"words {number}"} | changed


def hateful_memes(root: Path, **splits: list[dict[str, Any]]) -> Path:
    """Write the rows of each split, and a picture for each ``img/<seed>.png`` that is not there yet."""
    (root / "img").mkdir(parents=True, exist_ok=True)
    for split, rows in splits.items():
        (root / f"{split}.jsonl").write_text("".join(json.dumps(item) + "\n" for item in rows), encoding="utf-8")
        for path in (root / item["img"] for item in rows):
            if not path.exists() and path.stem.isdigit():
                scene(int(path.stem)).save(path)
    return root


def one_csv(root: Path, n: int) -> Path:
    """A CSV of ``n`` labelled memes without splits; every third repeats the words of the one before."""
    (root / "images").mkdir(parents=True)
    with (root / "memes.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "image", "text", "hateful", "tags"])
        for number in range(n):
            scene(number).save(root / "images" / f"{number}.png")
            words = f"words {number - 1 if number % 3 == 2 else number}"
            label = ("not_hateful", "hateful")[number % 2]
            writer.writerow([f"m{number}", f"images/{number}.png", words, label, "tag"])
    return root / "memes.csv"
