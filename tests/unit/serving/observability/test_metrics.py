import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from support import ROOT
from support.pictures import meme

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.observability.metrics import Metrics
from serving.settings import Settings


def _series(exposition: str) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    families = text_string_to_metric_families(exposition)
    return {(sample.name, tuple(sorted(sample.labels.items()))) for family in families for sample in family.samples}


def test_a_barrage_of_odd_paths_and_ids_makes_no_new_series(scorer: Scorer) -> None:
    app = create_app(lambda: AppState(Settings(ocr="none"), scorer))
    with TestClient(app, raise_server_exceptions=False) as client:

        def ask(word: str) -> str:
            client.get(f"/{word}")
            client.get(f"/v1/classify/{word}?id={word}")
            client.request("DELETE", f"/v1/{word}")
            client.get("/v1/classify", headers={"X-Request-Id": word})
            client.post("/v1/classify", data={"id": word, "text": word}, files={"image": (word, b"no picture")})
            client.post("/v1/classify", data={"id": word, "text": word}, files={"image": (word, meme())})
            client.post("/v1/classify", data={word: "unknown field"}, files={"image": (word, meme())})
            client.post("/v1/classify", content=b"{", headers={"Content-Type": f"application/{word}"})
            client.get("/metrics")
            return str(client.get("/metrics").text)

        first = ask("first")
        last = [ask(f"odd-{n}") for n in range(20)][-1]
    assert _series(last) == _series(first)
    assert "odd-" not in last
    assert len(_series(last)) < 300


def test_a_request_that_no_route_took_is_counted_for_the_route_it_was_meant_for(client: TestClient) -> None:
    client.delete("/v1/classify")
    client.get("/openapi.json")
    text = client.get("/metrics").text
    assert 'memeguard_requests_total{route="/v1/classify",status="405"}' in text
    assert 'memeguard_requests_total{route="/openapi.json",status="200"}' in text


def test_scores_are_counted_by_task_in_steps_of_a_twentieth(scorer: Scorer) -> None:
    metrics = Metrics()
    (verdict,) = scorer.score([meme()])
    metrics.saw_verdict(verdict)  # type: ignore[arg-type]  # a good meme has a verdict
    text = metrics.exposition().decode()
    bounds = re.findall(r'memeguard_score_bucket\{le="([\d.]+)",task="hateful"\}', text)
    assert [float(bound) for bound in bounds] == pytest.approx([step / 20 for step in range(1, 21)])
    assert 'memeguard_score_count{task="hateful"} 1.0' in text


def test_the_model_that_judges_is_named(scorer: Scorer) -> None:
    text = AppState(Settings(ocr="none"), scorer).metrics.exposition().decode()
    digest, version = scorer.model.digest[:12], scorer.model.version
    assert f'memeguard_model_info{{digest="{digest}",model="compact",version="{version}"}} 1.0' in text


def test_counters_read_zero_before_anything_happened() -> None:
    text = Metrics().exposition().decode()
    for series in (
        'cache_lookups_total{result="hit"}',
        'policy_reloads_total{result="failed"}',
        'ledger_writes_total{result="failed"}',
    ):
        assert f"memeguard_{series} 0.0" in text


_WORKER = """
import sys
from serving.observability.metrics import Metrics
metrics = Metrics()
metrics.saw_pending(int(sys.argv[1]))
metrics.saw_cache(True)
print("ready", flush=True)
sys.stdin.readline()
sys.stdout.write(metrics.exposition().decode())
"""


def test_workers_are_added_up_and_one_that_was_killed_leaves_no_gauge_behind(tmp_path: Path) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _WORKER, pending],
            env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for pending in ("2", "3", "40")
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    workers[2].kill()
    workers[2].communicate()
    first = workers[0].communicate("\n", timeout=60)[0]
    workers[1].communicate("\n", timeout=60)
    assert "memeguard_pending_items 5.0" in first
    assert 'memeguard_cache_lookups_total{result="hit"} 3.0' in first
