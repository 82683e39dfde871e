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
