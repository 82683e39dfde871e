"""An app in this process whose every decision goes to review, and the people who review."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from model import load
from serving.app_state import AppState
from serving.http.app import create_app
from serving.review.audit import Reviewer
from serving.review.golden import add_golden
from serving.settings import Settings
from support.pictures import meme
from support.reviewing import Person, write_keys, write_policy
from support.tiny import TinyBundle


class Reviewed:
    """An app whose every decision goes to review, and the people with keys for it."""

    def __init__(self, client: TestClient, keys: dict[str, str], state: AppState) -> None:
        self.client, self.state, self._keys = client, state, keys
        self._n_memes = 0

    def person(self, name: str) -> Person:
        return Person(self.client, self._keys[name])

    def meme(self, text: str = "tea is ready", picture: bytes | None = None) -> dict[str, Any]:
        """The verdict of a meme that nobody sent before."""
        self._n_memes += 1
        answer = self.client.post(
            "/v1/classify",
            files={"image": picture or meme(self._n_memes)},
            data={"text": text, "tags": "tea"},
            headers={"X-API-Key": self._keys["pipeline"]},
        )
        verdict: dict[str, Any] = answer.json()
        return verdict

    def golden(self, **labels: str) -> str:
        """A decision whose answer is known."""
        decision_id: str = self.meme()["decision_id"]
        ledger = self.state.decisions
        with ledger.database.writing() as connection:
            add_golden(connection, decision_id, labels, Reviewer("lead"), None)
        return decision_id


@contextmanager
def reviewing(tiny: TinyBundle, folder: Path, **settings: Any) -> Iterator[Reviewed]:
    keys_file, keys = write_keys(folder)
    given = {
        "ocr": "none",
        "ledger_url": f"sqlite:///{folder}/ledger.db",
        "ledger_store_text": True,
        "ledger_store_pictures": True,
        "keys_file": keys_file,
        "policy_file": write_policy(folder),
    }
    scorer = load(tiny.bundle.path, ocr="none", threads=1)
    state = AppState(Settings.model_validate(given | settings), scorer)
    with TestClient(create_app(lambda: state), raise_server_exceptions=False) as client:
        yield Reviewed(client, keys, state)
