"""Lines of a job's results."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pyarrow as pa
import pyarrow.parquet as pq

from serving.batch.output.manifest import shard_path
from serving.batch.plan import Plan
from serving.jobs.folder import JobFiles
from serving.jobs.worker.results import write_results


def test_a_picture_found_under_another_name_is_told_without_where_it_lies(tmp_path: Path) -> None:
    files = JobFiles(tmp_path / ("0" * 32))
    files.input.mkdir(parents=True)
    rows = [
        {
            "id": "1",
            "error": {"code": "unreadable_file", "message": f"{files.input}/a.PNG: no picture"},
            "image_found": {"path": f"{files.input}/set/a.PNG", "by": "case"},
        },
        {"id": "2", "error": {"code": "unreadable_file", "message": "no picture"}, "image_found": None},
    ]
    shard = shard_path(files.run, 0)
    shard.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), shard)
    write_results(files, cast("Plan", SimpleNamespace(n_partitions=1)))
    first, second = map(json.loads, files.results.read_text().splitlines())
    assert first["image_found"] == {"path": "set/a.PNG", "by": "case"}
    assert str(tmp_path) not in json.dumps(first)
    assert second == {"id": "2", "error": {"code": "unreadable_file", "message": "no picture"}}
