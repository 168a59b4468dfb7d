"""Whose key a callback is to be signed with, whatever strangers name."""

from __future__ import annotations

import asyncio

import pytest

from bot.services.callback_keys import KEPT, CallbackKeys
from storage.callback_keys import CallbackKeyStore
from storage.database import StorageUnavailable
from storage.vault import Vault, new_key
from tests.bot.services.world import Clock

MAIN = b"workspace=T1&account=main"


class FakeStore(CallbackKeyStore):
    """Keys by workspace and account."""

    def __init__(self, keys: dict[tuple[str, str], str]) -> None:
        self.keys = keys
        self.reads = 0
        self.broken = False
        self.begun, self.slow = asyncio.Event(), asyncio.Event()
        self.slow.set()

    async def all(self) -> dict[tuple[str, str], str]:
        self.reads += 1
        found = dict(self.keys)
        self.begun.set()
        await self.slow.wait()
        if self.broken:
            raise StorageUnavailable("gone")
        return found


class CountingVault(Vault):
    opened = 0

    def open(self, sealed: str) -> str:
        self.opened += 1
        return super().open(sealed)


@pytest.fixture
def vault() -> CountingVault:
    return CountingVault([new_key()])


@pytest.fixture
def store(vault: Vault) -> FakeStore:
    return FakeStore({("T1", "main"): vault.seal("sk_1"), ("T2", "main"): vault.seal("sk_2")})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(store: FakeStore, vault: Vault, clock: Clock) -> CallbackKeys:
    return CallbackKeys(store, vault, clock)


async def test_an_address_means_the_key_of_exactly_its_account(keys: CallbackKeys) -> None:
    one, two = await keys.of(MAIN), await keys.of(b"workspace=T2&account=main")
    assert (one.team_id, one.account, one.key) == ("T1", "main", "sk_1")
    assert (two.team_id, two.account, two.key) == ("T2", "main", "sk_2")
    assert "sk_1" not in repr(one)


@pytest.mark.parametrize(
    "query", [b"", b"workspace=T3&account=main", b"workspace=T1&account=lab", MAIN + b"&" + MAIN]
)
async def test_whoever_has_no_key_has_one_that_nobody_knows(
    keys: CallbackKeys, query: bytes, store: FakeStore, vault: Vault, clock: Clock
) -> None:
    key = (await keys.of(query)).key
    assert len(key) > 40
    assert key not in ("sk_1", "sk_2")
    assert (await CallbackKeys(store, vault, clock).of(query)).key != key


async def test_a_flood_of_names_reads_nothing_and_leaves_nothing(
    keys: CallbackKeys, store: FakeStore, vault: CountingVault, clock: Clock
) -> None:
    await keys.of(MAIN)
    before = vault.opened
    await keys.of(MAIN)
    work = vault.opened - before
    held = len(await keys._known())
    for number in range(2_000):
        opened = vault.opened
        await keys.of(f"workspace=T{number}X&account=main".encode())
        # The same work as for a name that there is: the time tells nothing.
        assert vault.opened - opened == work
    assert store.reads == 1
    assert len(await keys._known()) == held == 2
    clock.advance(KEPT.total_seconds() + 1)
    await asyncio.gather(*(keys.of(b"workspace=T9&account=x") for _ in range(100)))
    assert store.reads == 2


async def test_a_key_that_another_copy_changed_is_used_soon_and_one_changed_here_at_once(
    keys: CallbackKeys, store: FakeStore, vault: Vault, clock: Clock
) -> None:
    await keys.of(MAIN)
    store.keys["T1", "main"] = vault.seal("sk_new")
    clock.advance(KEPT.total_seconds() + 1)
    assert (await keys.of(MAIN)).key == "sk_new"
    del store.keys["T1", "main"]
    keys.changed()
    assert (await keys.of(MAIN)).key != "sk_new"


async def test_a_key_that_is_changed_while_the_keys_are_read_is_read_again(
    keys: CallbackKeys, store: FakeStore
) -> None:
    store.slow.clear()
    reading = asyncio.create_task(keys.of(MAIN))
    await store.begun.wait()
    del store.keys["T1", "main"]
    keys.changed()
    store.slow.set()
    await reading
    assert (await keys.of(MAIN)).key != "sk_1"


async def test_a_database_that_is_down_is_not_asked_for_every_request(
    keys: CallbackKeys, store: FakeStore, clock: Clock
) -> None:
    store.broken = True
    for _ in range(100):
        with pytest.raises(StorageUnavailable):
            await keys.of(MAIN)
    assert store.reads == 1
    store.broken = False
    clock.advance(KEPT.total_seconds() + 1)
    assert (await keys.of(MAIN)).key == "sk_1"


async def test_a_key_of_another_encryption_key_is_as_good_as_none(
    keys: CallbackKeys, store: FakeStore
) -> None:
    store.keys["T1", "main"] = Vault([new_key()]).seal("sk_1")
    found = await keys.of(MAIN)
    assert found.key != "sk_1"
    assert found.team_id == ""
    assert (await keys.of(b"workspace=T2&account=main")).key == "sk_2"
