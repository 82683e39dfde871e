import asyncio
import logging
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient
from support.judgements import flat
from support.pictures import meme

from model import Meme, Scorer, Verdict, load
from model.budget import Budget
from serving.app_state import AppState
from serving.http.app import create_app
from serving.settings import Settings

URL = "/v1/classify"


class _BrokenScorer(Scorer):
    def read(self, meme: Meme, budget: Budget | None = None) -> Any:
        raise RuntimeError(f"a bug that quotes {meme.text}")


class _PausedScorer(Scorer):
    """Judges nothing before it is told to go on."""

    started = threading.Event()
    go_on = threading.Event()

    def read(self, meme: Meme, budget: Budget | None = None) -> Any:
        self.started.set()
        assert self.go_on.wait(timeout=60)
        return super().read(meme, budget)


def _client(state: AppState) -> TestClient:
    return TestClient(create_app(lambda: state), raise_server_exceptions=False)


def _with_class(scorer: Scorer, kind: type[Scorer]) -> Scorer:
    return kind(scorer.bundle, scorer.runtime, scorer.ocr)


def _upload(text: str = "words", name: str = "meme.png") -> dict[str, Any]:
    return {"files": [("image", (name, meme(), "image/png"))], "data": {"text": text}}


def test_unknown_paths_and_methods_are_problem_documents(client: TestClient) -> None:
    for answer, status, code in (
        (client.get("/nowhere"), 404, "not_found"),
        (client.post("/v1/classify/"), 404, "not_found"),
        (client.get(URL), 405, "method_not_allowed"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_bug_is_answered_with_500_and_logged_without_what_was_sent(
    scorer: Scorer, caplog: pytest.LogCaptureFixture
) -> None:
    with _client(AppState(Settings(ocr="none"), _with_class(scorer, _BrokenScorer))) as client:
        answer = client.post(URL, **_upload(text="secret words"))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "crashed with RuntimeError" in caplog.text
    assert answer.json()["request_id"] in caplog.text
    assert "secret" not in caplog.text + answer.text


def test_nothing_that_was_sent_is_logged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client.post(URL, **_upload(text="secret words", name="secret.png"))
    client.post(URL, files=[("image", ("secret.png", b"secret bytes", "image/secret"))])
    client.post(URL, content=b"--x\r\nsecret", headers={"Content-Type": "multipart/form-data; boundary=b"})
    client.get("/secret/path?secret=1")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("memeguard", "python_multi"))]
    assert len(ours) == 4
    assert "secret" not in " ".join(ours)


def test_one_line_is_logged_for_an_answer_and_none_for_probes(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/livez")
    answer = client.get("/nowhere")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "memeguard.access"]
    assert answer.headers["x-request-id"] in line
    assert "route=unmatched status=404 code=not_found" in line


def test_metrics_count_by_route_template_and_cause_never_by_path_or_id(scorer: Scorer) -> None:
    with _client(AppState(Settings(ocr="none"), scorer)) as client:
        verdict = client.post(URL, **_upload()).json()
        client.post(URL, files=[("image", ("a.png", b"no picture", "image/png"))])
        client.get("/secret-path")
        text = client.get("/metrics").text
    assert 'memeguard_requests_total{route="/v1/classify",status="200"} 1.0' in text
    assert 'memeguard_requests_total{route="unmatched",status="404"} 1.0' in text
    assert 'memeguard_errors_total{code="unsupported_format"} 1.0' in text
    assert f'memeguard_decisions_total{{decision="{verdict["decision"]}",policy="default"}} 1.0' in text
    assert 'memeguard_texts_total{source="caller",status="ok"} 1.0' in text
    for stage in ("decode", "ocr", "preprocess", "model"):
        assert f'memeguard_stage_seconds_count{{stage="{stage}"}} 1.0' in text
    assert "secret" not in text
    assert verdict["id"] not in text


def test_ready_names_the_parts_in_force(client: TestClient, scorer: Scorer) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["model"]["digest"] == scorer.bundle.digest
    assert answer.json()["providers"] == ["CPUExecutionProvider"]
    assert answer.json()["problems"] == []
    assert answer.json()["engine"] == "auto"
    assert answer.json()["model"]["engines"] == vars(scorer.model.engines)


def test_engines_are_told_when_the_model_is_loaded_and_in_every_verdict(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "memeguard")
    with _client(AppState.open(Settings(ocr="none", engine="openvino"))) as client:
        ready = client.get("/readyz").json()
        verdict = client.post(URL, **_upload()).json()
    # The image tower that ships is one that OpenVINO computes to other numbers.
    engines = {"image_tower": "onnxruntime", "head": "openvino", "ocr": None}
    assert (ready["engine"], ready["model"]["engines"], verdict["model"]["engines"]) == ("openvino", engines, engines)
    assert "only onnxruntime runs as it was measured" in ready["warnings"][0]
    assert "engine=openvino engines=image_tower:onnxruntime,head:openvino" in caplog.messages[0]


def test_an_engine_that_is_missing_makes_the_service_unready_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with _client(AppState.open(Settings(ocr="none", engine="openvino"))) as client:
        ready = client.get("/readyz")
    assert ready.status_code == 503
    assert "asked for the engine openvino" in ready.json()["problems"][0]


def test_a_missing_ocr_engine_makes_the_service_unready_and_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # so that there is no tesseract to be found
    state = AppState(Settings(ocr="tesseract"), load(ocr="tesseract"))
    with _client(state) as client:
        answer = client.get("/readyz")
        verdict = client.post(URL, files=[("image", ("a.png", meme(), "image/png"))]).json()
    assert answer.status_code == 503
    assert "tesseract" in answer.json()["problems"][0]
    assert verdict["text"]["status"] == "unavailable"
    assert verdict["decision"] in {"review", "block"}


def test_a_model_that_cannot_be_loaded_makes_the_service_unready_but_not_dead(tmp_path: Path) -> None:
    with _client(AppState.open(Settings(bundle=tmp_path))) as client:
        assert client.get("/livez").status_code == 200
        ready = client.get("/readyz")
        answer = client.post(URL, **_upload())
    assert ready.status_code == 503
    assert "manifest.json" in ready.json()["problems"][0]
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")


def test_a_gpu_that_is_not_there_makes_the_service_unready_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # so that there is none on any machine
    with _client(AppState.open(Settings(ocr="none", provider="cuda"))) as client:
        ready = client.get("/readyz")
        answer = client.post(URL, **_upload())
    assert ready.status_code == 503
    assert "CUDAExecutionProvider" in ready.json()["problems"][0]
    assert "ask for the engine 'onnxruntime'" in ready.json()["problems"][0]
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")


def test_livez_answers_while_a_meme_is_judged(scorer: Scorer) -> None:
    paused = _with_class(scorer, _PausedScorer)
    app = create_app(lambda: AppState(Settings(ocr="none", concurrency=1), paused))

    async def talk() -> tuple[httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            judged = asyncio.create_task(client.post(URL, **_upload()))
            assert await asyncio.to_thread(_PausedScorer.started.wait, 60)
            live = await client.get("/livez")
            assert not judged.done()
            _PausedScorer.go_on.set()
            return live, await judged

    live, judged = asyncio.run(talk())
    assert live.status_code == 200
    assert judged.status_code == 200


def test_the_parts_in_force_are_logged_when_the_model_is_loaded(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "memeguard")
    state = AppState.open(Settings(ocr="none"))
    model = state.readiness().model
    assert model is not None
    (line,) = caplog.messages
    assert f"digest={model.digest[:12]}" in line
    assert "providers=CPUExecutionProvider" in line


def test_openapi_documents_both_bodies_and_every_error(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    classify = document["paths"][URL]["post"]
    assert set(classify["requestBody"]["content"]) == {"multipart/form-data", "application/json"}
    assert {"200", "400", "413", "415", "422", "500", "503"} <= set(classify["responses"])
    assert "application/problem+json" in classify["responses"]["415"]["content"]
    assert {"VerdictDoc", "ResultsDoc", "ProblemDoc", "ReadinessDoc"} <= set(document["components"]["schemas"])
    assert {"/livez", "/readyz", "/metrics"} <= set(document["paths"])


def test_every_reference_in_openapi_leads_somewhere(client: TestClient) -> None:
    document = client.get("/openapi.json").json()

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if "$ref" in node else []
            return own + [ref for value in node.values() for ref in references(value)]
        return [ref for value in node for ref in references(value)] if isinstance(node, list) else []

    found = references(document)
    assert found
    for reference in found:
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def test_the_verdict_over_http_is_the_librarys(client: TestClient, scorer: Scorer) -> None:
    over_http = client.post(URL, **_upload(text="some words")).json()
    (here,) = scorer.score([Meme.from_bytes(meme(), text="some words")])
    assert isinstance(here, Verdict)
    assert flat(over_http["scores"]) == pytest.approx(flat(here.scores), abs=1e-5)
    assert over_http["decision"] == here.decision
