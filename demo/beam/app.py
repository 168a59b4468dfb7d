"""Puts the simulated Beam together: the API, its control and its page in one application."""

from collections.abc import Callable
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from demo.beam.api import BeamApi, RequestLog
from demo.beam.cloud import Cloud
from demo.beam.control import Control
from demo.beam.faults import Faults
from demo.beam.page import STATIC, Page

TOKEN = "demo-beam-token"


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    *,
    token: str = TOKEN,
    speed: float = 1.0,
    seed: int = 1,
    empty: bool = False,
    clock: Callable[[], datetime] = utc_now,
) -> Starlette:
    """Return the application.

    Args:
        token: the bearer token that the API accepts.
        speed: how many times faster than written the tasks live.
        seed: decides the ids of the tasks.
        empty: start without tasks.
        clock: the time now, aware and UTC.
    """
    cloud = Cloud(clock, speed=speed, seed=seed, empty=empty)
    faults = Faults()
    log = RequestLog(clock)
    return Starlette(
        routes=[
            Route("/healthz", _alive, methods=["GET"]),
            *BeamApi(cloud, faults, log, token).routes(),
            *Control(cloud, faults, log, clock).routes(),
            Route("/", Page().show, methods=["GET"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
    )


async def _alive(_request: Request) -> Response:
    return JSONResponse({"ok": True})
