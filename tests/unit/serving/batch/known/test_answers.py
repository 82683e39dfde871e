"""One meme, three ways to ask: a server, ``memeguard score``, and a batch that is killed and goes on."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.batch import command
from support.batch_known import (
    N_PICTURES,
    TOLERANCE,
    Known,
    flags_of,
    memeguard,
)
from support.tiny import TinyBundle

from benchmarks.batch_kills import answers_of, workers_of
from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.settings import Settings


def _same(answer: dict[str, Any], other: dict[str, Any]) -> bool:
    """In what two ways to ask must agree about one meme."""
    return all(answer[name] == other[name] for name in ("decision", "known", "policy", "judged_as")) and (
        _numbers(answer) == pytest.approx(_numbers(other), abs=TOLERANCE)
    )


def _numbers(answer: dict[str, Any]) -> dict[str, float]:
    memory = answer["memory"] or {"entries": 0, "shifts": {}}
    found = {"hateful": answer["scores"]["hateful"], "entries": memory["entries"]}
    return found | {f"shift of {task}": shift for task, shift in memory["shifts"].items()}


def _served(known: Known, scorer: Scorer, name: str) -> dict[str, dict[str, Any]]:
    """Answers of a server, by id."""
    asked = {"ocr": "none", "ledger_url": known.url, "policy_file": known.policies}
    with TestClient(create_app(lambda: AppState(Settings.model_validate(asked), scorer))) as client:
        return {item["id"]: _classified(client, known, item, name) for item in known.items}


def _classified(client: TestClient, known: Known, item: dict[str, Any], policy: str) -> dict[str, Any]:
    image = (known.memes.parent / item["image"]).read_bytes()
    said = {"text": item["text"], "policy": policy}
    found: dict[str, Any] = client.post("/v1/classify", files={"image": image}, data=said).json()
    return found


def _scored(known: Known, tiny: TinyBundle, name: str) -> dict[str, dict[str, Any]]:
    """What ``memeguard score`` says of some memes, by id."""
    found = {}
    for item in known.items[::3][:4]:
        file = known.memes.parent / item["image"]
        told = memeguard("score", file, "--text", item["text"], "--json", *flags_of(known, tiny, name))
        found[item["id"]] = json.loads(told.stdout)
    return found


@pytest.mark.slow
def test_a_meme_is_answered_alike_by_server_score_and_a_batch_that_is_killed_while_all_is_forgotten(
    known: Known, scorer: Scorer, tiny: TinyBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMEGUARD_LEDGER_URL", known.url)
    served = _served(known, scorer, "banked")
    scored = _scored(known, tiny, "banked")
    out = tmp_path / "out"
    batch = command(known.memes, "--out", out, "--unit-rows", 1, "--workers", 2, *flags_of(known, tiny, "banked"))
    _start_and_kill(batch, out)
    known.forget()
    assert not (out / "_SUCCESS").exists()
    done = subprocess.run(batch, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "goes on with the banks and the memory that it began with" in done.stderr
    rows = answers_of(out)
    sound = {id: answer for id, answer in served.items() if "decision" in answer}
    assert len(sound) == 2 * N_PICTURES
    assert [id for id, answer in scored.items() if not _same(answer, sound[id])] == []
    assert [id for id, answer in sound.items() if not _same(rows[id], answer)] == []
    kinds = {
        id: [(one["bank"], one["kind"], one["quarantined"]) for one in row["known"]]
        for id, row in rows.items()
        if id in sound
    }
    assert kinds["m0"][0] == ("removed", "same_meme", False)
    assert kinds["m1"] == [("removed", "same_picture", False)]
    assert ("jokes", "same_meme", False) in kinds["m2"]
    assert ("removed", "same_meme", True) in kinds["m6"]
    assert ("removed", "same_meme", False) not in kinds["m4"]
    assert [rows[f"m{n}"]["decision"] for n in (0, 1, 6)] == ["block", "review", "review"]
    assert all(rows[id]["memory"] is not None for id in ("m8", "m11"))
    assert rows["m12"]["error"]["code"] == "unsupported_format"


def _start_and_kill(batch: list[str], out: Path) -> None:
    """Kill a worker after the first shard, and the driver after a few more."""
    driver = subprocess.Popen(batch, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _wait(driver, lambda: len(list(out.glob("part-*.parquet"))) >= 1 and workers_of(driver.pid) != [])
    for worker in workers_of(driver.pid)[:1]:
        worker.kill()
    _wait(driver, lambda: len(list(out.glob("part-*.parquet"))) >= 3)
    driver.kill()
    driver.communicate()


def _wait(driver: "subprocess.Popen[bytes]", holds: Callable[[], bool]) -> None:
    while not holds():
        assert driver.poll() is None, driver.communicate()
        time.sleep(0.002)
