"""Document of ``/readyz``."""

from typing import Literal

from pydantic import Field

from model.engine import EngineChoice
from serving.schemas.shadows import ShadowDoc
from serving.schemas.verdict import ModelDoc
from serving.schemas.wire import Wire


class ReadinessDoc(Wire):
    """Which parts are in force; ``problems`` names those that are missing."""

    ready: bool
    model: ModelDoc | None
    engine: EngineChoice | Literal["hidden"] = Field(description="As asked for; model.engines are those in force.")
    providers: list[str]
    ocr_engine: str
    ocr_version: str | None
    problems: list[str]
    warnings: list[str] = Field(default=[], description="What an operator should mend, though requests are answered.")
    shadows: list[ShadowDoc] = Field(default=[], description="What is judged beside what is in force.")

    def without_details(self) -> "ReadinessDoc":
        """What a stranger is told: ``ready``, in the same shape."""
        return ReadinessDoc(
            ready=self.ready,
            model=None,
            engine="hidden",
            providers=[],
            ocr_engine="hidden",
            ocr_version=None,
            problems=["details are shown with an API key"],
        )
