"""Plan of a run: its input cut into partitions, its model, its policy; made before anything is scored, kept in OUT.

The same command finds the plan of an earlier one and goes on; a plan of something else is refused. A plan is made in a
folder of its own that gets its name at the end, so that a killed planner leaves nothing that looks like a plan.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model import Policy
from model.atomic import write_atomically
from model.bundle import Bundle
from model.engine import EngineName, Engines
from model.ocr import OcrEngine
from serving.batch.errors import BatchError
from serving.batch.input.batch_input import BatchInput
from serving.batch.input.id_hashes import IdHashes, hash_id, repeated
from serving.batch.input.items import Item
from serving.batch.known import KnownSnapshot, remove_snapshot
from serving.batch.partition_files import partition_name, read_partition, write_partition

FOLDER = "_plan"
#: Of a planner that was killed; the next one begins anew.
UNFINISHED = "_plan.unfinished"
_FILE = "plan.json"
#: Pictures that come as bytes are copied into partitions; a partition is closed when it holds this much.
_PARTITION_BYTES = 64 * 1024 * 1024
#: A partition has at most an eighth of the rows before it, but at least so many: a small input is shared by workers
#: too, and at the end of any, none works long alone.
_GROWTH_DIVISOR, _MIN_ROWS = 8, 16
_IDS_NAMED = 5


def _ocr_networks_before(identity: dict[str, Any]) -> EngineName | None:
    """What ran them in a plan that does not say so."""
    return "onnxruntime" if str(identity.get("ocr", "")).startswith("rapidocr") else None


class ScoringIdentity(BaseModel):
    """Bundle, policy, OCR engine, and what computes the networks: with another of them, the rows would be others.

    Plans that are older than the choice of an engine name none: there was onnxruntime alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model_name: str
    model_version: str
    model_digest: str
    policy_name: str
    policy_version: str
    policy_digest: str
    ocr: str
    image_tower_engine: EngineName = "onnxruntime"
    head_engine: EngineName = "onnxruntime"
    ocr_networks_engine: EngineName | None = Field(default_factory=_ocr_networks_before)

    @classmethod
    def of(cls, bundle: Bundle, policy: Policy, engine: OcrEngine, engines: Engines) -> "ScoringIdentity":
        """The parts as they are named in a plan and a manifest."""
        return cls(
            model_name=bundle.manifest.name,
            model_version=bundle.manifest.version,
            model_digest=bundle.digest,
            policy_name=policy.name,
            policy_version=policy.version,
            policy_digest=policy.digest,
            ocr=" ".join(filter(None, (engine.name, engine.version))),
            image_tower_engine=engines.image_tower,
            head_engine=engines.head,
            ocr_networks_engine=engine.network_engine,
        )

    @property
    def engines(self) -> Engines:
        """What computes the networks."""
        return Engines(self.image_tower_engine, self.head_engine, self.ocr_networks_engine)

    def differences(self, other: "ScoringIdentity") -> list[str]:
        """What is not the same, in words; ``self`` was first."""
        mine, theirs = self.model_dump(), other.model_dump()
        return [
            f"its {name.replace('_', ' ')} is {mine[name]}, now {theirs[name]}"
            for name in mine
            if mine[name] != theirs[name]
        ]


class Plan(BaseModel):
    """One run. ``input_digest`` is over the rows, ``input_stamp`` over the files' names and versions.

    ``n_passed_over``: files that lay in the input and were neither its tables nor pictures. ``protocols`` are those by
    which pictures may be read beside that of the input. ``known``: the banks and the memory that are asked.
    """

    # The keys of plan.json are older than these names.
    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, serialize_by_alias=True)

    format_version: Literal[1] = 1
    input: str
    input_stamp: str
    input_digest: str
    columns: dict[str, str]
    protocols: tuple[str, ...]
    n_items: int
    n_passed_over: int = 0
    n_partitions: int = Field(alias="n_units")
    identity: ScoringIdentity = Field(alias="judges")
    known: KnownSnapshot = KnownSnapshot()

    def to_json(self) -> bytes:
        """As it is kept: of a run that asks nothing, as versions read it that know of nothing to ask."""
        asks_nothing = self.known == KnownSnapshot()
        return self.model_dump_json(indent=1, exclude={"known"} if asks_nothing else None).encode()


class InputScan:
    """Digest over the rows of an input, and its ids: what is learnt by reading it once."""

    def __init__(self) -> None:
        self.ids = IdHashes()
        self._rows = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Sha256 over the rows that were seen. Pictures that are named count by their name."""
        return self._rows.hexdigest()

    def observe(self, items: Iterable[Item]) -> Iterator[tuple[str, Item]]:
        """Pass items on with their ids; raises ``BatchError`` for one without."""
        for item in items:
            if item.id is None:
                raise BatchError(f"{item.location} has no id; every row needs one, by which its answer is found")
            self.ids.add(item.id)
            image = hashlib.sha256(item.image).digest() if isinstance(item.image, bytes) else item.image
            self._rows.update(repr((item.id, image, item.text, item.tags)).encode("utf-8", "surrogatepass"))
            yield item.id, item


def find_plan(out: Path) -> Plan | None:
    """The plan that an output folder holds; raises ``BatchError`` for one that this version cannot read."""
    path = out / FOLDER / _FILE
    if not path.exists():
        return None
    try:
        return Plan.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise BatchError(
            f"{path} is damaged or of another version of memeguard: give another --out, or use that version"
        ) from error


def make_plan(
    source: BatchInput,
    out: Path,
    identity: ScoringIdentity,
    protocols: tuple[str, ...],
    partition_rows: int,
    take_known: Callable[[Path], KnownSnapshot] = lambda _: KnownSnapshot(),
) -> Plan:
    """Cut the input into partitions; raises ``BatchError`` for one that cannot be scored as a whole.

    ``take_known`` writes what is asked beside the network into the folder of the plan.
    """
    unfinished = out / UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        known = take_known(unfinished)
        plan = _write_partitions(source, unfinished, identity, protocols, partition_rows, known)
        write_atomically(unfinished / _FILE, plan.to_json())
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    unfinished.rename(out / FOLDER)
    return plan


def move_plan(out: Path, plan: Plan, source: BatchInput) -> Plan:
    """The plan for the same rows in another place, or in files that were written anew."""
    moved = plan.model_copy(update={"input": source.address, "input_stamp": source.stamp()})
    write_atomically(out / FOLDER / _FILE, moved.to_json())
    return moved


def input_digest(source: BatchInput) -> str:
    """Digest over the rows of an input, as a plan holds it."""
    scan = InputScan()
    for _ in scan.observe(source.items()):
        pass
    return scan.digest


def partition_path(out: Path, number: int) -> Path:
    """Where a partition of the plan lies."""
    return out / FOLDER / partition_name(number)


def remove_partitions(out: Path) -> None:
    """Remove the partitions of a finished run, which may hold copies of all pictures, and what it asked."""
    for path in (out / FOLDER).glob("part-*"):
        path.unlink(missing_ok=True)
    remove_snapshot(out / FOLDER)


def _write_partitions(
    source: BatchInput,
    folder: Path,
    identity: ScoringIdentity,
    protocols: tuple[str, ...],
    partition_rows: int,
    known: KnownSnapshot,
) -> Plan:
    stamp = source.stamp()
    scan = InputScan()
    n_partitions = 0
    for n_partitions, items in enumerate(_split(scan.observe(source.items()), partition_rows), start=1):
        write_partition(folder / partition_name(n_partitions - 1), items)
    if not len(scan.ids):
        raise BatchError(f"{source.address} holds no items: there is nothing to do")
    _check_unique(scan.ids, folder, n_partitions)
    if source.stamp() != stamp:
        raise BatchError(f"{source.address} changed while it was read: run again when nobody writes to it")
    return Plan(
        input=source.address,
        input_stamp=stamp,
        input_digest=scan.digest,
        columns=vars(source.columns),
        protocols=protocols,
        n_items=len(scan.ids),
        n_passed_over=source.n_passed_over,
        n_partitions=n_partitions,
        identity=identity,
        known=known,
    )


def _split(items: Iterable[tuple[str, Item]], partition_rows: int) -> Iterator[list[Item]]:
    partition: list[Item] = []
    n_bytes = n_before = 0
    for _, item in items:
        partition.append(item)
        n_bytes += item.n_bytes
        if (
            len(partition) >= min(partition_rows, max(_MIN_ROWS, n_before // _GROWTH_DIVISOR))
            or n_bytes >= _PARTITION_BYTES
        ):
            yield partition
            n_before += len(partition)
            partition, n_bytes = [], 0
    if partition:
        yield partition


def _check_unique(ids: IdHashes, folder: Path, n_partitions: int) -> None:
    twice = repeated(ids.sort())
    wanted = dict.fromkeys(islice(twice, _IDS_NAMED))
    if not wanted:
        return
    locations: dict[str, list[str]] = {}
    for number in range(n_partitions):
        for item in read_partition(folder / partition_name(number)):
            if hash_id(str(item.id)) in wanted:
                locations.setdefault(str(item.id), []).append(item.location)
    named = "; ".join(f"{id!r} at {', '.join(where[:3])}" for id, where in locations.items())
    more = " and others" if next(twice, None) else ""
    raise BatchError(
        f"several rows have the same id: {named}{more}. Every id must be there once: give another --id-column, or "
        "leave out the rows that were sent twice"
    )
