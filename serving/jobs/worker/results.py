"""Results of a job: the rows of its batch run as lines of JSON, each as ``/v1/classify`` would have answered it."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pyarrow.parquet as pq

from model.atomic import open_atomically
from serving.batch.output.manifest import shard_path
from serving.batch.output.output_schema import to_answer
from serving.batch.plan import Plan
from serving.jobs.folder import JobFiles

_BATCH_ROWS = 64
#: A flag of ``memeguard batch`` that messages name, and that is an option of a job by another spelling.
_FLAG = re.compile(r"--(id|image|text|tags)-column")


def write_results(files: JobFiles, plan: Plan) -> None:
    """Write one line for each row of the input, in its order. Paths of this machine are left out of messages."""
    with open_atomically(files.results) as file:
        for number in range(plan.n_partitions):
            for batch in pq.ParquetFile(shard_path(files.run, number)).iter_batches(_BATCH_ROWS):
                for row in batch.to_pylist():
                    file.write(_line(to_answer(row) | _found(row), files))


def without_paths(message: str, files: JobFiles) -> str:
    """A message of the batch engine, without where the job's files lie, and with the names that options have here."""
    message = _FLAG.sub(r"\1_column", message).replace(f"{files.input}/", "")
    return message.replace(str(files.input), "what was sent").replace(str(files.folder), "the job")


def _found(row: Mapping[str, Any]) -> dict[str, object]:
    """What says that a picture was judged whose name is not quite the one that its row gives."""
    return {} if row["image_found"] is None else {"image_found": row["image_found"]}


def _line(answer: dict[str, object], files: JobFiles) -> bytes:
    error = answer.get("error")
    if isinstance(error, dict):
        answer["error"] = error | {"message": without_paths(str(error["message"]), files)}
    found = answer.get("image_found")
    if isinstance(found, dict):
        path = str(found["path"]).replace(f"{files.input.resolve()}/", "")
        answer["image_found"] = found | {"path": without_paths(path, files)}
    return json.dumps(answer, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace") + b"\n"
