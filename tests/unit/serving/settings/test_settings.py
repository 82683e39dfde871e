import re
from pathlib import Path

import pytest

from serving.settings import Settings, SettingsError, from_env, to_env


def test_settings_are_read_from_variables() -> None:
    settings = from_env({"MEMEGUARD_OCR": "tesseract", "MEMEGUARD_MAX_BYTES": "1000", "HOME": "ignored"})
    assert settings.ocr == "tesseract"
    assert settings.limits.max_bytes == 1000


def test_an_unknown_variable_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SettingsError, match="did you mean MEMEGUARD_BUNDLE"):
        from_env({"MEMEGUARD_BUNDEL": "x"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MEMEGUARD_MAX_ITEMS", "many"),
        ("MEMEGUARD_MAX_ITEMS", "0"),
        ("MEMEGUARD_OCR", "magic"),
        ("MEMEGUARD_PROVIDER", "tpu"),
        ("MEMEGUARD_ENGINE", "tensorrt"),
        ("MEMEGUARD_THREADS", "-1"),
        ("MEMEGUARD_GRACE_S", "inf"),
        ("MEMEGUARD_REQUEST_TIMEOUT_S", "1e999"),
        ("MEMEGUARD_POLICY_RELOAD_S", "nan"),
        ("MEMEGUARD_LEDGER_RETENTION_DAYS", "1000000"),
    ],
)
def test_an_impossible_value_is_refused_and_the_variable_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"{name}: ")):
        from_env({name: value})


def test_a_pixel_limit_beyond_the_decoders_own_is_refused() -> None:
    with pytest.raises(SettingsError, match="max_pixels must be between"):
        from_env({"MEMEGUARD_MAX_PIXELS": str(10**12)})


def test_an_engine_has_an_older_name_and_the_two_may_not_contradict_each_other() -> None:
    assert Settings().asked_engine == "auto"
    assert from_env({"MEMEGUARD_PROVIDER": "cpu"}).asked_engine == "auto"
    assert from_env({"MEMEGUARD_PROVIDER": "cuda"}).asked_engine == "cuda"
    assert from_env({"MEMEGUARD_ENGINE": "openvino", "MEMEGUARD_PROVIDER": "cpu"}).asked_engine == "openvino"
    with pytest.raises(SettingsError, match="the provider cuda and the engine openvino contradict each other"):
        from_env({"MEMEGUARD_ENGINE": "openvino", "MEMEGUARD_PROVIDER": "cuda"})


def test_an_empty_variable_counts_as_not_set() -> None:
    assert from_env({"MEMEGUARD_THREADS": ""}) == Settings()


def test_variables_that_kubernetes_adds_for_a_service_called_memeguard_are_not_ours() -> None:
    added = {
        "MEMEGUARD_PORT": "tcp://10.0.0.1:80",
        "MEMEGUARD_PORT_80_TCP": "tcp://10.0.0.1:80",
        "MEMEGUARD_PORT_80_TCP_ADDR": "10.0.0.1",
        "MEMEGUARD_SERVICE_HOST": "10.0.0.1",
        "MEMEGUARD_SERVICE_PORT": "80",
        "MEMEGUARD_SERVICE_PORT_HTTP": "80",
    }
    assert from_env(added) == Settings()


def test_a_port_that_somebody_sets_by_variable_is_refused_and_not_forgotten() -> None:
    with pytest.raises(SettingsError, match="unknown setting MEMEGUARD_PORT"):
        from_env({"MEMEGUARD_PORT": "8080"})


def test_flags_become_variables_that_mean_the_same() -> None:
    flags = {"ocr": "none", "threads": 2, "bundle": Path("some/bundle"), "provider": None}
    settings = from_env(to_env(flags))
    assert (settings.ocr, settings.threads, settings.bundle) == ("none", 2, Path("some/bundle"))


def test_every_setting_is_documented() -> None:
    assert all(field.description for field in Settings.model_fields.values())
