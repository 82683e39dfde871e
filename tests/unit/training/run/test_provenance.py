"""What a bundle says of the run that it was made by."""

import json
from typing import Any

import pytest

from training.run.provenance import without_places


def shortened(value: Any) -> Any:
    return without_places({"config": value})["config"]


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/home/ann/data/my_memes", "my_memes"),
        ("/home/ann/My Data/my memes", "my memes"),
        ("~/data/my_memes", "my_memes"),
        ("../../ann/my_memes", "my_memes"),
        ("local-dir:/home/ann/towers/vit", "local-dir:vit"),
        ("data.train=[/home/ann/one:train, ../ann/two:train]", "data.train=[one:train, two:train]"),
    ],
)
def test_of_a_path_that_leads_out_of_the_working_folder_the_last_part_stays(path: str, kept: str) -> None:
    assert shortened({"data": {"train": [{"path": path, "split": "train"}]}}) == {
        "data": {"train": [{"path": kept, "split": "train"}]}
    }


@pytest.mark.parametrize(
    "text",
    ["runs/mine", "data/my_memes:dev", "hf-hub:timm/vit", "https://example.org/a/b", "and/or, 1 / 2", "ViT-L-14", ""],
)
def test_other_words_stay_as_they_are(text: str) -> None:
    assert shortened({"text": text}) == {"text": text}


def test_numbers_and_digests_stay_as_they_are() -> None:
    recorded = {"data_sha256": {"train": {"rows": "ab12"}}, "seeds": [3], "git": {"dirty": False}, "none": None}
    assert without_places(recorded) == recorded


def test_the_command_stays_one_that_can_be_typed() -> None:
    command = "memeguard train --config /home/ann/c.yaml --data '/home/ann/My Data' --out runs/mine seed=3"
    recorded = without_places({"command": command})
    assert recorded["command"] == "memeguard train --config c.yaml --data 'My Data' --out runs/mine seed=3"
    assert "ann" not in json.dumps(recorded)
