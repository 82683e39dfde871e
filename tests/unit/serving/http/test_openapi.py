"""The interface is what its own document says, for whatever that document allows and for what it does not."""

from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.openapi import from_dict
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks
from starlette.testclient import TestClient

from serving.app_state import AppState
from serving.http.app import create_app
from serving.settings import Settings

#: Thousands of generated requests: see ``pytest_collection_modifyitems``.
pytestmark = pytest.mark.no_cover
_CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
#: An operation of any protocol.
Operation = APIOperation[Any, Any, Any, Any]
_LAW = settings(
    max_examples=25, phases=[Phase.generate], derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)


def _asked() -> list[pytest.ParameterSet]:
    """Each operation, with each kind of body that it takes; the document can be had without a model."""
    document = create_app(lambda: AppState.open(Settings())).openapi()
    operations = [result.ok() for result in from_dict(document).get_all_operations() if isinstance(result, Ok)]
    assert len(operations) == sum(len(path) for path in document["paths"].values())
    return [
        pytest.param(operation, media_type, id=f"{operation.label} {media_type or ''}".strip())
        for operation in operations
        for media_type in (*operation.get_request_payload_content_types(),) or (None,)
    ]


_ASKED = _asked()


def _hold(client: TestClient, operation: Operation, media_type: str | None, mode: GenerationMode) -> None:
    @_LAW
    @given(case=operation.as_strategy(generation_mode=mode, media_type=media_type))
    def holds(case: Case[Any]) -> None:
        sent = requests.Request(**case.as_transport_kwargs(base_url="http://testserver")).prepare()
        content: Any = sent.body  # requests and httpx name the same types differently
        headers: dict[str, Any] = dict(sent.headers)
        answer = client.request(str(sent.method), str(sent.url), content=content, headers=headers)
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        case.validate_response(answer, checks=_CHECKS)

    holds()


@pytest.mark.parametrize(("operation", "media_type"), _ASKED)
def test_what_the_document_allows_is_answered_as_documented(
    client: TestClient, operation: Operation, media_type: str | None
) -> None:
    _hold(client, operation, media_type, GenerationMode.POSITIVE)


@pytest.mark.parametrize(("operation", "media_type"), [one for one in _ASKED if one.values[1]])
def test_what_the_document_does_not_allow_is_refused_as_documented(
    client: TestClient, operation: Operation, media_type: str
) -> None:
    _hold(client, operation, media_type, GenerationMode.NEGATIVE)
