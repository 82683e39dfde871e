"""Settings of what an operator sees."""

from typing import Literal

from pydantic import BaseModel, Field


class OperationSettings(BaseModel):
    """Logs and traces."""

    log_format: Literal["text", "json"] = Field(
        "text", description="Log lines for a reader, or as JSON objects; a bento's container sets json."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least important of Memeguard's own lines to log; warning leaves out the access lines."
    )
    trace_sample_rate: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of requests whose trace is sent, by OTLP over HTTP; above 0 needs the extra 'tracing'.",
    )
    trace_endpoint: str | None = Field(
        None,
        description="Where traces are sent, such as http://collector:4318/v1/traces; unset: what "
        "OTEL_EXPORTER_OTLP_ENDPOINT says, or else this machine.",
    )
