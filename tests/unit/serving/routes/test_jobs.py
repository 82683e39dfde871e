"""``/v1/jobs``: what is taken and refused, and who sees what. Nothing runs here: another server has the only place."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.jobs import new_row
from support.tls_host import TlsHost, page, tls_host

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.inference.image_fetcher import Fetcher
from serving.jobs.folder import JobFolder
from serving.jobs.jobs import open_jobs
from serving.jobs.store import Ending, Limits, Progress, claim_job, end_job, insert_job
from serving.problems import ProblemError
from serving.schemas.jobs import JobOptions
from serving.security.key_file import change_keys
from serving.security.keys import KeyList, KeyScope, new_key
from serving.security.public_network import CheckedNetwork
from serving.settings import Settings

NAME = "inputs.example.org"
ROWS = b'{"id": "1", "text": "words"}\n'
LINES = {"Content-Type": "application/x-ndjson"}
FOR_LONG = timedelta(hours=1)
POLICIES = """format_version: 1
default: plain
policies:
  plain: {version: "1", extends: bundle}
  strict: {version: "1", thresholds: {hateful: {review: 0.2, block: never}}}
"""
OTHERS, MAX_BYTES = "other-server", 4000


async def _here(_: str, __: int) -> list[str]:
    return ["127.0.0.1"]


class Served:
    """A server with keys, whose only place for a job is taken."""

    def __init__(self, client: TestClient, state: AppState, folder: Path, host: TlsHost, keys: dict[str, str]) -> None:
        self.client, self.state, self.folder, self.host, self.keys = client, state, folder, host, keys

    def post(self, content: bytes = ROWS, key: str = "app", query: str = "", **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()} or LINES
        return self.client.post(f"/v1/jobs{query}", content=content, headers=self.as_key(key) | named)

    def link(self, query: str = "", **document: Any) -> Any:
        return self.client.post(f"/v1/jobs{query}", json=document, headers=self.as_key("app"))

    def as_key(self, name: str) -> dict[str, str]:
        return {"X-API-Key": self.keys[name]}

    def ask(self, method: str, path: str, key: str = "app") -> Any:
        return self.client.request(method, f"/v1/jobs{path}", headers=self.as_key(key))

    def finish(self, job_id: str, results: bytes) -> None:
        """As the server that runs it would."""
        assert self.state.ledger is not None
        store = JobFolder(self.folder).store
        with self.state.ledger.database.writing() as connection:
            while (row := claim_job(connection, store, "a", 100, FOR_LONG)) is not None:
                ending = Ending("done", counts={"decisions": {"allow": 1}, "errors": {}})
                if row["job_id"] == job_id:
                    end_job(connection, job_id, "a", ending, Progress(1, 1), FOR_LONG)
        (self.folder / job_id / "results.jsonl").write_bytes(results)


@pytest.fixture
def served(scorer: Scorer, tmp_path: Path) -> Iterator[Served]:
    keys_file, policies = tmp_path / "keys.json", tmp_path / "policies.yaml"
    policies.write_text(POLICIES)
    scopes: dict[str, tuple[KeyScope, ...]] = {
        "app": ("jobs",),
        "other": ("jobs",),
        "keeper": ("jobs", "admin"),
        "plain": ("classify", "admin"),
    }
    made = {name: new_key(name, own, None, None) for name, own in scopes.items()}
    change_keys(keys_file, lambda _: KeyList(keys=tuple(entry for _, entry in made.values())))
    with tls_host(tmp_path, NAME) as host:
        host.pages["/rows.csv"] = page(b"id,text\n1,words\n")
        host.pages["/large.csv"] = page(bytes(MAX_BYTES + 1))
        settings = Settings.model_validate(
            {
                "ocr": "none",
                "ledger_url": f"sqlite:///{tmp_path}/ledger.db",
                "jobs_folder": tmp_path / "jobs",
                "keys_file": keys_file,
                "policy_file": policies,
                "jobs_max_open": 3,
                "jobs_max_kept": 4,
                "jobs_max_bytes": MAX_BYTES,
                "max_body_bytes": 1000,
                "max_pending_bytes": 1000,
                "max_items": 1,
                "max_pending": 4,
                "fetch_hosts": (f"{NAME}:{host.port}",),
                "fetch_ca_file": host.ca_file,
            }
        )
        state = AppState(settings, scorer)
        state.jobs = open_jobs(settings, state.ledger, Fetcher(settings, CheckedNetwork(_here, lambda _: True)))
        _take_the_only_place(state, tmp_path / "jobs")
        with TestClient(create_app(lambda: state), raise_server_exceptions=False) as client:
            yield Served(client, state, tmp_path / "jobs", host, {name: key for name, (key, _) in made.items()})


def _take_the_only_place(state: AppState, folder: Path) -> None:
    assert state.ledger is not None
    state.ledger.database.prepare()
    store = JobFolder(folder).store
    with state.ledger.database.writing() as connection:
        insert_job(connection, new_row("elsewhere", store), Limits(1, 1))
        assert claim_job(connection, store, OTHERS, 1, FOR_LONG) is not None


def _code(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_an_input_larger_than_a_request_may_be_becomes_a_job_and_takes_no_room_in_memory(served: Served) -> None:
    content = ROWS * 100
    answer = served.post(content, query="?policy=strict&text_column=words")
    job = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, f"/v1/jobs/{job['id']}")
    assert (job["state"], job["policy"], job["key"]) == ("queued", "strict", "app")
    assert job["input"] == {"format": "jsonl", "bytes": len(content)}
    assert (served.folder / job["id"] / "input" / "rows.jsonl").read_bytes() == content
    assert served.ask("GET", f"/{job['id']}").json() == job
    assert served.ask("GET", "").json()["jobs"] == [job]


def test_an_input_is_fetched_from_hosts_that_are_listed(served: Served) -> None:
    base = f"https://{NAME}:{served.host.port}"
    job = served.link(input_url=f"{base}/rows.csv", image_column="").json()
    assert (served.folder / job["id"] / "input" / "rows.csv").read_bytes() == b"id,text\n1,words\n"
    assert _code(served.link(input_url="https://elsewhere.example.org/rows.csv")) == (422, "url_not_allowed")
    assert _code(served.link(input_url=f"{base}/large.csv")) == (413, "too_many_bytes")
    assert _code(served.link(input_url=f"{base}/rows")) == (422, "unknown_format")
    assert _code(served.link(input="rows.csv")) == (422, "invalid_body")
    beside = served.link("?policy=strict", input_url=f"{base}/rows.csv")
    assert _code(beside) == (422, "invalid_body")
    assert "in its JSON" in beside.json()["detail"]
    assert len(list(served.folder.glob("?" * 32))) == 1  # nothing is left of what was refused


@pytest.mark.parametrize(
    ("content", "query", "media_type", "expected"),
    [
        (ROWS, "", "text/plain", (415, "unsupported_media_type")),
        (ROWS, "?format=xml", "text/plain", (422, "invalid_body")),
        (ROWS, "?polcy=strict", "text/csv", (422, "invalid_body")),
        (ROWS, "?policy=nowhere", "text/csv", (422, "unknown_policy")),
        (ROWS, "?webhook=https://hooks.example.org/", "text/csv", (422, "webhook_not_allowed")),
        (b"", "", "text/csv", (400, "empty")),
        (bytes(MAX_BYTES + 1), "", "text/csv", (413, "body_too_large")),
    ],
)
def test_what_is_refused_leaves_nothing(
    served: Served, content: bytes, query: str, media_type: str, expected: tuple[int, str]
) -> None:
    assert _code(served.post(content, query=query, Content_Type=media_type)) == expected
    assert list(served.folder.glob("?" * 32)) == []
    assert served.ask("GET", "").json()["jobs"] == []


def test_a_key_may_have_so_many_jobs(served: Served) -> None:
    jobs = [served.post().json()["id"] for _ in range(3)]
    full = served.post()
    assert (_code(full), full.json()["limit"], full.json()["limit_value"]) == (
        (429, "too_many_jobs"),
        "jobs_max_open",
        3,
    )
    assert served.post(key="other").status_code == 202
    for job in jobs[:2]:
        assert served.ask("POST", f"/{job}/cancel").json()["state"] == "cancelled"
        assert not (served.folder / job).exists()
    assert served.post().status_code == 202
    assert served.post().json()["limit"] == "jobs_max_kept"
    assert served.ask("DELETE", f"/{jobs[0]}").status_code == 204
    assert served.post().status_code == 202
    assert _code(served.ask("GET", f"/{jobs[0]}")) == (404, "unknown_job")


def test_inputs_on_their_way_count_as_jobs_of_their_key(served: Served) -> None:
    jobs = served.state.jobs
    assert jobs is not None

    async def too_many_at_once() -> tuple[int, str, int]:
        may_end = asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield ROWS
            await may_end.wait()

        uploads = [asyncio.create_task(jobs.upload(slow(), "text/csv", JobOptions(), "app")) for _ in range(3)]
        while len(list(served.folder.glob("?" * 32))) < 3:
            await asyncio.sleep(0.01)
        with pytest.raises(ProblemError) as error:
            await jobs.upload(slow(), "text/csv", JobOptions(), "app")
        may_end.set()
        made = await asyncio.gather(*uploads)
        return error.value.status, error.value.code, len(made)

    assert served.client.portal is not None
    assert served.client.portal.call(too_many_at_once) == (429, "too_many_jobs", 3)
    assert served.post().status_code == 429


def test_a_job_whose_row_was_written_when_nobody_waited_any_more_keeps_its_input(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = served.state.jobs
    assert jobs is not None
    run = jobs._run

    async def answers_too_late(work: Any) -> Any:
        if await run(work) is not None:  # the new row; what was asked before it gives nothing
            raise ProblemError(503, "ledger_unavailable", "it did not answer in time")

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "_run", answers_too_late)
        assert _code(served.post()) == (503, "ledger_unavailable")
    (job,) = served.ask("GET", "").json()["jobs"]
    assert (served.folder / job["id"] / "input" / "rows.jsonl").read_bytes() == ROWS


def test_results_are_for_the_key_that_made_the_job(served: Served) -> None:
    job = served.post().json()["id"]
    assert _code(served.ask("GET", f"/{job}/results")) == (409, "job_not_done")
    assert _code(served.ask("DELETE", f"/{job}")) == (409, "job_not_ended")
    results = json.dumps({"id": "1", "decision": "allow"}).encode() + b"\n"
    served.finish(job, results)
    done = served.ask("GET", f"/{job}").json()
    assert (done["state"], done["rows"], done["decisions"]) == ("done", {"total": 1, "done": 1}, {"allow": 1})
    answer = served.ask("GET", done["results"].removeprefix("/v1/jobs"))
    assert (answer.content, answer.headers["content-type"]) == (results, "application/x-ndjson")
    for method, path in (("GET", ""), ("GET", "/results"), ("POST", "/cancel"), ("DELETE", "")):
        assert _code(served.ask(method, f"/{job}{path}", key="other")) == (404, "unknown_job")
        assert _code(served.ask(method, f"/{job}{path}", key="plain")) == (403, "scope_missing")
    assert _code(served.ask("GET", "/no-id")) == (404, "unknown_job")
    assert served.ask("GET", "", key="other").json()["jobs"] == []
    assert served.ask("GET", f"/{job}/results", key="keeper").content == results
    assert job in [one["id"] for one in served.ask("GET", "", key="keeper").json()["jobs"]]
    assert served.ask("DELETE", f"/{job}").status_code == 204
    assert not (served.folder / job).exists()


def test_a_server_without_a_folder_says_how_jobs_are_switched_on(client: TestClient) -> None:
    answer = client.post("/v1/jobs", content=ROWS, headers=LINES)
    assert _code(answer) == (503, "jobs_off")
    assert "MEMEGUARD_JOBS_FOLDER" in answer.json()["detail"]


def test_a_folder_that_cannot_be_had_is_told_at_readyz(scorer: Scorer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    settings = Settings.model_validate(
        {"ocr": "none", "jobs_folder": tmp_path / "file" / "jobs", "ledger_url": f"sqlite:///{tmp_path}/ledger.db"}
    )
    with TestClient(create_app(lambda: AppState(settings, scorer))) as client:
        ready = client.get("/readyz")
    assert ready.status_code == 503
    assert any(problem.startswith("jobs: ") for problem in ready.json()["problems"])
