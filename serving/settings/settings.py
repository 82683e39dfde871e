"""Settings of the process: a class for each theme, and ``Settings``, which is all of them."""

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from model.bundle import COMPACT_BUNDLE
from model.engine import EngineChoice, Provider, asked_engine
from model.meme import DEFAULT_LIMITS, MemeLimits
from model.ocr import LANGUAGES_PATTERN, EngineName
from serving.settings.jobs import JobSettings
from serving.settings.ledger import LedgerSettings
from serving.settings.review import ReviewSettings
from serving.settings.security import SecuritySettings
from serving.settings.shadow import ShadowSettings

ENV_PREFIX = "MEMEGUARD_"


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


class LoadSettings(BaseModel):
    """Threads, queues, time and the cache."""

    concurrency: int | None = Field(
        None, ge=1, description="Pictures decoded, and as many read by OCR, at once by a worker; unset: one a core."
    )
    model_threads: int = Field(1, ge=1, description="Batches that go through the network at once in a worker.")
    max_batch: int = Field(
        8,
        ge=1,
        description="Most memes in one batch of the network; pictures go one by one where the image tower wants it so.",
    )
    max_wait_ms: float = Field(
        0.0, ge=0, le=1000, description="Time that an idle network waits for a batch to fill; 0: it does not wait."
    )
    max_pending: int = Field(64, ge=1, description="Most memes accepted and not yet judged; over it: 503.")
    max_pending_bytes: int = Field(
        128 * 1024 * 1024,
        ge=1,
        description="Most bytes of bodies and fetched pictures in a worker; over it: 503.",
    )
    body_timeout_s: float = Field(15.0, gt=0, description="Time in which a request's body must arrive; over it: 408.")
    request_timeout_s: float = Field(
        30.0, gt=0, description="Time for one request, counted from its arrival; over it: 503."
    )
    grace_s: float = Field(30.0, gt=0, description="Time to finish accepted requests after SIGTERM.")
    cache_items: int = Field(
        2048, ge=0, description="Most judgements kept for the same content sent again; 0: each meme is judged anew."
    )
    cache_bytes: int = Field(32 * 1024 * 1024, ge=1, description="Most memory for these judgements.")

    @property
    def pool_threads(self) -> int:
        """Threads of decoding, and as many of OCR, in one worker."""
        return self.concurrency or len(os.sched_getaffinity(0))


class LimitSettings(BaseModel):
    """The largest thing of each kind that is taken in."""

    max_body_bytes: int = Field(
        32 * 1024 * 1024, ge=1, description="Largest request body, with the pictures fetched for it; over it: 413."
    )
    max_items: int = Field(16, ge=1, description="Most memes in one request; over it: 413.")
    max_bytes: int = Field(DEFAULT_LIMITS.max_bytes, ge=1, description="Largest picture file; over it: 413.")
    max_pixels: int = Field(
        DEFAULT_LIMITS.max_pixels,
        ge=1,
        description="Largest width x height; over it: 413. A pixel takes up to 20 bytes while it is decoded, and "
        "4 until it is judged.",
    )
    max_scans: int = Field(
        DEFAULT_LIMITS.max_scans,
        ge=1,
        description="Most scans of a JPEG of up to 10 megapixels, counted by colour component (an ordinary progressive "
        "one has 14); a larger one may have fewer, so that scans x pixels stay the same; over it: 413.",
    )
    max_parts: int = Field(
        DEFAULT_LIMITS.max_parts,
        ge=1000,
        description="Most segments, chunks or blocks that a picture's file may be cut into; over it: 413.",
    )
    max_frames: int = Field(
        DEFAULT_LIMITS.max_frames,
        ge=1,
        description="Most frames of an animation that are judged, the most different ones; where others differ too, "
        "the verdict says so and the decision is review.",
    )
    max_frame_pixels: int = Field(
        DEFAULT_LIMITS.max_frame_pixels,
        ge=1,
        description="Most pixels of all frames of an animation that are decoded (a frame counts as 65,536 at least); "
        "frames behind them are not seen, which the verdict says, and the decision is review.",
    )
    max_text_chars: int = Field(DEFAULT_LIMITS.max_text_chars, ge=1, description="Longest text; over it: 413.")
    max_tags: int = Field(DEFAULT_LIMITS.max_tags, ge=0, description="Most tags of a meme; over it: 422.")
    max_tag_chars: int = Field(DEFAULT_LIMITS.max_tag_chars, ge=1, description="Longest tag; over it: 422.")
    max_work_s: float = Field(
        DEFAULT_LIMITS.max_work_s,
        gt=0,
        description="Seconds of CPU time of the thread that decodes a meme and reads its words; those that help it, "
        "where threads is above 1, come on top. What is unread then is told in the verdict, and means review.",
    )

    @model_validator(mode="after")
    def _limits_hold(self) -> "LimitSettings":
        _ = self.limits  # raises ValueError when max_pixels is beyond what the decoder allows
        return self

    @property
    def limits(self) -> MemeLimits:
        """The limits of one meme, as ``model`` takes them."""
        return MemeLimits(
            max_bytes=self.max_bytes,
            max_pixels=self.max_pixels,
            max_text_chars=self.max_text_chars,
            max_tags=self.max_tags,
            max_tag_chars=self.max_tag_chars,
            max_work_s=self.max_work_s,
            max_scans=self.max_scans,
            max_parts=self.max_parts,
            max_frames=self.max_frames,
            max_frame_pixels=self.max_frame_pixels,
        )


class PolicySettings(BaseModel):
    """Where policies come from, and how soon a changed one is in force."""

    policy_file: Path | None = Field(
        None, description="YAML file of policies (see policies.example.yaml); unset: the bundle's own policy."
    )
    policy_reload_s: float = Field(
        5.0, gt=0, description="Seconds between looks for a changed policy file or word list."
    )

    categories_file: Path | None = Field(
        None, description="YAML file of categories of one's own, read at start; unset: none are scored."
    )


class PartSettings(BaseModel):
    """Which bundle judges, and what reads the words."""

    bundle: Path = Field(COMPACT_BUNDLE, description="Bundle folder to serve.")
    ocr: EngineName = Field("rapidocr", description="OCR engine; none when callers always send the text.")
    ocr_languages: str | None = Field(
        None,
        pattern=LANGUAGES_PATTERN,
        description="Languages that tesseract reads, eng+rus, each with its language pack; unset: eng. rapidocr reads "
        "Latin letters, Chinese and Japanese, and tells other scripts as unread.",
    )
    engine: EngineChoice = Field(
        "auto",
        description="What computes the networks; auto: for each what is measured to be the fastest on a CPU. cuda "
        "needs the extra 'gpu'.",
    )
    provider: Provider | None = Field(
        None, description="Older name of engine: cuda is the engine cuda, cpu is any other."
    )
    threads: int | None = Field(None, ge=1, description="Cores that one meme may use; unset: all.")

    @model_validator(mode="after")
    def _engine_is_one(self) -> "PartSettings":
        _ = self.asked_engine  # raises ValueError when engine and provider contradict each other
        return self

    @property
    def asked_engine(self) -> EngineChoice:
        """What is asked for, under the name or the older one."""
        return asked_engine(self.engine, self.provider)


class Settings(
    PartSettings,
    PolicySettings,
    LimitSettings,
    LoadSettings,
    LedgerSettings,
    JobSettings,
    OperationSettings,
    ReviewSettings,
    SecuritySettings,
    ShadowSettings,
    BaseSettings,
):
    """How this process serves."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        enable_decoding=False,  # a list is words with commas between, not JSON
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is given: ``from_env`` reads the environment, so that ``Settings()`` is the defaults everywhere."""
        return (init_settings,)

    @model_validator(mode="after")
    def _jobs_have_a_ledger(self) -> "Settings":
        if self.jobs_folder is not None and self.ledger_database is None:
            raise ValueError("jobs_folder needs the ledger, which keeps the state of jobs; ledger_url is none")
        return self

    @model_validator(mode="after")
    def _shadows_are_kept(self) -> "Settings":
        if self.has_shadow and self.ledger_database is None:
            raise ValueError(
                "shadow_policy and shadow_bundle need the ledger, which keeps what they would say; it is switched off "
                "(ledger_url is none)"
            )
        return self

    @model_validator(mode="after")
    def _largest_request_fits(self) -> "Settings":
        """A request that is always refused as one too many, however idle the server is, would be a riddle."""
        if self.max_pending < self.max_items:
            raise ValueError(f"max_pending ({self.max_pending}) must be at least max_items ({self.max_items})")
        if self.max_pending_bytes < self.max_body_bytes:
            raise ValueError(
                f"max_pending_bytes ({self.max_pending_bytes}) must be at least max_body_bytes ({self.max_body_bytes})"
            )
        return self
