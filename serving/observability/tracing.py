"""ASGI middleware that makes a span a request, named by route template, with the stage times of every meme in it.

BentoML's own middleware names its spans by the raw path, puts the query and the caller's address into them and adds a
span for every piece of a body; it is told to leave every URL out. BentoML's exporter and sampler do the rest.
"""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

from opentelemetry import trace
from opentelemetry.propagate import extract
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from model import Verdict
from model.errors import MemeguardError
from serving.requests.context import request_context
from serving.settings import Settings

_EXPORTER = "opentelemetry.exporter.otlp.proto.http"
_UNTRACED_PATHS = ("/livez", "/readyz", "/metrics")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class TracingError(MemeguardError):
    """Traces are asked for and cannot be sent."""


def bentoml_config(settings: Settings) -> dict[str, Any]:
    """The part ``tracing`` of BentoML's service configuration."""
    config: dict[str, Any] = {"excluded_urls": [".*"], "sample_rate": settings.trace_sample_rate}
    if settings.trace_sample_rate:
        # Without an endpoint here the exporter reads OTEL_EXPORTER_OTLP_ENDPOINT.
        otlp = {"protocol": "http"} | ({"endpoint": settings.trace_endpoint} if settings.trace_endpoint else {})
        config |= {"exporter_type": "otlp", "otlp": otlp}
    return config


def check(settings: Settings) -> None:
    """Raise ``TracingError`` when the package that sends traces is missing."""
    if settings.trace_sample_rate and not _installed(_EXPORTER):
        raise TracingError("MEMEGUARD_TRACE_SAMPLE_RATE: sending traces needs the extra 'tracing'; install it or set 0")


class TracingMiddleware:
    """ASGI middleware: a span around every request but probes and scrapes.

    ``open_tracer`` is called at the first request, in the worker, because a tracer has a thread that sends; it gives
    None where no request is traced.
    """

    def __init__(self, app: ASGIApp, open_tracer: Callable[[], trace.Tracer | None]) -> None:
        self._app = app
        self._tracer = cache(open_tracer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        tracer = None if scope["path"] in _UNTRACED_PATHS else self._tracer()
        if tracer is None:
            await self._app(scope, receive, send)
            return
        # The span goes on with the caller's trace where there is a traceparent header.
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with tracer.start_as_current_span("HTTP", extract(carrier), trace.SpanKind.SERVER) as span:
            try:
                await self._app(scope, receive, _noting_status(span, send))
            finally:
                _name_by_route(span, scope)


def saw_verdict(verdict: Verdict) -> None:
    """Add a meme's decision and stage times, in milliseconds, to the span of the request."""
    span = trace.get_current_span()
    if span.is_recording():
        times = {f"{stage}_ms": round(value_ms, 1) for stage, value_ms in verdict.timings_ms.items()}
        span.add_event("verdict", {"decision": verdict.decision, "policy": verdict.policy.name, **times})


def _noting_status(span: trace.Span, send: Send) -> Send:
    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            span.set_attribute("http.response.status_code", message["status"])
            if message["status"] >= 500:
                span.set_status(trace.StatusCode.ERROR)
        await send(message)

    return noting


def _name_by_route(span: trace.Span, scope: Scope) -> None:
    method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
    context = request_context(scope)
    span.update_name(f"{method} {context.route}")
    span.set_attributes({"http.request.method": method, "http.route": context.route})
    span.set_attribute("memeguard.request_id", context.request_id)


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False
