"""Rows of jobs, as a server writes them."""

import uuid
from typing import Any

STORE = "store"


def new_row(key_name: str | None = "app", store: str = STORE, webhook: str | None = None) -> dict[str, Any]:
    """A job to be inserted."""
    return {
        "job_id": uuid.uuid4().hex,
        "store": store,
        "key_name": key_name,
        "input_format": "jsonl",
        "input_bytes": 10,
        "options": {"policy": None, "webhook": webhook},
        "webhook_state": None if webhook is None else "waiting",
    }
