"""A card is what the manifest says, for any bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from model import open_bundle
from model.bundle import Interval, Manifest, MetricRow, Thresholds, ThresholdsByModality
from training.run.export import model_card
from training.run.export.model_card import CARDS, render_model_card

if TYPE_CHECKING:
    from support.tiny import TinyBundle

HEADINGS = ("What it is for", "What it cannot do", "Unsafe uses", "How the tables were made", "Provenance")


def interval(value: float) -> Interval:
    return Interval(value=value, low=value - 0.05, high=value + 0.05)


def row(model: str, task: str = "hateful", split: str = "dev", **metrics: float) -> MetricRow:
    values = {name: interval(value) for name, value in metrics.items()}
    return MetricRow(data="own", split=split, task=task, model=model, n=80, metrics=values)


def changed(manifest: Manifest, **fields: Any) -> Manifest:
    return manifest.model_copy(update=fields)


def test_a_bundle_without_prose_of_its_own_gets_what_is_true_of_every_bundle(tiny: "TinyBundle") -> None:
    card = render_model_card(changed(tiny.bundle.manifest, data_cards=["own"]))
    assert [heading for heading in HEADINGS if f"## {heading}\n" not in card] == []
    assert "Nobody has written this bundle's own limits down yet" in card
    assert "It was not measured" in card


def test_a_bundle_with_prose_gets_its_own_and_not_the_general_one() -> None:
    card = render_model_card(open_bundle().manifest)
    assert (CARDS / "model_compact.prose.md").read_text(encoding="utf-8").strip() in card
    assert "Nobody has written" not in card


def test_identity_tasks_and_policy_are_those_of_the_manifest(tiny: "TinyBundle") -> None:
    thresholds = {"hateful": ThresholdsByModality.alike(Thresholds(review=0.25, block=None))}
    manifest = changed(tiny.bundle.manifest, thresholds=thresholds)
    card = render_model_card(manifest)
    assert f"# Model card: {manifest.name} {manifest.version}\n" in card
    assert [task.name for task in manifest.tasks if f"`{task.name}` ({', '.join(task.classes)})" not in card] == []
    assert "`hateful`: review from 0.250, never blocks by itself." in card


def test_thresholds_that_differ_by_what_there_is_of_a_meme_are_listed_with_what_is_expected(tiny: "TinyBundle") -> None:
    thresholds = ThresholdsByModality(
        both=Thresholds(review=0.25, block=0.9),
        text=Thresholds(review=0.6, block=None),
        image=Thresholds(review=0.7, block=None),
    )
    told = {"text": {"ordinary": {"n_of": 8, "n": 100}, "flagged": {"n_of": 30, "n": 60}}}
    told["image"] = {"ordinary": {"n_of": 0, "n": 0}, "flagged": {"n_of": 30, "n": 40}}
    training = {"thresholds": {"hateful": told}}
    card = render_model_card(changed(tiny.bundle.manifest, thresholds={"hateful": thresholds}, training=training))
    assert (
        "- Default policy: by what there is of a meme:\n"
        "  - `hateful`, pictures with words: review from 0.250, block from 0.900.\n"
        "  - `hateful`, words alone: review from 0.600, never blocks by itself; expected in review: "
        "8.0% of an ordinary stream, 50.0% of a flagged one (the calibration set).\n"
        "  - `hateful`, pictures alone: review from 0.700, never blocks by itself; expected in review: "
        "75.0% of a flagged one (the calibration set).\n"
    ) in card


def test_a_bundle_that_holds_something_of_its_training_memes_says_so(tiny: "TinyBundle") -> None:
    manifest = tiny.bundle.manifest
    assert "- Memory: " not in render_model_card(manifest)
    remembers = changed(manifest, training={"config": {"memory": {"ridge": 2.0}}})
    assert "- Memory: labelled memes of the training data vote" in render_model_card(remembers)
    forgot = changed(manifest, training={"config": {"memory": None}})
    assert "- Memory: " not in render_model_card(forgot)


def test_a_bundle_without_thresholds_says_what_that_means(tiny: "TinyBundle") -> None:
    assert "no thresholds: every meme" in render_model_card(changed(tiny.bundle.manifest, thresholds={}))


def test_rows_of_several_classes_show_the_metrics_they_have(tiny: "TinyBundle") -> None:
    rows = [
        row("fused", "memotion_sentiment", macro_f1=0.4, accuracy=0.5),
        row("majority", "memotion_sentiment", macro_f1=0.2),
    ]
    card = render_model_card(changed(tiny.bundle.manifest, metrics=rows))
    assert "### own, dev split, task `memotion_sentiment` (80 items)" in card
    assert "| model | accuracy | macro-F1 |\n|---|---|---|\n" in card
    assert "| fused | 0.500 (0.450 to 0.550) | 0.400 (0.350 to 0.450) |" in card
    assert "| majority | not measured | 0.200 (0.150 to 0.250) |" in card


def test_a_metric_that_nobody_foresaw_is_shown_under_its_name(tiny: "TinyBundle") -> None:
    card = render_model_card(changed(tiny.bundle.manifest, metrics=[row("fused", auroc=0.8, hits_at_ten=0.3)]))
    assert "| model | AUROC | hits at ten |" in card


def test_splits_of_one_set_are_tables_of_their_own(tiny: "TinyBundle") -> None:
    rows = [row("fused", split="dev", auroc=0.8), row("fused", split="test", auroc=0.7)]
    card = render_model_card(changed(tiny.bundle.manifest, metrics=rows))
    assert [split for split in ("dev", "test") if f"### own, {split} split, task `hateful`" not in card] == []


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({}, "The manifest does not say what made it."),
        ({"command": "memeguard train x"}, "Made by `memeguard train x`."),
        ({"command": "memeguard train x", "config": {"seed": 3}}, "Made by `memeguard train x` with seed 3."),
        (
            {"command": "c", "config": {"seeds": [0, 1]}, "shipped_seed": 1},
            "Made by `c` with seeds [0, 1]; seed 1 ships (best dev AUROC).",
        ),
    ],
)
def test_provenance_says_what_is_known_and_no_more(tiny: "TinyBundle", training: dict[str, Any], expected: str) -> None:
    card = render_model_card(changed(tiny.bundle.manifest, training=training))
    assert expected in card.split("## Provenance")[1]


def test_the_head_is_yaml_whatever_the_licence_is_called(tiny: "TinyBundle") -> None:
    card = render_model_card(changed(tiny.bundle.manifest, licence="other: see #4", data_cards=["own"]))
    head = yaml.safe_load(card.split("---\n")[1])
    assert (head["license"], head["datasets"]) == ("other: see #4", ["own"])


def test_the_command_writes_the_card_where_it_is_told(
    tiny: "TinyBundle", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "cards" / "card.md"
    monkeypatch.setattr("sys.argv", ["model_card", str(tiny.bundle.path), "--out", str(out)])
    model_card.main()
    assert out.read_text(encoding="utf-8") == render_model_card(tiny.bundle.manifest)


def test_the_command_writes_the_card_of_another_bundle_into_its_folder(
    tiny: "TinyBundle", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tiny.written_anew(tmp_path / "mine")
    monkeypatch.setattr("sys.argv", ["model_card", str(bundle.path)])
    model_card.main()
    assert open_bundle(bundle.path).digest == bundle.digest
    assert (bundle.path / "README.md").read_text(encoding="utf-8") == render_model_card(bundle.manifest)
