"""Log of this process: a line an event, as text or as a JSON object, and never what callers sent.

No text, picture, file name, URL, header or path as sent; a route is its template, a caller the name of its key. BentoML
sets its loggers up when a process starts and then imports ``service.py``, which puts every line into one format.
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

from opentelemetry import trace

from serving.settings import Settings
from serving.third_party_internals import bentoml_log_filters

#: The loggers to which BentoML gives handlers of their own; "" is the root.
_LOGGERS_WITH_HANDLERS = ("", "bentoml", "uvicorn.error", "circus")


class Event:
    """The message of a log line: what happened, and its circumstances by name. None is left out.

    As text ``answered route=/v1/classify status=200``; in JSON every circumstance is a key of its own.
    """

    def __init__(self, what: str, **circumstances: str | float | None) -> None:
        self.what = what
        self.circumstances = {name: value for name, value in circumstances.items() if value is not None}

    def __str__(self) -> str:
        return " ".join([self.what, *(f"{name}={value}" for name, value in self.circumstances.items())])


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and what the event brings."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of one record."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if isinstance(record.msg, Event):
            line |= {"message": record.msg.what, **record.msg.circumstances}
        else:
            line["message"] = record.getMessage()
        if record.exc_info:
            line["stack"] = record.exc_text or self.formatException(record.exc_info)
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            line |= {"trace_id": trace.format_trace_id(span.trace_id), "span_id": trace.format_span_id(span.span_id)}
        return json.dumps(line, default=str)


def frames(error: BaseException) -> str:
    """Where ``error`` happened and of which type it is, without its message: that may hold what was sent."""
    return "".join([*traceback.format_tb(error.__traceback__), type(error).__name__])


def log_crash(logger: logging.Logger, error: Exception, what: str = "crashed", request_id: str | None = None) -> None:
    """Log where ``error`` happened, without its message: that may hold what was sent."""
    logger.error(Event(f"{what} with {type(error).__name__}", request_id=request_id, stack=frames(error)))


def configure(settings: Settings) -> None:
    """Put the log lines of this process, ours and those of BentoML and uvicorn, into the format asked for."""
    logging.getLogger("memeguard").setLevel(settings.log_level.upper())
    for handler in _handlers_of_bentoml():
        handler.addFilter(_without_messages_of_exceptions)
        if settings.log_format == "json":
            handler.setFormatter(JsonFormatter())
    for name in _LOGGERS_WITH_HANDLERS[1:]:
        own = logging.getLogger(name)
        own.propagate = own.propagate and not own.handlers  # the root's handler would print the same line again


def _handlers_of_bentoml() -> list[logging.Handler]:
    """Those on the root and on single loggers; a program that merely imports this package keeps its own as they are."""
    handlers = {handler for name in _LOGGERS_WITH_HANDLERS for handler in logging.getLogger(name).handlers}
    filters = bentoml_log_filters()
    return [one for one in handlers if any(isinstance(each, filters) for each in one.filters)]


def _without_messages_of_exceptions(record: logging.LogRecord) -> bool:
    """A formatter takes ``exc_text`` where there is one."""
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text = frames(record.exc_info[1])
    return True
