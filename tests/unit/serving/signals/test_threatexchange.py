"""The extension against python-threatexchange's own interface, with the bundle in this process."""

import pickle
from pathlib import Path

import pytest
from support.moderators import moderator
from support.pictures import meme
from support.reading import READ_IN_PART, TeaReader
from threatexchange.classifier.classifier import Classifier
from threatexchange.content_type.photo import PhotoContent
from threatexchange.content_type.text import TextContent
from threatexchange.content_type.url import URLContent
from threatexchange.extensions.manifest import ThreatExchangeExtensionManifest
from threatexchange.interface_validation import SignalTypeMapping
from threatexchange.signal_type.pdq.signal import PdqSignal

from model import Scorer
from model.errors import BundleError
from serving.signals.moderator import Answer, BundleModerator, ServerModerator, configured
from serving.signals.threatexchange import (
    MemeguardClassifier,
    MemeguardPhotoSignal,
    MemeguardTextSignal,
    answer_of,
    signal_of,
)

ALLOWED = "decision=allow;hateful=0.1000;offensive=0.6000"
UNJUDGED = "decision=review;unjudged=corrupt"


@pytest.fixture
def asked(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> BundleModerator:
    """The bundle that is loaded already, as the one that the environment names."""
    bundle = BundleModerator(scorer)
    monkeypatch.setattr("serving.signals.threatexchange.configured", lambda: bundle)
    return bundle


def test_the_manifest_is_found_and_its_types_fit_beside_those_of_the_package() -> None:
    manifest = ThreatExchangeExtensionManifest.load_from_module_name("serving.signals.threatexchange")
    mapping = SignalTypeMapping([PhotoContent, TextContent], [PdqSignal, *manifest.signal_types])
    assert list(mapping.signal_type_by_name) == ["pdq", "memeguard_photo", "memeguard_text"]
    assert mapping.get_supported_signal_types_for_content(PhotoContent) == [PdqSignal, MemeguardPhotoSignal]


def test_a_text_gets_what_was_said_of_it_and_one_of_nothing_gets_no_signal(
    asked: BundleModerator, scorer: Scorer
) -> None:
    said = answer_of(MemeguardTextSignal.hash_from_str("when the code works"))
    assert said == answer_of(signal_of(asked.of_words("when the code works")))
    assert said.scores.keys() == {"hateful", "offensive"}
    assert MemeguardTextSignal.hash_from_str(" \u200b") == ""
    too_long = "a " * scorer.limits.max_text_chars
    assert MemeguardTextSignal.hash_from_str(too_long) == "decision=review;unjudged=text_too_long"


def test_a_picture_gets_what_was_said_of_it_and_one_that_is_damaged_is_told(
    asked: BundleModerator, tmp_path: Path
) -> None:
    picture, damaged = tmp_path / "meme.png", tmp_path / "damaged.png"
    picture.write_bytes(meme())
    damaged.write_bytes(meme()[:400])
    signal = MemeguardPhotoSignal.hash_from_file(picture)
    assert MemeguardPhotoSignal.validate_signal_str(f" {signal}\n") == signal
    assert answer_of(signal).decision == asked.of_picture(picture).decision
    assert MemeguardPhotoSignal.hash_from_file(damaged) == UNJUDGED
    with pytest.raises(FileNotFoundError):
        MemeguardPhotoSignal.hash_from_file(tmp_path / "nowhere.png")


def test_what_was_judged_in_part_gets_no_score_from_a_bundle_or_a_server(scorer: Scorer, tmp_path: Path) -> None:
    reading = Scorer(scorer.bundle, scorer.runtime, TeaReader())
    (tmp_path / "in_part.png").write_bytes(READ_IN_PART)
    verdict = reading.score_file(tmp_path / "in_part.png").to_dict()
    with moderator(lambda _: (200, {}, verdict)) as server:
        for asked in (BundleModerator(reading), ServerModerator(server.url)):
            assert asked.of_picture(tmp_path / "in_part.png") == Answer("review", unjudged="text_partial")
        verdict |= {"decision": "block"}
        assert ServerModerator(server.url).of_words("words") == Answer("block", unjudged="text_partial")
        verdict["text"]["status"], verdict["picture"] = "ok", None
        assert ServerModerator(server.url).of_words("words").scores.keys() == {"hateful", "offensive"}


@pytest.mark.parametrize(
    ("rule", "matches", "distance"),
    [
        ("decision>=review", False, 2.0),
        ("decision>=block", False, 2.0),
        ("hateful>=0.1", True, 0.9),
        ("hateful>=.11", False, 0.9),
        ("offensive>=0", True, 0.4),
        ("offensive>=1.0", False, 0.4),
    ],
)
def test_content_matches_the_rules_that_hold(rule: str, matches: bool, distance: float) -> None:
    for pair in ((rule, ALLOWED), (ALLOWED, rule)):
        compared = MemeguardTextSignal.compare_hash(*pair)
        assert (compared.match, compared.distance.pretty_str()) == (matches, str(distance))


def test_what_was_not_judged_matches_every_rule_but_that_it_is_blocked() -> None:
    rules = ["decision>=review", "hateful>=0.99", "decision>=block"]
    assert [MemeguardPhotoSignal.compare_hash(rule, UNJUDGED).match for rule in rules] == [True, True, False]
    assert MemeguardPhotoSignal.compare_hash("nosuchtask>=0.5", ALLOWED).match


def test_two_signals_of_a_kind_match_where_they_are_the_same() -> None:
    assert MemeguardPhotoSignal.compare_hash(ALLOWED, ALLOWED).match
    assert not MemeguardPhotoSignal.compare_hash(ALLOWED, UNJUDGED).match


def test_an_index_of_rules_finds_those_that_hold_and_can_be_kept() -> None:
    examples = MemeguardPhotoSignal.get_examples()
    assert [MemeguardPhotoSignal.validate_signal_str(rule) for rule in examples] == examples
    index = MemeguardPhotoSignal.get_index_cls().build([(rule, rule) for rule in (*examples, "offensive>=0.5")])
    kept = pickle.loads(pickle.dumps(index))  # noqa: S301
    assert [match.metadata for match in kept.query(ALLOWED)] == ["offensive>=0.5"]
    assert [match.metadata for match in kept.query("decision=review;hateful=0.95")] == [
        "decision>=review",
        "hateful>=0.9",
        "offensive>=0.5",
    ]


@pytest.mark.parametrize("signal", ["", "hateful", "hateful>=2", "hateful>0.5", "decision>=allow", "decision=maybe"])
def test_what_is_no_signal_is_refused(signal: str) -> None:
    with pytest.raises(ValueError, match="empty hash" if not signal else "neither a rule"):
        MemeguardTextSignal.validate_signal_str(signal)


def test_the_classifier_labels_by_decision_and_by_score(asked: BundleModerator, tmp_path: Path) -> None:
    classifier = MemeguardClassifier.get_with_default_settings()
    assert isinstance(classifier, Classifier)
    assert (classifier.get_name(), classifier.get_content_types()) == ("memeguard", [PhotoContent, TextContent])
    found = classifier.classify(TextContent, "when the code works")
    assert found.labels.keys() == {"review", "block", "hateful", "offensive", "unjudged"}
    assert not found.has_match
    assert found.labels["hateful"].weight_str() == f"{asked.of_words('when the code works').scores['hateful']:.4f}"
    sure = MemeguardClassifier(asked, threshold=0.01).classify(TextContent, "when the code works")
    assert sure.positive_labels.keys() == {"hateful", "offensive"}
    (tmp_path / "damaged.png").write_bytes(meme()[:400])
    unjudged = classifier.classify(PhotoContent, str(tmp_path / "damaged.png"))
    assert str(unjudged) == "review,unjudged"
    assert classifier.classify(TextContent, " ").labels == {}
    with pytest.raises(ValueError, match="url is neither photo nor text"):
        classifier.classify(URLContent, "https://example.org")


def test_the_environment_says_who_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TX_MODERATOR_BUNDLE", str(tmp_path / "no bundle"))
    configured.cache_clear()
    with pytest.raises(BundleError, match="no bundle"):
        configured()
    monkeypatch.setenv("TX_MODERATOR_URL", "http://127.0.0.1:3000")
    assert isinstance(configured(), ServerModerator)
    configured.cache_clear()


def test_answers_come_back_from_their_signals() -> None:
    for answer in (Answer("block", {"hateful": 0.875}), Answer("review", unjudged="corrupt"), Answer("allow")):
        assert answer_of(signal_of(answer)) == answer
