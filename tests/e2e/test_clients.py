"""A real server and the clients that people use: curl, httpx, aiohttp and openai, with what each of them writes."""

import asyncio
import base64
import gzip
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from support.judgements import flat
from support.pictures import meme
from support.server import Server, free_port, running

WORDS = "größe – €"
PICTURE = meme(1)
IN_BASE64 = base64.b64encode(PICTURE).decode()
ORIGIN = "https://app.example.org"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    port = free_port()
    command = ["serving.cli", "serve", "--port", str(port), "--ocr", "none"]
    with running(command, port, tmp_path_factory.mktemp("server"), MEMEGUARD_CORS_ORIGINS=ORIGIN) as ready:
        yield ready


@pytest.fixture(scope="module")
def expected(server: Server) -> Any:
    """The scores of the picture with the words, sent in the plainest way."""
    answer = httpx.post(server.url("/v1/classify"), files={"image": PICTURE}, data={"text": WORDS}, timeout=60)
    assert answer.json()["text"]["content"] == WORDS
    return pytest.approx(flat(answer.json()["scores"]), abs=1e-5)


def _curl(*arguments: str) -> str:
    return subprocess.run(["curl", "-sS", "-m", "60", *arguments], capture_output=True, text=True, check=True).stdout


def test_forms_of_curl_are_read_in_every_encoding(server: Server, expected: Any, tmp_path: Path) -> None:
    (tmp_path / "meme.png").write_bytes(PICTURE)
    (tmp_path / "latin.txt").write_bytes(WORDS.encode("cp1252"))
    (tmp_path / "utf-16.txt").write_bytes(WORDS.encode("utf-16"))
    picture, url = f"image=@{tmp_path}/meme.png", server.url("/v1/classify")
    for form in (
        ["-F", picture, "-F", f"text={WORDS}"],
        ["-F", f"{picture};encoder=base64", "-F", f"text={WORDS};encoder=quoted-printable"],
        [
            "-F",
            f'{picture};filename=größe "1".png',
            "-F",
            f"text=<{tmp_path}/latin.txt;type=text/plain; charset=cp1252",
        ],
        ["-F", picture, "-F", f"text=@{tmp_path}/utf-16.txt;type=text/plain; charset=utf-16"],
        ["-F", picture, "-F", "_charset_=windows-1252", "-F", f"text=<{tmp_path}/latin.txt"],
        ["--form-string", f"image=data:image/png;base64,{IN_BASE64}", "-F", f"text={WORDS}"],
    ):
        assert flat(json.loads(_curl(*form, url))["scores"]) == expected, form
    refused = json.loads(_curl("-d", "text=words", url))
    assert (refused["code"], "x-www-form-urlencoded" in refused["detail"]) == ("unsupported_media_type", True)


def test_head_by_curl_has_the_length_of_get_and_ends(server: Server) -> None:
    for path in ("/livez", "/v1/models", "/openapi.json", "/nowhere"):
        headers = dict(
            line.lower().split(": ", 1) for line in _curl("-I", server.url(path)).splitlines() if ": " in line
        )
        assert int(headers["content-length"]) == len(server.get(path).body)


def test_json_of_httpx_in_other_charsets_and_compressed(server: Server, expected: Any) -> None:
    with httpx.Client(base_url=server.url(""), timeout=60) as client:
        for charset in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
            for spelled in (IN_BASE64, IN_BASE64.rstrip("=").replace("+", "-").replace("/", "_")):
                body = json.dumps({"image": spelled, "text": WORDS}, ensure_ascii=False).encode(charset)
                kind = f"application/json; charset={charset.removesuffix('-sig')}"
                answer = client.post("/v1/classify", content=body, headers={"Content-Type": kind})
                assert flat(answer.json()["scores"]) == expected, charset
        packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        answer = client.post("/v1/classify", content=gzip.compress(b"{}" + b" " * 30_000_000), headers=packed)
        assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")
        assert "Content-Encoding" in answer.json()["detail"]


def test_a_form_of_aiohttp_is_read(server: Server, expected: Any) -> None:
    async def sent() -> Any:
        form = aiohttp.FormData()
        form.add_field("image", PICTURE, filename="größe.png", content_type="image/png")
        form.add_field("text", WORDS)
        async with aiohttp.ClientSession() as session, session.post(server.url("/v1/classify"), data=form) as answer:
            return await answer.json()

    assert flat(asyncio.run(sent())["scores"]) == expected


def test_a_page_of_a_listed_origin_may_call_and_read_errors(server: Server) -> None:
    preflight = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key",
    }
    with httpx.Client(base_url=server.url(""), timeout=60) as client:
        asked = client.options("/v1/classify", headers=preflight)
        refused = client.post("/v1/classify", json={}, headers={"Origin": ORIGIN})
        other = client.options("/v1/classify", headers=preflight | {"Origin": "https://example.com"})
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, ORIGIN)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (422, ORIGIN)
    assert "access-control-allow-origin" not in other.headers


def test_the_openai_client_finds_its_model_and_hears_which_input_was_bad(server: Server) -> None:
    url = f"data:image/png;base64,{IN_BASE64}"
    parts: Any = [
        {"type": "input_text", "text": "look"},
        {"type": "input_image", "image_url": url, "detail": "auto"},
        {"type": "image_url", "image_url": {"url": url, "detail": "low"}},
    ]
    with OpenAI(base_url=server.url("/v1"), api_key="none", max_retries=0) as client:
        for name in ("omni-moderation-latest", "text-moderation-stable", "compact"):
            assert client.models.retrieve(name).id == client.moderations.create(input="words", model=name).model
        with pytest.raises(NotFoundError):
            client.models.retrieve("gpt-4")
        (result,) = client.moderations.create(input=parts).results
        with pytest.raises(BadRequestError, match=r"input\[3\]\.image_url\.url: ") as caught:
            client.moderations.create(input=[*parts, {"type": "image_url", "image_url": {"url": 5}}])
    assert result.category_applied_input_types.hate == ["text", "image"]
    assert caught.value.param == "input[3].image_url.url"
