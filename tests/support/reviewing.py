"""A server that people review on: a key for each of them, and a policy that sends every meme to review."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.testclient import TestClient

from serving.security.keys import KeyList, KeyScope, new_key
from support.pictures import meme
from support.server import Server, free_port, running

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Who has a key, and what it opens.
PEOPLE: dict[str, tuple[KeyScope, ...]] = {
    "pipeline": ("classify",),
    "anna": ("review",),
    "ben": ("review",),
    "cleo": ("review",),
    "lead": ("review", "admin"),
}
_POLICY = """\
format_version: 1
default: community
policies:
  community:
    version: "1"
    thresholds:
      hateful: {review: 0.0, block: never}
    severity:
      hateful: [{name: band-low, from: 0}, {name: band-high, from: 0.5}]
    word_lists:
      to_look_at: {action: review, entries: [monday]}
"""


def write_policy(folder: Path) -> Path:
    """A policy file; every score asks for review."""
    path = folder / "policies.yaml"
    path.write_text(_POLICY)
    return path


def write_keys(folder: Path) -> tuple[Path, dict[str, str]]:
    """A keys file with a key for each of ``PEOPLE``; the keys by name."""
    made = {name: new_key(name, scopes, None, None) for name, scopes in PEOPLE.items()}
    path = folder / "keys.json"
    path.write_text(KeyList(keys=tuple(entry for _, entry in made.values())).model_dump_json())
    return path, {name: key for name, (key, _) in made.items()}


@dataclass(frozen=True)
class KeyedServer:
    """A server with a key for each of ``PEOPLE``, on a ledger of its own."""

    server: Server
    ledger: str
    keys: dict[str, str]

    def open(self, page: "Page", path: str, name: str) -> None:
        """Open a page as somebody who has a key."""
        page.goto(self.server.url(path))
        page.get_by_label("key", exact=False).fill(self.keys[name])
        page.keyboard.press("Enter")
        page.wait_for_url(self.server.url(path))


@contextmanager
def keyed_server(bundle: Path, folder: Path, **environ: str) -> Iterator[KeyedServer]:
    """Start one that reads no words."""
    port, ledger = free_port(), f"sqlite:///{folder}/ledger.db"
    keys_file, keys = write_keys(folder)
    own = {"MEMEGUARD_BUNDLE": str(bundle), "MEMEGUARD_KEYS_FILE": str(keys_file), "MEMEGUARD_LEDGER_URL": ledger}
    command = ["serving.cli", "serve", "--ocr", "none", "--port", str(port)]
    with running(command, port, folder, **(own | environ)) as server:
        yield KeyedServer(server, ledger, keys)


def csrf_of(page: str) -> str:
    """The token that the forms of a page carry."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def try_meme(client: TestClient, picture: bytes | None = None, /, **data: str) -> Any:
    """What ``/try`` answers to a picture, of our own where none is given."""
    return client.post("/try", files={"image": ("a.png", picture or meme(), "image/png")}, data=data)


class Person:
    """Somebody with a browser without scripts: a cookie of their own, and forms."""

    def __init__(self, app_client: TestClient, key: str) -> None:
        self.client = TestClient(app_client.app, follow_redirects=False)
        answer = self.client.post("/sign-in", data={"key": key, "next": "/review"})
        assert answer.status_code == 303, answer.text
        self.csrf = csrf_of(self.client.get("/review").text)

    def send(self, path: str, **fields: str | list[str]) -> Any:
        """Send a form."""
        named = {name.replace("label_", "label."): value for name, value in fields.items()}
        return self.client.post(path, data={"csrf": self.csrf} | named)

    def take(self, query: str = "") -> str:
        """Take the next item; its id, "" where there is none."""
        address = self.send(f"/review/next{query}").headers["location"]
        return address.removeprefix("/review/items/").partition("?")[0] if "/items/" in address else ""
