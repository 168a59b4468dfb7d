"""A workspace connects as many Beam accounts as it may, and is told when it has them all."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from bot.beam import RateLimiter
from bot.errors import BadRequest
from bot.services.accounts import ACCOUNTS_MOST, ManyAccounts
from bot.services.callback_keys import CallbackKeys
from bot.services.ports import AccountClient
from storage.accounts import AccountStore
from storage.callback_keys import CallbackKeyStore
from storage.vault import Vault, new_key
from tests.bot.services.world import HERE, World


class TakesToken:
    """A Beam account whose token is good."""

    async def check(self) -> None:
        return


@pytest.fixture
async def accounts(tmp_path: Path) -> AsyncIterator[ManyAccounts]:
    world = World(tmp_path / "bot.db")
    await world.open()
    vault = Vault([new_key()])
    keys = CallbackKeys(CallbackKeyStore(world.database), vault, world.clock)
    client = cast("AccountClient", TakesToken())
    yield ManyAccounts(
        AccountStore(world.database, vault),
        lambda _: client,
        world.clock,
        keys,
        RateLimiter(50, time.monotonic),
    )
    await world.close()


async def test_the_last_account_is_connected_and_the_one_beyond_is_told_what_to_do(
    accounts: ManyAccounts,
) -> None:
    for number in range(ACCOUNTS_MOST):
        await accounts.connect(HERE, f"lab{number}", "token", default=False)
    with pytest.raises(BadRequest) as caught:
        await accounts.connect(HERE, "one-more", "token", default=False)
    assert f"has {ACCOUNTS_MOST} accounts already" in caught.value.text
    assert "/beam disconnect" in caught.value.text
    # A new token for one that is there needs no room.
    await accounts.connect(HERE, "lab3", "new token", default=False)
    await accounts.disconnect(HERE, "lab0")
    await accounts.connect(HERE, "one-more", "token", default=False)
    assert len(await accounts.connected(HERE.team_id)) == ACCOUNTS_MOST
