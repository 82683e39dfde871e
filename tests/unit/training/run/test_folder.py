import multiprocessing
from pathlib import Path

import pytest
from support.dataset_files import write_picture

from training.datasets import Sample
from training.errors import RunError
from training.run.folder import RunFolder, locked, start_or_resume
from training.run.provenance import data_digest
from training.trainer.checkpoint import first_difference

CONFIG = {"name": "toy", "seed": 0, "phases": [{"epochs": 2}]}


def hold(path: Path, held: "multiprocessing.synchronize.Event", over: "multiprocessing.synchronize.Event") -> None:
    with locked(RunFolder(path)):
        held.set()
        over.wait(60)


def begin(run: RunFolder) -> None:
    """What the run does once its data is read."""
    run.provenance.write_text("{}", encoding="utf-8")


def test_a_new_folder_is_made_and_the_same_config_goes_on_in_it(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "a" / "run")
    assert start_or_resume(run, CONFIG) is False
    assert run.read_config() == CONFIG
    begin(run)
    assert start_or_resume(run, CONFIG) is True


def test_another_config_is_refused_with_the_first_difference(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    start_or_resume(run, CONFIG)
    begin(run)
    with pytest.raises(RunError, match=r"phases\.0\.epochs: 2 there, 3 now"):
        start_or_resume(run, {**CONFIG, "phases": [{"epochs": 3}]})


def test_a_start_that_failed_before_its_data_was_read_may_be_corrected(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    start_or_resume(run, CONFIG)
    corrected = {**CONFIG, "seed": 1}
    assert start_or_resume(run, corrected) is False
    assert run.read_config() == corrected


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(RunError, match="holds no run"):
        start_or_resume(RunFolder(tmp_path), CONFIG)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_a_killed_start_leaves_behind_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    (tmp_path / "config.yaml.abc.tmp").touch()
    assert start_or_resume(RunFolder(tmp_path), CONFIG) is False


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no readable config\.yaml"):
        RunFolder(tmp_path).read_config()


def test_one_process_at_a_time_trains_a_run(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, over = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path, held, over))
    other.start()
    assert held.wait(60)
    with pytest.raises(RunError, match="in use by another process"), locked(RunFolder(tmp_path)):
        pass
    other.kill()
    other.join()
    with locked(RunFolder(tmp_path)):  # a lock ends with its process, even by SIGKILL
        pass


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        (CONFIG, dict(CONFIG), None),
        ({"a": 1}, {"a": 1, "b": 2}, "b: None there, 2 now"),
        ({"a": [1, 2]}, {"a": [1]}, "a: [1, 2] there, [1] now"),
        ({"a": {"b": [{"c": 1}]}}, {"a": {"b": [{"c": 2}]}}, "a.b.0.c: 1 there, 2 now"),
    ],
)
def test_the_first_difference_is_named_by_its_key(ours: object, theirs: object, found: str | None) -> None:
    assert first_difference(ours, theirs) == found


def test_a_data_digest_changes_with_a_word_a_label_and_a_picture_and_with_nothing_else(tmp_path: Path) -> None:
    first = write_picture(tmp_path / "a.png", 1)
    renamed, other = write_picture(tmp_path / "b.png", 1), write_picture(tmp_path / "c.png", 2)

    def digest(text: str = "words", label: int = 0, image: Path = first) -> dict[str, str]:
        return data_digest([Sample("1", "toy", "train", text, {"hateful": label}, image)])

    assert digest() == digest(image=renamed)
    assert digest()["rows"] != digest(text="other words")["rows"]
    assert digest()["rows"] != digest(label=1)["rows"]
    assert digest()["pictures"] != digest(image=other)["pictures"]


def test_weights_of_a_run_of_before_are_found_under_their_old_name(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert run.network.name == "network.safetensors"
    (tmp_path / "network.pt").touch()
    assert run.network.name == "network.pt"
