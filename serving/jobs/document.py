"""A job as the interface shows it."""

from collections.abc import Mapping
from typing import Any

from serving.schemas.jobs import JobDoc, JobErrorDoc, JobEventDoc, JobInputDoc, JobRowsDoc, JobWebhookDoc


def job_document(row: Mapping[str, Any]) -> JobDoc:
    """The document of a row of ``jobs``."""
    counts = row["counts"] or {}
    error = None if row["error_code"] is None else JobErrorDoc(code=row["error_code"], message=row["error_message"])
    return JobDoc(
        id=row["job_id"],
        state=row["state"],
        key=row["key_name"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        expires_at=row["expires_at"],
        input=JobInputDoc(format=row["input_format"], bytes=row["input_bytes"]),
        policy=row["options"].get("policy"),
        rows=JobRowsDoc(total=row["rows_total"], done=row["rows_done"]),
        decisions=counts.get("decisions"),
        errors=counts.get("errors"),
        error=error,
        notes=row["notes"],
        results=f"/v1/jobs/{row['job_id']}/results" if row["state"] == "done" else None,
        webhook=_webhook(row),
    )


def event_json(row: Mapping[str, Any]) -> bytes:
    """What a webhook says of a job that has ended. Of an error the code alone: its message may say what was sent."""
    event = JobEventDoc.model_validate({"type": f"job.{row['state']}", "job": job_document(row)})
    return event.model_dump_json(exclude={"job": {"error": {"message"}}}).encode()


def _webhook(row: Mapping[str, Any]) -> JobWebhookDoc | None:
    if row["webhook_state"] is None:
        return None
    return JobWebhookDoc(state=row["webhook_state"], attempts=row["webhook_attempts"], problem=row["webhook_problem"])
