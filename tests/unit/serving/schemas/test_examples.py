"""What the OpenAPI document says of what surrounds the routes, and that its examples are what it promises."""

from typing import Any

import jsonschema_rs
import pytest
from starlette.testclient import TestClient
from support.judgements import flat

from serving.perspective.paths import ANALYZE, PATHS, SUGGEST_SCORE
from serving.schemas import VerdictDoc
from serving.schemas.examples import (
    CLASSIFY_REQUESTS,
    COMMENT_REQUESTS,
    MODERATION_REQUESTS,
    PROBLEM,
    SUGGESTION_REQUESTS,
    VERDICT,
)

_HEALTH = {"/livez", "/readyz"}
#: Where a client that can send a key in one place alone calls.
_ONLY_THERE = {
    **{key: ["query_key"] for key in PATHS},
    **{key: ["basic"] for key in ("/v1/signals/coop", "/v1/signals/pict-rs")},
}


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def _operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(path, operation) for path, by_method in document["paths"].items() for operation in by_method.values()]


def test_every_route_of_the_service_is_there(document: dict[str, Any]) -> None:
    assert set(document["paths"]) >= {
        *("/v1/classify", "/v1/moderations", "/v1/feedback", "/v1/policies", "/v1/models", "/v1/models/{model_id}"),
        *("/v1/decisions/{decision_id}", "/livez", "/readyz", "/metrics"),
    }


def test_keys_come_as_bearer_or_header_and_health_asks_for_none(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert (schemes["bearer"]["scheme"], schemes["api_key"]["name"]) == ("bearer", "X-API-Key")
    for path, operation in _operations(document):
        told = [next(iter(one), None) for one in operation["security"]]
        assert told == ([] if path in _HEALTH else [*_ONLY_THERE.get(path, []), "bearer", "api_key", None])


def test_every_error_of_every_route_is_a_problem_document_and_nothing_else(document: dict[str, Any]) -> None:
    for path, operation in _operations(document):
        errors = {status: one for status, one in operation["responses"].items() if status >= "400"}
        expected = {"429", "431", "500"} | (set() if path in _HEALTH else {"401", "403", "408", "503"})
        assert set(errors) >= expected, path
        for status, response in errors.items():
            kind = "application/json" if (path, status) == ("/readyz", "503") else "application/problem+json"
            assert list(response["content"]) == [kind], (path, status)
    assert "HTTPValidationError" not in str(document)


def test_every_answer_names_its_request(document: dict[str, Any]) -> None:
    for _, operation in _operations(document):
        for response in operation["responses"].values():
            assert "X-Request-ID" in response["headers"]


def test_the_examples_of_requests_are_allowed_and_answered(client: TestClient, document: dict[str, Any]) -> None:
    for path, examples in (
        (ANALYZE, COMMENT_REQUESTS),
        (SUGGEST_SCORE, SUGGESTION_REQUESTS),
        ("/v1/classify", CLASSIFY_REQUESTS),
        ("/v1/moderations", MODERATION_REQUESTS),
    ):
        schema = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        for example in examples.values():
            assert jsonschema_rs.is_valid(schema, example["value"])
            answer = client.post(path, json=example["value"])
            assert answer.status_code == 200, answer.text
    assert not jsonschema_rs.is_valid(schema, {"input": 5})


def test_the_example_of_a_verdict_is_what_is_answered(client: TestClient) -> None:
    answer = client.post("/v1/classify", json=CLASSIFY_REQUESTS["words"]["value"]).json()
    VerdictDoc.model_validate(VERDICT)
    assert flat(answer["scores"]) == pytest.approx(flat(VERDICT["scores"]), abs=1e-5)
    same = ("id", "decision", "policy", "severity", "matches", "text", "explanation")
    assert {name: answer[name] for name in same} == {name: VERDICT[name] for name in same}
    engines = VERDICT["model"]["engines"] | {"ocr": None}  # this client's server reads no words
    assert answer["model"] == VERDICT["model"] | {"engines": engines}


def test_the_example_of_a_problem_is_what_is_answered(client: TestClient) -> None:
    answer = client.post("/v1/classify", json={"image": "JUNK"}).json()
    assert answer | {"request_id": ""} == PROBLEM | {"request_id": ""}
