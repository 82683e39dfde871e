"""What an operator sees of a real server: its log lines and its traces."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from support.pictures import meme
from support.server import Server, free_port, running
from support.traces import Collector, collecting


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as ready:
        yield ready


@pytest.fixture(scope="module")
def server(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    port = free_port()
    environ = {
        "MEMEGUARD_LOG_FORMAT": "json",
        "MEMEGUARD_TRACE_SAMPLE_RATE": "1",
        "MEMEGUARD_TRACE_ENDPOINT": collector.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "100",  # milliseconds; the default would let the test wait for five seconds
    }
    command = ["serving.cli", "serve", "--port", str(port), "--ocr", "none"]
    with running(command, port, tmp_path_factory.mktemp("operations"), **environ) as ready:
        yield ready


def _line_about(server: Server, request_id: str) -> dict[str, Any]:
    """The log line of a request: written after its answer was sent."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        lines = [json.loads(line) for line in server.log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        found: list[dict[str, Any]] = [line for line in lines if line.get("request_id") == request_id]
        if found:
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"no line about {request_id}:\n{server.log.read_text()}")


def _attributes(span: Any) -> dict[str, Any]:
    kinds = {one.key: one.value for one in span.attributes}
    return {key: value.string_value or value.int_value for key, value in kinds.items()}


def test_every_log_line_of_a_server_is_a_json_object(server: Server) -> None:
    answer = server.classify(meme(1), text="secret words", name="secret.png")
    server.get("/secret?path")
    answered = _line_about(server, answer.headers["x-request-id"])
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    assert {"bentoml.serve", "memeguard.app", "memeguard.access"} <= {line["logger"] for line in lines}
    assert (answered["route"], answered["status"]) == ("/v1/classify", 200)
    assert answered["ms"] > 0
    assert "secret" not in server.log.read_text()


def test_a_request_is_exported_as_one_span_named_by_its_route(server: Server, collector: Collector) -> None:
    server.get("/livez")
    collector.wait_for(2)
    collector.bodies.clear()
    answer = server.classify(meme(2), text="words", name="secret.png")
    server.get("/secret-path?secret=1")
    judged, unknown = collector.wait_for(2)
    assert (judged.name, unknown.name) == ("POST /v1/classify", "GET unmatched")
    assert _attributes(judged) == {
        "http.request.method": "POST",
        "http.route": "/v1/classify",
        "http.response.status_code": 200,
        "memeguard.request_id": answer.headers["x-request-id"],
    }
    (verdict,) = judged.events
    assert {"decision", "policy", "model_ms", "total_ms"} <= {one.key for one in verdict.attributes}
    assert b"secret" not in b"".join(collector.bodies)


def test_a_log_line_names_the_trace_it_belongs_to(server: Server) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    sent_with_trace = urllib.request.Request(  # noqa: S310
        server.url("/nowhere"), headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    )
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(sent_with_trace, timeout=60)  # noqa: S310
    assert _line_about(server, refusal.value.headers["x-request-id"])["trace_id"] == trace_id
    refusal.value.close()
