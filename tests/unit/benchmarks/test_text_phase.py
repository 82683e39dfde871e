from pathlib import Path

import numpy as np
import pytest

from benchmarks.text_phase import Point, Scores, draw, measured, sentences_alone, table
from training.run.config import TrainConfig
from training.run.config.file import config_path, load_train_config

N_HATEMOJI = 40


@pytest.fixture
def recipe(tmp_path: Path) -> TrainConfig:
    """The compact recipe over a folder in which HatemojiBuild alone has rows."""
    folder = tmp_path / "text_hate"
    folder.mkdir()
    rows = [f'{i},"words {i}",{i % 2},train' for i in range(N_HATEMOJI)]
    (folder / "hatemoji_build_train.csv").write_text("entry_id,text,label_gold,split\n" + "\n".join(rows))
    return load_train_config(config_path("compact"), (), tmp_path)


def test_a_run_of_sentences_alone_reads_what_the_recipes_text_phase_reads_and_no_picture(recipe: TrainConfig) -> None:
    config = sentences_alone(recipe, Point(1.0), 3)
    (phase,) = config.phases
    of_recipe = recipe.phases[0]
    assert [config.data.train[place] for place in phase.sources or ()] == [
        recipe.data.train[place] for place in of_recipe.sources or ()
    ]
    assert phase.model_copy(update={"sources": of_recipe.sources, "shared_seed": 0}) == of_recipe
    assert (config.seed_of(phase), config.modalities, config.memory, config.teacher) == (3, "text", None, None)
    assert all(source.render is None for source in config.data.sources)
    assert {source.layout for source in config.data.tests or ()} == {"hatemoji", "hatecheck"}


def test_a_share_of_its_own_leaves_the_other_sources_whole(recipe: TrainConfig) -> None:
    whole, own = (sentences_alone(recipe, point, 0).data.train for point in (Point(1.0), Point(0.25, is_own=True)))
    changed = [source for source, before in zip(own, whole, strict=True) if source != before]
    assert [(source.layout, source.limit) for source in changed] == [("hatemoji", N_HATEMOJI // 4)]


def test_the_table_and_the_plot_show_every_set_and_share(tmp_path: Path) -> None:
    rng, labels = np.random.default_rng(0), [0.0, 1.0] * 40

    def said() -> Scores:
        return {
            name: {"labels": labels, "scores": [label + 2 * rng.normal() for label in labels]}
            for name in ("hatemoji test", "edos dev")
        }

    found = {point: measured([said(), said()]) for point in (Point(0.5), Point(1.0), Point(0.5, is_own=True))}
    auroc = found[Point(0.5)]["edos dev"]
    assert 0.5 < (auroc.low or 0) < (auroc.value or 0) < (auroc.high or 0) < 1
    shown = table(found).splitlines()
    assert shown[0] == "| share of the sentences | hatemoji test | edos dev |"
    assert [line.split(" | ")[0] for line in shown[2:]] == ["| 0.5", "| 1", "| 0.5 of HatemojiBuild"]
    draw(found, tmp_path / "curve.svg")
    drawn = (tmp_path / "curve.svg").read_text(encoding="utf-8")
    assert "<!-- hatemoji test, by its own share -->" in drawn
    assert drawn.count("<!-- edos dev -->") == 1
