"""Where the bot is installed, and the states of installations that have begun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, delete, insert, select, update

from storage.database import Database, upsert
from storage.tables import installations, oauth_states, org_teams
from storage.vault import Vault

RENEWAL_LASTS = timedelta(minutes=1)
"""How long one copy has to renew a token before another may try."""

RENEWED_AT_ONCE = 100
"""Tokens that are renewed one after another before it is looked again which must be."""

A_SECOND = timedelta(seconds=1)
"""Slack says in whole seconds when something happened."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The bot in one workspace, or in all workspaces of an organisation."""

    owner_id: str
    """The workspace's id, or the organisation's."""
    org_wide: bool
    name: str
    url: str
    app_id: str | None
    bot_id: str
    bot_user_id: str
    scopes: str
    """Comma-separated, as Slack granted them."""
    token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    """Set if the app rotates tokens."""
    expires_at: datetime | None
    installed_by: str
    installed_at: datetime


class InstallationStore:
    """Queries over ``installations``, ``org_teams`` and ``oauth_states``.

    Args:
        database: where they are.
        vault: encrypts the tokens.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def save(self, one: Installation, now: datetime) -> None:
        """Keep an installation, in the place of an earlier one of the same owner."""
        values = {
            "org_wide": one.org_wide,
            "name": one.name[:300],
            "url": one.url[:300],
            "app_id": one.app_id,
            "bot_id": one.bot_id,
            "bot_user_id": one.bot_user_id,
            "scopes": one.scopes,
            "token": self._vault.seal(one.token),
            "refresh_token": self._vault.seal(one.refresh_token) if one.refresh_token else None,
            "expires_at": one.expires_at,
            "installed_by": one.installed_by,
            "installed_at": one.installed_at,
            "changed_at": now,
        }

        def work(tx: Connection) -> None:
            row = upsert(tx, installations).values(owner_id=one.owner_id, **values)
            tx.execute(row.on_conflict_do_update(index_elements=["owner_id"], set_=values))

        await self._database.write(work)

    async def find(self, team_id: str, org_id: str | None = None) -> Installation | None:
        """Return the installation that serves a workspace: its own, else its organisation's.

        Args:
            team_id: the workspace.
            org_id: its organisation, where the request names one.

        Raises:
            Sealed: it was encrypted with another key.
        """

        def work(tx: Connection) -> Row[tuple[object, ...]] | None:
            own = select(installations).where(installations.c.owner_id == team_id)
            if (row := tx.execute(own).first()) is not None:
                return row
            known = tx.scalar(select(org_teams.c.org_id).where(org_teams.c.team_id == team_id))
            # What is known goes before what a request names: in a shared channel that may be the
            # organisation of somebody else.
            for owner in (known, org_id):
                org = select(installations).where(
                    installations.c.owner_id == owner, installations.c.org_wide.is_(True)
                )
                if owner and (row := tx.execute(org).first()) is not None:
                    return row
            return None

        row = await self._database.read(work)
        return self._read(row) if row is not None else None

    async def note_team(self, team_id: str, org_id: str, now: datetime) -> None:
        """Remember to which organisation a workspace belongs."""

        def work(tx: Connection) -> None:
            row = upsert(tx, org_teams).values(team_id=team_id, org_id=org_id, seen_at=now)
            tx.execute(
                row.on_conflict_do_update(
                    index_elements=["team_id"], set_={"org_id": org_id, "seen_at": now}
                )
            )

        await self._database.write(work)

    async def teams_of(self, owner_id: str) -> list[str]:
        """Return the workspaces that an installation serves, as far as they were ever seen.

        Those of an organisation that have installed the bot by themselves are not served by its.
        """
        own = select(installations.c.owner_id)
        teams = select(org_teams.c.team_id).where(
            org_teams.c.org_id == owner_id, org_teams.c.team_id.not_in(own)
        )
        found = await self._database.read(lambda tx: list(tx.execute(teams).scalars()))
        return [owner_id, *found]

    async def expiring(self, before: datetime) -> list[str]:
        """Return the owners of tokens that must be renewed, those first that waited longest.

        One that cannot be renewed at all must not be in the way of others: each try puts it last.
        """
        soon = (
            select(installations.c.owner_id)
            .where(installations.c.expires_at < before, installations.c.refresh_token.is_not(None))
            .order_by(installations.c.changed_at, installations.c.owner_id)
            .limit(RENEWED_AT_ONCE)
        )
        return await self._database.read(lambda tx: list(tx.scalars(soon)))

    async def claim_renewal(self, owner_id: str, now: datetime) -> bool:
        """Take the turn to renew a token, for a minute; tell whether no other copy has it."""
        free = (
            update(installations)
            .where(
                installations.c.owner_id == owner_id,
                installations.c.changed_at < now - RENEWAL_LASTS,
            )
            .values(changed_at=now)
        )
        return await self._database.write(lambda tx: tx.execute(free).rowcount == 1)

    async def renewed(self, one: Installation, now: datetime) -> bool:
        """Keep the new token of an installation; tell whether it is still there.

        Not if the bot was removed while Slack was asked, and not if it was installed anew: that
        token is newer.
        """
        same = (
            update(installations)
            .where(
                installations.c.owner_id == one.owner_id,
                installations.c.installed_at == one.installed_at,
            )
            .values(
                token=self._vault.seal(one.token),
                refresh_token=self._vault.seal(one.refresh_token) if one.refresh_token else None,
                expires_at=one.expires_at,
                changed_at=now,
            )
        )
        return await self._database.write(lambda tx: tx.execute(same).rowcount == 1)

    async def installed_since(self, owner_id: str, at: datetime | None) -> bool:
        """Tell whether an owner has installed the bot after a time; never, if that is not known."""
        if at is None:
            return False
        newer = select(installations.c.owner_id).where(
            installations.c.owner_id == owner_id, installations.c.installed_at >= at + A_SECOND
        )
        return await self._database.read(lambda tx: tx.scalar(newer)) is not None

    async def remove(self, owner_id: str, at: datetime | None = None) -> None:
        """Forget an installation and its tokens.

        Which workspaces it served is still known: of them something may be kept.

        Args:
            owner_id: whose it is.
            at: when it ended; one that began since is another one. If not given, any ends.
        """
        gone = delete(installations).where(installations.c.owner_id == owner_id)
        if at is not None:
            gone = gone.where(installations.c.installed_at < at + A_SECOND)
        await self._database.write(lambda tx: tx.execute(gone))

    async def issue_state(self, state: str, now: datetime, lasts: timedelta) -> None:
        """Keep the state of an installation that begins, and forget old ones."""

        def work(tx: Connection) -> None:
            tx.execute(delete(oauth_states).where(oauth_states.c.expires_at < now))
            tx.execute(insert(oauth_states).values(state=state, expires_at=now + lasts))

        await self._database.write(work)

    async def consume_state(self, state: str, now: datetime) -> bool:
        """Take a state, once; tell whether it was there and still good."""
        good = (oauth_states.c.state == state, oauth_states.c.expires_at >= now)
        there = select(oauth_states.c.state).where(*good)
        # Anybody may name any: nobody waits for a writer's turn for one that was never issued.
        if await self._database.read(lambda tx: tx.scalar(there)) is None:
            return False
        taken = delete(oauth_states).where(*good)
        return await self._database.write(lambda tx: tx.execute(taken).rowcount == 1)

    async def reseal(self) -> int:
        """Encrypt every token anew with the newest key; return how many rows changed.

        Raises:
            Sealed: one was encrypted with a key that is not among those given; nothing changed.
        """

        def work(tx: Connection) -> int:
            rows: Sequence[Row[tuple[object, ...]]] = tx.execute(
                select(installations).with_for_update()
            ).all()
            for row in rows:
                again = row.refresh_token and self._vault.reseal(row.refresh_token)
                tx.execute(
                    update(installations)
                    .where(installations.c.owner_id == row.owner_id)
                    .values(token=self._vault.reseal(row.token), refresh_token=again)
                )
            return len(rows)

        return await self._database.write(work)

    def _read(self, row: Row[tuple[object, ...]]) -> Installation:
        return Installation(
            owner_id=row.owner_id,
            org_wide=row.org_wide,
            name=row.name,
            url=row.url,
            app_id=row.app_id,
            bot_id=row.bot_id,
            bot_user_id=row.bot_user_id,
            scopes=row.scopes,
            token=self._vault.open(row.token),
            refresh_token=self._vault.open(row.refresh_token) if row.refresh_token else None,
            expires_at=row.expires_at,
            installed_by=row.installed_by,
            installed_at=row.installed_at,
        )
