"""A run of ``benchmarks.speed`` that was never made, with numbers that are easy to reckon with."""

from benchmarks.throughput.document import (
    BARE,
    KINDS,
    NOVEMBER,
    NOW,
    RAPIDOCR,
    TESSERACT,
    Document,
    Kind,
    Machine,
    Side,
    SideRun,
    Work,
)
from benchmarks.throughput.sides import TITLES

#: Seconds of a core for one meme; a round of the same number is as much slower for each side.
CORE_S: dict[str, dict[Kind, float]] = {
    TESSERACT: {"words": 0.6, "ocr": 0.9, "textless": 0.8},
    RAPIDOCR: {"words": 0.6, "ocr": 1.2, "textless": 1.0},
    NOVEMBER: {"words": 0.2, "ocr": 0.9, "textless": 0.6},
    NOW: {"words": 0.1, "ocr": 0.3, "textless": 0.15},
    BARE: {"words": 0.095, "ocr": 0.25, "textless": 0.14},
}
PACES = (1.0, 2.0, 0.5)


def work(core_s: float, pace: float, n_processes: int = 1) -> Work:
    """Ten memes in a round in which the machine takes ``pace`` times as long."""
    return Work(n=10, wall_s=10 * core_s * pace / n_processes, cpu_s=10 * core_s * pace)


def side_run(name: str, n_processes: int) -> SideRun:
    return SideRun(
        busy={kind: [work(CORE_S[name][kind], pace, n_processes) for pace in PACES] for kind in KINDS},
        alone_s={} if name == BARE else {kind: [CORE_S[name][kind] * pace for pace in PACES] for kind in KINDS},
        resident_mib=500.0 * n_processes,
    )


def document(names: tuple[str, ...] = tuple(CORE_S)) -> Document:
    sides = [
        Side(
            name=name,
            title=TITLES[name],
            ready_s=[] if name == BARE else [4.0, 5.0, 9.0],
            runs={n: side_run(name, n) for n in ((1,) if name == BARE else (1, 2))},
        )
        for name in names
    ]
    return Document(
        machine=Machine(command="command", commit="abc", processor="chip", cores=[0, 1], python="3.11", packages={}),
        rounds=3,
        seconds=1.0,
        n_memes=10,
        memes="memes",
        picture_bytes=50_000,
        random_weights="its weights are random",
        now_model={"name": "compact", "version": "1.0.0", "engines": {"ocr": "openvino"}},
        sides=sides,
        repeats=[work(0.001, pace) for pace in PACES],
        batch_per_s={1: [10.0, 5.0, 20.0], 2: [19.0, 9.0, 36.0]},
    )
