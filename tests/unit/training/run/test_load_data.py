"""The samples of a run: what is said of them before anything is trained."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from support.dataset_files import write_generic, write_group_mentions
from support.runs import config_document

from training.datasets import DatasetError, Source
from training.run.config import TrainConfig
from training.run.config.file import load_train_config
from training.run.load_data import load_run_data


def config_of(tmp_path: Path) -> TrainConfig:
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(config_document({"kind": "open_clip", "name": "ViT-B-32"})), encoding="utf-8")
    return load_train_config(path, data_root=tmp_path)


def test_dev_samples_that_are_in_train_too_are_counted(tmp_path: Path) -> None:
    root = write_generic(tmp_path / "memes")
    config = config_of(tmp_path)
    clean = load_run_data(config, tmp_path / "cache")
    assert clean.notes == [f"{root}:train: dev is its split 'dev'"]

    first = json.loads((root / "train.jsonl").read_text().splitlines()[0])
    rows = [json.loads(line) for line in (root / "dev.jsonl").read_text().splitlines()]
    rows[0]["image"], rows[1]["text"] = first["image"], first["text"].upper()
    (root / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    notes = load_run_data(config, tmp_path / "cache").notes
    assert notes[-1].startswith("dev: 2 of 4 have the words or the picture of a training sample")


def test_pictures_that_are_named_otherwise_twice_or_not_at_all_are_told_of(tmp_path: Path) -> None:
    root = write_generic(tmp_path / "memes")
    rows = [json.loads(line) for line in (root / "train.jsonl").read_text().splitlines()]
    rows[0]["image"], rows[1]["image"] = rows[0]["image"].upper(), "gone.png"
    rows[2]["image"] = rows[3]["image"]
    (root / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    shutil.copytree(root / "images", root / "photos")
    notes = load_run_data(config_of(tmp_path), tmp_path / "cache").notes
    n_pictures = len(list((root / "photos").iterdir()))
    for note in (
        f"{root}:train: 1 row(s) name their picture otherwise than its file is called (letter case or form of Unicode: "
        f"'{rows[0]['image']}' is 'train0.png')",
        f"{root}:train: 1 picture(s) are named by more than one row",
        f"{root}:train: 1 row(s) have no picture on disk",
        f"{root}/photos holds {n_pictures} picture(s), and no row names any of them (such as 'dev0.png')",
        f"{root}/images holds {n_pictures} picture(s), of which no row names 2 (such as 'train1.png')",
    ):
        assert note in notes, notes


def test_the_group_that_a_sentence_is_about_is_in_no_sample_of_a_run(tmp_path: Path) -> None:
    write_generic(tmp_path / "memes")
    path = write_group_mentions(tmp_path) / "redditbias.csv"
    config = config_of(tmp_path)
    sources = {
        split: Source(path=path, split=split, layout="redditbias", label_map={"fact?": "hateful=not_hateful"})
        for split in ("train", "dev", "test")
    }
    data = config.data.model_copy(
        update={"train": (*config.data.train, sources["train"]), "dev": (sources["dev"],), "tests": (sources["test"],)}
    )
    read = load_run_data(config.model_copy(update={"data": data}), tmp_path / "cache")
    about = [sample for part in (read.train[-1], read.dev, read.tests[0]) for sample in part]
    assert (len(about), {sample.tags for sample in about}) == (60, {()})
    assert {sample.tags for sample in read.train[0]} == {("weather",)}
    assert [note for note in read.notes if "row names" in note] == []


def test_disputed_samples_are_left_out_of_train_and_counted_and_dev_stays_whole(tmp_path: Path) -> None:
    root = write_generic(tmp_path / "memes", {"train": 40})
    config = config_of(tmp_path)
    whole = load_run_data(config, tmp_path / "cache")
    (source,) = config.data.train
    shared = {"drop_disputed": {"hateful=not_hateful": 0.25, "hateful=hateful": 0.1}}
    data = config.data.model_copy(update={"train": (source.model_copy(update=shared),)})
    read = load_run_data(config.model_copy(update={"data": data}), tmp_path / "cache")
    assert read.dev == whole.dev
    (left,), (all_of_it,) = read.train, whole.train
    assert left == [sample for sample in all_of_it if sample in left]
    counts = [[sum(one.labels["hateful"] == label for one in part) for label in (0, 1)] for part in (all_of_it, left)]
    assert counts[1] == [counts[0][0] - round(0.25 * counts[0][0]), counts[0][1] - round(0.1 * counts[0][1])]
    dropped = round(0.25 * counts[0][0])
    assert any(
        f"{root}:train: {dropped} of its samples are left out: of those of hateful=not_h" in x for x in read.notes
    )


def test_too_few_texts_to_dispute_are_refused_with_the_source(tmp_path: Path) -> None:
    root = write_generic(tmp_path / "memes")
    config = config_of(tmp_path)
    source = config.data.train[0].model_copy(update={"drop_disputed": {"hateful=hateful": 0.1}})
    data = config.data.model_copy(update={"train": (source,)})
    with pytest.raises(DatasetError, match=rf"{root}:train: drop_disputed: to doubt labels of hateful takes 5"):
        load_run_data(config.model_copy(update={"data": data}), tmp_path / "cache")


def test_a_dev_split_of_the_source_s_own_is_trusted_wholly(tmp_path: Path) -> None:
    trust = {"weight": 0.5, "label_noise": {"hateful=hateful": 0.1}, "drop_disputed": {"hateful=hateful": 0.1}}
    source = Source(path=tmp_path, split="train", limit=3, **trust)
    assert source.for_dev("dev") == Source(path=tmp_path, split="dev")
    assert source.trust == trust
    assert source.for_dev("dev").trust == {}


def test_a_task_that_cannot_be_calibrated_is_refused_before_any_training(tmp_path: Path) -> None:
    write_generic(tmp_path / "memes")
    path = write_group_mentions(tmp_path) / "toxigen_human.csv"
    config = config_of(tmp_path)
    named = {split: (Source(path=path, split=split, layout="toxigen"),) for split in ("train", "dev")}
    network = replace(config.network, tasks=("hateful", "target"))
    data = config.data.model_copy(update=named | {"calibrate": (*config.data.train,)})
    with pytest.raises(DatasetError, match=r"no sample of data\.calibrate has a label of task 'target'; labelled are"):
        load_run_data(config.model_copy(update={"data": data, "network": network}), tmp_path / "cache")
    data = data.model_copy(update={"calibrate": None})
    read = load_run_data(config.model_copy(update={"data": data, "network": network}), tmp_path / "cache")
    assert {task for sample in read.calibrate for task in sample.labels} == {"hateful", "target"}


def test_a_set_whose_labels_were_not_understood_is_refused_with_where_to_look(tmp_path: Path) -> None:
    root = write_generic(tmp_path / "memes")
    for table in root.glob("*.jsonl"):
        table.write_text(table.read_text().replace('"hateful"', '"verdict_of_mine"').replace(": 1}", ": 2}"))
    with pytest.raises(DatasetError, match=r"labelled are: none\. `memeguard data check` shows what was understood"):
        load_run_data(config_of(tmp_path), tmp_path / "cache")
