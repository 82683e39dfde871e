"""The BentoML service: it runs the processes; the app in ``app.py`` answers every request.

``bentoml serve`` in a checkout, ``bentoml serve TAG`` of a built bento and ``memeguard serve`` all start this.
"""

import os

import bentoml
from bentoml.exceptions import BentoMLException
from starlette.types import ASGIApp, Receive, Scope, Send

from model import MemeguardError, open_bundle
from model.engine import check_installed
from model.known.category_file import category_names
from model.policy.file import read_policies
from serving.app_state import AppState
from serving.http.app import create_app
from serving.jobs.jobs import check_jobs
from serving.ledger.ledger import check_ledger
from serving.observability import logs, tracing
from serving.security.key_file import read_keys
from serving.settings import Settings, from_env
from serving.shadow.shadows import check_shadows
from serving.third_party_internals import bentoml_tracer

app = create_app(lambda: AppState.open(from_env(os.environ)))


def _settings_if_sound() -> Settings:
    """Those of the environment; the defaults where ``check`` is about to refuse them."""
    try:
        return from_env(os.environ)
    except MemeguardError:
        return Settings()


logs.configure(_settings_if_sound())
traced_app = tracing.TracingMiddleware(app, lambda: bentoml_tracer("memeguard"))


class AppFirstMiddleware:
    """ASGI middleware that hands every HTTP request to our app, before BentoML's own routes.

    Those would answer ``/readyz`` without a reason, ``/metrics`` with labels made of raw paths, and an unknown path
    with plain text. BentoML still starts and stops the app, because it is mounted as well.
    """

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on what is none."""
        await (traced_app if scope["type"] == "http" else self._inner)(scope, receive, send)


@bentoml.service(
    name="memeguard",
    workers=1,
    traffic={"timeout": 300},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing=tracing.bentoml_config(_settings_if_sound()),
)
@bentoml.asgi_app(app)
class Memeguard:
    """Scores memes for hate, with the words that were read from the picture as evidence."""

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    @staticmethod
    def check() -> None:
        """Before any worker starts: can the settings be understood, is the engine there, is every file whole?"""
        try:
            settings = from_env(os.environ)
            check_installed(settings.asked_engine)
            read_policies(settings.policy_file, open_bundle(settings.bundle), category_names(settings.categories_file))
            tracing.check(settings)
            if settings.keys_file:
                read_keys(settings.keys_file)
            check_shadows(settings)
            check_ledger(settings)
            check_jobs(settings)
        except MemeguardError as error:
            raise BentoMLException(str(error)) from error


Memeguard.add_asgi_middleware(AppFirstMiddleware)  # type: ignore[attr-defined]  # the decorator made it a Service
