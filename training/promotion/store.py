"""Promoted bundles in BentoML's model store, and which of them is current.

    $BENTOML_HOME/models/<name>/<version>-<digest>/   a bundle beside BentoML's model.yaml; `bentoml models list` has it
    $BENTOML_HOME/memeguard/current                   a link to the one that is current: `memeguard serve --bundle` it
    $BENTOML_HOME/memeguard/promotions.json           every promotion and rollback, the oldest first
    $BENTOML_HOME/memeguard/reports/                  the comparison behind each promotion

A bundle is made ready in a folder aside and put into the store by one rename; it becomes current by another, which is
the last thing that a promotion does. Killed at any point, the old current stands and the store holds whole bundles.
Nothing is deleted, so that one can go back: ``bentoml models delete TAG`` is for the operator.
"""

import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from model.atomic import lock_file, write_atomically
from model.bundle import MANIFEST_NAME, Bundle, open_bundle
from model.errors import BundleError
from model.errors.validation import in_words
from training.promotion.rules import PromotionError

CURRENT = "current"
_DIGEST_CHARS = 12
#: BentoML allows 63 characters in a tag's name and version; the digest takes 13 of them.
_TAG_CHARS = 63


class Record(BaseModel):
    """One change of the current bundle. ``previous`` is the tag that a rollback of this one goes back to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tag: str
    digest: str
    kind: Literal["first", "promotion", "rollback"]
    previous: str | None
    at: str
    by: str
    overrides: list[dict[str, str]] = []
    reason: str | None = None
    report: str | None = None
    #: What the challenger would have decided on live traffic, where that was asked for.
    shadow: dict[str, Any] | None = None


_RECORDS = TypeAdapter(list[Record])


@dataclass(frozen=True)
class Store:
    """BentoML's home folder, as this project uses it."""

    home: Path

    @classmethod
    def open(cls) -> "Store":
        """The one of ``BENTOML_HOME``, or ``~/bentoml`` as BentoML has it."""
        given = os.environ.get("BENTOML_HOME")
        return cls(Path(given) if given else Path.home() / "bentoml")

    @property
    def current_link(self) -> Path:
        """The path to serve from: it always leads to the current bundle."""
        return self.home / "memeguard" / CURRENT

    def current(self) -> str | None:
        """Tag of the current bundle; None before the first promotion."""
        try:
            target = self.current_link.readlink()
        except OSError:
            return None
        return f"{target.parent.name}:{target.name}"

    def records(self) -> list[Record]:
        """Every promotion and rollback, the oldest first. Raises ``PromotionError`` for a file that is not ours."""
        path = self._records_path
        try:
            return _RECORDS.validate_json(path.read_bytes())
        except FileNotFoundError:
            return []
        except ValidationError as error:
            told = in_words(error, "the document")
            raise PromotionError(f"{path}: not a list of promotions ({told}); move it away") from error

    def folder(self, tag: str) -> Path:
        """Where a tag's bundle lies, whether it is there or not; raises ``PromotionError`` for what is no tag."""
        name, _, version = tag.partition(":")
        if not all(re.fullmatch(r"[a-z0-9]([-._a-z0-9]*[a-z0-9])?", part) for part in (name, version)):
            raise PromotionError(f"{tag!r} is no tag of the store; `memeguard promote --list` shows the tags")
        return self.home / "models" / name / version

    def find(self, given: str) -> Path:
        """The folder of "current", of a tag or of a path. Raises ``PromotionError`` when it is not there."""
        if given == CURRENT:
            tag = self.current()
            if tag is None:
                raise PromotionError(
                    f"nothing is current in {self.home}: name the champion's folder (--champion FOLDER), or promote "
                    "without a comparison (--first)"
                )
            return self.folder(tag)
        if Path(given).exists() or ":" not in given:
            return Path(given)
        folder = self.folder(given)
        if not folder.is_dir():
            raise PromotionError(f"no bundle {given} in {self.home}; `memeguard promote --list` shows those there are")
        return folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One promotion at a time; what a killed one left aside is removed. Raises ``PromotionError`` when in use."""
        own = self.home / "memeguard"
        try:
            own.mkdir(parents=True, exist_ok=True)
            in_use = PromotionError(f"another promotion is at work in {self.home}; wait until it ends")
            with lock_file(own / "lock", in_use=in_use):
                shutil.rmtree(own / "staging", ignore_errors=True)
                yield
        except OSError as error:
            place, why = error.filename or self.home, error.strerror or error
            raise PromotionError(
                f"{place}: {why}; what was current still is. Set BENTOML_HOME to a folder that can be written"
            ) from error

    def register(self, bundle: Bundle, metadata: dict[str, Any]) -> str:
        """Put a copy of ``bundle`` into the store and return its tag.

        The same bundle has the same tag: one that is there already is checked and left as it is.
        """
        tag = tag_of(bundle)
        folder = self.folder(tag)
        if folder.is_dir():
            _check_same(folder, bundle, tag)
            return tag
        staged = self._staged(bundle, tag, metadata)
        folder.parent.mkdir(parents=True, exist_ok=True)
        staged.rename(folder)
        # BentoML's own pointer, to the version that came last; it says nothing of which one is current.
        write_atomically(folder.parent / "latest", folder.name.encode())
        return tag

    def keep_report(self, tag: str, at: str, documents: dict[str, str]) -> Path:
        """Keep a promotion's report (file name: text) under its time and tag; returns the folder."""
        folder = self.home / "memeguard" / "reports" / f"{at}-{tag}".replace(":", "-")
        for name, content in documents.items():
            write_atomically(folder / name, content.encode("utf-8", "replace"))
        return folder

    def make_current(self, record: Record) -> None:
        """Record a change and carry it out; the link is replaced last, in one step."""
        records = [json.loads(known.model_dump_json()) for known in [*self.records(), record]]
        write_atomically(self._records_path, (json.dumps(records, indent=1, ensure_ascii=False) + "\n").encode())
        target = os.path.relpath(self.folder(record.tag), self.current_link.parent)
        draft = self.current_link.with_name(f"{CURRENT}.{uuid.uuid4().hex}.tmp")
        draft.symlink_to(target, target_is_directory=True)
        draft.replace(self.current_link)

    def previous(self, tag: str) -> str | None:
        """The tag that was current before ``tag`` was made so."""
        return next((record.previous for record in reversed(self.records()) if record.tag == tag), None)

    def roll_back(self, at: str, by: str, reason: str | None) -> Record:
        """Make the bundle before the current one current again, after checking that it is whole.

        Raises ``PromotionError`` when there is none, ``BundleError`` when it is damaged.
        """
        current = self.current()
        if current is None:
            raise PromotionError(f"nothing is current in {self.home}: there is nothing to roll back")
        tag = self.previous(current)
        if tag is None:
            raise PromotionError(f"{current} was the first: there is nothing before it to roll back to")
        digest = open_bundle(self.folder(tag)).digest
        record = Record(
            tag=tag, digest=digest, kind="rollback", previous=self.previous(tag), at=at, by=by, reason=reason
        )
        self.make_current(record)
        return record

    @property
    def _records_path(self) -> Path:
        return self.home / "memeguard" / "promotions.json"

    def _staged(self, bundle: Bundle, tag: str, metadata: dict[str, Any]) -> Path:
        """A BentoML model of the bundle in a folder aside, whole and checked."""
        os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
        import bentoml  # noqa: PLC0415 - slow to import
        from bentoml._internal.models import ModelStore  # noqa: PLC0415

        # BentoML copies into the store file by file, and a store with half a model cannot even be listed. So it writes
        # into a store aside, from which the finished folder is moved.
        staging = self.home / "memeguard" / "staging"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        labels = {"memeguard": bundle.manifest.name}
        with bentoml.models.create(tag, labels=labels, metadata=metadata, _model_store=ModelStore(staging)):
            pass
        name, version = tag.split(":")
        folder = staging / name / version
        for file in (*bundle.manifest.files, MANIFEST_NAME):
            shutil.copyfile(bundle.file(file), folder / file)
        folder.chmod(0o755)  # BentoML made it for this account alone; who serves may be another
        _check_same(folder, bundle, tag)
        return folder


def tag_of(bundle: Bundle) -> str:
    """``name:version-digest``: one tag a bundle, the same wherever it is promoted."""
    room = _TAG_CHARS - _DIGEST_CHARS - 1
    name = re.sub(r"[^a-z0-9]+", "-", bundle.manifest.name.lower()).strip("-")[:_TAG_CHARS].strip("-") or "bundle"
    return f"{name}:{bundle.manifest.version[:room]}-{bundle.digest[:_DIGEST_CHARS]}"


def _check_same(folder: Path, bundle: Bundle, tag: str) -> None:
    try:
        found = open_bundle(folder).digest
    except BundleError as error:
        raise PromotionError(f"{tag} is damaged ({error}); remove it with `bentoml models delete {tag}`") from error
    if found != bundle.digest:
        raise PromotionError(f"{folder} holds another bundle than {bundle.path}; it changed: promote again")
