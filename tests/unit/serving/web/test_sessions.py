"""Who may see the pages: signing in with a key, sessions that end, forms that are not ours, pages as pages."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from support.ledgers import database_of
from support.reviewing import try_meme, write_keys

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.ledger.tables import review_sessions
from serving.security.key_file import change_keys
from serving.security.keys import KeyList, new_key
from serving.settings import Settings

COOKIE = "memeguard_session"
HOSTILE = "<script>alert(1)</script>\"' & \u202eevil"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A keys file, and the keys by the name of who has them."""
    return write_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def keys(people: tuple[Path, dict[str, str]]) -> dict[str, str]:
    return people[1]


@pytest.fixture(scope="module")
def keyed_server(scorer: Scorer, people: tuple[Path, dict[str, str]]) -> Iterator[TestClient]:
    """A server with keys, started once."""
    keys_file, _ = people
    settings = Settings(ocr="none", keys_file=keys_file, ledger_url=f"sqlite:///{keys_file.parent}/ledger.db")
    with TestClient(create_app(lambda: AppState(settings, scorer)), follow_redirects=False) as client:
        yield client


@pytest.fixture
def app(keyed_server: TestClient) -> TestClient:
    """The same, and nobody is signed in."""
    keyed_server.cookies.clear()
    return keyed_server


def _sign_in(client: TestClient, **form: str) -> Any:
    return client.post("/sign-in", data={"next": "/review"} | form)


def _csrf(client: TestClient) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/").text)
    assert found
    return found[1]


def _wait_for_status(client: TestClient, path: str, status: int) -> None:
    """The server looks for changed keys every half second."""
    until = datetime.now(UTC) + timedelta(seconds=20)
    while client.get(path).status_code != status:
        assert datetime.now(UTC) < until


@pytest.mark.parametrize("path", ["/review", "/review/leads", f"/review/items/{'a' * 32}", "/try"])
def test_a_stranger_is_sent_to_sign_in(app: TestClient, path: str) -> None:
    answer = app.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/sign-in?next={path}"
    assert "anna" not in answer.text


def test_a_fragment_sends_the_whole_page_to_sign_in(app: TestClient) -> None:
    answer = app.get(f"/review/items/{'a' * 32}/why", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"].startswith("/sign-in?next=/review/items/")


def test_a_key_of_the_scope_signs_in_and_gets_a_cookie_that_no_script_reads(
    app: TestClient, keys: dict[str, str]
) -> None:
    answer = _sign_in(app, key=keys["anna"])
    assert answer.status_code == 303
    assert answer.headers["location"] == "/review"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert app.get("/review").status_code == 200


@pytest.mark.parametrize("key", ["", "mg_nothing", f"mg_{'0' * 12}_{'a' * 43}", HOSTILE])
def test_no_other_key_signs_in_and_the_answer_repeats_none(app: TestClient, key: str) -> None:
    answer = _sign_in(app, key=key)
    assert answer.status_code == 403
    assert COOKIE not in answer.cookies
    assert "does not open" in answer.text
    assert HOSTILE not in answer.text


def test_a_key_without_the_scope_is_refused_like_one_that_there_is_not(app: TestClient, keys: dict[str, str]) -> None:
    wrong = _sign_in(app, key="mg_nothing").text
    assert _sign_in(app, key=keys["pipeline"]).text == wrong


def test_a_session_ends_with_its_key(scorer: Scorer, tmp_path: Path, url: str) -> None:
    keys_file, keys = write_keys(tmp_path)
    settings = Settings(ocr="none", keys_file=keys_file, ledger_url=url)
    with TestClient(create_app(lambda: AppState(settings, scorer)), follow_redirects=False) as client:
        _sign_in(client, key=keys["anna"])
        assert client.get("/review").status_code == 200
        change_keys(keys_file, lambda before: KeyList(keys=tuple(one for one in before.keys if one.name != "anna")))
        _wait_for_status(client, "/review", 303)


@pytest.mark.parametrize(("rates", "limit"), [((None, "1/hour"), "memes"), (("1/hour", None), "requests")])
def test_what_a_person_tries_counts_against_the_rates_of_their_key(
    scorer: Scorer, tmp_path: Path, url: str, rates: tuple[str | None, str | None], limit: str
) -> None:
    key, entry = new_key("anna", ("review",), *rates)
    keys_file = tmp_path / "keys.json"
    change_keys(keys_file, lambda _: KeyList(keys=(entry,)))
    settings = Settings(ocr="none", keys_file=keys_file, ledger_url=url)
    with TestClient(create_app(lambda: AppState(settings, scorer)), follow_redirects=False) as client:
        _sign_in(client, key=key)
        assert try_meme(client, text="tea", csrf=_csrf(client)).status_code == 200
        over = try_meme(client, text="tea", csrf=_csrf(client))
        assert over.status_code == 429
        assert f"limit of {limit}" in over.text
        assert client.get("/review").status_code == 200


@pytest.mark.parametrize(("name", "status"), [("anna", 403), ("lead", 200)])
def test_only_a_lead_sees_the_figures(app: TestClient, keys: dict[str, str], name: str, status: int) -> None:
    _sign_in(app, key=keys[name])
    assert app.get("/review/leads").status_code == status


def test_a_stolen_cookie_is_worth_nothing_after_signing_out(keyless: TestClient) -> None:
    _sign_in(keyless, name="Anna")
    stolen = keyless.cookies[COOKIE]
    assert keyless.post("/sign-out", data={"csrf": _csrf(keyless)}).status_code == 303
    assert keyless.get("/review", headers={"Cookie": f"{COOKIE}={stolen}"}).status_code == 303


def test_nobody_makes_a_token_of_what_the_ledger_keeps(keyless: TestClient, shared_url: str) -> None:
    _sign_in(keyless, name="Anna")
    token = keyless.cookies[COOKIE]
    newest = sa.select(review_sessions).order_by(review_sessions.c.created_at.desc()).limit(1)
    with database_of(shared_url).reading() as connection:
        row = connection.execute(newest).mappings().one()
    keyless.cookies.clear()
    assert token not in map(str, row.values())
    kept = {"Cookie": f"{COOKIE}={row['token_digest']}"}
    assert keyless.get("/review", headers=kept).status_code == 303


@pytest.mark.parametrize("moment", ["created_at", "seen_at"])
def test_a_session_ends_by_age_and_by_rest(keyless: TestClient, shared_url: str, moment: str) -> None:
    _sign_in(keyless, name="Anna")
    assert keyless.get("/review").status_code == 200
    with database_of(shared_url).writing() as connection:
        connection.execute(review_sessions.update().values({moment: datetime.now(UTC) - timedelta(hours=13)}))
    assert keyless.get("/review").status_code == 303


@pytest.mark.parametrize(
    "path", ["/review/next", "/review/leave", "/review/undo", "/sign-out", f"/review/items/{'a' * 32}"]
)
def test_a_form_without_the_sessions_token_is_refused(keyless: TestClient, path: str) -> None:
    _sign_in(keyless, name="Anna")
    for token in ("", "other", HOSTILE):
        answer = keyless.post(path, data={"csrf": token})
        assert answer.status_code == 403
        assert "another session" in answer.text
    assert keyless.get("/review").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_site_is_refused_even_with_the_token(keyless: TestClient, headers: dict[str, str]) -> None:
    _sign_in(keyless, name="Anna")
    answer = keyless.post("/review/leave", data={"csrf": _csrf(keyless)}, headers=headers)
    assert answer.status_code == 403
    assert "another site" in answer.text
    assert _sign_in(keyless, name="Anna").status_code == 303
    assert keyless.post("/sign-in", data={"name": "Eve"}, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "target",
    ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere", "/review/../x", "javascript:alert(1)"],
)
def test_signing_in_leads_nowhere_else(keyless: TestClient, target: str) -> None:
    assert _sign_in(keyless, name="Anna", next=target).headers["location"] == "/review"


def test_a_name_is_shown_as_text(keyless: TestClient) -> None:
    _sign_in(keyless, name=HOSTILE)
    page = keyless.get("/review").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_a_form_that_is_none_is_told(keyless: TestClient) -> None:
    _sign_in(keyless, name="Anna")
    assert keyless.post("/review/leave", json={"csrf": _csrf(keyless)}).status_code == 415
    header = {"Content-Type": "application/x-www-form-urlencoded"}
    assert keyless.post("/review/leave", content=b"csrf=%ff&\xff", headers=header).status_code == 400
    assert keyless.post("/review/leave", content=b"a=b&" * 300, headers=header).status_code == 400


@pytest.mark.parametrize("path", ["/", "/try", "/sign-in", "/review", "/review/nothing", "/sign-out/x"])
def test_every_page_has_its_headers_and_errors_are_pages(keyless: TestClient, path: str) -> None:
    _sign_in(keyless, name="Anna")
    answer = keyless.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.status_code == 303 or answer.headers["content-type"].startswith("text/html")


def test_programs_go_on_getting_problem_documents(keyless: TestClient) -> None:
    answer = keyless.get("/v1/nothing", headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "application/problem+json"


def test_static_files_are_kept_for_ever_under_their_address(keyless: TestClient) -> None:
    addresses = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', keyless.get("/try").text))
    assert any(".css?v=" in one for one in addresses)
    for address in addresses:
        answer = keyless.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert keyless.get("/static/pages.css?v=old").headers["cache-control"] == "no-cache"
    assert keyless.get("/static/..%2Frender.py").status_code == 404
    assert keyless.get("/static/pico.LICENSE.txt").status_code == 404


def test_the_home_page_tells_strangers_nothing(app: TestClient, keys: dict[str, str]) -> None:
    page = app.get("/").text
    assert "Sign in" in page
    assert "What runs" not in page
    _sign_in(app, key=keys["anna"])
    assert "What runs" in app.get("/").text
