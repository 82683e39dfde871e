"""Clients of the Perspective API, unchanged, pointed at a real server with keys: Google's of Python, and npm's."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from googleapiclient import discovery
from googleapiclient.errors import HttpError
from support import ROOT
from support.server import Server, free_port, running

from serving.cli import main

CLIENTS = ROOT / "tests" / "clients"
ASKED: dict[str, Any] = {"IDENTITY_ATTACK": {}}
WORDS = "What kind of name is foo? Sorry, I like your name."


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.json"


@pytest.fixture(scope="module")
def key(keys_file: Path) -> str:
    scopes = ["--scope", "classify", "--scope", "feedback"]
    result = CliRunner().invoke(main, ["keys", "create", "forum", *scopes, "--file", str(keys_file)])
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, keys_file: Path, key: str) -> Iterator[Server]:
    port, folder = free_port(), tmp_path_factory.mktemp("server")
    command = ["serving.cli", "serve", "--port", str(port), "--ocr", "none", "--keys-file", str(keys_file)]
    with running(command, port, folder, MEMEGUARD_LOG_LEVEL="debug") as ready:
        yield ready
        assert key not in ready.log.read_text()


@pytest.fixture(scope="module")
def google(server: Server, key: str) -> Iterator[Any]:
    """Google's client as its documentation for Perspective makes it, with another address."""
    with discovery.build(
        "commentanalyzer",
        "v1alpha1",
        developerKey=key,
        discoveryServiceUrl=server.url("/$discovery/rest?version=v1alpha1"),
        static_discovery=False,
    ) as service:
        yield service


@pytest.fixture(scope="module")
def npm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the npm package is, as ``package-lock.json`` has it."""
    folder = tmp_path_factory.mktemp("npm")
    for name in ("package.json", "package-lock.json", "perspective.js"):
        shutil.copy(CLIENTS / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return folder


def _by_npm(folder: Path, server: Server, key: str, *calls: Any) -> Any:
    own = {"PERSPECTIVE_URL": server.url(""), "PERSPECTIVE_KEY": key}
    done = subprocess.run(
        ["node", "perspective.js"],
        cwd=folder,
        env=os.environ | own,
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def test_googles_python_client_scores_a_comment_and_its_sentences(google: Any) -> None:
    asked = {
        "comment": {"text": WORDS},
        "requestedAttributes": ASKED,
        "languages": ["en"],
        "spanAnnotations": True,
        "doNotStore": True,
        "clientToken": "comment-53922",
    }
    answer = google.comments().analyze(body=asked).execute()
    attack = answer["attributeScores"]["IDENTITY_ATTACK"]
    assert [(one["begin"], one["end"]) for one in attack["spanScores"]] == [(0, 25), (26, 50)]
    assert 0 < attack["summaryScore"]["value"] < 1
    assert (attack["summaryScore"]["type"], answer["languages"]) == ("PROBABILITY", ["en"])
    assert answer["clientToken"] == "comment-53922"


def test_googles_python_client_raises_its_own_errors_with_perspectives_words(google: Any) -> None:
    for body, kind, message in (
        ({"comment": {"text": WORDS}, "requestedAttributes": {"TOXICITY": {}}}, "INVALID_REQUEST", "TOXICITY"),
        ({"comment": {"text": " "}, "requestedAttributes": ASKED}, "COMMENT_EMPTY", "Comment must be non-empty."),
        (
            {"comment": {"text": WORDS}, "requestedAttributes": ASKED, "languages": ["it"]},
            "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
            "Attribute IDENTITY_ATTACK does not support request languages: it",
        ),
    ):
        with pytest.raises(HttpError) as caught:
            google.comments().analyze(body=body).execute()
        assert (caught.value.status_code, caught.value.error_details[0]["errorType"]) == (400, kind)
        assert message in caught.value.reason


def test_googles_python_client_suggests_a_score_that_is_kept_as_feedback(google: Any, server: Server, key: str) -> None:
    asked = {"comment": {"text": WORDS}, "requestedAttributes": ASKED}
    decision_id = google.comments().analyze(body=asked).execute()["memeguard"]["decisionId"]
    said = {
        "comment": {"text": WORDS},
        "attributeScores": {"IDENTITY_ATTACK": {"summaryScore": {"value": 0}}},
        "clientToken": "comment-53922",
    }
    assert google.comments().suggestscore(body=said).execute() == {"clientToken": "comment-53922"}
    kept = subprocess.run(
        ["curl", "-sS", "-H", f"X-API-Key: {key}", server.url(f"/v1/decisions/{decision_id}")],
        capture_output=True,
        check=True,
    )
    (feedback,) = json.loads(kept.stdout)["feedback"]
    assert (feedback["labels"], feedback["key_name"]) == ({"hateful": "not_hateful"}, "forum")


def test_the_npm_client_scores_comments_as_googles_does(
    npm_folder: Path, google: Any, server: Server, key: str
) -> None:
    asked = {"comment": {"text": WORDS}, "requestedAttributes": ASKED, "doNotStore": True}
    expected = google.comments().analyze(body=asked).execute()["attributeScores"]["IDENTITY_ATTACK"]["summaryScore"]
    marked_up = f"<b>{WORDS}</b>"
    plain, sentences, unanswered = _by_npm(
        npm_folder,
        server,
        key,
        [marked_up, {"attributes": ["identity_attack"]}],
        [asked | {"spanAnnotations": True}],
        [WORDS, {}],
    )
    for answer in (plain, sentences):
        score = answer["answer"]["attributeScores"]["IDENTITY_ATTACK"]["summaryScore"]
        assert score["value"] == pytest.approx(expected["value"], abs=1e-5)
    assert len(sentences["answer"]["attributeScores"]["IDENTITY_ATTACK"]["spanScores"]) == 2
    # It asks for TOXICITY where its user asks for nothing.
    assert unanswered["error"]["name"] == "ResponseError"
    assert unanswered["error"]["status"] == 400
    assert unanswered["error"]["message"].startswith("Unknown requested attribute: TOXICITY")


def test_a_wrong_key_is_an_error_of_each_client(server: Server, npm_folder: Path) -> None:
    address = server.url("/$discovery/rest?version=v1alpha1")
    with (
        discovery.build(
            "commentanalyzer", "v1alpha1", developerKey="mg_wrong", discoveryServiceUrl=address, static_discovery=False
        ) as stranger,
        pytest.raises(HttpError, match="send a valid API key") as caught,
    ):
        stranger.comments().analyze(body={}).execute()
    (refused,) = _by_npm(npm_folder, server, "mg_wrong", [WORDS, {}])
    assert (caught.value.status_code, refused["error"]["status"]) == (401, 401)
    assert "send a valid API key" in refused["error"]["message"]
