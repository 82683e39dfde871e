import io
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.judgements import hateful as hateful_score
from support.preparation import picture
from support.tiny import TinyBundle

from model import EngineUnavailableError, Failure, Meme, MemeError, MemeLimits, Policy, Scorer, Verdict, load
from model.bundle import Thresholds, ThresholdsByModality
from model.ocr import make_engine
from model.ocr.base import Engine
from model.ocr.types import Line, OcrWord
from model.runtime import Runtime


class WidthReader(Engine):
    """An engine that reads one word off any picture: its width."""

    name = "width"
    version = "1"

    def unavailable_reason(self) -> str | None:
        return None

    def _find_lines(self, image: NDArray[np.uint8]) -> Sequence[Line]:
        if image.shape[1] == 13:
            raise RuntimeError("this engine crashes on such pictures")
        return [[OcrWord(f"w{image.shape[1]}", (0, 0, 5, 5), 0.75)]]


def png(seed: int, **size: int) -> bytes:
    buffer = io.BytesIO()
    picture(seed, **size).save(buffer, "PNG")
    return buffer.getvalue()


def verdicts(results: list[Verdict | Failure]) -> list[Verdict]:
    assert all(isinstance(result, Verdict) for result in results)
    return [result for result in results if isinstance(result, Verdict)]


def hateful(results: list[Verdict | Failure]) -> list[float]:
    return [hateful_score(verdict) for verdict in verdicts(results)]


@pytest.fixture(scope="session")
def judge(tiny: TinyBundle) -> Scorer:
    return Scorer(tiny.bundle, Runtime(tiny.bundle, threads=1), WidthReader())


def test_a_verdict_says_what_was_judged_by_what(tiny: TinyBundle, judge: Scorer, tmp_path: Path) -> None:
    path = tmp_path / "meme.png"
    path.write_bytes(png(1))
    verdict = judge.score_file(path)
    assert (verdict.model.name, verdict.model.version, verdict.model.digest) == ("tiny", "0.0.1", tiny.bundle.digest)
    assert (verdict.text.content, verdict.text.source, verdict.text.status) == ("w40", "ocr", "ok")
    assert (verdict.text.engine, verdict.text.confidence) == ("width", 0.75)
    assert (verdict.policy.name, verdict.policy.version) == ("default", "0.0.1")
    assert list(verdict.scores) == ["hateful", "memotion_sentiment", "protected_class"]
    assert verdict.timings_ms["total"] == pytest.approx(
        sum(verdict.timings_ms[part] for part in ("ocr", "preprocess", "model")), abs=0.01
    )
    assert json.loads(json.dumps(verdict.to_dict()))["scores"]["hateful"] == verdict.scores["hateful"]


def test_scores_are_the_calibrated_logits_of_the_runtime(tiny: TinyBundle, judge: Scorer) -> None:
    meme = Meme.from_bytes(png(1), text="words")
    logit = judge.runtime.logits(tiny.bundle.preprocessor([meme], ["words"]))["hateful"][0, 0]
    assert hateful(judge.score([meme])) == [pytest.approx(1 / (1 + np.exp(-(1.5 * logit - 0.25))), abs=1e-6)]


def test_the_callers_words_are_taken_and_the_picture_is_not_read(judge: Scorer) -> None:
    (verdict,) = verdicts(judge.score([Meme.from_bytes(png(1), text="the caller's")]))
    assert (verdict.text.content, verdict.text.source, verdict.text.engine) == ("the caller's", "caller", None)


def test_words_and_tags_change_the_score(judge: Scorer) -> None:
    plain, worded, tagged = (
        Meme.from_bytes(png(1), text="words"),
        Meme.from_bytes(png(1), text="others"),
        Meme.from_bytes(png(1), text="words", tags=["cat"]),
    )
    assert len(set(hateful(judge.score([plain, worded, tagged])))) == 3


def test_one_bad_meme_spoils_only_itself_and_the_order_is_kept(judge: Scorer, tmp_path: Path) -> None:
    good = tmp_path / "good.png"
    good.write_bytes(png(3))
    results = judge.score(
        [Meme.from_bytes(png(1), id="one"), b"", png(2), tmp_path / "missing.png", str(good), b"junk", "nul\0.png"]
    )
    kinds = [result.code if isinstance(result, Failure) else "verdict" for result in results]
    assert kinds == [
        "verdict", "empty", "verdict", "unreadable_file", "verdict", "unsupported_format", "unreadable_file",
    ]  # fmt: skip
    assert results[0].id == "one"
    assert hateful([results[0], results[2], results[4]]) == pytest.approx(
        hateful(judge.score([png(1), png(2), png(3)])), abs=1e-5
    )


def test_a_failure_is_a_plain_value(judge: Scorer) -> None:
    (failure,) = judge.score([b"junk"])
    told = failure.to_dict()
    assert told["id"]
    assert (told["error"]["code"], "JPEG" in told["error"]["message"]) == ("unsupported_format", True)


@pytest.mark.parametrize("n_memes", [0, 1, 8, 9, 16, 19])
def test_more_memes_than_a_chunk_get_a_verdict_each(judge: Scorer, n_memes: int) -> None:
    data = [png(seed) for seed in range(n_memes)]
    together = hateful(judge.score(iter(data)))
    assert together == pytest.approx([hateful(judge.score([one]))[0] for one in data], abs=1e-5)


def test_only_failures_give_only_failures(judge: Scorer) -> None:
    results = judge.score([b""] * 20)
    assert [result.code for result in results if isinstance(result, Failure)] == ["empty"] * 20


def test_ids_are_kept_and_made_where_none_was_given(judge: Scorer) -> None:
    memes = [Meme.from_bytes(png(seed), id=name) for seed, name in enumerate(["a", None, "c", None])]
    ids = [result.id for result in judge.score(memes)]
    assert (ids[0], ids[2]) == ("a", "c")
    assert len(set(ids)) == 4


def test_a_missing_ocr_engine_is_reported_and_never_lets_a_meme_pass(tiny: TinyBundle) -> None:
    lenient = Policy("lenient", "1", {"hateful": ThresholdsByModality.alike(Thresholds(review=1.0, block=1.01))})
    scorer = Scorer(tiny.bundle, Runtime(tiny.bundle, threads=1), make_engine("none"), lenient)
    unread, told = verdicts(scorer.score([png(1), Meme.from_bytes(png(1), text="words")]))
    assert (unread.decision, unread.text.status, unread.text.content) == ("review", "unavailable", "")
    assert (told.decision, told.text.status) == ("allow", "ok")
    assert not scorer.readiness().ready
    assert "OCR is switched off" in scorer.readiness().problems[0]


def test_an_ocr_engine_that_crashes_is_reported_and_asks_for_review(judge: Scorer) -> None:
    crashed, fine = verdicts(judge.score([png(1, width_px=13), png(1)]))
    assert (crashed.text.status, crashed.text.detail) == ("failed", "RuntimeError")
    assert crashed.decision in ("review", "block")
    assert fine.text.status == "ok"


def test_a_scorer_with_all_its_parts_is_ready(tiny: TinyBundle, judge: Scorer) -> None:
    readiness = judge.readiness()
    assert readiness.ready
    assert (readiness.ocr_engine, readiness.ocr_version) == ("width", "1")
    assert (readiness.providers, readiness.model.digest) == (["CPUExecutionProvider"], tiny.bundle.digest)


def test_a_policy_of_the_operators_replaces_the_bundles_own(tiny: TinyBundle, judge: Scorer) -> None:
    strict = Scorer(
        tiny.bundle,
        judge.runtime,
        judge.ocr,
        Policy("strict", "7", {"hateful": ThresholdsByModality.alike(Thresholds(review=0, block=0))}),
    )
    (verdict,) = verdicts(strict.score([png(1)]))
    assert (verdict.decision, verdict.policy.name, verdict.policy.version) == ("block", "strict", "7")


def test_limits_hold_for_bytes_and_files(tiny: TinyBundle, judge: Scorer, tmp_path: Path) -> None:
    path = tmp_path / "meme.png"
    path.write_bytes(png(1))
    small = Scorer(tiny.bundle, judge.runtime, judge.ocr, limits=replace(MemeLimits(), max_pixels=100))
    codes = [result.code for result in small.score([png(1), path]) if isinstance(result, Failure)]
    assert codes == ["too_many_pixels"] * 2
    with pytest.raises(MemeError):
        small.score_file(path)


def test_concurrent_calls_give_the_scores_of_serial_ones(judge: Scorer) -> None:
    batches = [[png(seed + step) for step in range(3)] for seed in range(12)]
    serial = [hateful(judge.score(batch)) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        concurrent = list(pool.map(lambda batch: hateful(judge.score(batch)), batches))
    assert np.abs(np.array(concurrent) - np.array(serial)).max() < 1e-5


def test_load_opens_a_bundle_by_its_path_and_names_what_is_missing(tiny: TinyBundle) -> None:
    scorer = load(tiny.bundle.path, ocr="none", threads=1)
    assert scorer.model.digest == tiny.bundle.digest
    with pytest.raises(ValueError, match="unknown OCR engine"):
        load(tiny.bundle.path, ocr="crystal ball")
    with pytest.raises(EngineUnavailableError):
        load(tiny.bundle.path, ocr="none", provider="cuda")
