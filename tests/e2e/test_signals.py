"""A real server with keys, and what asks it for signals: pict-rs' request, Coop's plugin in Node, and ``tx``."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support import ROOT
from support.pictures import meme
from support.server import Server, free_port, running
from support.signals import POLICIES

from serving.cli import main
from serving.signals.errors import SignalError
from serving.signals.moderator import ServerModerator

PICTURE = meme(1)
#: Loads the plugin as Coop does, and runs one signal with the configuration and the input that it is given.
_COOP = """
const plugin = require(process.argv[1]);
const [config, type, input] = process.argv.slice(2).map((argument) => JSON.parse(argument));
const context = { integrationId: plugin.manifest.id, getCredential: async () => config };
const signals = plugin.createSignals(context);
const { signal } = signals.find((one) => one.signalTypeId === type);
(async () => {
  const disabled = await signal.getDisabledInfo(input.orgId);
  const result = disabled.disabled ? disabled : await signal.run(input);
  console.log(JSON.stringify({ result, ids: signals.map((one) => one.signalTypeId), manifest: plugin.manifest }));
})().catch((error) => { console.error(error.message); process.exit(1); });
"""


@dataclass(frozen=True)
class Guarded:
    server: Server
    key: str
    log: Path

    @property
    def address(self) -> str:
        return self.server.url("")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("signals")
    (folder / "policies.yaml").write_text(POLICIES)
    made = CliRunner().invoke(main, ["keys", "create", "forum", "--file", str(folder / "keys.json")])
    port = free_port()
    command = ["serving.cli", "serve", "--port", str(port), "--keys-file", str(folder / "keys.json")]
    command += ["--policy-file", str(folder / "policies.yaml")]
    with running(command, port, folder) as ready:
        yield Guarded(ready, made.stdout.strip(), ready.log)


def _pict_rs(guarded: Guarded, content: bytes, query: str = "", user: str | None = None) -> tuple[int, Any]:
    """The request that pict-rs makes: the key in the address, the file in pieces, of its own Content-Type."""
    credentials = f"pict-rs:{guarded.key}" if user is None else user
    address = guarded.address.replace("http://", f"http://{credentials}@") + f"/v1/signals/pict-rs{query}"
    command = ["curl", "-sS", "-m", "60", "-X", "POST", "-H", "Content-Type: image/png"]
    command += ["-H", "Transfer-Encoding: chunked", "--data-binary", "@-", "-w", "\n%{http_code}", address]
    said = subprocess.run(command, input=content, capture_output=True, check=True).stdout.decode()
    body, _, status = said.rpartition("\n")
    return int(status), json.loads(body)


def test_pict_rs_publishes_what_is_allowed_and_refuses_what_is_blocked(guarded: Guarded) -> None:
    status, answer = _pict_rs(guarded, PICTURE)
    assert (status, answer["decision"], answer["judged"]) == (200, "allow", True)
    status, problem = _pict_rs(guarded, PICTURE, "?policy=blocking")
    assert (status, problem["code"]) == (422, "blocked_by_policy")
    status, problem = _pict_rs(guarded, PICTURE[:500], "?review=reject")
    assert (status, problem["code"]) == (422, "needs_review")


def test_a_key_in_an_address_is_asked_for_and_is_in_no_log(guarded: Guarded) -> None:
    assert _pict_rs(guarded, PICTURE, user="pict-rs:wrong")[0] == 401
    assert _pict_rs(guarded, PICTURE)[0] == 200
    log = guarded.log.read_text()
    secret = guarded.key.split("_", 2)[2]
    assert "/v1/signals/pict-rs" in log
    assert secret not in log
    assert base64.b64encode(f"pict-rs:{guarded.key}".encode()).decode()[-20:] not in log


def _coop(config: dict[str, Any], type_: str, value: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    node = shutil.which("node")
    assert node is not None, "Node.js is missing: apt-get install nodejs"
    given = {"value": value, "orgId": "org-1", "contentId": "post-1", "userId": "user-1"}
    arguments = [str(ROOT / "deploy" / "coop"), *map(json.dumps, (config, type_, given))]
    return subprocess.run([node, "-e", _COOP, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_the_plugin_for_coop_gets_the_results_that_rules_compare(guarded: Guarded) -> None:
    config = {"url": guarded.address, "apiKey": guarded.key}
    words = {"type": "STRING", "value": "when the code works"}
    told = json.loads(_coop(config, "MEME_HATE_SCORE", words).stdout)
    assert told["ids"] == told["manifest"]["signalTypeIds"]
    assert told["result"]["outputType"] == {"scalarType": "NUMBER"}
    assert 0 < told["result"]["score"] < 0.5
    blocking = config | {"policy": "blocking"}
    assert json.loads(_coop(blocking, "MEME_HATE_BLOCK", words).stdout)["result"]["score"] is True
    assert "Set the address" in json.loads(_coop({}, "MEME_HATE_BLOCK", words).stdout)["result"]["disabledMessage"]


def test_the_plugin_for_coop_throws_where_there_is_no_score(guarded: Guarded) -> None:
    picture = {"type": "IMAGE", "value": {"url": "https://example.org/a.png"}}
    config = {"url": guarded.address, "apiKey": guarded.key}
    failed = _coop(config, "MEME_HATE_SCORE", picture)
    assert failed.returncode == 1
    assert "MEMEGUARD_FETCH_HOSTS" in failed.stderr
    assert json.loads(_coop(config, "MEME_HATE_REVIEW", picture).stdout)["result"]["score"] is True
    assert "401 key_needed" in _coop({"url": guarded.address}, "MEME_HATE_SCORE", picture).stderr


def test_tx_matches_a_picture_with_the_extension(guarded: Guarded, tmp_path: Path) -> None:
    picture, rules = tmp_path / "meme.png", tmp_path / "rules.txt"
    picture.write_bytes(PICTURE)
    rules.write_text("hateful>=0.0001\nhateful>=0.9999\ndecision>=block\n")
    own = {"HOME": str(tmp_path), "TX_MODERATOR_URL": guarded.address, "TX_MODERATOR_KEY": guarded.key}

    def tx(*arguments: str) -> str:
        command = [sys.executable, "-m", "threatexchange", *arguments]
        done = subprocess.run(
            command, env=os.environ | own, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "memeguard_photo - MemeguardPhotoSignal" in tx(
        "config", "extensions", "add", "serving.signals.threatexchange"
    )
    of_file = ("--filename", str(rules), "--signal-type", "memeguard_photo")
    tx("config", "collab", "edit", "local_file", "--create", "house rules", *of_file)
    tx("fetch")
    matched = [line for line in tx("match", "--all", "photo", str(picture)).splitlines() if "memeguard_photo" in line]
    score = ServerModerator(guarded.address, guarded.key).of_picture(picture).scores["hateful"]
    assert len(matched) == 1
    assert f"memeguard_photo {round(1 - score, 4)} (house rules)" in matched[0]


def test_a_server_that_refuses_or_is_not_there_is_an_error_that_says_so(guarded: Guarded) -> None:
    with pytest.raises(SignalError, match="answers 401 key_needed"):
        ServerModerator(guarded.address, "wrong").of_words("words")
    with pytest.raises(SignalError, match=r"127\.0\.0\.1:9/v1/classify cannot be reached"):
        ServerModerator("http://127.0.0.1:9").of_words("words")
