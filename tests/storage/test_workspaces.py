"""Installations, accounts and states: kept apart, encrypted, used once, forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import Connection, insert, select, text

from bot.slack.installed import InstalledWorkspaces
from bot.tasks.records import Place
from storage.accounts import AccountStore
from storage.audit import AuditStore
from storage.callback_keys import CallbackKeyStore
from storage.database import Database
from storage.forget import forget_team
from storage.installations import Installation, InstallationStore
from storage.tables import cards, installations, metadata, watches
from storage.vault import Sealed, Vault, new_key

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD, NEW = new_key(), new_key()
ONE = Installation(
    "T1", False, "Team", "https://team.slack.com/", "A1", "B1", "UBOT", "commands",
    "xoxb-canary", None, None, "U1", NOW,
)  # fmt: skip


@pytest.fixture
def store(database: Database) -> InstallationStore:
    return InstallationStore(database, Vault([OLD]))


@pytest.fixture
def accounts(database: Database) -> AccountStore:
    return AccountStore(database, Vault([OLD]))


async def test_a_token_is_kept_encrypted_and_given_back(
    store: InstallationStore, database: Database
) -> None:
    await store.save(ONE, NOW)
    assert await store.find("T1") == ONE
    stored = await database.read(lambda tx: tx.scalar(select(installations.c.token)))
    assert stored is not None
    assert "canary" not in stored
    assert "canary" not in repr(ONE)


async def test_a_workspace_is_served_by_its_own_installation_else_by_its_organisations(
    store: InstallationStore,
) -> None:
    org = replace(ONE, owner_id="E1", org_wide=True, token="xoxb-org")
    await store.save(org, NOW)
    assert await store.find("T2") is None
    found = await store.find("T2", "E1")
    assert found is not None
    assert found.token == "xoxb-org"
    await store.note_team("T2", "E1", NOW)
    assert (await store.find("T2")) == org
    assert await store.teams_of("E1") == ["E1", "T2"]
    await store.save(replace(ONE, owner_id="T2"), NOW)
    own = await store.find("T2", "E1")
    assert own is not None
    assert own.token == "xoxb-canary"
    assert await store.teams_of("E1") == ["E1"]


async def test_a_workspace_stays_with_its_organisation_whoever_acts_in_it(
    store: InstallationStore,
) -> None:
    # A dialog that is sent from a shared channel is of the workspace that installed the app, but
    # names the organisation of whoever sent it (slack_bolt.request.internals, extract_team_id).
    for org in ("E1", "E9"):
        await store.save(replace(ONE, owner_id=org, org_wide=True), NOW)
    workspaces = InstalledWorkspaces(store, lambda token: AsyncWebClient(token), lambda: NOW)
    assert await workspaces.get("T1", "E1") is not None
    workspaces.changed("E1")
    assert await workspaces.get("T1", "E9") is not None
    assert await store.teams_of("E9") == ["E9"]
    assert await store.teams_of("E1") == ["E1", "T1"]
    found = await store.find("T1", "E9")
    assert found is not None
    assert found.owner_id == "E1"
    # One whose organisation has removed the bot is served by another that has it.
    await store.remove("E1")
    found = await store.find("T1", "E9")
    assert found is not None
    assert found.owner_id == "E9"


async def test_an_installation_of_one_workspace_of_an_organisation_serves_no_other(
    store: InstallationStore,
) -> None:
    await store.save(replace(ONE, owner_id="E1", org_wide=False), NOW)
    assert await store.find("T2", "E1") is None


async def test_a_state_is_good_once_however_many_try_at_once(store: InstallationStore) -> None:
    await store.issue_state("s1", NOW, timedelta(minutes=10))
    tries = await asyncio.gather(*(store.consume_state("s1", NOW) for _ in range(10)))
    assert sum(tries) == 1
    await store.issue_state("s2", NOW, timedelta(minutes=10))
    assert not await store.consume_state("s2", NOW + timedelta(minutes=11))
    assert not await store.consume_state("other", NOW)


async def test_one_copy_renews_a_token(store: InstallationStore) -> None:
    soon = replace(ONE, refresh_token="xoxe-1", expires_at=NOW + timedelta(hours=1))
    await store.save(soon, NOW - timedelta(hours=11))
    assert await store.expiring(NOW + timedelta(hours=2)) == ["T1"]
    assert await store.expiring(NOW) == []
    turns = await asyncio.gather(*(store.claim_renewal("T1", NOW) for _ in range(5)))
    assert sum(turns) == 1
    assert await store.claim_renewal("T1", NOW + timedelta(minutes=2))


async def test_keys_are_changed_without_losing_a_token(
    store: InstallationStore, accounts: AccountStore, database: Database
) -> None:
    await store.save(replace(ONE, refresh_token="xoxe-1"), NOW)
    await accounts.connect("T1", "main", "beam-canary", "U1", NOW, default=False)
    await accounts.connect(
        "T1", "lab", "beam-canary", "U1", NOW, default=False, callback_key="sk_canary"
    )
    both = Vault([NEW, OLD])
    assert await InstallationStore(database, both).reseal() == 1
    assert await AccountStore(database, both).reseal() == 2
    only_new = Vault([NEW])
    found = await InstallationStore(database, only_new).find("T1")
    assert found is not None
    assert (found.token, found.refresh_token) == ("xoxb-canary", "xoxe-1")
    tokens = [one.token for one in await AccountStore(database, only_new).of("T1")]
    assert tokens == ["beam-canary"] * 2
    (sealed,) = (await CallbackKeyStore(database).all()).values()
    assert only_new.open(sealed) == "sk_canary"
    with pytest.raises(Sealed) as caught:
        await store.find("T1")
    assert "canary" not in str(caught.value)


async def test_the_first_account_is_the_default_and_a_channel_may_choose_another(
    accounts: AccountStore,
) -> None:
    assert await accounts.chosen("T1", "C1") is None
    await accounts.connect("T1", "main", "t1", "U1", NOW, default=False)
    await accounts.connect("T1", "lab", "t2", "U1", NOW, default=False)
    assert [(one.name, one.is_default) for one in await accounts.of("T1")] == [
        ("main", True),
        ("lab", False),
    ]
    assert await accounts.choose("T1", "C1", "lab", "U1", NOW)
    assert not await accounts.choose("T1", "C2", "unknown", "U1", NOW)
    assert await accounts.chosen("T1", "C1") == "lab"
    assert await accounts.chosen("T1", "C2") == "main"
    assert await accounts.chosen("T2", "C1") is None
    await accounts.connect("T1", "lab", "t3", "U1", NOW, default=True)
    assert [(one.name, one.token, one.is_default) for one in await accounts.of("T1")] == [
        ("lab", "t3", True),
        ("main", "t1", False),
    ]


async def test_one_account_is_the_default_however_many_are_the_first_at_once(
    accounts: AccountStore,
) -> None:
    for number in range(8):
        team_id = f"T{number}"
        await asyncio.gather(
            *(
                accounts.connect(team_id, name, "t", "U1", NOW, default=False)
                for name in ("main", "lab", "old")
            )
        )
        assert [one.is_default for one in await accounts.of(team_id)] == [True, False, False]


async def test_no_channel_is_left_with_an_account_that_is_disconnected_meanwhile(
    accounts: AccountStore,
) -> None:
    for number in range(8):
        team_id = f"T{number}"
        for name in ("main", "lab"):
            await accounts.connect(team_id, name, "t", "U1", NOW, default=False)
        await asyncio.gather(
            accounts.disconnect(team_id, "lab", "U1", NOW),
            accounts.choose(team_id, "C1", "lab", "U1", NOW),
        )
        assert await accounts.chosen(team_id, "C1") == "main"


def watch(tx: Connection, team_id: str, account: str) -> None:
    card = tx.execute(
        insert(cards).values(
            team_id=team_id, account=account, channel_id="C1", kind="task", owner_id="U1",
            level="all", created_at=NOW,
        )
    )  # fmt: skip
    tx.execute(
        insert(watches).values(
            team_id=team_id, account=account, channel_id="C1", task_id=f"{team_id}{account}",
            card_id=(card.inserted_primary_key or (0,))[0], owner_id="U1", level="all",
            created_at=NOW,
        )
    )  # fmt: skip


async def active(database: Database) -> set[tuple[str, str]]:
    left = select(watches.c.team_id, watches.c.account).where(watches.c.ended_at.is_(None))
    return await database.read(lambda tx: {(row[0], row[1]) for row in tx.execute(left)})


async def test_a_disconnected_account_takes_what_depends_on_it_and_nothing_else(
    accounts: AccountStore, database: Database
) -> None:
    for team_id, name in (("T1", "main"), ("T1", "lab"), ("T2", "main")):
        await accounts.connect(team_id, name, "t", "U1", NOW, default=False)
        await database.write(lambda tx, t=team_id, n=name: watch(tx, t, n))  # type: ignore[misc]
    await accounts.choose("T1", "C1", "lab", "U1", NOW)
    assert await accounts.disconnect("T1", "lab", "U1", NOW) == 1
    assert await active(database) == {("T1", "main"), ("T2", "main")}
    assert await accounts.chosen("T1", "C1") == "main"
    assert await accounts.disconnect("T1", "lab", "U1", NOW) is None
    await accounts.connect("T1", "lab", "t", "U1", NOW, default=False)
    await accounts.disconnect("T1", "main", "U1", NOW)
    assert [(one.name, one.is_default) for one in await accounts.of("T1")] == [("lab", True)]


async def test_a_forgotten_workspace_leaves_only_the_trail(
    store: InstallationStore, accounts: AccountStore, database: Database
) -> None:
    for team_id in ("T1", "T2"):
        await accounts.connect(team_id, "main", "t", "U1", NOW, default=False)
        await database.write(lambda tx, t=team_id: watch(tx, t, "main"))  # type: ignore[misc]
    await forget_team(database, "T1", "app_uninstalled", NOW)
    assert await active(database) == {("T2", "main")}
    for table in metadata.sorted_tables:
        if "team_id" in table.c and table.name != "audit":
            rows = await database.read(
                lambda tx, table=table: tx.execute(  # type: ignore[misc]
                    select(table).where(table.c.team_id == "T1")
                ).all()
            )
            assert rows == [], table.name
    trail = await AuditStore(database).since(NOW)
    assert [one["action"] for one in trail if one["team"] == "T1"] == [
        "account.connect",
        "workspace.forget",
    ]
    assert await AuditStore(database).since(NOW + timedelta(seconds=1)) == []


async def test_a_signing_key_is_kept_until_it_is_replaced_or_removed(
    accounts: AccountStore, database: Database
) -> None:
    keys, vault = CallbackKeyStore(database), Vault([OLD])

    async def connect(key: str | None, name: str = "main", team_id: str = "T1") -> None:
        await accounts.connect(
            team_id, name, "beam-canary", "U1", NOW, default=False, callback_key=key
        )

    async def kept() -> dict[tuple[str, str], str]:
        return {whose: vault.open(sealed) for whose, sealed in (await keys.all()).items()}

    await connect(None, "lab")
    await connect("sk_other", team_id="T2")
    await connect("sk_canary")
    assert "canary" not in str(await keys.all())
    await connect(None)
    assert await kept() == {("T1", "main"): "sk_canary", ("T2", "main"): "sk_other"}
    assert {one.name: one.calls_back for one in await accounts.of("T1")} == {
        "main": True,
        "lab": False,
    }
    await connect("sk_new")
    assert (await kept())["T1", "main"] == "sk_new"
    assert await keys.remove("T1", "main", "U1", NOW)
    assert not await keys.remove("T1", "main", "U1", NOW)
    assert await kept() == {("T2", "main"): "sk_other"}
    await accounts.disconnect("T2", "main", "U1", NOW)
    assert await kept() == {}
    trail = await AuditStore(database).since(NOW)
    changed = [one["action"] for one in trail if "key" in str(one)]
    assert changed == [
        "account.connect",
        "account.connect",
        "account.connect",
        "account.remove_key",
    ]
    assert "sk_" not in str(trail)


async def test_the_trail_holds_no_token(accounts: AccountStore, database: Database) -> None:
    await accounts.connect("T1", "main", "beam-canary", "U1", NOW, default=False)
    rows = await database.read(lambda tx: tx.execute(text("SELECT * FROM audit")).all())
    assert rows
    assert "canary" not in str(rows)


def test_any_long_text_is_a_key() -> None:
    vault = Vault(["a long and random text"])
    assert Vault([NEW, "a long and random text"]).open(vault.seal("secret")) == "secret"
    with pytest.raises(Sealed):
        Vault(["another random text"]).open(vault.seal("secret"))


def test_a_place_means_the_default_account_unless_it_says_otherwise() -> None:
    assert Place("T1", "C1", "U1").account == "default"
