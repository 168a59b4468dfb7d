"""The Beam accounts of each workspace, and which of them a channel uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from storage.audit import note
from storage.database import Database, upsert
from storage.rows import to_watch
from storage.tables import (
    beam_accounts,
    channel_accounts,
    requests_seen,
    runs,
    tasks,
    transitions,
    watches,
)
from storage.vault import Sealed, Vault
from storage.watches import end_watches


@dataclass(frozen=True, slots=True)
class BeamAccount:
    """A Beam account that a workspace has connected."""

    team_id: str
    name: str
    token: str | None = field(repr=False)
    """``None`` if it cannot be read: it was encrypted with a key that is not given any more."""
    is_default: bool
    connected_by: str
    connected_at: datetime
    calls_back: bool
    """Whether it has a key that Beam signs callbacks with."""


class AccountStore:
    """Queries over ``beam_accounts`` and ``channel_accounts``.

    Args:
        database: where they are.
        vault: encrypts the tokens and the keys.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def connect(
        self,
        team_id: str,
        name: str,
        token: str,
        actor_id: str,
        now: datetime,
        *,
        default: bool,
        callback_key: str | None = None,
    ) -> None:
        """Keep an account's token, or a new token of the same account.

        Args:
            team_id: the workspace.
            name: what the workspace calls the account.
            token: the Beam token, checked already.
            actor_id: who connects it.
            now: the current time.
            default: whether channels use it that chose none; the first account always is.
            callback_key: what Beam signs its callbacks with; ``None`` keeps the one before.
        """
        sealed = self._vault.seal(token)

        def work(tx: Connection) -> None:
            _take_turn(tx, team_id, now)
            here = beam_accounts.c.team_id == team_id
            rows = tx.execute(select(beam_accounts).where(here).with_for_update()).all()
            first = default or not any(row.is_default for row in rows if row.name != name)
            if first:
                tx.execute(update(beam_accounts).where(here).values(is_default=False))
            values = {
                "token": sealed,
                "is_default": first,
                "connected_by": actor_id,
                "connected_at": now,
            }
            details: dict[str, object] = {"account": name}
            if callback_key is not None:
                values["callback_key"] = self._vault.seal(callback_key)
                details["signing_key"] = "new"
            row = upsert(tx, beam_accounts).values(team_id=team_id, name=name, **values)
            tx.execute(row.on_conflict_do_update(index_elements=["team_id", "name"], set_=values))
            note(tx, team_id, actor_id, "account.connect", details, now)

        await self._database.write(work)

    async def of(self, team_id: str) -> list[BeamAccount]:
        """Return a workspace's accounts, the default first, then by name."""
        mine = (
            select(beam_accounts)
            .where(beam_accounts.c.team_id == team_id)
            .order_by(beam_accounts.c.is_default.desc(), beam_accounts.c.name)
        )
        rows = await self._database.read(lambda tx: tx.execute(mine).all())
        return [
            BeamAccount(
                row.team_id,
                row.name,
                self._opened(row.token),
                row.is_default,
                row.connected_by,
                row.connected_at,
                row.callback_key is not None,
            )
            for row in rows
        ]

    def _opened(self, sealed: str) -> str | None:
        try:
            return self._vault.open(sealed)
        except Sealed:
            return None

    async def chosen(self, team_id: str, channel_id: str) -> str | None:
        """Return the name of the account that a channel uses: its own choice, else the default."""

        def work(tx: Connection) -> str | None:
            mine = select(channel_accounts.c.account).where(
                channel_accounts.c.team_id == team_id, channel_accounts.c.channel_id == channel_id
            )
            default = select(beam_accounts.c.name).where(
                beam_accounts.c.team_id == team_id, beam_accounts.c.is_default.is_(True)
            )
            return tx.scalar(mine) or tx.scalar(default)

        return await self._database.read(work)

    async def choose(
        self, team_id: str, channel_id: str, name: str | None, actor_id: str, now: datetime
    ) -> bool:
        """Have a channel use an account, or the default again; tell whether there is such one."""

        def work(tx: Connection) -> bool:
            _take_turn(tx, team_id, now)
            here = (
                channel_accounts.c.team_id == team_id,
                channel_accounts.c.channel_id == channel_id,
            )
            tx.execute(delete(channel_accounts).where(*here))
            if name is not None:
                there = select(beam_accounts.c.name).where(
                    beam_accounts.c.team_id == team_id, beam_accounts.c.name == name
                )
                if tx.scalar(there) is None:
                    return False
                row = upsert(tx, channel_accounts).values(
                    team_id=team_id, channel_id=channel_id, account=name
                )
                tx.execute(row.on_conflict_do_nothing())
            details = {"channel": channel_id, "account": name}
            note(tx, team_id, actor_id, "account.choose", details, now)
            return True

        return await self._database.write(work)

    async def disconnect(self, team_id: str, name: str, actor_id: str, now: datetime) -> int | None:
        """Forget an account and what was learned of it, and end the watches of its tasks.

        Returns:
            How many watches ended; ``None`` if there was no such account.
        """

        def work(tx: Connection) -> int | None:
            _take_turn(tx, team_id, now)
            which = (beam_accounts.c.team_id == team_id, beam_accounts.c.name == name)
            row = tx.execute(select(beam_accounts).where(*which).with_for_update()).first()
            if row is None:
                return None
            tx.execute(delete(beam_accounts).where(*which))
            here = select(watches).where(
                watches.c.team_id == team_id,
                watches.c.account == name,
                watches.c.ended_at.is_(None),
            )
            ended = [to_watch(found) for found in tx.execute(here.with_for_update())]
            end_watches(tx, ended, "account", now)
            # A look that is under way must not bring back what is forgotten here.
            theirs = (tasks.c.team_id == team_id, tasks.c.account == name)
            tx.execute(update(tasks).where(*theirs).values(attempt=tasks.c.attempt + 1))
            for table in (runs, transitions):
                tx.execute(delete(table).where(table.c.team_id == team_id, table.c.account == name))
            tx.execute(
                delete(channel_accounts).where(
                    channel_accounts.c.team_id == team_id, channel_accounts.c.account == name
                )
            )
            if row.is_default:
                others = (
                    select(beam_accounts.c.name)
                    .where(beam_accounts.c.team_id == team_id)
                    .order_by(beam_accounts.c.connected_at)
                    .limit(1)
                )
                tx.execute(
                    update(beam_accounts)
                    .where(
                        beam_accounts.c.team_id == team_id,
                        beam_accounts.c.name == others.scalar_subquery(),
                    )
                    .values(is_default=True)
                )
            note(tx, team_id, actor_id, "account.disconnect", {"account": name}, now)
            return len(ended)

        return await self._database.write(work)

    async def reseal(self) -> int:
        """Encrypt every token and key anew with the newest key; return how many accounts.

        Raises:
            Sealed: one was encrypted with a key that is not among those given; nothing changed.
        """

        def work(tx: Connection) -> int:
            rows = tx.execute(select(beam_accounts).with_for_update()).all()
            for row in rows:
                key = row.callback_key
                tx.execute(
                    update(beam_accounts)
                    .where(beam_accounts.c.team_id == row.team_id, beam_accounts.c.name == row.name)
                    .values(
                        token=self._vault.reseal(row.token),
                        callback_key=None if key is None else self._vault.reseal(key),
                    )
                )
            return len(rows)

        return await self._database.write(work)


def _take_turn(tx: Connection, team_id: str, now: datetime) -> None:
    """Let nobody else change a workspace's accounts until this transaction ends.

    Rows that are not there yet cannot be locked: two first accounts would both be the default, and
    a channel could choose what somebody is just disconnecting.
    """
    turn = upsert(tx, requests_seen).values(team_id=team_id, key="accounts", seen_at=now)
    tx.execute(turn.on_conflict_do_update(index_elements=["team_id", "key"], set_={"seen_at": now}))
