import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.pictures import meme

from model import open_bundle
from model.policy.file import read_policies
from serving.cli import main

POLICIES = """format_version: 1
default: strict
policies:
  lax:
    version: "1"
    thresholds: {hateful: {review: 0.9, block: never}}
  strict:
    version: "2"
    thresholds: {hateful: {review: 0.3, block: 0.8}}
    severity: {hateful: [{name: low, from: 0}, {name: high, from: 0.5}]}
    word_lists:
      mild: {action: review, entries: [grumble]}
"""


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def _row(id: str, decision: str, hateful: float, **more: Any) -> dict[str, Any]:
    return {"id": id, "decision": decision, "scores": {"hateful": hateful}, **more}


def _text(content: str, status: str = "ok") -> dict[str, str]:
    return {"content": content, "status": status}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policies.yaml"
    path.write_text(POLICIES, encoding="utf-8")
    return path


BY_MODALITY = """format_version: 1
default: own
policies:
  own:
    version: "1"
    thresholds:
      hateful:
        both: {review: 0.5, block: never}
        text: {review: 0.7, block: never}
        image: {review: 0.2, block: 0.9}
"""


@pytest.fixture
def past(tmp_path: Path) -> Path:
    """Verdicts of a policy that allowed nearly everything, alone and in the answer to a request for many."""
    path = tmp_path / "past.jsonl"
    many = [
        _row("two", "allow", 0.1, text=_text("GRUMB1E")),
        {"id": "bad", "error": {"code": "corrupt", "message": "no picture"}},
        _row("three", "review", 0.1, text=_text("", "failed")),
    ]
    rows = [_row("one", "allow", 0.85, text=_text("fine")), {"results": many}, _row("four", "review", 0.2)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def _transitions(result: Result) -> dict[tuple[str, str], int]:
    rows = json.loads(result.stdout)["transitions"]
    return {(row["old"], row["new"]): row["count"] for row in rows}


def test_check_shows_every_policy_and_no_word(file: Path) -> None:
    result = _run("policy", "check", file)
    assert result.exit_code == 0, result.output
    for shown in ("strict (default)", "version 2", "review at 0.300, block at 0.800", "high from 0.5", "lax", "mild"):
        assert shown in result.stdout
    assert "grumble" not in result.stdout


def test_check_says_in_one_line_what_is_wrong(file: Path) -> None:
    file.write_text(POLICIES.replace("block: 0.8", "block: 0.2"), encoding="utf-8")
    result = _run("policy", "check", file)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {file}: policy 'strict': thresholds.hateful: block 0.2 is below")
    assert len(result.stderr.splitlines()) == 1


def test_dry_run_counts_old_against_new_decisions_with_rules_and_ids(file: Path, past: Path) -> None:
    result = _run("policy", "dry-run", file, "--scores", past, "--json")
    assert result.exit_code == 0, result.output
    assert _transitions(result) == {
        ("allow", "block"): 1,
        ("allow", "review"): 1,
        ("review", "allow"): 1,
        ("review", "review"): 1,
    }
    document = json.loads(result.stdout)
    assert document["changes"] == [
        {"id": "one", "old": "allow", "new": "block", "rules": ["hateful block threshold"]},
        {"id": "two", "old": "allow", "new": "review", "rules": ["word list mild"]},
        {"id": "four", "old": "review", "new": "allow", "rules": ["no rule is met"]},
    ]
    assert (document["verdicts"], document["failures"], document["without_words"]) == (4, 1, 1)
    assert document["policy"]["digest"] == read_policies(file, open_bundle()).policies["strict"].digest


def test_dry_run_for_people_shows_the_table_and_the_changes(file: Path, past: Path) -> None:
    result = _run("policy", "dry-run", file, "--scores", past)
    assert result.exit_code == 0, result.output
    for shown in ("3 of 4 decisions would change", "-> review", "hateful block threshold", "one", "were not kept"):
        assert shown in result.stdout


def test_dry_run_against_another_policy_ignores_the_decisions_in_the_file(file: Path, past: Path) -> None:
    for other in ("lax", f"{file}:lax"):
        result = _run("policy", "dry-run", file, "--scores", past, "--against", other, "--json")
        assert _transitions(result) == {
            ("allow", "block"): 1,
            ("allow", "review"): 1,
            ("allow", "allow"): 1,
            ("review", "review"): 1,
        }


def test_dry_run_tries_the_policy_that_is_named(file: Path, past: Path) -> None:
    result = _run("policy", "dry-run", file, "--scores", past, "--policy", "lax", "--json")
    assert _transitions(result) == {("allow", "allow"): 2, ("review", "allow"): 1, ("review", "review"): 1}
    unknown = _run("policy", "dry-run", file, "--scores", past, "--policy", "mild", "--json")
    assert unknown.exit_code == 1
    assert "there is no policy 'mild'; known: default, lax, strict" in unknown.stderr


def test_a_bad_line_is_told_by_its_number_and_left_out(file: Path, tmp_path: Path) -> None:
    path = tmp_path / "past.jsonl"
    lines = [
        json.dumps(_row("good", "allow", 0.1)),
        "not secret JSON",
        "",
        "[1, 2]",
        json.dumps(_row("a", "secret", 0.1)),
        json.dumps({"id": "b", "decision": "allow"}),
        json.dumps(_row("c", "allow", 1.5)),
        '{"id": "d", "decision": "allow", "scores": {"hateful": NaN}}',
        "[" * 100_000,
        json.dumps({"results": [_row("e", "allow", 0.1), 5]}),
        json.dumps(_row("f", "allow", 0.1, text="kept as a string")),
    ]
    path.write_bytes("\n".join(lines).encode() + b"\n\xff\xfe\n")
    result = _run("policy", "dry-run", file, "--scores", path, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert [bad["line"] for bad in document["bad_lines"]] == [2, 4, 5, 6, 7, 8, 9, 10, 12]
    assert document["verdicts"] == 3
    assert f"{path}: line 2 is left out: not JSON" in result.stderr
    assert "secret" not in result.output


def test_a_file_without_a_verdict_is_refused(file: Path, tmp_path: Path) -> None:
    path = tmp_path / "past.jsonl"
    path.write_text("\n")
    result = _run("policy", "dry-run", file, "--scores", path)
    assert result.exit_code == 1
    assert "there is no verdict" in result.stderr


def test_score_decides_by_the_policy_of_a_file_and_its_output_can_be_tried_again(file: Path, tmp_path: Path) -> None:
    picture = tmp_path / "meme.png"
    picture.write_bytes(meme())
    words = ["--ocr", "none", "--text", "such a gr\u200bumble", "--json"]
    scored = _run("score", picture, "--policy", f"{file}:lax", *words)
    assert scored.exit_code == 0, scored.output
    assert json.loads(scored.stdout)["policy"]["name"] == "lax"
    scores = tmp_path / "past.jsonl"
    scores.write_text(scored.stdout, encoding="utf-8")
    (change,) = json.loads(_run("policy", "dry-run", file, "--scores", scores, "--json").stdout)["changes"]
    assert (change["old"], change["new"]) == ("allow", "review")
    assert "word list mild" in change["rules"]


def test_a_table_shows_thresholds_by_what_was_judged_where_they_differ(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(BY_MODALITY, encoding="utf-8")
    shown = " ".join(_run("policy", "check", file).output.split())
    for told in ("pictures with words: review at 0.500", "words alone: review at 0.700", "alone: review at 0.200"):
        assert told in shown


@pytest.mark.parametrize(
    ("told", "decision"),
    [
        ({"judged_as": "both"}, "review"),
        ({"judged_as": "text"}, "allow"),
        ({"judged_as": "image", "text": _text("words")}, "review"),
        # From before verdicts told it.
        ({"text": _text("words"), "picture": None}, "allow"),
        ({"text": _text(" "), "picture": {"status": "ok"}}, "review"),
        ({"text": _text("words"), "picture": {"status": "ok"}}, "review"),
        ({}, "review"),
    ],
)
def test_a_past_verdict_is_tried_against_the_thresholds_of_what_was_judged(
    tmp_path: Path, told: dict[str, Any], decision: str
) -> None:
    file, past = tmp_path / "own.yaml", tmp_path / "past.jsonl"
    file.write_text(BY_MODALITY, encoding="utf-8")
    past.write_text(json.dumps(_row("one", "allow", 0.6, **told)) + "\n", encoding="utf-8")
    result = _run("policy", "dry-run", file, "--scores", past, "--json")
    assert json.loads(result.stdout)["transitions"] == [{"old": "allow", "new": decision, "count": 1}]


def test_the_thresholds_of_a_picture_without_words_are_lower_in_this_policy(tmp_path: Path) -> None:
    file, past = tmp_path / "own.yaml", tmp_path / "past.jsonl"
    file.write_text(BY_MODALITY, encoding="utf-8")
    frames = [{"text": "words", "scores": {"hateful": 0.3}}, {"text": "", "scores": {"hateful": 0.25}}]
    rows = [_row(one, "allow", 0.3, judged_as=one) for one in ("both", "text", "image")]
    rows += [_row("frames", "allow", 0.3, judged_as="both", picture={"views": frames})]
    past.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    result = json.loads(_run("policy", "dry-run", file, "--scores", past, "--json").stdout)
    assert [(one["id"], one["rules"]) for one in result["changes"]] == [
        ("image", ["hateful review threshold of pictures alone"]),
        ("frames", ["hateful review threshold of pictures alone"]),
    ]
