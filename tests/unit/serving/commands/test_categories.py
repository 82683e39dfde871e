import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fastapi.testclient import TestClient
from support.preparation import picture
from support.tiny import TinyBundle

from model.bundle import Bundle
from serving.app_state import AppState
from serving.cli import main
from serving.http.app import create_app
from serving.settings import Settings

POLICY = (
    'format_version: 1\npolicies: {p: {version: "1", thresholds: {categories.cats: {review: 0.5, block: never}}}}\n'
)


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def bundle(tiny: TinyBundle) -> Bundle:
    return tiny.bundle


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for seed in range(5):
        picture(seed).save(tmp_path / f"{seed}.png")
    memes = ", ".join(f"{{image: {seed}.png, text: cat {seed}}}" for seed in range(5))
    path = tmp_path / "categories.yaml"
    path.write_text(f"format_version: 1\ncategories: {{cats: {{examples: [{memes}]}}}}\n")
    (tmp_path / "policies.yaml").write_text(POLICY)
    return path


def test_score_and_policies_know_categories(bundle: Bundle, file: Path) -> None:
    given = ("--bundle", bundle.path, "--categories", file)
    policies = file.parent / "policies.yaml"
    asked = ("score", file.parent / "0.png", "--text", "cat 0", "--ocr", "none", *given)
    told = json.loads(_run(*asked, "--policy", f"{policies}:p", "--json").stdout)
    assert told["categories"]["cats"] >= 0.5
    assert told["decision"] == "review"
    assert "categories.cats" in _run(*asked).stdout
    assert _run("policy", "check", policies, *given).exit_code == 0
    refused = _run("policy", "check", policies, "--bundle", bundle.path)
    assert refused.exit_code != 0
    assert "is no category" in refused.output
    past = file.parent / "past.jsonl"
    past.write_text(json.dumps({"decision": "allow", "scores": {}, "categories": {"cats": 0.6}}))
    tried = _run("policy", "dry-run", policies, "--policy", "p", "--scores", past, *given, "--json")
    assert json.loads(tried.stdout)["transitions"] == [{"old": "allow", "new": "review", "count": 1}]


def test_a_server_scores_categories_and_its_policies_use_them(bundle: Bundle, file: Path) -> None:
    policies = file.parent / "policies.yaml"
    settings = Settings(bundle=bundle.path, ocr="none", categories_file=file, policy_file=policies, ledger_url="none")
    with TestClient(create_app(lambda: AppState.open(settings))) as client:
        asked = {"text": "cat 0", "policy": "p"}
        for _ in range(2):  # the second is held in the cache
            found = client.post("/v1/classify", json=asked).json()
            assert found["decision"] == ("review" if found["categories"]["cats"] >= 0.5 else "allow")
            assert len(found["categories_digest"]) == 64


def test_a_server_whose_bundle_cannot_score_them_is_not_ready_and_says_why(bundle: Bundle, file: Path) -> None:
    file.write_text("format_version: 1\ncategories: {cats: {description: a photo of a cat}}\n")
    settings = Settings(bundle=bundle.path, ocr="none", categories_file=file)
    with TestClient(create_app(lambda: AppState.open(settings))) as client:
        answer = client.get("/readyz")
    assert answer.status_code == 503
    (problem,) = answer.json()["problems"]
    assert problem.startswith(f"categories: {file}: categories.cats.description: the bundle tiny 0.0.1 has no space")
