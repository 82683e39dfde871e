import re
from pathlib import Path

import pytest

from serving.ledger.database import Database
from serving.ledger.errors import LedgerError, LedgerUnavailableError
from serving.settings import Settings, SettingsError, from_env

SECRET = "a-secret-word"  # noqa: S105


def _refusal(url: str) -> str:
    with pytest.raises(SettingsError) as refused:
        from_env({"MEMEGUARD_LEDGER_URL": url})
    return str(refused.value)


def test_without_a_setting_the_ledger_is_a_file_in_the_state_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert str(Settings().ledger_database) == f"sqlite:///{tmp_path}/memeguard/ledger.db"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(Settings().ledger_database) == f"sqlite:///{tmp_path}/.local/state/memeguard/ledger.db"


def test_none_switches_the_ledger_off() -> None:
    assert from_env({"MEMEGUARD_LEDGER_URL": "none"}).ledger_database is None


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_understood_under_its_usual_names(scheme: str) -> None:
    url = from_env({"MEMEGUARD_LEDGER_URL": f"{scheme}://user:{SECRET}@db.example/memes"}).ledger_database
    assert url is not None
    assert (url.drivername, url.password) == ("postgresql+psycopg", SECRET)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://user:a-secret-word@host/db", "SQLite or PostgreSQL"),
        ("a-secret-word", "no database URL"),
        ("postgresql://user:a-secret-word@host:port/db", "no database URL"),
        ("postgresql://user:a-secret-word@host", "names no database"),
        ("sqlite:///a-secret-word.db", "must be absolute"),
        ("sqlite://", "must be absolute"),
    ],
)
def test_an_impossible_url_is_refused_without_being_repeated(url: str, why: str) -> None:
    message = _refusal(url)
    assert re.match(f"MEMEGUARD_LEDGER_URL: .*{why}", message)
    assert SECRET not in message


def test_a_password_is_in_neither_the_settings_name_nor_the_error_of_a_database_that_does_not_answer() -> None:
    settings = from_env({"MEMEGUARD_LEDGER_URL": f"postgresql://user:{SECRET}@127.0.0.1:1/db?sslpassword={SECRET}"})
    assert settings.ledger_database is not None
    database = Database(settings.ledger_database)
    with pytest.raises(LedgerUnavailableError) as refused:
        database.prepare()
    assert SECRET not in f"{settings!r} {database.name} {refused.value} {refused.value.__context__}"
    assert "postgresql://127.0.0.1:1/db" in str(refused.value)


def test_a_missing_driver_is_named_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    url = from_env({"MEMEGUARD_LEDGER_URL": "postgresql://host/db"}).ledger_database
    assert url is not None
    with pytest.raises(LedgerError, match=re.escape("pip install -e '.[postgres]'")):
        Database(url)
