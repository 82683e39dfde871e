import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import ROOT

from model import open_bundle
from model.bundle import Bundle, Thresholds, ThresholdsByModality
from model.modality import MODALITIES, Modality
from model.policy.decide import decide
from model.policy.file import PolicyFile, PolicyFileError, chosen_policy, read_policies
from model.policy.policy import Band, default_policy
from model.taxonomy import tasks_named
from model.verdict import TextEvidence

EXAMPLE = ROOT / "serving/policies.example.yaml"

HEAD = """format_version: 1
policies:
  strict:
    version: "3"
"""
FULL = (
    HEAD
    + """
    thresholds:
      hateful: {review: 0.4, block: 0.9}
      offensive: {review: 0.5, block: never}
    severity:
      hateful:
        - {name: low, from: 0}
        - {name: high, from: 0.6}
    word_lists:
      mild: {action: review, entries: [grumble, turnip soup]}
      strong: {action: block, file: strong.txt, whole_words: false}
default: strict
"""
)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return open_bundle()


def _of_tasks(bundle: Bundle, *names: str) -> Bundle:
    return replace(bundle, tasks=tasks_named(names))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "strong.txt").write_text("# one a line\n\nthunder\n  two words \nthunder\n", encoding="utf-8")
    return tmp_path / "policies.yaml"


def _refusal(file: Path, bundle: Bundle, content: str) -> str:
    file.write_text(content, encoding="utf-8")
    with pytest.raises(PolicyFileError) as raised:
        read_policies(file, bundle)
    message = str(raised.value)
    assert message.startswith(f"{file}: ")
    assert "\n" not in message
    return message.removeprefix(f"{file}: ")


def test_a_file_becomes_policies_beside_the_bundles_own(file: Path, bundle: Bundle) -> None:
    file.write_text(FULL, encoding="utf-8")
    policies = read_policies(file, bundle)
    assert (list(policies.policies), policies.default) == (["default", "strict"], "strict")
    assert policies.policies["default"].digest == default_policy(bundle.manifest).digest
    strict = policies.policies["strict"]
    assert (strict.name, strict.version) == ("strict", "3")
    assert strict.thresholds == {
        "hateful": ThresholdsByModality.alike(Thresholds(review=0.4, block=0.9)),
        "offensive": ThresholdsByModality.alike(Thresholds(review=0.5, block=None)),
    }
    assert strict.severity == {"hateful": (Band("low", 0.0), Band("high", 0.6))}
    mild, strong = strict.word_lists
    assert (mild.entries, mild.action, mild.whole_words) == (("grumble", "turnip soup"), "review", True)
    assert (strong.entries, strong.action, strong.whole_words) == (("thunder", "two words"), "block", False)


def test_without_a_file_there_is_the_bundles_own_policy(bundle: Bundle) -> None:
    policies = read_policies(None, bundle)
    assert (list(policies.policies), policies.default) == (["default"], "default")


def test_extends_bundle_takes_its_thresholds_where_the_policy_has_none(file: Path, bundle: Bundle) -> None:
    more = "    extends: bundle\n    thresholds: {offensive: {review: 0.7, block: 0.8}}\n"
    file.write_text(HEAD + more, encoding="utf-8")
    thresholds = read_policies(file, bundle).policies["strict"].thresholds
    assert thresholds["hateful"] == bundle.manifest.thresholds["hateful"]
    assert thresholds["offensive"] == ThresholdsByModality.alike(Thresholds(review=0.7, block=0.8))


@given(given=st.dictionaries(st.sampled_from(MODALITIES), st.sampled_from([0.2, 0.7, 1]), min_size=1))
def test_of_what_is_not_named_the_thresholds_are_the_bundles(
    given: dict[Modality, float], bundle: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("policies") / "policies.yaml"
    named = ", ".join(f"{modality}: {{review: {review}, block: never}}" for modality, review in given.items())
    file.write_text(f"{HEAD}    extends: bundle\n    thresholds: {{hateful: {{{named}}}}}\n", encoding="utf-8")
    found = read_policies(file, bundle).policies["strict"].thresholds["hateful"]
    own = bundle.manifest.thresholds["hateful"]
    for modality, limits in found.items():
        expected = Thresholds(review=given[modality], block=None) if modality in given else own.of(modality)
        assert limits == expected


def test_a_policy_called_default_takes_the_place_of_the_bundles_own(file: Path, bundle: Bundle) -> None:
    file.write_text(FULL.replace("strict", "default"), encoding="utf-8")
    policies = read_policies(file, bundle)
    assert (list(policies.policies), policies.policies["default"].version) == (["default"], "3")


def test_a_policy_is_chosen_by_file_and_name(file: Path, bundle: Bundle) -> None:
    file.write_text(FULL, encoding="utf-8")
    chosen = [chosen_policy(choice, bundle).name for choice in (str(file), f"{file}:strict", f"{file}:default")]
    assert chosen == ["strict", "strict", "default"]
    with pytest.raises(PolicyFileError, match="there is no policy 'lax'; known: default, strict"):
        chosen_policy(f"{file}:lax", bundle)
    with pytest.raises(PolicyFileError, match=r"gone\.yaml: cannot be read"):
        chosen_policy(str(file.parent / "gone.yaml"), bundle)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "begin it with format_version: 1"),
        ("format_version: 2\npolicies: {}", "format_version: this should be 1"),
        ("format_version: 1", "policies: this key is missing"),
        (HEAD, "policy 'strict': it would allow everything; give thresholds"),
        (HEAD + "    tresholds: {}", "policy 'strict': tresholds: there is no such key; did you mean 'thresholds'?"),
        (HEAD + "    extends: bundle\n    extends: bundle", "a key stands for the second time at line 6"),
        (HEAD + "    thresholds: {hateful: {review: 0.5}}", "strict': thresholds.hateful.block: this key is missing"),
        (HEAD + "    thresholds: {hateful: {review: 0.5, block: 0.4}}", "block 0.4 is below review 0.5; give"),
        (HEAD + "    thresholds: {hateful: {review: 0.5, block: no}}", "hateful.block: give a number from 0 to 1, or"),
        (
            HEAD + "    thresholds: {hateful: {review: 0.5, block: 1.5}}",
            "thresholds.hateful.block: this should be less",
        ),
        (HEAD + "    thresholds: {hateful: {review: .nan, block: 1}}", "hateful.review: this should be a finite"),
        (
            HEAD + "    thresholds: {hateful: {txet: {review: 0.5, block: 1}}}",
            "policy 'strict': thresholds.hateful.txet: this should be 'both', 'text' or 'image'",
        ),
        (
            HEAD + "    thresholds: {hateful: {review: 0.5, text: {review: 0.5, block: 1}}}",
            "policy 'strict': thresholds.hateful.review: this should be 'both', 'text' or 'image'",
        ),
        (
            HEAD + "    extends: bundle\n    thresholds: {hateful: {text: {review: 0.5}}}",
            "policy 'strict': thresholds.hateful.text.block: this key is missing; add it",
        ),
        (
            HEAD + "    extends: bundle\n    thresholds: {hateful: {image: {review: 0.5, block: 0.4}}}",
            "policy 'strict': thresholds.hateful.image: block 0.4 is below review 0.5; give",
        ),
        (
            HEAD + "    extends: bundle\n    thresholds: {hateful: {text: {reviw: 0.5, block: never}}}",
            "policy 'strict': thresholds.hateful.text.",
        ),
        (
            HEAD + "    extends: bundle\n    thresholds: {hateful: {text: 0.5}}",
            "policy 'strict': thresholds.hateful.text: this should be",
        ),
        (
            HEAD + "    thresholds: {hateful: {text: {review: 0.5, block: 1}, both: {review: 0.5, block: 1}}}",
            "policy 'strict': thresholds.hateful.image: this key is missing; add it, or give review and block once",
        ),
        (
            HEAD + "    extends: bundle\n    thresholds: {offensive: {both: {review: 0.5, block: 1}}}",
            "policy 'strict': thresholds.offensive.text: this key is missing",
        ),
        (
            HEAD + "    thresholds: {hate: {review: 0, block: 1}}",
            "'hate' is no yes/no task of the bundle compact and no class of another task; name",
        ),
        (HEAD + "    extends: bundle\n    severity: {anger: [{name: a, from: 0}]}", "severity: 'anger' is no yes/no"),
        (HEAD + "    extends: bundle\n    severity: {hateful: [{name: a, from: 0.1}]}", "first band begins at another"),
        (
            HEAD + "    extends: bundle\n    severity: {hateful: [{name: a, from: 0}, {name: b, from: 0}]}",
            "severity.hateful: the bands do not ascend",
        ),
        (
            HEAD + "    extends: bundle\n    severity: {hateful: [{name: a, from: 0}, {name: a, from: 0.1}]}",
            "severity.hateful: two bands have one name",
        ),
        (HEAD.replace('"3"', "3"), "version: this is not a string; put it in quotes"),
        (HEAD.replace("strict", "very strict"), "policy 'very strict': not a name; use up to 64 letters"),
        (f"default: lax\n{HEAD}    extends: bundle", "default: there is no policy 'lax'; known: default, strict"),
        (HEAD + "    word_lists: {mild: {action: delete, entries: [a]}}", "word_lists.mild.action: this should be"),
        (HEAD + "    word_lists: {mild: {action: block}}", "word_lists.mild: give either entries or file"),
        (HEAD + "    word_lists: {mild: {action: block, entries: []}}", "mild.entries: there is no entry; give"),
        (HEAD + "    word_lists: {mild: {action: block, file: ../up.txt}}", "put the file beside the policy file"),
        (HEAD + "    word_lists: {mild: {action: block, file: gone.txt}}", "word_lists.mild.file: "),
    ],
)
def test_a_mistake_is_one_line_with_file_policy_key_and_what_to_do(
    file: Path, bundle: Bundle, content: str, told: str
) -> None:
    assert told in _refusal(file, bundle, content)


@pytest.mark.parametrize(
    "lists",
    [
        "{mild: {action: block, entries: [secret, '  ']}}",
        '{mild: {action: block, entries: [secret, "\\u200b"]}}',
        f"{{mild: {{action: block, entries: [{'secret' * 40}]}}}}",
        "{mild: {action: block, entries: {secret: 1}}}",
        "{mild: {action: secret, entries: [a]}}",
        "{mild: {action: block, entries: [*secret]}}",
        "{mild: {action: block, entries: [!secret a]}}",
        "{mild: {action: block, entries: [secret, 'secret",
    ],
)
def test_a_refusal_never_holds_an_entry(file: Path, bundle: Bundle, lists: str) -> None:
    assert "secret" not in _refusal(file, bundle, f"{HEAD}    word_lists: {lists}")


def test_a_word_list_file_that_is_not_utf_8_or_empty_is_refused(file: Path, bundle: Bundle) -> None:
    for content, told in ((b"caf\xe9", "byte 3 is not UTF-8"), (b"# none\n", "there is no entry")):
        (file.parent / "strong.txt").write_bytes(content)
        message = _refusal(file, bundle, FULL)
        assert message.startswith("policy 'strict': word_lists.strong.file: ")
        assert told in message


def test_a_file_that_is_not_there_is_named(tmp_path: Path, bundle: Bundle) -> None:
    with pytest.raises(PolicyFileError, match=re.escape(str(tmp_path / "gone.yaml")) + ": cannot be read"):
        read_policies(tmp_path / "gone.yaml", bundle)


def test_a_change_of_either_file_is_seen_by_its_contents(file: Path, bundle: Bundle) -> None:
    file.write_text(FULL, encoding="utf-8")
    policies = PolicyFile(file, bundle)
    policies.read()
    file.write_text(FULL, encoding="utf-8")
    assert not policies.has_changed()
    (file.parent / "strong.txt").write_text("lightning\n", encoding="utf-8")
    assert policies.has_changed()
    assert policies.read().policies["strict"].word_lists[1].entries == ("lightning",)
    assert not policies.has_changed()
    file.write_text(FULL.replace('"3"', '"4"'), encoding="utf-8")
    assert policies.has_changed()


def test_the_files_of_a_refused_reading_are_watched_too(file: Path, bundle: Bundle) -> None:
    file.write_text(FULL.replace("strong.txt", "later.txt"), encoding="utf-8")
    policies = PolicyFile(file, bundle)
    with pytest.raises(PolicyFileError):
        policies.read()
    assert not policies.has_changed()
    (file.parent / "later.txt").write_text("thunder\n", encoding="utf-8")
    assert policies.has_changed()


def test_the_example_that_ships_is_a_policy_file_for_the_bundle_that_ships(bundle: Bundle) -> None:
    policies = read_policies(EXAMPLE, bundle)
    assert policies.default in policies.policies
    assert any(policy.word_lists for policy in policies.policies.values())
    listed = next(policy for policy in policies.policies.values() if policy.word_lists)
    word = listed.word_lists[0].entries[0]
    ruling = decide({"hateful": 0.0}, TextEvidence.from_caller(f"so {word.upper()}!"), listed, judged_as="text")
    assert ruling.decision == listed.word_lists[0].action
    assert ruling.severity


def test_thresholds_can_be_given_for_a_class_of_a_task(file: Path, bundle: Bundle) -> None:
    content = HEAD + "    extends: bundle\n    thresholds: {target.religion: {review: 0.4, block: never}}"
    file.write_text(content, encoding="utf-8")
    policy = read_policies(file, _of_tasks(bundle, "hateful", "target")).named("strict", file)
    assert policy.thresholds["target.religion"] == ThresholdsByModality.alike(Thresholds(review=0.4, block=None))
    refusal = _refusal(file, _of_tasks(bundle, "hateful", "offensive"), content)
    assert refusal.startswith("policy 'strict': thresholds: 'target.religion' is no yes/no task")


@pytest.mark.parametrize("name", ["target", "target.none", "target.faith", "hateful.hateful"])
def test_a_name_that_no_probability_has_is_refused_with_those_that_one_has(
    file: Path, bundle: Bundle, name: str
) -> None:
    content = HEAD + f"    thresholds: {{{name}: {{review: 0.4, block: never}}}}"
    found = _refusal(file, _of_tasks(bundle, "hateful", "offensive", "target"), content)
    known = "hateful, offensive, target.religion, target.race_or_origin, target.sex_or_gender"
    assert (
        f"{name!r} is no yes/no task of the bundle compact and no class of another task; name one of: {known}" in found
    )
