"""Where the blocks of the documents are run: a folder with what they take for granted, and one server for all."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from support import ROOT
from support.documents import Block
from support.server import Server
from training.data.meme_renderer import render_meme

#: As the pages start it; the test's port is put in the place of 3000.
SERVE = "memeguard serve --host 127.0.0.1 --port 3000"
_BLOCK_S = 240
_LINKED = ("serving", "model", "training", "scripts", "benchmarks")


@dataclass(frozen=True)
class PageFolder:
    """A folder with what the pages take for granted: a checkout, memes of one's own, a server that answers."""

    folder: Path
    server: Server

    def run(self, block: Block) -> subprocess.CompletedProcess[str]:
        """Run one block; a refusal by the server counts as a failure of its curl."""
        code = block.code.replace("localhost:3000", f"localhost:{self.server.port}")
        interpreter = [sys.executable] if block.language == "python" else ["bash", "-euo", "pipefail"]
        own = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "CURL_HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.server.log.parent),  # where the server keeps its ledger
        }
        return subprocess.run(
            [*interpreter, "-c", code],
            cwd=self.folder,
            env=os.environ | own,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_BLOCK_S,
            check=False,
        )


def fill(folder: Path) -> None:
    """Put into ``folder`` what the pages take for granted."""
    for name in _LINKED:
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / ".curlrc").write_text("fail-with-body\n", encoding="utf-8")
    for seed, name in enumerate(("meme.jpg", "a.jpg", "b.png")):
        _meme(seed, f"words {seed}").save(folder / name)
    _write_flagged(folder / "flagged.parquet")
    _write_own_data(folder / "DATA" / "my_memes")


def _meme(seed: int, words: str) -> Image.Image:
    background = Image.new("RGB", (160, 120), (90, 110, 40 * (seed % 6)))
    return render_meme(background, [words], style="classic", rng=np.random.default_rng(seed)).image


def _write_flagged(path: Path) -> None:
    import pyarrow as pa  # noqa: PLC0415 - slow to import
    from pyarrow import parquet  # noqa: PLC0415

    rows = [{"id": name, "image": name, "text": "words", "tags": ["cat"]} for name in ("meme.jpg", "a.jpg", "b.png")]
    parquet.write_table(pa.Table.from_pylist(rows), path)


def _write_own_data(folder: Path) -> None:
    """Twelve labelled memes without splits."""
    for number in range(12):
        picture = folder / ("hateful" if number % 2 else "not_hateful") / f"{number}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 255, size=(6, 6, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((48, 48)).save(picture)
