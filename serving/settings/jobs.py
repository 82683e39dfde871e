"""Settings of jobs: batch runs that are asked for over HTTP."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, field_validator, model_validator

from serving.settings.security import are_hosts, split_words

_LEAST_SECRET_CHARS = 16


class JobSettings(BaseModel):
    """Jobs: batch runs over HTTP."""

    jobs_folder: Path | None = Field(
        None,
        description="Folder for the uploads and results of jobs, on a disk that outlives the server; needs the extra "
        "'batch' and the ledger; unset: POST /v1/jobs is off.",
    )
    jobs_at_once: int = Field(1, ge=1, description="Jobs that run at once, of all servers that share the folder.")
    jobs_workers: int = Field(1, ge=1, description="Processes of a running job, each with a model and one core.")
    jobs_max_bytes: int = Field(
        256 * 1024 * 1024, ge=1, description="Largest input of a job, sent or fetched; over it: 413."
    )
    jobs_max_unpacked_bytes: int = Field(
        2 * 1024 * 1024 * 1024,
        ge=1,
        description="Most bytes that an input may unpack to; a job that is over it fails before anything is judged.",
    )
    jobs_max_rows: int = Field(
        100_000, ge=1, description="Most rows of a job; one with more fails before anything is judged."
    )
    jobs_max_open: int = Field(
        5,
        ge=1,
        description="Most jobs of one key that are queued or running; over it: 429. Without keys: of all callers.",
    )
    jobs_max_kept: int = Field(
        100, ge=1, description="Most jobs of one key that are kept, ended ones too; over it: 429."
    )
    jobs_upload_timeout_s: float = Field(
        600.0,
        gt=0,
        le=3600,
        description="Time in which the input of a job must arrive, or be fetched; over it: 408 or 422.",
    )
    jobs_retention_hours: float = Field(
        72.0, gt=0, le=24 * 366, description="Time for which an ended job and its results are kept."
    )
    jobs_webhook_hosts: Annotated[tuple[str, ...], BeforeValidator(split_words)] = Field(
        (),
        description="Hosts to which the end of a job may be told, written as fetch_hosts are; unset: no webhooks.",
    )
    jobs_webhook_secret: SecretStr | None = Field(
        None, description="Key of the signature of webhooks, 16 characters at least: `openssl rand -hex 32` makes one."
    )

    @field_validator("jobs_webhook_hosts")
    @classmethod
    def _are_webhook_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        return are_hosts(hosts)

    @field_validator("jobs_webhook_secret")
    @classmethod
    def _is_long(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < _LEAST_SECRET_CHARS:
            raise ValueError(f"it has fewer than {_LEAST_SECRET_CHARS} characters, and could be guessed")
        return secret

    @model_validator(mode="after")
    def _webhooks_are_signed(self) -> "JobSettings":
        if self.jobs_webhook_hosts and self.jobs_webhook_secret is None:
            raise ValueError("jobs_webhook_hosts needs jobs_webhook_secret: no webhook is sent unsigned")
        return self
