"""HTTP: what Slack sends, health, readiness, metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from bot.slack.manifest import EVENTS_PATH
from bot.tasks.accounts import CALLBACK_PATH

Check = Callable[[], Awaitable[str | None]]
"""Returns why a part is not ready, ``None`` if it is."""


def new_web(
    events: ASGIApp | None,
    parts: Mapping[str, Check],
    metrics: Callable[[], Awaitable[bytes]],
    callbacks: ASGIApp | None = None,
    install: Sequence[BaseRoute] = (),
) -> Starlette:
    """Return the HTTP application.

    Args:
        events: takes Slack's requests; ``None`` in Socket Mode.
        parts: what must hold for the bot to be ready, by name.
        metrics: returns the metrics as Prometheus' text.
        callbacks: takes Beam's callbacks; ``None`` without a key.
        install: the routes of an installation by OAuth, if there are any.
    """

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(_: Request) -> Response:
        states = {name: await check() for name, check in parts.items()}
        missing = {name: why for name, why in states.items() if why is not None}
        said = {"ready": not missing, "not_ready": list(missing), "why": missing}
        return JSONResponse(said, status_code=503 if missing else 200)

    async def measure(_: Request) -> Response:
        return Response(await metrics(), headers={"content-type": CONTENT_TYPE_LATEST})

    routes: list[BaseRoute] = [
        Route("/healthz", health),
        Route("/readyz", ready),
        Route("/metrics", measure),
    ]
    if events is not None:
        routes.append(Route(EVENTS_PATH, events, methods=["POST"]))
    if callbacks is not None:
        routes.append(Route(CALLBACK_PATH, callbacks, methods=["POST"]))
    app = Starlette(routes=[*routes, *install])
    # A redirect would repeat the caller's own Host header.
    app.router.redirect_slashes = False
    return app
