import io
import json
import logging
from collections.abc import Iterator

import pytest

from serving.observability.logs import Event, configure, frames
from serving.settings import Settings
from serving.third_party_internals import bentoml_log_filters


def _fail(message: str) -> None:
    raise ValueError(message)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What a process of BentoML's logs: its root handler, taken away again afterwards."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    of_servers, _ = bentoml_log_filters()
    handler.addFilter(of_servers())
    root = logging.getLogger()
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)
    logging.getLogger("memeguard").setLevel(logging.INFO)


def test_an_event_is_a_json_object_with_its_circumstances_as_keys(stream: io.StringIO) -> None:
    configure(Settings(log_format="json"))
    logging.getLogger("memeguard.test").info(Event("answered", route="/v1/classify", status=200, key=None))
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "memeguard.test",
        "message": "answered",
        "route": "/v1/classify",
        "status": 200,
    }


def test_as_text_an_event_is_its_circumstances_in_order(stream: io.StringIO) -> None:
    configure(Settings())
    logging.getLogger("memeguard.test").info(Event("answered", route="/v1/classify", status=200, key="shop"))
    assert stream.getvalue() == "answered route=/v1/classify status=200 key=shop\n"


def test_a_line_of_another_package_is_one_json_object_whatever_it_holds(stream: io.StringIO) -> None:
    configure(Settings(log_format="json"))
    logging.getLogger("uvicorn.error").warning('two\nlines and a "%s"', "quote")
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert (line["logger"], line["message"]) == ("uvicorn.error", 'two\nlines and a "quote"')


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_logged_exception_shows_where_it_happened_and_not_its_message(stream: io.StringIO, log_format: str) -> None:
    configure(Settings.model_validate({"log_format": log_format}))
    try:
        _fail("-".join(["words", "of", "a", "caller"]))  # a stack quotes the lines of our source
    except ValueError:
        logging.getLogger("asyncio").exception("a task failed")
    assert "test_logs.py" in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert "words-of-a-caller" not in stream.getvalue()


def test_the_level_asked_for_holds_for_our_lines(stream: io.StringIO) -> None:
    configure(Settings(log_level="warning"))
    logging.getLogger("memeguard.access").info("an answer")
    logging.getLogger("memeguard.access").warning("a warning")
    assert stream.getvalue() == "a warning\n"


def test_handlers_that_are_not_bentomls_stay_as_they_are() -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.getLogger().addHandler(handler)
    try:
        configure(Settings(log_format="json"))
        logging.getLogger("memeguard.test").warning("as before")
    finally:
        logging.getLogger().removeHandler(handler)
    assert written.getvalue() == "as before\n"


def test_frames_tell_the_place_and_the_type() -> None:
    try:
        _fail("a message")
    except ValueError as error:
        told = frames(error)
    assert told.splitlines()[-1] == "ValueError"
    assert "test_logs.py" in told
    assert "in _fail" in told
