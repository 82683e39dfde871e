"""The real server, started as an operator starts it, and asked as callers ask it."""

import base64
import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import ROOT
from support.hostile import damaged_bodies, damaged_pictures, odd_sizes
from support.judgements import flat
from support.pictures import AWKWARD, meme
from support.server import Server, free_port, running

from model import load

N_MEMES = 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    port = free_port()
    command = ["serving.cli", "serve", "--port", str(port)]
    with running(command, port, tmp_path_factory.mktemp("server")) as ready:
        yield ready


def test_library_command_line_and_http_give_twenty_memes_the_same_verdicts(server: Server, tmp_path: Path) -> None:
    files = [tmp_path / f"meme_{seed:02}.png" for seed in range(N_MEMES)]
    for seed, file in enumerate(files):
        file.write_bytes(meme(seed))
    scorer = load()
    here = [scorer.score_file(file).to_dict() for file in files]
    command = [sys.executable, "-m", "serving.cli", "score", "--json", *map(str, files)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=500).stdout.splitlines()
    over_http = [server.classify(file.read_bytes()).json() for file in files]
    for expected, by_command, by_http in zip(here, map(json.loads, lines), over_http, strict=True):
        for answer in (by_command, by_http):
            assert flat(answer["scores"]) == pytest.approx(flat(expected["scores"]), abs=1e-5)
            assert answer["decision"] == expected["decision"]
            assert answer["text"]["content"] == expected["text"]["content"]
            assert answer["model"] == expected["model"]
    assert sum(bool(verdict["text"]["content"]) for verdict in here) == N_MEMES


def test_the_words_of_a_picture_come_back_with_their_boxes(server: Server) -> None:
    text = server.classify(meme(1)).json()["text"]
    assert text["source"] == "ocr"
    assert text["status"] == "ok"
    assert "simply" in text["content"].lower()
    left, top, right, bottom = text["words"][0]["box"]
    assert 0 <= left < right <= 400
    assert 0 <= top < bottom


def test_json_gets_the_same_verdict_as_multipart(server: Server) -> None:
    body = json.dumps({"image": base64.b64encode(meme(2)).decode(), "id": "post-2"}).encode()
    by_json = server.post(body, "application/json").json()
    assert by_json["id"] == "post-2"
    assert flat(by_json["scores"]) == pytest.approx(flat(server.classify(meme(2)).json()["scores"]), abs=1e-5)


def test_a_folder_of_awkward_files_never_gets_a_5xx(server: Server) -> None:
    answers = {name: server.classify(content, name=name).status for name, content, _, _ in AWKWARD}
    assert answers == {name: status for name, _, status, _ in AWKWARD}


def test_hundreds_of_damaged_pictures_and_bodies_get_no_5xx_and_leave_no_traceback(server: Server) -> None:
    answers = [server.classify(picture) for picture in [*odd_sizes(), *damaged_pictures(120, seed=5)]]
    for path in ("/v1/classify", "/v1/moderations"):
        answers += [server.post(body, kind, path) for kind, body in damaged_bodies(150, seed=6)]
    assert {answer.status for answer in answers} <= {200, 400, 404, 413, 415, 422}
    assert "Traceback" not in server.log.read_text()
    assert " crashed with " not in server.log.read_text()


def test_ready_and_metrics_are_ours(server: Server) -> None:
    ready = server.get("/readyz")
    assert ready.status == 200
    assert ready.json()["ocr_engine"] == "rapidocr"
    server.get("/no-such-path")
    metrics = server.get("/metrics").body.decode()
    assert 'memeguard_requests_total{route="/readyz",status="200"}' in metrics
    assert "no-such-path" not in metrics


def test_a_chunked_body_over_the_limit_gets_413_before_it_is_whole(server: Server) -> None:
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(
            b"POST /v1/classify HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(33):  # the limit is 32 MiB, and the end of the body is never sent
            connection.sendall(chunk)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 413
        assert json.loads(answer.read())["code"] == "body_too_large"


def test_a_caller_who_leaves_half_way_leaves_the_server_well(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"POST /v1/classify HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nhalf")
    assert server.get("/livez").status == 200
    assert "Traceback" not in server.log.read_text()


def test_the_served_process_never_loads_torch(server: Server) -> None:
    assert server.classify(meme(3)).status == 200
    mapped = [Path(f"/proc/{pid}/maps").read_text() for pid in server.pids()]
    assert any("onnxruntime" in maps for maps in mapped)
    assert not any("/torch/" in maps or "libtorch" in maps for maps in mapped)


def test_judging_a_meme_imports_no_training_package() -> None:
    script = """
import sys
from starlette.testclient import TestClient
from serving.service import app
with TestClient(app) as client:
    answer = client.post("/v1/classify", files={"image": sys.stdin.buffer.read()})
assert answer.status_code == 200, answer.text
print(sorted({"torch", "torchvision", "transformers", "open_clip", "onnx", "training"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], input=meme(4), capture_output=True, timeout=300, check=True)
    assert done.stdout.decode().splitlines()[-1] == "[]"


def test_nothing_that_was_sent_is_in_the_log(server: Server) -> None:
    server.classify(meme(1), name="secret-name.png")
    server.get("/secret-path")
    log = server.log.read_text()
    assert "route=/v1/classify status=200" in log
    assert "serving model=" in log
    for sent in ("secret", "simply", "SIMPLY"):
        assert sent not in log


def test_sigterm_stops_the_server_and_leaves_nothing_behind(tmp_path: Path) -> None:
    port = free_port()
    command = ["serving.cli", "serve", "--port", str(port), "--ocr", "none", "--workers", "2"]
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with running(command, port, tmp_path, TMPDIR=str(temporary), BENTOML_HOME="") as server:
        assert server.get("/readyz").json()["ocr_engine"] == "none"
        assert len(server.pids()) == 3
        assert server.stop() == 0
    assert list(temporary.glob("memeguard-*")) == []


def test_bentoml_serve_refuses_an_unknown_setting_without_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bentoml", "serve", "serving.service:Memeguard", "--port", str(free_port())],
        env={"PATH": "", "MEMEGUARD_BUNDEL": "x", "BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    assert "did you mean MEMEGUARD_BUNDLE" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
