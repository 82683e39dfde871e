"""Any HTTP moderator, described by a YAML file."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.moderators import LISTED, moderator
from support.pictures import meme

from training.stress.relations.base import StressItem
from training.stress.targets.base import NotJudgedError, Target, TargetError
from training.stress.targets.described import DescribedTarget
from training.stress.targets.named import target_named

SCORE = {"score": "/result/score", "threshold": 0.5}
TEXT = {"json": {"text": "{text}"}}


def _described(folder: Path, **document: Any) -> Target:
    path = folder / "weak.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return target_named(str(path))


def test_the_score_at_a_pointer_is_held_against_the_threshold(tmp_path: Path) -> None:
    with moderator() as server:
        target = _described(tmp_path, url=server.url, request=TEXT, answer=SCORE)
        caught, passed = (target.ask(StressItem(None, words)) for words in (f"those {LISTED}", "a nice day"))
        assert (caught.flagged, caught.score) == (True, 0.9)
        assert (passed.flagged, passed.score) == (False, 0.1)
        assert target.name == "weak"
        target.close()


def test_words_are_sent_as_they_are_even_where_they_look_like_a_place(tmp_path: Path) -> None:
    with moderator() as server:
        parts = [{"kind": "words", "of": "{text}"}, {"kind": "picture", "of": {"url": "{image_url}"}}, 7]
        request = {"json": {"text": "{text}", "kind": "post", "extra": None, "image": "{image_base64}", "list": parts}}
        target = _described(tmp_path, url=server.url, request=request, answer=SCORE)
        words = 'say {image_base64} and "{text}" \u200b'
        target.ask(StressItem(None, words))
        parts = [{"kind": "words", "of": words}, 7]
        assert server.asked == [{"text": words, "kind": "post", "extra": None, "list": parts}]
        target.close()


def test_a_picture_goes_as_base64_as_a_url_or_as_a_file(tmp_path: Path) -> None:
    picture = meme(1)
    encoded = base64.b64encode(picture).decode()
    with moderator() as server:
        request = {"json": {"image": "{image_base64}", "url": "{image_url}", "text": "{text}"}}
        target = _described(tmp_path, url=server.url, request=request, answer=SCORE)
        target.ask(StressItem(picture, None))
        target.close()
        form = {"multipart": {"file": "{image}", "text": "{text}", "lang": "en"}}
        target = _described(tmp_path, url=server.url, request=form, answer={"flag": "/result/flagged"})
        assert target.ask(StressItem(picture, f"{LISTED} ä")).flagged
        target.close()
        assert server.asked[0] == {"image": encoded, "url": f"data:image/png;base64,{encoded}"}
        assert server.asked[1] == {"file": encoded, "text": f"{LISTED} ä", "lang": "en"}


def test_what_a_moderator_has_no_place_for_is_not_judged_and_not_sent_in_part(tmp_path: Path) -> None:
    with moderator() as server:
        target = _described(tmp_path, url=server.url, request=TEXT, answer=SCORE)
        with pytest.raises(NotJudgedError, match="no place for a picture") as caught:
            target.ask(StressItem(meme(1), "half of the words"))
        assert caught.value.is_final
        assert server.asked == []
        target.close()


def test_secrets_come_from_the_environment_and_are_told_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAK_KEY", "s3cret")
    with moderator() as server:
        url, headers = f"{server.url}/check?key=${{WEAK_KEY}}", {"X-Key": "Key ${WEAK_KEY}"}
        target = _described(tmp_path, url=url, headers=headers, request=TEXT, answer=SCORE)
        target.ask(StressItem(None, "words"))
        assert server.headers["x-key"] == "Key s3cret"
        assert "s3cret" not in f"{target.identity}{target.name}{vars(target)}"
        assert target.identity["headers"] == ["X-Key"]
        target.close()
        other = _described(tmp_path, url=url, headers={"X-Key": "Token ${WEAK_KEY}"}, request=TEXT, answer=SCORE)
        assert other.identity != target.identity
        other.close()
        monkeypatch.delenv("WEAK_KEY")
        with pytest.raises(TargetError, match="header X-Key needs the environment variable WEAK_KEY, which is not set"):
            _described(tmp_path, url=url, headers=headers, request=TEXT, answer=SCORE)


@pytest.mark.parametrize("body", ["json", "multipart"])
def test_secrets_stand_in_the_body_too_and_words_that_look_like_one_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setenv("WEAK_KEY", "s3cret")
    request = {body: {"text": "{text}", "key": "Key ${WEAK_KEY}"}}
    with moderator() as server:
        target = _described(tmp_path, url=server.url, request=request, answer=SCORE)
        target.ask(StressItem(None, "say ${WEAK_KEY}"))
        assert server.asked == [{"text": "say ${WEAK_KEY}", "key": "Key s3cret"}]
        assert target.identity["request"] == request
        assert "s3cret" not in f"{target.identity}{vars(target)}"
        target.close()
    monkeypatch.delenv("WEAK_KEY")
    with pytest.raises(TargetError, match="request needs the environment variable WEAK_KEY"):
        _described(tmp_path, url="http://127.0.0.1:9", request=request, answer=SCORE)


@pytest.mark.parametrize(
    ("url", "what"), [("http://h/check?key=s3cret", "query"), ("http://me:s3cret@h/check", "user or password")]
)
def test_an_address_that_may_hold_a_secret_is_refused_and_not_repeated(tmp_path: Path, url: str, what: str) -> None:
    with pytest.raises(TargetError, match=rf"its {what} may be secret; write \$\{{NAME\}}") as caught:
        _described(tmp_path, url=url, request=TEXT, answer=SCORE)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ({"result": {}}, "the answer has nothing at /result/score"),
        ({"result": None}, "the answer has nothing at /result/score"),
        ({"result": {"score": "high"}}, "there is no number"),
        ({"result": {"score": True}}, "there is no number"),
        (b"<html>", "the answer is no JSON"),
        (b'{"result": {"score": NaN}}', "there is no number"),
    ],
)
def test_an_answer_that_cannot_be_read_is_no_judgement(tmp_path: Path, reply: Any, message: str) -> None:
    with moderator(lambda _: (200, {}, reply)) as server:
        target = _described(tmp_path, url=server.url, request=TEXT, answer=SCORE)
        with pytest.raises(NotJudgedError, match=message):
            target.ask(StressItem(None, "words"))
        target.close()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"request": TEXT}, "answer: Field required"),
        ({"request": TEXT, "answer": {"score": "/a"}}, "give flag, or score and threshold"),
        ({"request": TEXT, "answer": {"flag": "/a", "threshold": 0.5}}, "both say what is flagged"),
        ({"request": TEXT, "answer": {"flag": "a"}}, "answer.flag"),
        ({"request": {}, "answer": SCORE}, "give either json or multipart"),
        ({"request": {"json": {"text": "words"}}, "answer": SCORE}, "it has no place for a meme"),
        ({"request": {"json": {"file": "{image}"}}, "answer": SCORE}, "is a file of a multipart form"),
        ({"request": TEXT, "answer": SCORE, "treshold": 1}, "treshold: Extra inputs are not permitted"),
        ({"request": TEXT, "answer": SCORE, "per_second": 0}, "per_second"),
    ],
)
def test_a_description_that_does_not_fit_is_refused_with_its_place(
    tmp_path: Path, document: dict[str, Any], message: str
) -> None:
    with pytest.raises(TargetError, match=rf"weak\.yaml: .*{message}"):
        _described(tmp_path, url="http://127.0.0.1:9", **document)


def test_what_is_no_target_is_told_what_is_one(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"nothing is no target; give a bundle's folder, http\(s\)://"):
        target_named("nothing")
    with pytest.raises(TargetError, match="with a query or a password cannot be a target"):
        target_named("https://user:secret@host")
    with pytest.raises(TargetError, match=r"gone\.yaml: No such file"):
        DescribedTarget.of_file(tmp_path / "gone.yaml")
    with pytest.raises(TargetError, match="no budget and no rate"):
        target_named(str(tmp_path), max_calls=3)
