"""Policies that block, review or allow everything, and an app that knows them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.settings import Settings

POLICIES = """
format_version: 1
default: allowing
policies:
  allowing:
    version: "1"
    thresholds: {hateful: {review: 0.9999, block: never}, offensive: {review: 0.9999, block: never}}
  reviewing:
    version: "1"
    thresholds: {hateful: {review: 0.0001, block: never}}
  blocking:
    version: "1"
    thresholds: {hateful: {review: 0.0001, block: 0.0002}}
"""


@contextmanager
def client_with_policies(scorer: Scorer, folder: Path, **settings: Any) -> Iterator[TestClient]:
    file = folder / "policies.yaml"
    file.write_text(POLICIES)
    chosen = Settings(policy_file=file, **{"ocr": "none", **settings})
    with TestClient(create_app(lambda: AppState(chosen, scorer)), raise_server_exceptions=False) as client:
        yield client
