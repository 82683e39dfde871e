"""The shadow run of a challenger: which reports are taken, and what breaks a rule."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.promotion import passing
from support.shadow_reports import shadow_report

from model.bundle import Bundle
from training.promotion.decide import judge
from training.promotion.report import render_markdown
from training.promotion.results import ShadowRun
from training.promotion.rules import Limits, PromotionError
from training.promotion.shadow import check_shadow, read_shadow_run
from training.promotion.store import Store
from training.promotion.succession import install_first, succeed

if TYPE_CHECKING:
    from support.tiny import TinyBundle

# BentoML, when it is imported: its own use of a newer pathspec.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")
RUN = ShadowRun("shadow.json", "2026-12-01", 1200, 1100, 1000, 40, 0.10, 0.12, 0.10, 0.14)


@pytest.fixture(scope="module")
def bundles(tiny: "TinyBundle", tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, Bundle]:
    """Champion and challenger."""
    return tiny.bundle, tiny.written_anew(tmp_path_factory.mktemp("challenger") / "bundle", version="0.0.2")


def test_the_run_of_the_challenger_is_read(bundles: tuple[Bundle, Bundle], tmp_path: Path) -> None:
    champion, challenger = bundles
    run = read_shadow_run(shadow_report(tmp_path, challenger, champion), challenger, champion)
    assert (run.judged, run.beside_champion, run.flips) == (1100, 1000, 40)
    assert (run.review_in_force, run.review) == (0.1, 0.12)


def test_a_report_in_which_the_challenger_was_no_shadow_is_refused(
    bundles: tuple[Bundle, Bundle], tmp_path: Path
) -> None:
    champion, challenger = bundles
    of_another = shadow_report(tmp_path, champion, champion)
    with pytest.raises(PromotionError, match=rf"was no shadow in it \(bundles that were: {champion.digest[:12]}\)"):
        read_shadow_run(of_another, challenger, champion)


@pytest.mark.parametrize(
    ("content", "told"),
    [("{}", "no report of a shadow"), ("no JSON", "no report of a shadow"), (None, "cannot be read")],
)
def test_a_file_that_is_no_report_is_refused_with_how_to_make_one(
    bundles: tuple[Bundle, Bundle], tmp_path: Path, content: str | None, told: str
) -> None:
    path = tmp_path / "other.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(PromotionError, match=told):
        read_shadow_run(path, *bundles)


@pytest.mark.parametrize(
    ("run", "limits", "rules"),
    [
        (RUN, {}, []),
        (RUN, {"max_review_share": 0.12}, []),
        (RUN, {"max_review_share": 0.11}, ["shadow-review-share"]),
        (replace(RUN, beside_champion=999), {}, ["too-few-shadowed"]),
        (replace(RUN, beside_champion=0, judged=0, review=None, review_in_force=None), {"max_review_share": 0.1},
         ["too-few-shadowed"]),
    ],
)  # fmt: skip
def test_few_decisions_and_a_share_over_the_ceiling_break_rules(
    run: ShadowRun, limits: dict[str, Any], rules: list[str]
) -> None:
    assert [finding.rule for finding in check_shadow(run, Limits(**limits))] == rules


def test_a_promotion_names_the_run_in_its_report_and_its_record(bundles: tuple[Bundle, Bundle], tmp_path: Path) -> None:
    champion, challenger = bundles
    store = Store(tmp_path / "home")
    install_first(store, champion, None)
    comparison = replace(passing().comparison, shadow=RUN)
    verdict = judge(comparison, Limits(), [], (), None)
    assert "sends 0.120 (0.100 to 0.140) to review" in render_markdown(verdict)
    succeed(store, challenger, champion, store.current(), verdict, {})
    (record,) = [one for one in store.records() if one.kind == "promotion"]
    assert record.shadow is not None
    assert (record.shadow["report"], record.shadow["review"]) == ("shadow.json", 0.12)
