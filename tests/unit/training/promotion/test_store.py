"""The store: whole bundles only, one of them current, whatever a killed promotion left."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import ROOT

from model import open_bundle
from model.bundle import Bundle
from training.promotion.decide import judge
from training.promotion.rules import Finding, PromotionError, PromotionRefusedError
from training.promotion.store import Store, tag_of
from training.promotion.succession import install_first, succeed

if TYPE_CHECKING:
    from support.tiny import TinyBundle

# BentoML, when it is imported: its own use of a newer pathspec.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")


@pytest.fixture
def versions(tiny: "TinyBundle", tmp_path: Path) -> list[Bundle]:
    """Three bundles that differ in their version."""
    return [tiny.written_anew(tmp_path / f"v{index}", version=f"0.0.{index}") for index in (1, 2, 3)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def promote(store: Store, challenger: Bundle, champion: Bundle) -> str:
    from support.promotion import passing  # noqa: PLC0415

    return succeed(store, challenger, champion, store.current(), passing(), {"report.md": "a report"})


def test_the_first_bundle_becomes_current_and_can_be_opened_by_its_link(store: Store, versions: list[Bundle]) -> None:
    tag = install_first(store, versions[0], "a start")
    assert store.current() == tag == tag_of(versions[0])
    assert open_bundle(store.current_link).digest == versions[0].digest
    assert [(record.kind, record.reason) for record in store.records()] == [("first", "a start")]


def test_a_second_first_is_refused(store: Store, versions: list[Bundle]) -> None:
    tag = install_first(store, versions[0], None)
    with pytest.raises(PromotionError, match=f"{tag} is current already"):
        install_first(store, versions[1], None)


def test_what_is_promoted_is_a_model_of_bentoml_with_its_story(store: Store, versions: list[Bundle]) -> None:
    from bentoml._internal.models import ModelStore  # noqa: PLC0415

    tag = promote(store, versions[1], versions[0])
    model = ModelStore(store.home / "models").get(tag)
    assert {str(one.tag) for one in ModelStore(store.home / "models").list()} == {tag, tag_of(versions[0])}
    assert model.info.metadata["digest"] == versions[1].digest
    assert model.info.metadata["champion"] == tag_of(versions[0])
    assert model.info.metadata["report"]["verdict"] == "passes"
    assert {"at", "by", "overrides"} <= model.info.metadata.keys()
    assert open_bundle(model.path).digest == versions[1].digest


def test_bentomls_own_command_lists_what_was_promoted(store: Store, versions: list[Bundle]) -> None:
    tag = install_first(store, versions[0], None)
    environ = os.environ | {"BENTOML_HOME": str(store.home), "BENTOML_DO_NOT_TRACK": "True"}
    command = [sys.executable, "-c", "from bentoml_cli.cli import cli; cli()", "models", "list", "-o", "json"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=120)
    assert [row["tag"] for row in json.loads(done.stdout)] == [tag]


def test_rolling_back_goes_to_the_champion_and_then_to_the_one_before(store: Store, versions: list[Bundle]) -> None:
    tags = [
        install_first(store, versions[0], None),
        promote(store, versions[1], versions[0]),
        promote(store, versions[2], versions[1]),
    ]
    assert [store.roll_back("now", "me", "worse in use").tag for _ in range(2)] == [tags[1], tags[0]]
    assert open_bundle(store.current_link).digest == versions[0].digest
    with pytest.raises(PromotionError, match="was the first"):
        store.roll_back("now", "me", None)
    assert promote(store, versions[2], versions[0]) == tags[2]
    assert store.roll_back("now", "me", None).tag == tags[0]


def test_a_champion_that_was_a_folder_is_kept_for_rollback(store: Store, versions: list[Bundle]) -> None:
    promote(store, versions[1], versions[0])
    assert store.roll_back("now", "me", None).digest == versions[0].digest


def test_rolling_back_where_nothing_is_current_is_refused(store: Store) -> None:
    with pytest.raises(PromotionError, match="nothing is current"):
        store.roll_back("now", "me", None)


def test_a_damaged_bundle_is_not_rolled_back_to(store: Store, versions: list[Bundle]) -> None:
    first, second = install_first(store, versions[0], None), promote(store, versions[1], versions[0])
    (store.folder(first) / "tokenizer.json").write_text("{}")
    with pytest.raises(Exception, match=r"tokenizer\.json has sha256"):
        store.roll_back("now", "me", None)
    assert store.current() == second


def test_a_damaged_copy_in_the_store_is_named_with_the_way_out(store: Store, versions: list[Bundle]) -> None:
    tag = promote(store, versions[1], versions[0])
    (store.folder(tag) / "head.onnx").write_bytes(b"cut")
    with pytest.raises(PromotionError, match=f"bentoml models delete {tag}"):
        promote(store, versions[1], versions[0])


def test_the_comparison_is_kept_with_the_promotion(store: Store, versions: list[Bundle]) -> None:
    promote(store, versions[1], versions[0])
    (record,) = store.records()
    assert record.report is not None
    assert (Path(record.report) / "report.md").read_text(encoding="utf-8") == "a report"


def test_a_refused_verdict_registers_nothing(store: Store, versions: list[Bundle]) -> None:
    from support.promotion import passing  # noqa: PLC0415

    verdict = replace(passing(), refused=[Finding("worse-auroc", "by much")])
    with pytest.raises(PromotionRefusedError, match="worse-auroc"):
        succeed(store, versions[1], versions[0], None, verdict, {})
    assert not store.home.exists()


def test_an_override_is_recorded_with_what_it_let_through_and_why(store: Store, versions: list[Bundle]) -> None:
    from support.promotion import passing  # noqa: PLC0415

    found = [Finding("slower", "2.0 times")]
    verdict = judge(passing().comparison, passing().limits, found, ("slower",), "the old one is switched off")
    succeed(store, versions[1], versions[0], None, verdict, {})
    (record,) = store.records()
    assert record.overrides == [{"rule": "slower", "found": "2.0 times"}]
    assert record.reason == "the old one is switched off"


def test_a_bundle_that_became_current_meanwhile_stops_the_promotion(store: Store, versions: list[Bundle]) -> None:
    from support.promotion import passing  # noqa: PLC0415

    install_first(store, versions[2], None)
    with pytest.raises(PromotionError, match="became current meanwhile"):
        succeed(store, versions[1], versions[0], None, passing(), {})


def test_two_promotions_at_once_are_one_and_a_refusal(store: Store, versions: list[Bundle]) -> None:
    with store.locked(), pytest.raises(PromotionError, match="another promotion is at work"):
        install_first(store, versions[0], None)


def test_a_home_that_cannot_be_made_is_one_sentence(tmp_path: Path, versions: list[Bundle]) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(PromotionError, match="BENTOML_HOME"):
        install_first(Store(tmp_path / "file" / "home"), versions[0], None)


def test_a_name_that_bentoml_would_refuse_becomes_a_tag_that_it_takes(tiny: "TinyBundle", tmp_path: Path) -> None:
    odd = tiny.written_anew(tmp_path / "odd", name="My Model (é) " + "x" * 80)
    name, version = tag_of(odd).split(":")
    assert name.startswith("my-model-x")
    assert max(len(name), len(version)) <= 63
    assert install_first(Store(tmp_path / "home"), odd, None) == f"{name}:{version}"


def test_what_is_no_tag_is_no_way_out_of_the_store(store: Store) -> None:
    with pytest.raises(PromotionError, match="no tag of the store"):
        store.find("../x:../../etc")


def test_a_promotion_killed_at_any_file_operation_leaves_the_old_current_and_can_be_repeated(
    versions: list[Bundle], tmp_path: Path
) -> None:
    template = tmp_path / "home"
    old, new = install_first(Store(template), versions[0], None), tag_of(versions[1])
    command = [sys.executable, "-m", "support.promotion", str(versions[0].path), str(versions[1].path), str(template)]
    environ = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "BENTOML_DO_NOT_TRACK": "True"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=240)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) > 10
    assert [line["killed"] for line in lines] == [True] * (len(lines) - 1) + [False]
    stores = [Store(Path(line["home"])) for line in lines]
    after = [store.current() for store in stores]
    assert after == [old] * (len(lines) - 1) + [new]
    for store in stores[::4]:
        assert open_bundle(store.current_link).digest == open_bundle(store.find("current")).digest
        # Whatever lies in the store is whole: nothing half copied is ever found there.
        assert all(open_bundle(folder).path == folder for folder in (store.home / "models" / "tiny").glob("*-*"))
    for store in (stores[0], stores[len(stores) // 2], stores[-2]):
        assert promote(store, versions[1], versions[0]) == new
        assert store.current() == new
        assert store.roll_back("now", "me", None).tag == old
        assert list((store.home / "memeguard").glob("staging/*/*/*.onnx")) == []
