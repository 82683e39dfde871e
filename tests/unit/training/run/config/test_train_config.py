from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from serving.cli import main
from training.errors import ConfigError
from training.run.config import TrainConfig
from training.run.config.file import CONFIGS, config_path, load_train_config, parse_train_config

SHIPPED = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
DOCUMENT: dict[str, Any] = {
    "name": "toy",
    "description": "A config.",
    "licence": "Apache-2.0",
    "backbone": {"kind": "open_clip", "name": "ViT-B-32"},
    "network": {"tasks": ["hateful"]},
    "data": {"train": ["memes:train"]},
    "phases": [{"epochs": 2, "text_tower_lr": 0, "fusion_lr": "1e-4"}],
}


def written(folder: Path, **changed: Any) -> Path:
    path = folder / "toy.yaml"
    path.write_text(yaml.safe_dump(DOCUMENT | changed), encoding="utf-8")
    return path


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return written(tmp_path)


def test_overrides_reach_into_mappings_and_lists(toy: Path) -> None:
    config = load_train_config(toy, ["seed=3", "phases.0.epochs=5", "network.width=64", "modalities=text"])
    assert (config.seed, config.phases[0].epochs, config.network.width, config.modalities) == (3, 5, 64, "text")
    assert config.phases[0].fusion_lr == 1e-4


def test_an_override_may_replace_a_whole_list(toy: Path) -> None:
    config = load_train_config(toy, ["data.train=[a:train, {path: b, split: dev}]"], Path("/data"))
    assert [(str(source.path), source.split) for source in config.data.train] == [
        ("/data/a", "train"),
        ("/data/b", "dev"),
    ]


def test_a_preset_gives_the_sizes_of_the_paper_and_takes_changes(tmp_path: Path) -> None:
    path = written(tmp_path, network={"preset": "large", "tasks": ["hateful"], "width": 256})
    network = load_train_config(path).network
    assert (network.width, network.encoder_layers, network.encoder_heads, network.encoder_ff) == (256, 3, 16, 2048)


def test_data_paths_lie_below_the_data_folder_and_absolute_ones_stay(tmp_path: Path) -> None:
    path = written(tmp_path, data={"train": ["memes:train", "/elsewhere/memes:train"]})
    sources = load_train_config(path, data_root=tmp_path / "data").data.train
    assert [source.path for source in sources] == [tmp_path / "data" / "memes", Path("/elsewhere/memes")]


def test_a_local_backbone_is_kept_by_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = load_train_config(written(tmp_path, backbone={"kind": "open_clip", "name": "local-dir:weights"}))
    assert config.plain()["backbone"]["name"] == f"local-dir:{tmp_path / 'weights'}"


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_config_is_valid_and_is_found_by_its_name(name: str) -> None:
    config = load_train_config(config_path(name))
    assert set(config.policy_tasks) <= set(config.network.tasks)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_config_that_was_written_down_reads_as_the_same_config(name: str) -> None:
    config = load_train_config(config_path(name), data_root=Path("/data"))
    document = yaml.safe_load(yaml.safe_dump(config.plain()))
    assert parse_train_config(document, Path("written")) == config


#: An override, and what its refusal must say.
REFUSED = [
    ("sed=3", "sed: no such key; did you mean 'seed'?"),
    ("epochs=2", "epochs: no such key; did you mean 'phases.0.epochs'?"),
    ("width=64", "width: no such key; did you mean 'network.width'?"),
    ("phases.0.epoch=2", "phases.0.epoch: no such key; did you mean 'epochs'?"),
    ("network.widht=3", "network.widht: no such key; did you mean 'width'?"),
    ("backbone={kind: open_clip, nam: x}", "backbone.nam: no such key; did you mean 'name'?"),
    ("towers.txt.mode=full", "towers.txt: no such key; did you mean 'text'?"),
    ("losses.captionweight=1", "did you mean 'caption_weight'?"),
    ("export.target=[]", "did you mean 'targets'?"),
    (
        "backbone=compact-par",
        "backbone: Input should be 'compact-pair', 'mpnet-pair' or 'shipped-bundle', got 'compact-par'",
    ),
    ("start=fusion", "start: a fusion to start from is in a bundle alone; set backbone to 'shipped-bundle'"),
    ("start=all", "start: Input should be 'towers' or 'fusion', got 'all'"),
    ("backbone={kind: open_clip, name: null}", "a backbone of kind 'open_clip' needs 'name'"),
    ("network.tasks=[hatful]", "unknown task 'hatful'; known tasks: hateful, offensive"),
    ("network.width=wide", "network.width: Input should be a valid integer"),
    ("network.encoder_heads=5", "width 512 is not divisible by encoder_heads 5"),
    ("network.preset=huge", "unknown preset 'huge'; known presets: small, large"),
    ("phases.0.epochs=0", "phases.0.epochs: Input should be greater than 0, got 0"),
    ("phases=[]", "phases: "),
    ("phases.1.epochs=2", "the list has no such place"),
    ("phases.0.sources=[1]", "phases.0.sources: 1 is no place in data.train (0 to 0)"),
    ("phases.0.select_on=offensive", "phases.0.select_on: 'offensive' is no task of this network: hateful"),
    ("phases.0.text_tower_lr=1e-5", "but towers.text.mode is 'frozen'"),
    ("towers.text.mode=full", "but no phase has a text_tower_lr above 0"),
    ("towers.text.mode=last_layers", "needs n_layers"),
    ("data.train=[memes]", "'memes': write PATH:SPLIT"),
    ("data.dev=[memes:train]", "memes:train is in 'train' and in 'dev'"),
    ("data.dev=[other/../memes:train]", "memes:train is in 'train' and in 'dev'"),
    ("data.train.0.layout=x", "data.train.0"),
    ("modalities=txt", "modalities: Input should be 'both', 'text' or 'image', got 'txt'"),
    ("trackers=[tensorbord]", "'tensorboard', 'mlflow' or 'wandb', got 'tensorbord'"),
    ("fill_text.engine=x", "unknown OCR engine 'x'; known engines: rapidocr, tesseract, none"),
    ("export.targets=[recal=.9]", "write recall=NUMBER or precision=NUMBER"),
    ("export.targets=[recall=.9, recall=.8]", "export.targets: two targets for the same measure"),
    ("export.policy_tasks=[offensive]", "export.policy_tasks: 'offensive' is no binary task of this network"),
    ("losses={rgcl_weight: 0.5, rgcl_task: offensive}", "losses.rgcl_task: 'offensive' is no binary task"),
    ("teacher={fold: 4}", "teacher.fold: no such key; did you mean 'folds'?"),
    ("teacher={}", "teacher: nobody listens to it: losses.distillation_weight is 0"),
    ("sentence_teacher={sources: [0]}", "sentence_teacher: nobody listens to it: losses.distillation_weight is 0"),
    ("sentence_teacher={sources: [2]}", "sentence_teacher.sources: 2 is no place in data.train (0 to 0)"),
    ("sentence_teacher={}", "sentence_teacher.sources: is missing"),
    ("losses.distillation_weight=0.5", "losses.distillation_weight: 0.5, but there is no teacher"),
    ("memory={ridge: 0}", "memory.ridge: Input should be greater than 0"),
    ("name=a/b", "name: String should match pattern"),
    ("version='1.0'", "version: String should match pattern"),
    ("seeds=[]", "seeds: "),
    ("seeds=[1, 1]", "seeds: name each once"),
    ("seeds=[-1]", "seeds.0: Input should be greater than or equal to 0"),
    ("twins=[both]", "twins.0: Input should be 'text' or 'image', got 'both'"),
    ("pick=worst", "pick: Input should be 'best' or 'average', got 'worst'"),
    ("baselines=[1]", "baselines: 1 is no place in data.train (0 to 0)"),
    ("memory={sources: [3]}", "memory.sources: 3 is no place in data.train (0 to 0)"),
    ("phases.0.losses={label_smooth: 1}", "did you mean 'label_smoothing'?"),
    ("phases.0.losses={distillation_weight: 0.5}", "phases.0.losses.distillation_weight: 0.5, but there is no teacher"),
    ("data.tests=[memes:train]", "memes:train is in 'train' and in 'tests'"),
    ("data.train.0.class_limits={hateful=hatful: 1}", "hateful has no class 'hatful'"),
    ("data.train.0.class_limits={hateful=hateful: -1}", "Input should be greater than or equal to 0, got -1"),
    ("data.train.0.weight=0", "data.train.0.weight: Input should be greater than 0"),
    ("data.train.0.weight=.inf", "data.train.0.weight: Input should be a finite number"),
    ("data.train.0.label_noise={hateful=no: 0.1}", "data.train.0.label_noise: label_noise: hateful has no class 'no'"),
    ("data.train.0.label_noise={hateful: 0.1}", "label_noise: 'hateful' is no task=class; the tasks are hateful"),
    ("data.train.0.label_noise={hateful=hateful: 0.5}", "'hateful=hateful' is 0.5; give a share from 0 to below 0.5"),
    ("data.train.0.label_noise={attack=attack_empty: 0.1}", "'attack=attack_empty' is of no binary task"),
    ("data.train.0.drop_disputed={hateful=hateful: 1}", "'hateful=hateful' is 1; give a share from 0 to below 1"),
    ("data.train.0.drop_disputed={attack=attack_empty: 0.1}", "'attack=attack_empty' is of a multilabel task"),
    ("data.dev=[{path: a, split: dev, weight: 2}]", "dev.0.weight: it is for sources in 'train' alone"),
    ("data.tests=[{path: a, split: x, label_noise: {hateful=hateful: 0.1}}]", "tests.0.label_noise: it is for sources"),
    ("data.calibrate=[{path: a, split: x, drop_disputed: {hateful=hateful: 0.1}}]", "calibrate.0.drop_disputed: it is"),
    ("preprocess.side=1", "preprocess.side: no such key"),
    ("seed", "write key=value"),
    ("=3", "write key=value"),
    ("a..b=3", "write key=value"),
]


@pytest.mark.parametrize(("override", "message"), REFUSED)
def test_what_cannot_be_is_refused_with_the_name_of_the_key(toy: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_train_config(toy, [override])
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


#: Overrides that are fine one by one.
ADAPTERS = ["towers.image.mode=adapters", "phases.0.image_tower_lr=1e-4"]
TEXT_LAYERS = ["towers.text={mode: last_layers, n_layers: 1}", "phases.0.text_tower_lr=1e-4"]
HEARD = ["teacher={}", "losses.distillation_weight=0.5"]
TOGETHER_REFUSED = [
    ([*ADAPTERS, "phases.0.patch_keep=0.5"], "phases.0.patch_keep: 0.5 is for a frozen image tower"),
    ([*ADAPTERS, "memory={}"], "memory: it reads the features of frozen towers, and towers.image.mode is 'adapters'"),
    ([*TEXT_LAYERS, *HEARD], "teacher: it reads the features of frozen towers, and towers.text.mode is 'last_layers'"),
    (["modalities=text", "twins=[image]"], "twins: they stand beside networks of both modalities, not of 'text'"),
    ([*ADAPTERS, "pick=average"], "pick: networks with image towers of their own have no average"),
    (
        ["network.tasks=[memotion_sentiment]", "phases.0.select_on=memotion_sentiment", "memory={}"],
        "memory: it votes on binary tasks only, and 'memotion_sentiment' is none",
    ),
    (
        ["network.tasks=[memotion_sentiment]", "phases.0.select_on=memotion_sentiment", *HEARD],
        "teacher: it speaks of binary tasks only, and 'memotion_sentiment' is none",
    ),
]


#: Overrides of the shipped recipe: three seeds and two twins, a phase of text and one of memes.
SHARED_REFUSED = [
    (
        ["phases.0.shared_seed=null", "phases.1.shared_seed=3"],
        "phases.1.shared_seed: the phase before it is not shared, and only the first phases",
    ),
    (["phases.0.shared_seed=3", "phases.1.shared_seed=3"], "phases.1.shared_seed: this phase listens to the teacher"),
    (
        ["phases.0.shared_seed=3", "phases.0.modalities=null"],
        "phases.0.shared_seed: the networks of this run do not go through this phase alike; give it 'modalities'",
    ),
    (
        ["phases.0.shared_seed=3", "phases.0.losses.contrastive_weight=0.1"],
        "phases.0.shared_seed: the networks of this run do not go through this phase alike",
    ),
    (["phases.0.shared_seed=-1"], "phases.0.shared_seed: Input should be greater than or equal to 0"),
]


@pytest.mark.parametrize(("overrides", "message"), SHARED_REFUSED)
def test_a_phase_that_networks_cannot_share_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_train_config(config_path("compact"), overrides)
    assert message in str(refused.value)


def test_a_shared_phase_has_its_own_seed_in_every_network() -> None:
    config = load_train_config(config_path("compact"), ["phases.0.shared_seed=7"])
    seeds = [[member.seed_of(phase) for phase in member.phases] for member in config.members.values()]
    assert seeds == [[7, seed] for seed in (0, 1, 2) for _ in range(3)]


@pytest.mark.parametrize(("overrides", "message"), TOGETHER_REFUSED)
def test_what_does_not_go_together_is_refused(toy: Path, overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_train_config(toy, overrides)
    assert message in str(refused.value)


def test_a_memory_may_vote_on_some_of_the_tasks(toy: Path) -> None:
    config = load_train_config(toy, ["network.tasks=[target, hateful, offensive]", "memory={}"])
    assert [task.name for task in config.network.task_list] == ["hateful", "offensive", "target"]
    assert config.memory is not None


def test_a_teacher_may_speak_of_some_tasks_and_both_are_left_out_again_by_null(toy: Path) -> None:
    taught = load_train_config(toy, ["network.tasks=[hateful, memotion_sentiment]", *HEARD])
    assert taught.teacher is not None
    assert load_train_config(toy, [*HEARD, "memory={}", "memory=null"]).memory is None


def test_a_compact_backbone_cannot_have_its_image_tower_tuned(tmp_path: Path) -> None:
    towers = {"image": {"mode": "adapters"}}
    with pytest.raises(ConfigError, match="stays 'frozen'; only kind 'open_clip' can be tuned"):
        load_train_config(written(tmp_path, backbone="compact-pair", towers=towers))


def test_all_that_is_wrong_is_named_at_once(toy: Path) -> None:
    with pytest.raises(ConfigError, match=r"phases\.0\.epochs: Input should be greater.*sed: no such key"):
        load_train_config(toy, ["phases.0.epochs=0", "sed=3"])


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: [", "just words", "a: ${nowhere}"])
def test_a_file_that_is_no_config_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"odd\.yaml"):
        load_train_config(path)


def test_the_command_refuses_before_it_touches_anything(toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ["train", "--config", str(toy), "--out", str(out), "--data", str(tmp_path / "nowhere"), "sede=1"]
    answer = CliRunner().invoke(main, arguments)
    assert answer.exit_code == 1
    assert "did you mean 'seed'?" in answer.output
    assert not out.exists()


def test_an_unknown_config_is_answered_with_the_known_ones() -> None:
    answer = CliRunner().invoke(main, ["train", "--config", "quikstart"])
    assert answer.exit_code == 1
    assert "quickstart" in answer.output


def test_print_config_shows_what_was_left_to_defaults_and_stops(toy: Path) -> None:
    answer = CliRunner().invoke(main, ["train", "--config", str(toy), "--print-config", "seed=7"])
    assert answer.exit_code == 0
    shown = yaml.safe_load(answer.output)
    assert (shown["seed"], shown["phases"][0]["weight_decay"], shown["export"]["precision"]) == (7, 0.01, "fp32")
    assert TrainConfig.model_validate(shown).seed == 7


def test_the_shipped_recipe_says_what_its_networks_share() -> None:
    config = load_train_config(config_path("compact"))
    assert list(config.members)[:4] == ["seed0-both", "seed0-text", "seed0-image", "seed1-both"]
    assert (len(config.members), config.n_shared_phases, config.taught_from) == (9, 1, 1)
    assert {member.losses_of(member.phases[0]).label_smoothing for member in config.members.values()} == {0.05}
    assert config.sources_of(config.teacher) == (0, 1)
    assert config.folder_name == "compact-both-text-image-seeds0-1-2"


def test_a_tower_tuned_on_a_kernel_machine_s_own_samples_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"teacher: it reads the features of frozen towers, and towers\.text\.mode"):
        load_train_config(config_path("compact"), ["phases.1.text_tower_lr=1e-5"])


def test_a_run_of_one_network_is_called_by_its_seed_as_ever(toy: Path) -> None:
    config = load_train_config(toy, ["seed=3", "modalities=text"])
    assert config.folder_name.endswith("-text-seed3")
    assert list(config.members) == [""]
    assert load_train_config(toy, ["seeds=[4]"]).members[""].seed == 4
