"""Settings of the parts that judge."""

from pathlib import Path

from pydantic import BaseModel, Field

from model.bundle import COMPACT_BUNDLE
from model.ocr import EngineName
from model.runtime import Provider


class PartSettings(BaseModel):
    """Which bundle judges, and what reads the words."""

    bundle: Path = Field(COMPACT_BUNDLE, description="Bundle folder to serve.")
    ocr: EngineName = Field("rapidocr", description="OCR engine; none when callers always send the text.")
    provider: Provider = Field("cpu", description="Where the network runs; cuda needs the extra 'gpu'.")
    threads: int | None = Field(None, ge=1, description="Cores that one meme may use; unset: all.")
