"""The product's poller over its own client and storage, put together as `app.py` does it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.seed import url_of
from bench.stage import Stage
from bot.beam import BeamClient, RateLimiter, new_http_client
from bot.metrics import Metrics
from bot.services.accounts import OneAccount
from bot.services.doors import Doors
from bot.services.habits import Habits
from bot.services.look_up import LookUp
from bot.services.poll import Poller
from bot.services.ports import Beam
from bot.tasks.follow import Pace
from storage.database import Database
from storage.history import HistoryStore
from storage.tasks import TaskStore
from storage.watches import WatchStore

UNLIMITED = 1e6
"""Requests a second: the budget must not be what is measured."""


@dataclass(frozen=True, slots=True)
class Product:
    """A poller that is not started, and what it uses."""

    poller: Poller
    look_up: LookUp
    database: Database


class Nobody:
    """No Beam account: nothing is asked here."""

    who_renews = ""

    async def of(self, team_id: str, channel_id: str) -> str:
        """Return the name of the account that a channel uses: nobody may ask."""
        raise NotImplementedError

    async def client(self, team_id: str, account: str) -> Beam:
        """Return the way to an account: nobody may ask."""
        raise NotImplementedError


def now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


@asynccontextmanager
async def product(
    stage: Stage, database: Database | None = None, kind: type[LookUp] = LookUp
) -> AsyncIterator[Product]:
    """Give a poller whose tasks are due again in an hour.

    Args:
        stage: the simulated Beam, and a folder.
        database: one of its own if not given.
        kind: looks tasks up.
    """
    http = new_http_client()
    database = database or Database(url_of(stage.folder / "beambot.db"))
    limiter = RateLimiter(UNLIMITED, time.monotonic)
    beam = BeamClient(http, base_url=f"{stage.beam}/v2", token="t", limiter=limiter)
    tasks = TaskStore(database)
    pace = Pace(3600, 3600)
    habits = Habits(HistoryStore(database), now)
    polls = OneAccount(beam.patient())
    look_up = kind(polls, tasks, WatchStore(database), now, pace, habits)
    try:
        yield Product(Poller(look_up, tasks, now, Metrics(), pace, Doors()), look_up, database)
    finally:
        await http.aclose()
        await database.close()
