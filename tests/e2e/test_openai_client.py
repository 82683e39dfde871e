"""The official ``openai`` client, unchanged, pointed at a real server that reads pictures and asks for keys."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner
from openai import (
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    OpenAI,
    PermissionDeniedError,
)
from openai.types import ModerationCreateResponse
from openai.types.moderation_image_url_input_param import ModerationImageURLInputParam
from openai.types.moderation_text_input_param import ModerationTextInputParam
from support.pictures import meme
from support.server import Server, free_port, running

from serving.cli import main
from serving.schemas.moderations import Category, ModerationsDoc

_NO_PICTURE = b"this is no picture"


def _key(file: Path, name: str, *options: str) -> str:
    result = CliRunner().invoke(main, ["keys", "create", name, *options, "--file", str(file)])
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A file of keys, one that may judge and one that may not."""
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    return file, _key(file, "caller"), _key(file, "scraper", "--scope", "metrics")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, keys: tuple[Path, str, str]) -> Iterator[Server]:
    port = free_port()
    command = ["serving.cli", "serve", "--port", str(port), "--keys-file", str(keys[0])]
    with running(command, port, tmp_path_factory.mktemp("server")) as ready:
        yield ready


def _client(server: Server, key: str) -> OpenAI:
    return OpenAI(base_url=server.url("/v1"), api_key=key, max_retries=0)


@pytest.fixture(scope="module")
def client(server: Server, keys: tuple[Path, str, str]) -> Iterator[OpenAI]:
    with _client(server, keys[1]) as opened:
        yield opened


def _image(content: bytes) -> ModerationImageURLInputParam:
    url = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def _extension(result: Any) -> dict[str, Any]:
    told: dict[str, Any] = result.model_extra["memeguard"]
    return told


def test_a_string_comes_back_in_typed_fields(client: OpenAI, server: Server) -> None:
    answer = client.moderations.create(model="omni-moderation-latest", input="some words")
    assert isinstance(answer, ModerationCreateResponse)
    (result,) = answer.results
    assert answer.id.startswith("modr-")
    assert answer.model.startswith("compact-")
    assert (result.flagged, result.categories.hate, result.categories.self_harm_intent) == (False, False, False)
    assert 0 < result.category_scores.hate < 1
    assert result.category_scores.violence_graphic == 0.0
    assert result.category_applied_input_types.hate == ["text"]
    assert result.category_applied_input_types.violence == []
    assert set(result.categories.to_dict()) == set(get_args(Category))
    assert None not in result.categories.to_dict().values()


def test_the_model_may_be_left_out_or_be_ours(client: OpenAI) -> None:
    ours = client.moderations.create(input="some words").model
    assert client.moderations.create(input="some words", model=ours).model == ours
    assert ours in [model.id for model in client.models.list()]
    assert client.models.retrieve(ours).id == ours
    with pytest.raises(NotFoundError) as caught:
        client.models.retrieve("gpt-4")
    assert caught.value.code == "model_not_found"
    assert "there is no such model" in caught.value.message


def test_a_list_of_strings_gets_a_result_each(client: OpenAI) -> None:
    results = client.moderations.create(input=["some words", "others", "some words"]).results
    first, second, third = (result.category_scores.hate for result in results)
    assert first == pytest.approx(third, abs=1e-5)
    assert first != pytest.approx(second, abs=1e-5)


def test_the_words_of_a_picture_are_read_and_its_input_was_a_picture(client: OpenAI) -> None:
    (result,) = client.moderations.create(input=[_image(meme(1))]).results
    assert result.category_applied_input_types.hate == ["image"]
    (picture,) = _extension(result)["pictures"]
    assert picture["part"] == 0
    assert "simply" in picture["text"]["content"].lower()
    assert picture["text"]["source"] == "ocr"


def test_a_post_is_judged_with_its_words_and_with_those_of_each_picture(client: OpenAI, server: Server) -> None:
    words: ModerationTextInputParam = {"type": "text", "text": "look at this"}
    post: list[ModerationTextInputParam | ModerationImageURLInputParam] = [words, _image(meme(1)), _image(meme(2))]
    (result,) = client.moderations.create(input=post).results
    assert result.category_applied_input_types.hate == ["text", "image"]
    told = _extension(result)
    assert [picture["part"] for picture in told["pictures"]] == [1, 2]
    assert [picture["text"]["source"] for picture in told["pictures"]] == ["ocr", "ocr"]
    assert len(told["decision_ids"]) == 4
    (read,) = client.moderations.create(input=[_image(meme(1))]).results
    assert result.category_scores.hate >= read.category_scores.hate - 1e-5


def test_one_bad_picture_among_several_is_named_and_flagged(client: OpenAI) -> None:
    (result,) = client.moderations.create(input=[_image(meme(1)), _image(_NO_PICTURE)]).results
    assert result.flagged is True
    assert _extension(result)["decision"] == "review"
    assert [error["code"] for error in _extension(result)["errors"]] == ["unsupported_format"]


def test_policy_goes_through_extra_body_and_raw_answers_are_whole(client: OpenAI) -> None:
    raw = client.moderations.with_raw_response.create(input="some words", extra_body={"policy": "default"})
    assert raw.status_code == 200
    assert raw.headers["content-type"] == "application/json"
    assert ModerationsDoc.model_validate_json(raw.content).results[0].memeguard.policy.name == "default"
    assert raw.parse().results[0].flagged is False


@pytest.mark.parametrize(
    ("asked", "error", "code", "message"),
    [
        ({"input": []}, BadRequestError, "invalid_body", "input must be"),
        ({"input": [{"type": "video"}]}, BadRequestError, "invalid_body", "input.0"),
        ({"input": [_image(b"")]}, BadRequestError, "empty", "zero bytes"),
        ({"input": "x", "extra_body": {"policy": "none such"}}, BadRequestError, "unknown_policy", "no such policy"),
        ({"input": "x", "model": "gpt-9"}, NotFoundError, "model_not_found", "no such model"),
    ],
)
def test_errors_are_raised_as_the_clients_own_with_our_message(
    client: OpenAI, asked: dict[str, Any], error: type[Exception], code: str, message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        client.moderations.create(**asked)
    assert getattr(caught.value, "code", None) == code
    assert getattr(caught.value, "request_id", None)


def test_a_wrong_key_and_a_key_that_may_not_judge_are_told_apart(server: Server, keys: tuple[Path, str, str]) -> None:
    for key, error, message in (
        ("mg_wrong", AuthenticationError, "API key"),
        (keys[2], PermissionDeniedError, "scope"),
    ):
        with _client(server, key) as stranger, pytest.raises(error, match=message):
            stranger.moderations.create(input="some words")
