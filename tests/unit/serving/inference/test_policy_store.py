import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient
from support.pictures import meme

from model import Scorer
from model.policy.file import PolicyFileError
from serving.app_state import AppState
from serving.cli import main
from serving.http.app import create_app
from serving.settings import Settings

URL = "/v1/classify"
POLICIES = """format_version: 1
default: strict
policies:
  strict:
    version: "1"
    thresholds: {hateful: {review: 0.0, block: never}}
    severity: {hateful: [{name: low, from: 0}, {name: high, from: 0.99}]}
    word_lists:
      mild: {action: block, entries: [grumble, turnip soup]}
"""
#: One that ends before the first look at the file would be a slow machine's doing.
PATIENCE_S = 60


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policies.yaml"
    path.write_text(POLICIES, encoding="utf-8")
    return path


@pytest.fixture
def served(scorer: Scorer, file: Path) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: AppState(Settings(ocr="none", policy_file=file), scorer))) as client:
        yield client


def _upload(text: str = "words") -> dict[str, Any]:
    return {"files": [("image", ("meme.png", meme(), "image/png"))], "data": {"text": text}}


def test_a_verdict_tells_severity_and_matches_of_the_default_policy(served: TestClient) -> None:
    verdict = served.post(URL, **_upload("such a GRUMB1E")).json()
    assert verdict["decision"] == "block"
    assert verdict["policy"]["name"] == "strict"
    assert verdict["severity"] == {"hateful": "low"}
    assert verdict["matches"] == [{"word_list": "mild", "start": 7, "end": 14, "action": "block"}]
    assert "grumb" not in " ".join(verdict["policy"]["reasons"]).lower()


def test_words_at_the_end_of_a_long_text_are_found(served: TestClient) -> None:
    text = "word " * 1500 + "grumble"
    assert served.post(URL, **_upload(text)).json()["matches"][0]["end"] == len(text)


def test_policies_are_listed_with_their_rules_and_without_words(served: TestClient) -> None:
    answer = served.get("/v1/policies")
    assert answer.status_code == 200
    assert "grumble" not in answer.text
    document = answer.json()
    assert (document["default"], [policy["name"] for policy in document["policies"]]) == (
        "strict",
        ["default", "strict"],
    )
    strict = document["policies"][1]
    assert strict.pop("digest") == served.post(URL, **_upload()).json()["policy"]["digest"]
    assert strict == {
        "name": "strict",
        "version": "1",
        "thresholds": {"hateful": {"review": 0.0, "block": None}},
        "thresholds_by_modality": {
            "hateful": {modality: {"review": 0.0, "block": None} for modality in ("both", "text", "image")}
        },
        "severity": {"hateful": [{"name": "low", "from": 0.0}, {"name": "high", "from": 0.99}]},
        "word_lists": [{"name": "mild", "action": "block", "whole_words": True, "entries": 2}],
        "partial": {"text": "review", "picture": "review"},
        "banks": [],
    }


def test_without_a_file_there_is_the_bundles_policy(client: TestClient, scorer: Scorer) -> None:
    document = client.get("/v1/policies").json()
    assert document["default"] == "default"
    assert [policy["digest"] for policy in document["policies"]] == [scorer.policy.digest]


def test_the_official_openai_client_reads_models(client: TestClient, scorer: Scorer) -> None:
    caller = openai.OpenAI(api_key="none", base_url="http://testserver/v1", http_client=client)
    (listed,) = caller.models.list().data
    found = caller.models.retrieve(listed.id)
    by_name = caller.models.retrieve(scorer.bundle.manifest.name)
    with pytest.raises(openai.NotFoundError):
        caller.models.retrieve("no-such-model")
    assert listed == found == by_name
    assert found.id == f"{scorer.bundle.manifest.name}-{scorer.bundle.manifest.version}"
    assert (found.object, found.owned_by) == ("model", "memeguard")
    assert found.model_extra is not None
    assert found.model_extra["digest"] == scorer.bundle.digest
    assert [task["name"] for task in found.model_extra["tasks"]] == [task.name for task in scorer.bundle.tasks]


def test_the_catalogue_is_in_openapi_with_its_models(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert {"/v1/policies", "/v1/models", "/v1/models/{model_id}"} <= set(document["paths"])
    assert {"PoliciesDoc", "ModelsDoc", "ModelCardDoc"} <= set(document["components"]["schemas"])
    assert "from" in document["components"]["schemas"]["BandDoc"]["properties"]


def test_a_bad_policy_file_keeps_a_worker_from_starting(scorer: Scorer, file: Path) -> None:
    file.write_text("policies: {}", encoding="utf-8")
    with pytest.raises(PolicyFileError, match="format_version: this key is missing"):
        AppState(Settings(ocr="none", policy_file=file), scorer)


def test_serve_refuses_a_bad_policy_file_in_one_line(file: Path) -> None:
    file.write_text(POLICIES.replace("hateful: {review", "anger: {review"), encoding="utf-8")
    result = CliRunner().invoke(main, ["serve", "--policy-file", str(file)])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {file}: policy 'strict': thresholds: 'anger' is no yes/no task")


@asynccontextmanager
async def _watched(scorer: Scorer, file: Path) -> AsyncIterator[httpx.AsyncClient]:
    """An app in this event loop that looks at its policy file twenty times a second."""
    settings = Settings(ocr="none", policy_file=file, policy_reload_s=0.05)
    app = create_app(lambda: AppState(settings, scorer))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test", timeout=PATIENCE_S) as client,
    ):
        yield client


async def _until(client: httpx.AsyncClient, path: str, wanted: str) -> httpx.Response:
    """Ask until ``wanted`` is in the answer."""
    async with asyncio.timeout(PATIENCE_S):
        while wanted not in (answer := await client.get(path)).text:
            await asyncio.sleep(0.02)
    return answer


def test_a_file_rewritten_under_load_is_in_force_soon_and_drops_no_request(scorer: Scorer, file: Path) -> None:
    async def talk() -> tuple[list[int], set[str]]:
        stopped = asyncio.Event()
        statuses: list[int] = []
        versions: set[str] = set()

        async def ask_on() -> None:
            while not stopped.is_set():
                answer = await client.post(URL, **_upload())
                statuses.append(answer.status_code)
                versions.add(answer.json()["policy"]["version"])

        async with _watched(scorer, file) as client:
            callers = [asyncio.create_task(ask_on()) for _ in range(4)]
            for version in ("2", "3", "4"):
                file.write_text(POLICIES.replace('version: "1"', f'version: "{version}"'), encoding="utf-8")
                await _until(client, "/v1/policies", f'"version":"{version}"')
                await client.post(URL, **_upload())
            stopped.set()
            await asyncio.gather(*callers)
            assert 'memeguard_policy_reloads_total{result="ok"} 3.0' in (await client.get("/metrics")).text
        return statuses, versions

    statuses, versions = asyncio.run(talk())
    assert set(statuses) == {200}
    assert versions <= {"1", "2", "3", "4"}
    assert "4" in versions


def test_a_changed_word_list_file_is_in_force_soon(scorer: Scorer, file: Path) -> None:
    words = file.parent / "words.txt"
    words.write_text("grumble\n", encoding="utf-8")
    file.write_text(POLICIES.replace("entries: [grumble, turnip soup]", "file: words.txt"), encoding="utf-8")

    async def talk() -> tuple[str, str]:
        async with _watched(scorer, file) as client:
            before = (await client.post(URL, **_upload("thunder"))).json()
            words.write_text("grumble\nthunder\n", encoding="utf-8")
            await _until(client, "/v1/policies", '"entries":2')
            after = (await client.post(URL, **_upload("thunder"))).json()
        assert before["policy"]["digest"] != after["policy"]["digest"]
        return before["decision"], after["decision"]

    assert asyncio.run(talk()) == ("review", "block")


def test_a_file_that_became_bad_leaves_the_last_good_one_in_force_and_is_told(
    scorer: Scorer, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def talk() -> None:
        async with _watched(scorer, file) as client:
            good = (await client.get("/v1/policies")).json()
            file.write_text(POLICIES + "    secret: {}\n", encoding="utf-8")
            ready = await _until(client, "/readyz", "is refused")
            assert (ready.status_code, ready.json()["ready"]) == (200, True)
            assert "memeguard policy check" in ready.json()["warnings"][0]
            assert (await client.get("/v1/policies")).json() == good
            assert (await client.post(URL, **_upload())).status_code == 200
            assert 'memeguard_policy_reloads_total{result="failed"} 1.0' in (await client.get("/metrics")).text
            file.write_text(POLICIES.replace('version: "1"', 'version: "2"'), encoding="utf-8")
            await _until(client, "/v1/policies", '"version":"2"')
            assert json.loads((await client.get("/readyz")).text)["warnings"] == []

    caplog.set_level(logging.INFO)
    asyncio.run(talk())
    told = [record.getMessage() for record in caplog.records if record.name == "memeguard.policies"]
    assert [line.split(" default=")[0] for line in told] == [
        "the changed policy file is refused; the policies of before stay in force",
        "policies read anew",
    ]
    assert "secret" not in " ".join(told)
