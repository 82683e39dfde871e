"""A batch run whose driver and workers are killed again and again, and what comes of it: the proof of docs/batch.md.

    python -m benchmarks.batch_kills --items 10000 --kills 10 --seed 0 --out kills.json

Rendered memes, one in a hundred damaged, are scored by the same command until it ends, while the driver (with SIGKILL)
or one of its two workers is killed at random moments. Then:

- ``verify`` holds the shards against the input: every item has exactly one row;
- the damaged ones, and no others, are errors;
- a server of this machine is sent all damaged memes and a sample of the others, and answers as the rows do;
- the Ray engine scores the whole input by itself, and its table is the same.

Ends with 1 when any of this does not hold.
"""

import argparse
import base64
import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from benchmarks.batch_memes import draw, words_of, write_table
from benchmarks.server_process import served
from serving.batch.output.output_schema import to_answer
from serving.batch.verify import verify

_END_S = 3600
_DAMAGED_EVERY = 100
_TOLERANCE = 1e-5
#: What two answers to the same meme need not share, and what only HTTP gives.
_OF_ONE_CALL = frozenset({"decision_id", "timings_ms", "explanation"})
Row = dict[str, Any]


@dataclass(frozen=True)
class Survival:
    """What became of a run under kills. ``unlike_*``: ids whose answers differ from another way to score them."""

    n_items: int
    n_rows: int
    n_kills: int
    n_drivers: int
    n_damaged: int
    seconds: float
    problems: tuple[str, ...]
    wrong_errors: tuple[str, ...]
    n_asked: int
    unlike_http: tuple[str, ...]
    unlike_ray: tuple[str, ...] | None

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, nothing is there twice and every answer is the right one."""
        return not (self.problems or self.wrong_errors or self.unlike_http or self.unlike_ray)


def main() -> None:
    """Draw, kill, prove and compare."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as name:
        found = survive(Path(name), arguments)
    for field, value in asdict(found).items():
        print(f"{field}: {value}")
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(asdict(found), indent=1))
    if not found.holds:
        raise SystemExit(1)


def survive(folder: Path, arguments: argparse.Namespace) -> Survival:
    """One run under kills in ``folder``, held against everything that it must agree with."""
    table = _damaged_input(folder / "in", arguments.items)
    items = [json.loads(line) for line in table.read_text().splitlines()]
    out = folder / "killed"
    began = time.monotonic()
    n_drivers = live_through_kills(
        table,
        out,
        seed=arguments.seed,
        n_kills=arguments.kills,
        partition_rows=arguments.unit_rows,
        ocr=arguments.ocr,
    )
    seconds = time.monotonic() - began
    print(f"ended after {seconds:.0f} s and {n_drivers} drivers", file=sys.stderr)
    proof = verify(out)
    rows = answers_of(out)
    damaged = [item for item in items if item["damaged"]]
    errors = {id for id, row in rows.items() if "error" in row}
    sound = random.Random(arguments.seed).sample([item for item in items if not item["damaged"]], arguments.asked)
    asked = [*damaged, *sound]
    return Survival(
        n_items=len(items),
        n_rows=proof.n_rows,
        n_kills=arguments.kills,
        n_drivers=n_drivers,
        n_damaged=len(damaged),
        seconds=seconds,
        problems=proof.problems,
        wrong_errors=tuple(sorted(errors ^ {item["id"] for item in damaged})),
        n_asked=len(asked),
        unlike_http=tuple(id for id, answer in _over_http(folder, asked) if differences(rows[id], answer)),
        unlike_ray=_unlike_ray(table, folder / "ray", rows, arguments) if arguments.ray else None,
    )


def live_through_kills(
    input: Path, out: Path, *, seed: int, n_kills: int, partition_rows: int, ocr: str = "none"
) -> int:
    """Run the same command until it ends, killing the driver or a worker whenever the folder has grown by a share.

    Half of the victims are drivers, in random order. Returns how many drivers it took; raises ``RuntimeError`` when one
    that nobody killed did not end well, or when workers outlived theirs.
    """
    rng = random.Random(seed)
    victims = [("driver", "worker")[number % 2] for number in range(n_kills)]
    rng.shuffle(victims)
    n_items = len(input.read_text().splitlines())
    # What is on disk decides when: units while they are cut, shards while they are scored.
    marks = [round(share * n_items / partition_rows) for share in sorted(rng.uniform(0, 0.9) for _ in victims)]
    for n_drivers in range(1, n_kills + 2):
        command = _command(input, out, "--workers", 2, "--unit-rows", partition_rows, "--ocr", ocr)
        driver = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while driver.poll() is None and victims:
            if len(list(out.glob("part-*.parquet"))) >= marks[0]:
                time.sleep(rng.uniform(0, 0.5))  # somewhere between two shards, or in the start of a worker
                if not (targets := workers_of(driver.pid)):
                    continue
                marks.pop(0)
                if victims.pop(0) == "driver":
                    _kill_driver(driver, targets)
                else:
                    rng.choice(targets).kill()
            time.sleep(0.005)
        if driver.wait(_END_S) == 0:
            return n_drivers
    raise RuntimeError(f"a driver that nobody killed ended with {driver.returncode}")


def workers_of(driver: int) -> list[psutil.Process]:
    """The worker processes of a driver, whether they have begun to work or not."""
    try:
        children = psutil.Process(driver).children()
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    except psutil.NoSuchProcess:
        return []


def answers_of(out: Path) -> dict[str, Row]:
    """The rows of a run as HTTP would have answered them, by id."""
    shards = sorted(out.glob("part-*.parquet"))
    return {row["id"]: to_answer(row) for shard in shards for row in pq.read_table(shard).to_pylist()}


def differences(answer: Row, other: Row) -> list[str]:
    """Fields in which two answers to the same meme are unlike; scores may differ by 1e-5."""
    names = (answer.keys() | other.keys()) - _OF_ONE_CALL - {"scores"}
    unlike = [name for name in sorted(names) if answer.get(name) != other.get(name)]
    mine, theirs = _numbers(answer.get("scores", {})), _numbers(other.get("scores", {}))
    if mine.keys() != theirs.keys() or any(abs(mine[name] - theirs[name]) > _TOLERANCE for name in mine):
        unlike.append("scores")
    return unlike


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the moments and the victims")
    parser.add_argument("--unit-rows", type=int, default=64, help="rows of a shard")
    parser.add_argument("--ocr", default="none", help="engine that reads words; every item brings some")
    parser.add_argument("--asked", type=int, default=200, help="sound memes that are sent to a server")
    parser.add_argument("--no-ray", dest="ray", action="store_false", help="leave the Ray engine out")
    parser.add_argument("--out", type=Path, help="what was found, as JSON")
    return parser.parse_args()


def _damaged_input(folder: Path, n_items: int) -> Path:
    """A table of ``n_items`` different memes with words, one in a hundred empty, cut short or no picture."""
    rows = []
    for number, file in enumerate(draw(folder, n_items)):
        damaged = number % _DAMAGED_EVERY == _DAMAGED_EVERY // 2
        if damaged:
            content = file.read_bytes()
            kinds = (b"", content[: len(content) // 3], b"this is no picture")
            file.write_bytes(kinds[number // _DAMAGED_EVERY % len(kinds)])
        rows.append({"id": f"meme-{number}", "image": str(file), "text": words_of(number), "damaged": damaged})
    return write_table(folder / "memes.jsonl", rows)


def _command(input: Path, out: Path, *options: object) -> list[str]:
    return [sys.executable, "-m", "serving.cli", "batch", str(input), "--out", str(out), *map(str, options)]


def _kill_driver(driver: "subprocess.Popen[bytes]", workers: list[psutil.Process]) -> None:
    driver.kill()
    driver.wait()
    _, alive = psutil.wait_procs(workers, timeout=20)
    if alive:
        raise RuntimeError("workers outlived their driver")


def _over_http(folder: Path, items: list[Row]) -> Iterator[tuple[str, Row]]:
    """Answers of a server to items, an error in the form in which a row has it."""
    with served(folder, threads=1, workers=1) as server:
        for item in items:
            image = base64.b64encode(Path(item["image"]).read_bytes()).decode()
            answer = _post(server.port, {"id": item["id"], "image": image, "text": item["text"]})
            if "code" in answer:
                answer = {"id": item["id"], "error": {"code": answer["code"], "message": answer["detail"]}}
            yield item["id"], answer


def _post(port: int, body: Row) -> Row:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/classify", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request) as reply:  # noqa: S310
            document: Row = json.load(reply)
    except urllib.error.HTTPError as error:
        document = json.load(error)
    return document


def _unlike_ray(table: Path, out: Path, rows: Mapping[str, Row], arguments: argparse.Namespace) -> tuple[str, ...]:
    options = ("--engine", "ray", "--workers", 2, "--unit-rows", arguments.unit_rows, "--ocr", arguments.ocr)
    subprocess.run(_command(table, out, *options), check=True, stdout=subprocess.DEVNULL)
    on_ray = answers_of(out)
    shared = rows.keys() & on_ray.keys()
    unlike = {id for id in shared if differences(rows[id], on_ray[id])}
    return tuple(sorted(unlike | (rows.keys() ^ on_ray.keys())))


def _numbers(scores: Mapping[str, Any]) -> dict[str, float]:
    """Scores as one level of names."""
    flat: dict[str, float] = {}
    for task, score in scores.items():
        flat |= {f"{task}.{name}": value for name, value in score.items()} if isinstance(score, dict) else {task: score}
    return flat


if __name__ == "__main__":
    main()
