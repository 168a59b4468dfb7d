"""The accounts of many workspaces: what is kept of them in memory, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from bot.beam.errors import NotConnected, Unauthorized
from bot.services.accounts import ManyAccounts
from bot.services.callback_keys import CallbackKeys
from bot.services.look_up import sentence
from bot.services.ports import AccountClient, Budget
from bot.services.share import Unlimited
from bot.tasks.follow import Look
from bot.tasks.records import Place
from storage.accounts import AccountStore, BeamAccount
from storage.batches import Horizon
from storage.callback_keys import CallbackKeyStore
from storage.database import Database
from storage.forget import forget_team
from storage.migrate import migrate
from storage.tasks import Observation
from storage.vault import Vault, new_key
from tests.bot.services.fuse import UnsyncedDatabase
from tests.bot.services.world import HERE, A, Clock, World

ADMIN = Place("T1", "C1", "U1")
KEY = new_key()


@dataclass
class FakeClient:
    """The way to the account of a token, which Beam always takes."""

    token: str

    async def check(self) -> None:
        """Take the token."""


class SlowStore(AccountStore):
    """Reads accounts, and may be slow to say what it read."""

    def __init__(self, database: Database, vault: Vault) -> None:
        super().__init__(database, vault)
        self.read, self.say = asyncio.Event(), asyncio.Event()
        self.say.set()

    async def of(self, team_id: str) -> list[BeamAccount]:
        found = await super().of(team_id)
        self.read.set()
        await self.say.wait()
        return found


class Here:
    """Accounts over a real file."""

    def __init__(self, folder: Path) -> None:
        self.database = UnsyncedDatabase(f"sqlite+aiosqlite:///{folder / 'accounts.db'}")
        self.clock, vault = Clock(), Vault([KEY])
        self.store = SlowStore(self.database, vault)
        self.accounts = ManyAccounts(
            self.store,
            lambda token: cast("AccountClient", FakeClient(token)),
            self.clock,
            CallbackKeys(CallbackKeyStore(self.database), vault, self.clock),
            cast("Budget", Unlimited()),
        )

    async def token(self, name: str = "main") -> str:
        """Return the token that an account is asked with."""
        return cast("FakeClient", await self.accounts.client("T1", name)).token


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    made = Here(tmp_path)
    await migrate(made.database)
    yield made
    await made.database.close()


async def test_a_token_that_cannot_be_read_is_replaced_by_connecting_again(here: Here) -> None:
    lost = AccountStore(here.database, Vault([new_key()]))
    await lost.connect("T1", "main", "lost", "U1", here.clock(), default=True)
    await here.accounts.connect(ADMIN, "lab", "good", default=False)
    assert await here.token("lab") == "good"
    with pytest.raises(NotConnected):
        await here.token("main")
    assert {one.name for one in await here.accounts.connected("T1")} == {"main", "lab"}
    await here.accounts.connect(ADMIN, "main", "again", default=True)
    assert await here.token("main") == "again"


async def test_an_account_that_is_disconnected_while_it_is_read_is_not_used_again(
    here: Here,
) -> None:
    await here.accounts.connect(ADMIN, "main", "good", default=True)
    here.store.read.clear()
    here.store.say.clear()
    asking = asyncio.create_task(here.token())
    await here.store.read.wait()
    await here.accounts.disconnect(ADMIN, "main")
    here.store.say.set()
    # Whoever asked before got an answer from before.
    assert await asking == "good"
    with pytest.raises(NotConnected):
        await here.token()


async def test_nothing_is_asked_with_the_token_of_a_workspace_that_was_forgotten(
    here: Here,
) -> None:
    await here.accounts.connect(ADMIN, "main", "good", default=True)
    assert await here.token() == "good"
    await forget_team(here.database, "T1", "app_uninstalled", here.clock())
    here.accounts.changed("T1")
    with pytest.raises(NotConnected):
        await here.token()
    assert "good" not in str(vars(here.accounts))


async def test_a_look_under_way_brings_nothing_back_of_an_account_that_is_disconnected(
    tmp_path: Path,
) -> None:
    world = World(tmp_path / "tasks.db")
    await world.open()
    store = AccountStore(world.database, Vault([KEY]))
    await store.connect("T1", "default", "t", "U1", world.clock(), default=True)
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A], None)
    world.clock.advance(30)
    claimed = await world.tasks.claim_due(
        world.clock(),
        limit=1,
        lease=timedelta(minutes=1),
        horizon=Horizon(timedelta(days=1), timedelta(days=1)),
    )
    (tracked,) = claimed.tasks
    world.beam.put(A, "COMPLETE")
    look = await world.look_up.ask("T1", "default", A)
    assert isinstance(look, Look)
    assert await store.disconnect("T1", "default", "U1", world.clock()) == 1
    seen = Observation("T1", "default", A, look, tracked.attempt, tracked)
    assert await world.look_up.record([seen]) == []
    await world.close()


async def test_whoever_connected_an_account_is_asked_to_renew_its_token(
    here: Here, tmp_path: Path
) -> None:
    world = World(tmp_path / "tasks.db")
    await world.open()
    world.beam.broken = Unauthorized("no")
    said = (await world.look_up.look(HERE, [A])).failed[0].text
    assert "`BEAM_TOKEN`" in said
    await here.accounts.connect(ADMIN, "main", "good", default=True)
    of_many = sentence(Unauthorized("no"), A, here.accounts.who_renews)
    assert "`/beam connect`" in of_many
    assert "BEAM_TOKEN" not in of_many
    await world.close()


async def test_nothing_is_shown_of_tasks_of_an_account_that_was_taken_away(tmp_path: Path) -> None:
    world = World(tmp_path / "tasks.db")
    await world.open()
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A], None)
    world.beam.broken = NotConnected("no account")
    lookup = await world.look_up.look(HERE, [A])
    assert not lookup.found
    assert "/beam connect" in lookup.failed[0].text
    await world.close()
