"""Documents of ``/v1/jobs``."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from serving.schemas.wire import Wire

#: Formats of an input, by the endings of the files that ``memeguard batch`` reads.
InputFormat = Literal["jsonl", "csv", "tsv", "parquet", "jsonl.gz", "csv.gz", "tsv.gz", "zip"]
#: The same by the media types that say which.
MEDIA_TYPES: dict[str, InputFormat] = {
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/vnd.apache.parquet": "parquet",
    "application/zip": "zip",
}
_STRICT = ConfigDict(extra="forbid", frozen=True)
_MAX_NAME_CHARS = 200
_MAX_URL_CHARS = 4096


class JobOptions(Wire):
    """How a job is done. In the query of an upload, or in the JSON of a job whose input is fetched."""

    model_config = _STRICT

    format: InputFormat | None = Field(None, description="Of the input; absent: as its Content-Type or address says.")
    policy: str | None = Field(None, max_length=_MAX_NAME_CHARS, description="Policy by name; absent: the default.")
    webhook: str | None = Field(
        None, max_length=_MAX_URL_CHARS, description="https address that is told the end; its host must be allowed."
    )
    id_column: str = Field("id", max_length=_MAX_NAME_CHARS, description="Every row has one, and no two the same.")
    image_column: str = Field(
        "image",
        max_length=_MAX_NAME_CHARS,
        description="Holds a data: URL, an https address, bytes, or a path in the zip; empty: words alone.",
    )
    text_column: str = Field("text", max_length=_MAX_NAME_CHARS, description="The words, where they are known.")
    tags_column: str = Field("tags", max_length=_MAX_NAME_CHARS, description="A list, or one text with commas.")


class JobRequest(JobOptions):
    """A job whose input is fetched."""

    input_url: str = Field(
        max_length=_MAX_URL_CHARS, description="https address of the input; its host must be allowed."
    )


class JobInputDoc(Wire):
    """What was sent."""

    format: str
    bytes: int


class JobRowsDoc(Wire):
    """``total`` is null until the input was read."""

    total: int | None
    done: int


class JobErrorDoc(Wire):
    """Why a job failed."""

    code: str
    message: str


class JobWebhookDoc(Wire):
    """waiting: for the end; pending: it is tried, or tried again; failed: given up after the last try."""

    state: Literal["waiting", "pending", "delivered", "failed"]
    attempts: int
    problem: str | None = Field(description="What the last try came to, where it was not taken.")


class JobDoc(Wire):
    """A job."""

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    key: str | None = Field(description="Name of the key that made it.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="When it is deleted with its results.")
    input: JobInputDoc
    policy: str | None = Field(description="As asked for; null: the default.")
    rows: JobRowsDoc
    decisions: dict[str, int] | None = Field(description="Rows by decision, when it is done.")
    errors: dict[str, int] | None = Field(
        description="Rows without a verdict by the code of their error, when it is done."
    )
    error: JobErrorDoc | None
    notes: list[str] = Field(description="What whoever reads the results should know.")
    results: str | None = Field(description="Path of the results, when it is done.")
    webhook: JobWebhookDoc | None


class JobsDoc(Wire):
    """The newest jobs first, a hundred at most."""

    jobs: list[JobDoc]


class JobEventDoc(Wire):
    """Body of a webhook."""

    type: Literal["job.done", "job.failed", "job.cancelled"]
    job: JobDoc


def job_parameters() -> list[dict[str, Any]]:
    """OpenAPI parameters of an upload: the options, in the query."""
    document = JobOptions.model_json_schema()
    return [
        {"name": name, "in": "query", "schema": schema, "description": schema["description"]}
        for name, schema in document["properties"].items()
    ]


def job_request_body() -> dict[str, Any]:
    """OpenAPI request body of a new job."""
    raw = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES}
    return {
        "required": True,
        "content": {"application/json": {"schema": JobRequest.model_json_schema()}} | raw,
    }
