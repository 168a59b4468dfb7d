"""Installation by OAuth: what strangers can begin, and tokens that are renewed meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import func, select
from starlette.applications import Starlette

from bot.slack import oauth
from bot.slack.oauth import INSTALL_PATH, REDIRECT_PATH, Installing
from storage import installations as storage
from storage.installations import Installation, InstallationStore
from storage.migrate import migrate
from storage.tables import oauth_states
from storage.vault import Vault, new_key
from tests.bot.services.fuse import UnsyncedDatabase
from tests.bot.services.world import Clock

KEY = new_key()


@dataclass
class FakeSlack:
    """Renews tokens, but for those that it has forgotten; something may happen meanwhile."""

    forgotten: set[str] = field(default_factory=set)
    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def oauth_v2_access(self, *, refresh_token: str, **_: Any) -> dict[str, Any]:
        if self.meanwhile is not None:
            await self.meanwhile()
        if refresh_token in self.forgotten:
            raise SlackApiError("no", {"ok": False, "error": "invalid_refresh_token"})  # type: ignore[no-untyped-call]
        return {
            "access_token": f"renewed of {refresh_token}",
            "refresh_token": "next",
            "expires_in": 43_200,
        }


class World:
    """The pages of an installation over a real file."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.slack = Clock(), FakeSlack()
        self.file = folder / "oauth.db"
        self.database = UnsyncedDatabase(f"sqlite+aiosqlite:///{self.file}")
        self.store = InstallationStore(self.database, Vault([KEY]))
        self.installing = Installing(
            "id",
            "secret",
            "https://slack.example.com/api/",
            self.store,
            cast("AsyncWebClient", self.slack),
            self.clock,
            lambda _: None,
        )
        transport = httpx.ASGITransport(Starlette(routes=self.installing.routes()))
        self.http = httpx.AsyncClient(transport=transport, base_url="https://bot.example.com")

    async def install(
        self, owner_id: str, refresh: str = "first", store: InstallationStore | None = None
    ) -> Installation:
        """Have the bot installed, with a token that must be renewed now."""
        now = self.clock()
        one = Installation(
            owner_id, False, "Team", "https://team.slack.com/", "A1", "B1", "UBOT", "commands",
            "old", refresh, now + timedelta(hours=1), "U1", now,
        )  # fmt: skip
        await (store or self.store).save(one, now)
        self.clock.advance(120)
        return one

    async def token(self, owner_id: str) -> str | None:
        """Return the token that is kept."""
        found = await self.store.find(owner_id)
        return found.token if found else None


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await migrate(made.database)
    yield made
    await made.http.aclose()
    await made.database.close()


async def test_a_bot_that_is_removed_while_its_token_is_renewed_stays_removed(
    world: World,
) -> None:
    await world.install("T1")
    world.slack.meanwhile = lambda: world.store.remove("T1")
    assert await world.installing.renew() == 0
    assert await world.token("T1") is None


async def test_what_is_installed_anew_while_a_token_is_renewed_keeps_its_own(
    world: World,
) -> None:
    one = await world.install("T1")
    anew = replace(one, token="newest", refresh_token="newest", installed_at=world.clock())
    world.slack.meanwhile = lambda: world.store.save(anew, world.clock())
    assert await world.installing.renew() == 0
    assert await world.token("T1") == "newest"


async def test_tokens_that_cannot_be_renewed_hold_up_no_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "RENEWED_AT_ONCE", 2)
    other_key = InstallationStore(world.database, Vault([new_key()]))
    for number in range(3):
        await world.install(f"TSEALED{number}", store=other_key)
        await world.install(f"TGONE{number}", f"gone {number}")
    world.slack.forgotten = {f"gone {number}" for number in range(3)}
    await world.install("TGOOD")
    renewed = 0
    for _ in range(4):
        renewed += await world.installing.renew()
        world.clock.advance(120)
    assert renewed == 1
    assert await world.token("TGOOD") == "renewed of first"


async def test_strangers_begin_only_so_many_installations(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth, "BEGUN_MOST", 5)
    said = [(await world.http.get(INSTALL_PATH)).status_code for _ in range(8)]
    assert said == [200] * 5 + [429] * 3
    kept = select(func.count()).select_from(oauth_states)
    assert await world.database.read(lambda tx: tx.scalar(kept)) == 5
    world.clock.advance(60)
    assert (await world.http.get(INSTALL_PATH)).status_code == 200
    # A clock that was set back lets nobody wait for it.
    world.clock.advance(-3_600)
    assert (await world.http.get(INSTALL_PATH)).status_code == 200


async def test_a_state_that_was_never_issued_waits_for_no_writer(world: World) -> None:
    writer = sqlite3.connect(world.file, isolation_level=None)
    try:
        writer.execute("BEGIN IMMEDIATE")
        cookie = {"cookie": "slack-app-oauth-state=made-up"}
        query = {"state": "made-up", "code": "c"}
        said = await world.http.get(REDIRECT_PATH, params=query, headers=cookie)
        assert said.status_code == 401
    finally:
        writer.close()


async def test_the_cookie_of_an_installation_is_kept_from_scripts_and_plain_http(
    world: World,
) -> None:
    cookie = (await world.http.get(INSTALL_PATH)).headers["set-cookie"]
    assert {"Secure", "HttpOnly"} <= set(cookie.split("; "))


async def test_what_a_stranger_says_went_wrong_is_no_html(world: World) -> None:
    said = await world.http.get(REDIRECT_PATH, params={"error": "<script>alert(1)</script>"})
    assert "<script>" not in said.text
