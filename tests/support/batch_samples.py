"""A batch run's sample for people to label, as ``memeguard batch --sample-review`` leaves it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from model.atomic import write_atomically
from model.taxonomy import tasks_named
from serving.batch.output.label_rows import write_rows_to_label
from serving.batch.output.output_schema import to_row, to_table
from serving.batch.partition_files import partition_name
from support.ledgers import verdict_of
from support.pictures import meme

_TASKS = ("hateful", "memotion_sentiment")


def write_batch_sample(out: Path) -> None:
    """What a batch run leaves: a shard of five verdicts, and a sample of four of them, one of words alone."""
    verdicts = {f"m{number}": replace(verdict_of(f"words {number}"), decision="allow") for number in range(5)}
    rows = [to_row(id, verdict) for id, verdict in verdicts.items()]
    pq.write_table(to_table(rows, tasks_named(_TASKS)), out / partition_name(0))
    lines: dict[str, dict[str, Any]] = {
        id: {"id": id, "img": f"img/{id}.png", "text": verdict.text.content, "why": "random", "decision": "allow"}
        | dict.fromkeys(_TASKS)
        for id, verdict in list(verdicts.items())[:4]
    }
    del lines["m0"]["img"]
    for seed, line in enumerate(lines.values()):
        write_atomically(out / "review" / line.get("img", "img/other.png"), meme(seed))
    write_rows_to_label(out / "review" / "review.jsonl", lines)
