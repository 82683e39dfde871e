"""A bundle and a policy in the shadow of a real server: kept beside every decision, in a process that yields to all."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.judgements import flat
from support.ledgers import database_of
from support.pictures import meme
from support.server import Server, free_port, running
from support.tiny import TinyBundle

from model import Meme, Scorer, load
from model.bundle import CalibrationByModality, CalibrationSpec
from serving.ledger.tables import shadow_decisions

POLICIES = """\
format_version: 1
default: lenient
policies:
  lenient: {version: "1", thresholds: {hateful: {review: 1.0, block: never}}}
  strict: {version: "2", thresholds: {hateful: {review: 0.0, block: never}}}
"""
TEXTS = ["tea is ready", "monday again", "nobody knows why"]


@dataclass(frozen=True)
class Shadowed:
    server: Server
    ledger: str
    challenger: Path

    def shadows(self) -> dict[str, dict[str, Any]]:
        return {one["kind"]: one for one in self.server.get("/readyz").json()["shadows"]}

    def rows(self) -> dict[tuple[str, str], dict[str, Any]]:
        """By decision and kind."""
        database = database_of(self.ledger)
        with database.reading() as connection:
            found = [dict(row) for row in connection.execute(shadow_decisions.select()).mappings()]
        database.close()
        return {(row["decision_id"], row["kind"]): row for row in found}

    def process(self) -> psutil.Process:
        """The one in which the bundle judges."""
        (found,) = [
            child
            for child in psutil.Process(self.server.process.pid).children(recursive=True)
            if "serving.shadow.bundle_process" in child.cmdline()
        ]
        return found


def until(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < ends, "it did not become so within two minutes"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def shadowed(tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shadowed]:
    folder, port = tmp_path_factory.mktemp("shadow"), free_port()
    calibration = CalibrationByModality.alike(CalibrationSpec(scale=3.0, shift=1.0))
    changed = dict.fromkeys(tiny.parts.calibration, calibration)
    challenger = tiny.written_anew(folder / "challenger", version="0.0.2", calibration=changed).path
    (folder / "policies.yaml").write_text(POLICIES)
    ledger = f"sqlite:///{folder}/ledger.db"
    command = ["serving.cli", "serve", "--bundle", str(tiny.bundle.path), "--ocr", "none", "--port", str(port)]
    # Paths as people type them: the workers run in another folder.
    command += ["--policy-file", "policies.yaml", "--shadow-bundle", "challenger", "--shadow-policy", "strict"]
    with running(command, port, folder, MEMEGUARD_LEDGER_URL=ledger) as server:
        found = Shadowed(server, ledger, challenger)
        until(lambda: found.shadows()["bundle"]["ready"])
        yield found


def scores_of(scorer: Scorer, picture: bytes, text: str) -> dict[str, float]:
    return flat(scorer.score_meme(Meme.from_bytes(picture, text=text)).scores)


def test_both_shadows_judge_what_is_answered_and_change_no_answer(shadowed: Shadowed, tiny: TinyBundle) -> None:
    in_force, challenger = (load(path, ocr="none", threads=1) for path in (tiny.bundle.path, shadowed.challenger))
    asked = [(meme(seed), text) for seed, text in enumerate(TEXTS)]
    verdicts = [shadowed.server.classify(picture, text=text).json() for picture, text in asked]
    until(lambda: len(shadowed.rows()) == 2 * len(asked))
    rows = shadowed.rows()
    for verdict, (picture, text) in zip(verdicts, asked, strict=True):
        assert verdict["decision"] == "allow"
        assert flat(verdict["scores"]) == pytest.approx(scores_of(in_force, picture, text), abs=1e-4)
        of_bundle, of_policy = (rows[verdict["decision_id"], kind] for kind in ("bundle", "policy"))
        assert flat(of_bundle["scores"]) == pytest.approx(scores_of(challenger, picture, text), abs=1e-4)
        assert flat(of_bundle["scores"])["hateful"] != pytest.approx(flat(verdict["scores"])["hateful"], abs=1e-3)
        assert (of_bundle["digest"], of_bundle["policy_name"]) == (challenger.bundle.digest, "lenient")
        assert (of_policy["name"], of_policy["decision"], of_policy["scores"]) == ("strict", "review", None)


def test_what_is_shadowed_is_told(shadowed: Shadowed) -> None:
    told = shadowed.shadows()
    assert {kind: (one["name"], one["version"], one["share"]) for kind, one in told.items()} == {
        "policy": ("strict", "2", 1.0),
        "bundle": ("tiny", "0.0.2", 1.0),
    }
    assert shadowed.server.get("/v1/models").json()["shadow"] == told["bundle"]
    assert shadowed.server.get("/v1/policies").json()["shadow"] == told["policy"]


def test_the_bundle_judges_in_a_process_that_yields_to_every_other(shadowed: Shadowed) -> None:
    process = shadowed.process()
    assert process.nice() == 19
    assert os.sched_getscheduler(process.pid) == os.SCHED_IDLE


def test_a_killed_process_costs_no_answer_and_comes_again(shadowed: Shadowed) -> None:
    before = shadowed.process()
    before.send_signal(signal.SIGKILL)
    verdict = shadowed.server.classify(meme(7), text="monday again").json()
    assert verdict["decision"] == "allow"
    until(lambda: (verdict["decision_id"], "bundle") in shadowed.rows())
    shadowed.server.classify(meme(8), text="tea is ready")
    until(lambda: shadowed.shadows()["bundle"]["ready"])
    assert shadowed.process().pid != before.pid


def test_the_process_ends_with_the_server(shadowed: Shadowed) -> None:
    process = shadowed.process()
    assert shadowed.server.stop() == 0
    until(lambda: not process.is_running())
