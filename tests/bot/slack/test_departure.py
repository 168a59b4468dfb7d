"""Whoever removes the bot is forgotten: in whichever order, however late, whatever fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from slack_bolt.async_app import AsyncAck
from sqlalchemy import select

from bot.services.leaving import Leaving
from bot.slack.departure import PAUSES, departures
from storage.accounts import AccountStore
from storage.database import Database, StorageUnavailable
from storage.installations import Installation, InstallationStore
from storage.migrate import migrate
from storage.tables import beam_accounts, installations
from storage.vault import Vault, new_key
from tests.databases import with_driver

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ONE = Installation(
    "T1", False, "Team", "https://team.slack.com/", "A1", "B1", "UBOT", "commands",
    "xoxb-canary", None, None, "U1", NOW,
)  # fmt: skip
ORG = replace(ONE, owner_id="E1", org_wide=True)
TOKENS = {"bot": ["UBOT"]}


@dataclass
class World:
    """Two stores, and Slack, which says that somebody leaves."""

    database: Database
    installations: InstallationStore
    accounts: AccountStore
    told: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    broken: int = 0
    """How often the database cannot be used yet."""

    async def connect(self, *team_ids: str) -> None:
        """Have something kept of workspaces."""
        for team_id in team_ids:
            await self.accounts.connect(team_id, "main", "t", "U1", NOW, default=True)

    async def kept(self) -> set[str]:
        """Return the workspaces of which something is kept."""
        rows = select(beam_accounts.c.team_id)
        return await self.database.read(lambda tx: set(tx.scalars(rows)))

    async def installed(self) -> set[str]:
        """Return whose installations are kept."""
        rows = select(installations.c.owner_id)
        return await self.database.read(lambda tx: set(tx.scalars(rows)))

    async def say(
        self, kind: str, owner: dict[str, Any], after: float | None = None, **event: Any
    ) -> None:
        """Have Slack say something, ``after`` so many seconds from the installation."""
        body: dict[str, Any] = {**owner, "event": {"type": kind, **event}}
        if after is not None:
            body["event_time"] = int(NOW.timestamp() + after)
        await departures(cast("Leaving", Shaky(self)), self.sleep)[kind](
            cast("AsyncAck", ack), body
        )

    async def sleep(self, seconds: float) -> None:
        """Note how long somebody would have waited."""
        self.slept.append(seconds)

    def leaving(self) -> Leaving:
        """Return what forgets workspaces."""
        return Leaving(self.database, self.installations, lambda: NOW, self.told.append)


class Shaky:
    """Forgets workspaces once the database can be used."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        if self._world.broken:
            self._world.broken -= 1
            raise StorageUnavailable("database is locked")
        return getattr(self._world.leaving(), name)


async def ack() -> None:
    """Acknowledge."""


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    database, vault = Database(with_driver(database_url)), Vault([new_key()])
    await migrate(database)
    yield World(database, InstallationStore(database, vault), AccountStore(database, vault))
    await database.close()


async def org_of_two(world: World) -> None:
    await world.installations.save(ORG, NOW)
    for team_id in ("T1", "T2"):
        await world.installations.note_team(team_id, "E1", NOW)
    await world.connect("T1", "T2", "T3")


@pytest.mark.parametrize("first", ["tokens_revoked", "app_uninstalled"])
async def test_an_organisation_is_forgotten_in_whichever_order_slack_says_it(
    world: World, first: str
) -> None:
    # "The order of the app_uninstalled and tokens_revoked events is not guaranteed"
    # (https://docs.slack.dev/reference/events/app_uninstalled).
    await org_of_two(world)
    second = {"tokens_revoked": "app_uninstalled"}.get(first, "tokens_revoked")
    for kind in (first, second):
        await world.say(kind, {"enterprise_id": "E1"}, after=60, tokens=TOKENS)
    assert await world.kept() == {"T3"}
    assert await world.installed() == set()
    assert {"E1", "T1", "T2"} <= set(world.told)


async def test_an_event_of_an_org_wide_installation_is_about_all_its_workspaces(
    world: World,
) -> None:
    await org_of_two(world)
    wide = [{"enterprise_id": "E1", "team_id": "T1", "is_enterprise_install": True}]
    owner = {"team_id": "T1", "enterprise_id": "E1", "authorizations": wide}
    await world.say("app_uninstalled", owner)
    assert await world.kept() == {"T3"}
    assert await world.installed() == set()


@pytest.mark.parametrize("kind", ["tokens_revoked", "app_uninstalled"])
async def test_what_was_installed_since_outlives_an_event_that_comes_late(
    world: World, kind: str
) -> None:
    await world.installations.save(ONE, NOW)
    await world.connect("T1")
    await world.say(kind, {"team_id": "T1"}, after=-60, tokens=TOKENS)
    assert (await world.installed(), await world.kept()) == ({"T1"}, {"T1"})
    await world.say(kind, {"team_id": "T1"}, after=0, tokens=TOKENS)
    assert await world.installed() == set()


async def test_a_workspace_that_installed_it_by_itself_is_not_its_organisations(
    world: World,
) -> None:
    await org_of_two(world)
    await world.installations.save(replace(ONE, owner_id="T2"), NOW)
    owner = {"enterprise_id": "E1"}
    await world.say("team_access_revoked", owner, team_ids=["T2"])
    await world.say("app_uninstalled", owner)
    assert await world.kept() == {"T2", "T3"}
    assert await world.installed() == {"T2"}


async def test_a_workspace_that_lets_its_organisations_installation_in_no_more_is_forgotten(
    world: World,
) -> None:
    await org_of_two(world)
    # T3 is of no organisation: nobody takes it along.
    await world.say("team_access_revoked", {"enterprise_id": "E1"}, team_ids=["T1", "T3", None])
    assert await world.kept() == {"T2", "T3"}
    assert await world.installed() == {"E1"}


@pytest.mark.parametrize(
    "event", [{}, {"tokens": None}, {"tokens": {"oauth": ["U1"]}}, {"team_ids": "T1"}]
)
async def test_an_event_that_says_too_little_takes_nothing(
    world: World, event: dict[str, Any]
) -> None:
    await org_of_two(world)
    for kind in ("tokens_revoked", "team_access_revoked"):
        await world.say(kind, {"enterprise_id": "E1"}, **event)
    await world.say("app_uninstalled", {"team_id": 7})
    assert await world.kept() == {"T1", "T2", "T3"}
    assert await world.installed() == {"E1"}


async def test_it_is_tried_again_while_the_database_cannot_be_used(world: World) -> None:
    await world.installations.save(ONE, NOW)
    await world.connect("T1")
    world.broken = 3
    await world.say("app_uninstalled", {"team_id": "T1"}, after=60)
    assert (await world.installed(), await world.kept()) == (set(), set())
    assert world.slept == list(PAUSES[:3])
    assert timedelta(seconds=sum(PAUSES)) > timedelta(hours=1)
