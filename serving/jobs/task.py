"""What the process of a job is told, as JSON on its standard input, and what it tells, a JSON object a line."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from model.engine import EngineChoice
from model.meme import MemeLimits
from model.ocr import EngineName
from serving.schemas.jobs import JobOptions
from serving.settings import Settings

#: Of the settings, what fetching the pictures that rows name needs.
_FETCH = ("fetch_hosts", "fetch_timeout_s", "fetch_max_redirects", "fetch_ca_file", "max_bytes")

#: Code of a failure: a process whose server lost its lease has not ended yet.
AT_WORK_ELSEWHERE = "at_work_elsewhere"


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FetchOptions(_Frozen):
    """Settings of the same names."""

    fetch_hosts: tuple[str, ...]
    fetch_timeout_s: float
    fetch_max_redirects: int
    fetch_ca_file: Path | None
    max_bytes: int

    def settings(self) -> Settings:
        """As a ``Fetcher`` takes them."""
        return Settings(**self.model_dump())


class JobTask(_Frozen):
    """One job. ``ledger_url`` may hold a password: it goes through a pipe, and into no file."""

    folder: Path
    input_format: str
    options: JobOptions
    bundle: Path
    policy_file: Path | None
    categories_file: Path | None
    ocr: EngineName
    ocr_languages: str | None
    engine: EngineChoice
    workers: int
    limits: MemeLimits
    fetch: FetchOptions
    max_rows: int
    max_unpacked_bytes: int
    ledger_url: str

    @classmethod
    def of(cls, settings: Settings, folder: Path, input_format: str, options: JobOptions) -> "JobTask":
        """A job on a server with these settings; they have a ledger."""
        url = settings.ledger_database
        if url is None:
            raise RuntimeError("settings with a jobs_folder have a ledger")
        return cls(
            folder=folder,
            input_format=input_format,
            options=options,
            bundle=settings.bundle,
            policy_file=settings.policy_file,
            categories_file=settings.categories_file,
            ocr=settings.ocr,
            ocr_languages=settings.ocr_languages,
            engine=settings.asked_engine,
            workers=settings.jobs_workers,
            limits=settings.limits,
            fetch=FetchOptions(**{name: getattr(settings, name) for name in _FETCH}),
            max_rows=settings.jobs_max_rows,
            max_unpacked_bytes=settings.jobs_max_unpacked_bytes,
            ledger_url=url.render_as_string(hide_password=False),
        )


class Planned(_Frozen):
    """The input was read: so many rows, of which some were done by an earlier process."""

    event: Literal["planned"] = "planned"
    rows_total: int
    rows_done: int


class Scored(_Frozen):
    """So many more rows have an outcome."""

    event: Literal["scored"] = "scored"
    rows: int


class Note(_Frozen):
    """Something that the caller should know."""

    event: Literal["note"] = "note"
    text: str


class Done(_Frozen):
    """The results are there."""

    event: Literal["done"] = "done"
    decisions: dict[str, int]
    errors: dict[str, int]


class Failed(_Frozen):
    """It cannot be done; ``may_go_on``: another try may end otherwise."""

    event: Literal["failed"] = "failed"
    code: str
    message: str
    may_go_on: bool = False


Event = Planned | Scored | Note | Done | Failed
EVENTS: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])
