import json

import pytest

from model.network.config import NetworkConfig


def test_tasks_are_put_in_taxonomy_order() -> None:
    config = NetworkConfig(tasks=("attack", "hateful", "memotion_sentiment"))
    assert config.tasks == ("hateful", "memotion_sentiment", "attack")
    assert [task.n_logits for task in config.task_list] == [1, 3, 8]


def test_config_survives_json() -> None:
    config = NetworkConfig.preset("large", ("hateful",), pooled_product=True, encoder_dropout=0.25)
    assert NetworkConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_presets_have_the_encoders_of_the_paper() -> None:
    small, large = NetworkConfig.preset("small", ("hateful",)), NetworkConfig.preset("large", ("hateful",))
    assert (small.encoder_layers, small.encoder_heads, small.encoder_ff) == (1, 4, 512)
    assert (large.encoder_layers, large.encoder_heads, large.encoder_ff, large.width) == (3, 16, 2048, 1024)
    assert (large.projection_dropout, large.encoder_dropout, large.head_dropout) == (0.4, 0.5, 0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tasks": []}, "at least one task"),
        ({}, "tasks must be a list"),
        ({"tasks": "hateful"}, "tasks must be a list"),
        ({"tasks": ["hatefull"]}, "unknown task 'hatefull'"),
        ({"tasks": ["hateful"], "width": 10, "encoder_heads": 4}, "10 is not divisible by encoder_heads 4"),
        ({"tasks": ["hateful"], "encoder_layers": 0}, "encoder_layers must be at least 1"),
        ({"tasks": ["hateful"], "head_dropout": 1.0}, r"head_dropout must be in \[0, 1\)"),
        ({"tasks": ["hateful"], "head": "arcface"}, "linear, cosine, am_softmax"),
        ({"tasks": ["hateful"], "head_scale": 30.0}, "linear head has no head_scale"),
        ({"tasks": ["hateful"], "head": "cosine", "head_margin": 0.1}, "cosine head has no head_margin"),
        ({"tasks": ["hateful"], "head": "cosine", "head_scale": 0.0}, "head_scale must be above 0"),
        ({"tasks": ["hateful"], "head": "am_softmax", "head_margin": 2.0}, r"head_margin must be in \[0, 2\)"),
        ({"tasks": ["hateful"], "stage_1": False}, "unknown NetworkConfig setting 'stage_1'"),
    ],
)
def test_a_config_that_cannot_be_built_says_why(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NetworkConfig.from_dict(settings)


def test_scale_and_margin_of_a_head_are_the_papers_unless_given() -> None:
    kinds = [NetworkConfig(("hateful",), head=kind) for kind in ("linear", "cosine", "am_softmax")]
    assert [(config.scale, config.margin) for config in kinds] == [(1.0, 0.0), (30.0, 0.0), (30.0, 0.35)]
    given = NetworkConfig(("hateful",), head="am_softmax", head_scale=16.0, head_margin=0.0)
    assert (given.scale, given.margin) == (16.0, 0.0)


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="small, large"):
        NetworkConfig.preset("medium", ("hateful",))  # type: ignore[arg-type] # what somebody may write in a config
