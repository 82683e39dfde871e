"""The discovery document, as Google's own client takes it apart."""

import json
from typing import Any

import pytest
from googleapiclient.discovery import build_from_document
from googleapiclient.schema import Schemas
from starlette.testclient import TestClient

from serving.perspective.paths import ANALYZE, DISCOVERY, SUGGEST_SCORE


@pytest.mark.parametrize("path", DISCOVERY)
def test_both_addresses_tell_the_one_that_was_called(client: TestClient, path: str) -> None:
    document = client.get(path, params={"version": "v1alpha1"}).json()
    assert (document["id"], document["rootUrl"]) == ("commentanalyzer:v1alpha1", "http://testserver/")
    behind_tls = client.get(path, headers={"X-Forwarded-Proto": "https", "Host": "judge.example.org"}).json()
    assert behind_tls["rootUrl"] == "https://judge.example.org/"


def test_another_version_is_refused(client: TestClient) -> None:
    answer = client.get(DISCOVERY[0], params={"version": "v2"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (422, "version: Input should be 'v1alpha1'")


def test_googles_client_finds_both_calls_and_where_they_are(client: TestClient) -> None:
    document = client.get(DISCOVERY[0]).json()
    with build_from_document(document, developerKey="mg_key") as service:
        called = [getattr(service.comments(), name)(body={}) for name in ("analyze", "suggestscore")]
    assert [request.uri for request in called] == [
        f"http://testserver{path}?key=mg_key&alt=json" for path in (ANALYZE, SUGGEST_SCORE)
    ]


def test_every_schema_can_be_read_and_every_reference_leads_to_one(client: TestClient) -> None:
    document = client.get(DISCOVERY[0]).json()
    schemas = Schemas(document)
    for name in document["schemas"]:
        assert schemas.prettyPrintByName(name)
    assert "anyOf" not in json.dumps(document)

    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if "$ref" in node else set()
            return own.union(*(references(value) for value in node.values()))
        return set().union(*map(references, node)) if isinstance(node, list) else set()

    assert references(document) <= set(document["schemas"])
