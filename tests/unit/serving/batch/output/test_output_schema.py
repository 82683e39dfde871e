import base64
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient
from support.judgements import flat
from support.pictures import meme
from support.tiny import TinyBundle

from model import Failure, Meme, Scorer, Verdict, load
from model.bundle import Thresholds, ThresholdsByModality
from model.ocr.types import OcrWord
from model.policy.policy import Band, Policy
from model.policy.word_lists import WordList
from model.verdict import TextEvidence
from serving.batch.output.output_schema import schema, to_answer, to_row, to_table
from serving.batch.partition_files import write_table

WORDS = "my code works and nobody knows why"
OF_ONE_CALL = ("decision_id", "timings_ms")


def _read(rows: list[dict[str, Any]], scorer: Scorer, folder: Path) -> list[dict[str, Any]]:
    """Rows written as a shard, and read again."""
    write_table(folder / "shard.parquet", to_table(rows, scorer.bundle.tasks))
    found: list[dict[str, Any]] = pq.read_table(folder / "shard.parquet").to_pylist()
    return found


def _verdict(scorer: Scorer, text: str = WORDS) -> Verdict:
    (outcome,) = scorer.score([Meme.from_bytes(meme(), text=text, id="m1")])
    assert isinstance(outcome, Verdict)
    return outcome


def test_a_row_is_the_answer_that_http_gives(client: TestClient, scorer: Scorer, tmp_path: Path) -> None:
    picture = base64.b64encode(meme()).decode()
    answer = client.post("/v1/classify", json={"image": picture, "text": WORDS, "id": "m1"}).json()
    (row,) = _read([to_row("m1", _verdict(scorer))], scorer, tmp_path)
    told = to_answer(row)
    assert told.keys() == answer.keys() - {"explanation"}
    assert flat(told["scores"]) == pytest.approx(flat(answer.pop("scores")), abs=1e-5)
    assert {name: answer[name] for name in told.keys() - {"scores", *OF_ONE_CALL}} == {
        name: told[name] for name in told.keys() - {"scores", *OF_ONE_CALL}
    }


def test_every_kind_of_field_comes_back_as_it_was(tmp_path: Path) -> None:
    policy = Policy(
        name="all",
        version="1",
        thresholds={"hateful": ThresholdsByModality.alike(Thresholds(review=0.0, block=0.9))},
        severity={"hateful": (Band("low", 0.0),)},
        word_lists=(WordList("mild", "review", ("code",), True),),
    )
    judged = load(ocr="none", policy=policy)
    verdict = _verdict(judged)
    (row,) = _read([to_row("m1", verdict)], judged, tmp_path)
    assert to_answer(row) | {"explanation": None} == json.loads(json.dumps(verdict.to_dict()))
    assert dict(row["severity"]) == {"hateful": "low"}
    assert [match["word_list"] for match in row["matches"]] == ["mild"]


def test_words_that_were_read_keep_their_boxes(scorer: Scorer, tmp_path: Path) -> None:
    verdict = _verdict(scorer)
    words = (OcrWord("WHEN", (45, 4, 252, 84), 0.75),)
    text = TextEvidence("WHEN", "ocr", "ok", "rapidocr", "3.10.0", 0.75, words)
    (row,) = _read([to_row("m1", Verdict(**{**vars(verdict), "text": text}))], scorer, tmp_path)
    assert row["text"]["words"] == [{"text": "WHEN", "box": [45, 4, 252, 84], "confidence": 0.75}]


def test_an_error_is_a_row_with_its_cause_and_nothing_else(scorer: Scorer, tmp_path: Path) -> None:
    failed = Failure("m2", "corrupt", "the JPEG data is cut short")
    good, bad = _read([to_row("m1", _verdict(scorer)), to_row("m2", failed)], scorer, tmp_path)
    assert good["error"] is None
    assert {name: value for name, value in bad.items() if value is not None} == failed.to_dict()
    assert to_answer(bad) == failed.to_dict()


def test_scores_are_columns_by_task_and_by_class(tiny: TinyBundle) -> None:
    scores = {field.name: field.type for field in schema(tiny.bundle.tasks).field("scores").type}
    assert scores["hateful"] == pa.float64()
    assert {field.name for field in scores["memotion_sentiment"]} == {"negative", "neutral", "positive"}


def test_a_shard_of_errors_alone_has_the_columns_of_any_other(scorer: Scorer) -> None:
    alone = to_table([to_row("m1", Failure("m1", "empty", "nothing"))], scorer.bundle.tasks)
    assert alone.schema == to_table([to_row("m1", _verdict(scorer))], scorer.bundle.tasks).schema
