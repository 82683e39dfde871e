"""Settings of who may call, and of what is fetched from elsewhere."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

#: As browsers write the header Origin: no path, and no port where it is the scheme's own.
_ORIGIN = re.compile(r"\*|[a-z][a-z0-9+.-]*://(\[[0-9a-f:]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*)(:\d{1,5})?")
_HOST = re.compile(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?")


def split_words(value: object) -> object:
    """A variable holds a list as words with commas between them."""
    return tuple(part.strip().lower() for part in value.split(",")) if isinstance(value, str) else value


def are_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """The hosts of a setting; raises ``ValueError`` naming one that is none."""
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise ValueError(f"{host!r} is no host; write cdn.example.org, *.example.org or cdn.example.org:8443")
    return hosts


class SecuritySettings(BaseModel):
    """Keys, what is open without one, and the fetching of pictures by URL."""

    keys_file: Path | None = Field(
        None, description="File of API keys, written by `memeguard keys`; set: every request but health needs a key."
    )
    allow_anonymous: bool = Field(
        False, description="Answer callers from beyond this machine although there are no keys; else: 403."
    )
    protect_metrics: bool = Field(False, description="/metrics needs a key with the scope metrics.")
    protect_docs: bool = Field(False, description="/openapi.json needs a key.")
    max_header_bytes: int = Field(
        16 * 1024, ge=256, le=60 * 1024, description="Largest request line and headers together; over it: 431."
    )
    cors_origins: Annotated[tuple[str, ...], BeforeValidator(split_words)] = Field(
        (),
        description="Origins whose pages may call from a browser, with commas between: https://app.example.org, "
        "http://localhost:5173; *: every page. They send a key by header; unset: no page of another origin.",
    )
    fetch_hosts: Annotated[tuple[str, ...], BeforeValidator(split_words)] = Field(
        (),
        description="Hosts from which pictures are fetched by https URL, with commas between: cdn.example.org, "
        "*.example.org, cdn.example.org:8443; unset: no URL is fetched.",
    )
    fetch_timeout_s: float = Field(
        10.0, gt=0, description="Time to fetch one picture with its redirects; over it: 422."
    )
    fetch_max_redirects: int = Field(3, ge=0, le=10, description="Redirects that one fetch follows; over it: 422.")
    fetch_ca_file: Path | None = Field(
        None, description="Certificates in PEM to trust for fetching, in place of the system's."
    )

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin; write https://app.example.org, without a path, or *")
        return origins

    @field_validator("fetch_hosts")
    @classmethod
    def _are_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        return are_hosts(hosts)

    @field_validator("fetch_ca_file")
    @classmethod
    def _is_a_file(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError(f"there is no file {path}")
        return path

    @model_validator(mode="after")
    def _one_or_the_other(self) -> "SecuritySettings":
        if self.keys_file is not None and self.allow_anonymous:
            raise ValueError("keys_file asks for a key and allow_anonymous for none; give one of them")
        if self.keys_file is None and (self.protect_metrics or self.protect_docs):
            raise ValueError("protect_metrics and protect_docs ask for a key; give a keys_file as well")
        return self
