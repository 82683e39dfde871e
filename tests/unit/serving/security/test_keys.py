import json
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from serving.cli import main
from serving.security.key_file import KeyFileError, Keyring, change_keys, read_keys
from serving.security.keys import KeyList, digest_of, new_key

_IN_FORCE_S = 2.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def _keys(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["keys", *arguments, "--file", str(path)])


def _create(path: Path, *arguments: str) -> str:
    result = _keys(path, "create", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def _wait_until(is_so: Callable[[], bool]) -> None:
    started = time.monotonic()
    while not is_so():
        assert time.monotonic() - started < _IN_FORCE_S
        time.sleep(0.02)


def _name(ring: Keyring, key: str) -> str | None:
    found = ring.find(key)
    return None if found is None else found.name


def test_a_key_is_long_and_random_and_the_file_keeps_only_its_hash(path: Path) -> None:
    keys = {_create(path, f"key-{number}") for number in range(3)}
    assert len(keys) == 3
    for key in keys:
        assert key.startswith("mg_")
        assert len(key) == len("mg_") + 12 + 1 + 43
        assert key.split("_", 2)[2] not in path.read_text()
        assert digest_of(key) in path.read_text()


def test_a_keys_file_is_for_its_owner_alone_and_leaves_nothing_beside_it(path: Path) -> None:
    _create(path, "one")
    _create(path, "two")
    assert path.stat().st_mode & 0o777 == 0o600
    assert {file.name for file in path.parent.iterdir()} == {"keys.json", "keys.json.lock"}


def test_the_mode_that_an_operator_gave_the_file_is_kept(path: Path) -> None:
    _create(path, "one")
    path.chmod(0o640)
    _create(path, "two")
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_key_is_found_by_the_whole_key_and_by_nothing_else() -> None:
    key, entry = new_key("one", ("classify",), None, None)
    _, other = new_key("two", ("classify",), None, None)
    keys = KeyList(keys=(other, entry))
    assert keys.find(key) == entry
    last = "A" if key[-1] != "A" else "B"
    for wrong in ("", "mg_", key[:-1], key[:-1] + last, key + "A", f" {key}", key.upper(), f"{key}\udcff", "ключ"):
        assert keys.find(wrong) is None
    assert keys.find(key.replace(entry.id, other.id)) is None
    assert keys.find(key.replace(entry.id, "0" * 12)) is None


def test_list_shows_names_scopes_and_rates_and_never_a_hash(path: Path) -> None:
    key = _create(path, "pipeline", "--rate", "600/min:50", "--scope", "classify", "--scope", "feedback")
    (line,) = _keys(path, "list", "--json").stdout.splitlines()
    shown = json.loads(line)
    assert shown["name"] == "pipeline"
    assert shown["scopes"] == ["classify", "feedback"]
    assert shown["rate"] == "600/min:50"
    assert shown["meme_rate"] is None
    for output in (line, _keys(path, "list").stdout):
        assert "pipeline" in output
        assert digest_of(key)[:12] not in output


def test_a_revoked_key_is_gone_and_its_name_is_free(path: Path) -> None:
    first = _create(path, "one")
    assert _keys(path, "revoke", "one").exit_code == 0
    second = _create(path, "one")
    assert read_keys(path).find(first) is None
    assert read_keys(path).find(second) is not None


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("create", "one"), 1, "has a key one already"),
        (("revoke", "two"), 1, "has no key two; there are: one"),
        (("create", "a b"), 2, "is no name for a key"),
        (("create", "x", "--rate", "fast"), 2, "COUNT/UNIT"),
        (("create", "x", "--meme-rate", "0/min"), 2, "COUNT/UNIT"),
        (("create", "x", "--scope", "root"), 2, "--scope"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(path: Path, arguments: tuple[str, ...], status: int, words: str) -> None:
    _create(path, "one")
    before = path.read_bytes()
    result = _keys(path, *arguments)
    assert result.exit_code == status
    assert words in result.stderr
    assert path.read_bytes() == before


def test_revoking_from_a_file_that_is_not_there_makes_none(path: Path) -> None:
    result = _keys(path, "revoke", "one")
    assert result.exit_code == 1
    assert "memeguard keys create NAME" in result.stderr
    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"keys": [{"name": "one"}]}', '{"format": 2}', '{"tokens": []}'],
)
def test_a_file_that_is_no_keys_file_is_refused_with_its_name(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(KeyFileError, match=r"keys\.json: no keys file of `memeguard keys`"):
        Keyring(path)


def test_two_keys_of_one_name_are_refused() -> None:
    _, entry = new_key("one", ("classify",), None, None)
    _, twin = new_key("one", ("classify",), None, None)
    with pytest.raises(ValueError, match="two keys have the same name"):
        KeyList(keys=(entry, twin))


def test_writers_at_the_same_time_lose_no_key(path: Path) -> None:
    def add(number: int) -> None:
        _, entry = new_key(f"key-{number}", ("classify",), None, None)
        change_keys(path, lambda before: KeyList(keys=(*before.keys, entry)))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {entry.name for entry in read_keys(path).keys} == {f"key-{number}" for number in range(12)}


def test_a_ring_sees_new_and_revoked_keys_within_two_seconds(path: Path) -> None:
    first = _create(path, "first")
    ring = Keyring(path)
    assert ring.find(first) is not None
    second = _create(path, "second")
    _wait_until(lambda: ring.find(second) is not None)
    _keys(path, "revoke", "first")
    _wait_until(lambda: ring.find(first) is None)
    assert ring.find(second) is not None


def test_a_file_that_breaks_leaves_the_keys_as_they_were_and_is_logged(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = _create(path, "first")
    ring = Keyring(path)
    good = path.read_bytes()
    path.write_text("broken")
    _wait_until(lambda: ring.find(first) is None or "the keys stay as they were" in caplog.text)
    assert ring.find(first) is not None
    path.write_bytes(good.replace(b'"first"', b'"again"'))
    _wait_until(lambda: _name(ring, first) == "again")


def test_a_file_that_others_can_reach_is_warned_of(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    _create(path, "one")
    Keyring(path)
    assert caplog.messages == []
    path.chmod(0o644)
    Keyring(path)
    assert "mode 644" in caplog.text
    assert "chmod 600" in caplog.text
