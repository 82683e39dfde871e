"""Internals of BentoML and uvicorn that this package needs, because neither has a public way to them.

Nothing else in ``serving`` reaches into another package. Each function says what would have to become public for it to
go; a new version of either package is held against the tests of tracing, of the log and of stopping. Both packages are
imported when a function is called: they take a second, and log lines are written by commands that need neither.
"""

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer
    from uvicorn import Server


def bentoml_tracer(name: str) -> "Tracer | None":
    """A tracer with BentoML's sampler, exporter and resource; None where its configuration samples nothing.

    BentoML makes a provider of its ``tracing`` configuration, but does not install it as OpenTelemetry's global one.
    """
    from bentoml._internal.configuration.containers import BentoMLContainer  # noqa: PLC0415  see above

    if not BentoMLContainer.tracing.sample_rate.get():
        return None
    tracer: Tracer = BentoMLContainer.tracer_provider.get().get_tracer(name)
    return tracer


def bentoml_log_filters() -> tuple[type[logging.Filter], ...]:
    """The filters of the log handlers that BentoML adds in a server and in its command: they have no other mark."""
    from bentoml._internal.log import InfoFilter, TraceRecordFilter  # noqa: PLC0415  see above

    return TraceRecordFilter, InfoFilter


def uvicorn_server() -> "Server | None":
    """The server that takes SIGTERM in this process, if it is uvicorn's: an app is not told who serves it."""
    from uvicorn import Server  # noqa: PLC0415  see above

    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return server if isinstance(server, Server) else None


def uvicorn_protocol(server: "Server") -> asyncio.Protocol:
    """What serves one more connection, made as ``server`` makes its own: it takes whole sockets, never connections."""
    made: asyncio.Protocol = server.config.http_protocol_class(  # type: ignore[call-arg]
        config=server.config, server_state=server.server_state, app_state=server.lifespan.state
    )
    return made


def uvicorn_has_connections(server: "Server") -> bool:
    """Whether a connection is open: the server waits for its own only once it stops."""
    return bool(server.server_state.connections)
