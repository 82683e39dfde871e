import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.batch import plan_of, rows_of, run_here, write_memes

from model import MemeLimits, Policy, Scorer
from model.bundle import Thresholds, ThresholdsByModality
from serving.batch.input.batch_input import BatchInput
from serving.batch.input.image_loader import ImageLoader
from serving.batch.input.items import Columns
from serving.batch.output.review_sample import ReviewSample, write_review_sample
from training.datasets.layouts import detect_layout
from training.datasets.registry import Source as TrainingSource
from training.datasets.registry import load_source

N_MEMES = 40


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run over memes of which the last two of every twenty are no pictures, and three are words alone."""
    folder = tmp_path_factory.mktemp("review")
    memes = write_memes(folder / "in", N_MEMES, corrupt=2)
    with memes.open("a", encoding="utf-8") as file:
        for number in range(3):
            file.write(json.dumps({"id": f"words-{number}", "text": f"no picture {number}"}) + "\n")
    run_here(memes, folder / "out", partition_rows=16)
    return folder


@pytest.fixture
def write(run: Path, tmp_path: Path, scorer: Scorer) -> Any:
    """Draws a sample into a folder of this test's own."""

    def draw(
        n_items: int, policy: Policy = scorer.policy, out: str = "out"
    ) -> tuple[ReviewSample, list[dict[str, Any]]]:
        mine = tmp_path / out
        mine.mkdir(exist_ok=True)
        for shard in (run / "out").glob("part-*.parquet"):
            (mine / shard.name).write_bytes(shard.read_bytes())
        source = BatchInput(str(run / "in" / "memes.jsonl"), Columns())
        images = ImageLoader(frozenset({"file"}), MemeLimits(), 60.0)
        sample = write_review_sample(mine, plan_of(run / "out"), policy, source, images, n_items)
        lines = (sample.folder / "review.jsonl").read_text(encoding="utf-8").splitlines()
        return sample, [json.loads(line) for line in lines]

    return draw


def _rewritten(folder: Path, rows: list[dict[str, Any]]) -> Path:
    (folder / "review.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def test_training_reads_every_row_as_it_is_and_the_labels_that_were_filled_in(write: Any) -> None:
    sample, rows = write(30)
    assert sample.n_items == len(rows) == 30
    layout = detect_layout(sample.folder)
    unlabelled = layout.read(sample.folder, layout.splits(sample.folder)[0], dataset="mine")
    assert unlabelled.skipped == []
    assert {one.id for one in unlabelled.samples} == {row["id"] for row in rows}
    filled = [row | {"hateful": number % 2, "offensive": "offensive"} for number, row in enumerate(rows)]
    labelled = load_source(TrainingSource(path=_rewritten(sample.folder, filled), split="all"))
    assert labelled.skipped == []
    assert [one.labels for one in labelled.samples] == [{"hateful": n % 2, "offensive": 1} for n in range(30)]
    assert [one.text for one in labelled.samples] == [row["text"] for row in rows]
    pictures = {one.id: one.image for one in labelled.samples}
    assert {id for id, path in pictures.items() if path is None} <= {f"words-{number}" for number in range(3)}
    assert all(path.is_file() for path in pictures.values() if path is not None)


def test_half_are_nearest_to_a_threshold_and_half_are_drawn_at_random(write: Any, run: Path, scorer: Scorer) -> None:
    judged = {row["id"]: row["scores"]["hateful"] for row in rows_of(run / "out") if row["error"] is None}
    middle = sorted(judged.values())[len(judged) // 2]
    policy = replace(
        scorer.policy, thresholds={"hateful": ThresholdsByModality.alike(Thresholds(review=middle, block=1.01))}
    )
    _, rows = write(10, policy)
    uncertain = {row["id"] for row in rows if row["why"] == "uncertain"}
    drawn = {row["id"] for row in rows if row["why"] == "random"}
    assert (len(uncertain), len(drawn)) == (5, 5)
    nearest = sorted(judged.keys() - drawn, key=lambda id: abs(judged[id] - middle))[:5]
    assert uncertain == set(nearest)


def test_what_is_uncertain_is_told_by_the_threshold_of_what_was_judged(write: Any, run: Path, scorer: Scorer) -> None:
    judged = {row["id"]: row for row in rows_of(run / "out") if row["error"] is None}
    sentences = {id: row["scores"]["hateful"] for id, row in judged.items() if row["judged_as"] == "text"}
    assert set(sentences) == {"words-0", "words-1", "words-2"}
    far, near = (Thresholds(review=at, block=None) for at in (1.0, sorted(sentences.values())[1]))
    own = ThresholdsByModality(both=far, text=near, image=far)
    _, rows = write(8, replace(scorer.policy, thresholds={"hateful": own}))
    drawn = {row["id"] for row in rows if row["why"] == "random"}
    assert {row["id"] for row in rows if row["why"] == "uncertain"} >= set(sentences) - drawn


def test_the_same_run_gives_the_same_sample_and_a_larger_one_holds_the_drawn_ones(write: Any) -> None:
    _, first = write(10, out="first")
    _, again = write(10, out="again")
    _, larger = write(20, out="larger")
    assert first == again
    assert {row["id"] for row in first if row["why"] == "random"} <= {row["id"] for row in larger}


def test_a_picture_that_is_gone_is_left_out_and_another_is_drawn(write: Any, run: Path) -> None:
    _, before = write(10, out="before")
    gone = [row for row in before if "img" in row][:2]
    files = [run / "in" / f"meme-{row['id'].removeprefix('m')}.jpg" for row in gone]
    kept = [file.read_bytes() for file in files]
    files[0].unlink()
    files[1].write_bytes(b"no picture any more")
    sample, rows = write(10, out="after")
    for file, content in zip(files, kept, strict=True):
        file.write_bytes(content)
    assert (sample.n_items, sample.n_gone) == (10, 2)
    assert not {row["id"] for row in rows} & {row["id"] for row in gone}
    assert len(list((sample.folder / "img").iterdir())) == sum("img" in row for row in rows)


def test_a_sample_may_be_larger_than_the_run(write: Any) -> None:
    sample, rows = write(1000)
    assert sample.n_items == len(rows) == N_MEMES - 2 + 3


def test_labels_that_somebody_filled_in_are_never_written_over(write: Any) -> None:
    sample, rows = write(10)
    _rewritten(sample.folder, [row | {"hateful": 1} for row in rows])
    again, kept = write(20)
    assert again == ReviewSample(sample.folder)
    assert [row["hateful"] for row in kept] == [1] * 10
