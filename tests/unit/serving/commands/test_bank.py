import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.banks import SENTENCE, fingerprint, photo, random_pdq
from support.ledgers import context, verdict_of, with_ledger

from serving.cli import main
from serving.ledger.entry import Traces
from serving.ledger.ledger import Ledger
from serving.requests.classify_body import ClassifyInput


def run(url: str, *arguments: object, fails: bool = False) -> Result:
    result = CliRunner().invoke(main, ["bank", *(str(argument) for argument in arguments), "--url", url])
    assert (result.exit_code != 0) == fails, result.output
    return result


def rows(url: str, *arguments: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(url, *arguments, "--json").stdout.splitlines()]


@pytest.fixture
def url(ledger_url: str) -> str:
    run(ledger_url, "create", "removed", "--action", "block", "--owner", "ann", "--note", "of the spring")
    return ledger_url


def test_a_bank_is_made_listed_and_removed(url: str) -> None:
    (found,) = rows(url, "list")
    assert (found["name"], found["action"], found["owner"], found["entries"]) == ("removed", "block", "ann", 0)
    assert "removed" in run(url, "list").stdout
    assert "there is a bank 'removed' already" in run(url, "create", "removed", "--action", "review", fails=True).output
    run(url, "remove", "removed", "--all")
    assert rows(url, "list") == []
    assert "there is no such bank" in run(url, "list", "removed", fails=True).output


@pytest.mark.parametrize("name", ["", "../etc", "-rf", "a b", "a\nb", "é", "x" * 65])
def test_a_name_that_is_none_is_refused(ledger_url: str, name: str) -> None:
    result = CliRunner().invoke(main, ["bank", "create", "--action", "block", "--url", ledger_url, "--", name])
    assert result.exit_code == 1
    assert "no name for a bank" in result.output


def test_memes_are_added_from_files_words_and_hashes_and_found_by_altered_copies(url: str, tmp_path: Path) -> None:
    file, copy, other = (tmp_path / name for name in ("meme.png", "copy.jpg", "other.png"))
    file.write_bytes(photo(1))
    copy.write_bytes(photo(1, quality=40, scale=0.8))
    other.write_bytes(photo(2))
    (entry,) = run(url, "add", "removed", file, "--text", SENTENCE).stdout.split()
    assert "is there already" in run(url, "add", "removed", file, "--text", SENTENCE).stdout
    run(url, "add", "removed", "--pdq", random_pdq(3).hex(), "--sha256", "0" * 64, "--note", "from a partner")
    run(url, "add", "removed", "--text", "words that stand alone and are long enough")
    assert len(rows(url, "list", "removed")) == 4
    assert "from a partner" in run(url, "list", "removed").stdout
    for asked, text, kinds in (
        (copy, SENTENCE, ["same_meme"]),
        (copy, "quite other words than those before", ["same_picture"]),
        (other, SENTENCE, ["same_words"]),
        (other, "quite other words than those before", []),
    ):
        (found,) = rows(url, "match", asked, "--text", text, "--bank", "removed")
        assert [one["kind"] for one in found["matches"]] == kinds
    assert entry in run(url, "match", copy, "--text", SENTENCE).stdout
    assert "no match" in run(url, "match", "--text", "nothing like it was ever there").stdout
    run(url, "remove", "removed", entry)
    assert "no such entry" in run(url, "remove", "removed", entry, fails=True).output


def test_words_of_a_picture_that_are_not_given_are_read(url: str, tmp_path: Path) -> None:
    file = tmp_path / "meme.png"
    file.write_bytes(photo(1))
    run(url, "add", "removed", file, "--ocr", "none")
    (found,) = rows(url, "match", file, "--ocr", "none")
    assert [one["kind"] for one in found["matches"]] == ["same_meme"]


def test_a_file_that_is_no_picture_is_named_and_the_others_are_added_and_matched(url: str, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.png", "bad.png", "b.png", "missing.png")]
    for seed, file in enumerate(files[:3]):
        file.write_bytes(photo(seed))
    files[1].write_bytes(b"no picture")
    added = run(url, "add", "removed", *files, "--ocr", "none", fails=True)
    assert len(added.stdout.split()) == 2
    assert "bad.png: " in added.stderr
    assert "missing.png: " in added.stderr
    assert run(url, "add", "removed", files[0], files[2], "--ocr", "none").stdout.count("(is there already)") == 2
    asked = run(url, "match", *files, "--ocr", "none", "--json", fails=True)
    found = [json.loads(line) for line in asked.stdout.splitlines()]
    assert [Path(row["file"]).name for row in found] == ["a.png", "b.png"]
    assert [len(row["matches"]) for row in found] == [1, 1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--pdq", "00"], "--pdq: no hash; give 64 hexadecimal digits"),
        (["--words-key", "00"], "--words-key: no key of words"),
        (["--decision", "0" * 32], "there is no such decision"),
        (["--text", "some words", "--expires", "tomorrow"], "no moment"),
        ([], "nothing to add"),
    ],
)
def test_what_cannot_be_added_is_refused_and_nothing_is(url: str, arguments: list[str], told: str) -> None:
    assert told in run(url, "add", "removed", *arguments, fails=True).output
    assert rows(url, "list", "removed") == []


def test_an_import_says_what_it_did_and_an_export_what_it_wrote(url: str, tmp_path: Path) -> None:
    file, out = tmp_path / "hashes.csv", tmp_path / "out.jsonl"
    file.write_text(
        "signal_type,signal_str\nvideo_md5,00\n" + f"pdq,{random_pdq(1).hex()}\npdq,{random_pdq(2).hex()}\n"
    )
    said = run(url, "import", "removed", file).stdout
    assert "2 entries added, 0 were there already" in said
    assert "1 signals of other types than PDQ left out" in said
    assert "0 entries added, 2 were there already" in run(url, "import", "removed", file).stdout
    assert "2 lines" in run(url, "export", "removed", "--out", out).stdout
    assert len(out.read_text().splitlines()) == 2
    assert run(url, "export", "removed", "--format", "csv").stdout.startswith("collab,signal_type,signal_str")
    file.write_text(f"{random_pdq(3).hex()}\nno hash\n")
    assert "hashes.csv: row 2: " in run(url, "import", "removed", file, fails=True).output
    assert len(rows(url, "list", "removed")) == 2


async def _decide(ledger: Ledger) -> list[str]:
    """A meme, an altered copy, its picture with other words, something else, and one of which no hash is known."""
    found = [
        fingerprint(0),
        fingerprint(0, n_bits=9, sha256="1" * 64),
        fingerprint(0, "quite other words than those before", sha256="2" * 64),
        fingerprint(5, "nothing like any of the others", sha256="3" * 64),
        None,
    ]
    ids = []
    for one in found:
        verdict = verdict_of(SENTENCE)
        digest = "4" * 64 if one is None else one.sha256
        await ledger.record(verdict, ClassifyInput(b"picture", SENTENCE), context(), digest, Traces(one))
        ids.append(verdict.decision_id)
    return ids


def test_past_decisions_that_a_bank_would_have_caught_are_told_and_how_many_had_no_hash(url: str) -> None:
    ids = with_ledger(url, _decide, store_fingerprints=True)
    run(url, "add", "removed", "--decision", ids[0])
    result = run(url, "retro", "removed", "--json")
    found = {row["decision_id"]: row["match"]["kind"] for row in map(json.loads, result.stdout.splitlines())}
    assert found == {ids[0]: "same_meme", ids[1]: "same_meme", ids[2]: "same_picture"}
    assert "3 of 5 decisions are in the bank" in result.stderr
    assert "1 decisions have no hash but that of the file" in result.stderr
    assert ids[1] in run(url, "retro", "removed").stdout
    assert rows(url, "retro", "removed", "--entry", "f" * 16) == []
    assert rows(url, "retro", "removed", "--since", "2999-01-01") == []


def test_words_that_were_kept_are_found_without_a_fingerprint(url: str) -> None:
    ids = with_ledger(url, _decide, store_text=True)
    run(url, "add", "removed", "--text", SENTENCE)
    assert {row["decision_id"] for row in rows(url, "retro", "removed")} == set(ids)


def _policies(folder: Path) -> Path:
    path = folder / "policies.yaml"
    path.write_text(
        "format_version: 1\ndefault: strict\npolicies:\n"
        "  strict: {version: '1', extends: bundle, banks: {removed: {same_words: none}}}\n"
    )
    return path


def test_scores_of_files_ask_the_banks_of_the_policy(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, copy = tmp_path / "meme.png", tmp_path / "copy.jpg"
    file.write_bytes(photo(1))
    copy.write_bytes(photo(1, quality=40))
    monkeypatch.setenv("MEMEGUARD_LEDGER_URL", url)
    command = ["score", str(copy), "--text", SENTENCE, "--ocr", "none", "--json", "--policy", str(_policies(tmp_path))]
    (before,) = map(json.loads, CliRunner().invoke(main, command).stdout.splitlines())
    assert (before["known"], before["decision"]) == ([], "allow")
    run(url, "add", "removed", file, "--text", SENTENCE)
    (after,) = map(json.loads, CliRunner().invoke(main, command).stdout.splitlines())
    assert ([one["kind"] for one in after["known"]], after["decision"]) == (["same_meme"], "block")
    run(url, "remove", "removed", "--all")
    (gone,) = map(json.loads, CliRunner().invoke(main, command).stdout.splitlines())
    assert gone["decision"] == "review"
    assert any("bank removed: it is not there" in reason for reason in gone["policy"]["reasons"])


def test_policies_with_banks_are_told_where_no_bank_is_asked(tmp_path: Path) -> None:
    policies = _policies(tmp_path)
    verdicts = tmp_path / "verdicts.jsonl"
    verdicts.write_text(json.dumps({"id": "1", "decision": "allow", "scores": {"hateful": 0.1}}))
    tried = CliRunner().invoke(main, ["policy", "dry-run", str(policies), "--scores", str(verdicts)])
    assert tried.exit_code == 0
    assert "its banks (removed) are not tried" in tried.stderr
    checked = CliRunner().invoke(main, ["policy", "check", str(policies)])
    assert "bank removed: same words none" in checked.stdout
