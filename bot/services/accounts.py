"""Which Beam account is meant where, and the way to it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.beam.errors import BeamError, NotConnected, Unauthorized
from bot.errors import BadRequest, BeamUnavailable
from bot.services.callback_keys import CallbackKeys
from bot.services.ports import AccountClient, Beam, Budget, Clock
from bot.tasks.records import DEFAULT_ACCOUNT, ConnectedAccount, Place
from storage.accounts import AccountStore, BeamAccount

KEPT = timedelta(seconds=30)
"""How long another copy may go on with a token that was changed or removed."""

CLIENTS_MOST = 10_000
ACCOUNTS_MOST = 20
"""Accounts that one workspace may connect: each has a budget and workers of its own."""

_NO_SUCH = "There is no such account any more. Type `/beam connect` to see those that there are."

_log = structlog.get_logger(__name__)


class OneAccount:
    """The account of the environment's token, wherever it is asked from.

    Args:
        beam: the way to it.
    """

    who_renews = "Whoever runs Beambot must renew `BEAM_TOKEN`."

    def __init__(self, beam: Beam) -> None:
        self._beam = beam

    async def of(self, team_id: str, channel_id: str) -> str:
        """Return the name of the account that a channel uses."""
        return DEFAULT_ACCOUNT

    async def client(self, team_id: str, account: str) -> Beam:
        """Return the way to an account."""
        return self._beam


@dataclass(frozen=True, slots=True)
class _Known:
    at: datetime
    accounts: dict[str, BeamAccount]


class ManyAccounts:
    """The accounts that each workspace has connected; none sees another's.

    Args:
        store: where they are kept.
        new_client: makes the way to an account of a token; called once for each token.
        clock: the current time.
        callback_keys: what Beam signs callbacks with.
        usual: the budget of an account that nobody has asked for yet.
    """

    who_renews = "An admin of this workspace must connect the account again with `/beam connect`."

    def __init__(
        self,
        store: AccountStore,
        new_client: Callable[[str], AccountClient],
        clock: Clock,
        callback_keys: CallbackKeys,
        usual: Budget,
    ) -> None:
        self._store = store
        self._callback_keys = callback_keys
        self._new_client = new_client
        self._clock = clock
        self._usual = usual
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._changes = 0
        self._clients: OrderedDict[tuple[str, str, str], AccountClient] = OrderedDict()

    async def of(self, team_id: str, channel_id: str) -> str:
        """Return the name of the account that a channel uses."""
        return await self._store.chosen(team_id, channel_id) or DEFAULT_ACCOUNT

    async def client(self, team_id: str, account: str) -> AccountClient:
        """Return the way to an account.

        Raises:
            NotConnected: the workspace has no such account, or its token cannot be read.
        """
        found = (await self._of_team(team_id)).get(account)
        if found is None or found.token is None:
            raise NotConnected(f"the workspace has no account {account}, or no token of it")
        key = (team_id, account, found.token)
        if key not in self._clients:
            self._clients[key] = self._new_client(found.token)
            if len(self._clients) > CLIENTS_MOST:
                self._clients.popitem(last=False)
        self._clients.move_to_end(key)
        return self._clients[key]

    def budget(self, team_id: str, account: str) -> Budget:
        """Return what may be sent to an account, as far as that is known without asking."""
        known = self._known.get(team_id)
        found = known.accounts.get(account) if known else None
        client = self._clients.get((team_id, account, found.token or "")) if found else None
        return client.budget if client else self._usual

    async def connected(self, team_id: str) -> list[ConnectedAccount]:
        """Return a workspace's accounts, the default first."""
        return [
            ConnectedAccount(
                one.name, one.is_default, one.connected_by, one.connected_at, one.calls_back
            )
            for one in (await self._of_team(team_id)).values()
        ]

    async def connect(
        self,
        place: Place,
        name: str,
        token: str,
        *,
        default: bool,
        callback_key: str | None = None,
    ) -> None:
        """Check a token against Beam, and keep it.

        Args:
            place: where, and who does it.
            name: what the account is called.
            token: the token.
            default: whether channels use it that chose none.
            callback_key: what Beam signs its callbacks with; ``None`` keeps the one before.

        Raises:
            BadRequest: Beam does not take it, or the workspace has too many accounts.
            BeamUnavailable: Beam does not answer, so nobody knows.
        """
        accounts = await self._of_team(place.team_id)
        if name not in accounts and len(accounts) >= ACCOUNTS_MOST:
            raise BadRequest(
                f"This workspace has {ACCOUNTS_MOST} accounts already, which is the most, so this"
                " one was not connected. Remove one first: type `/beam disconnect`."
            )
        try:
            await self._new_client(token).check()
        except Unauthorized as error:
            raise BadRequest(
                "Beam does not accept this token, so it was not kept. Copy it again from Beam."
            ) from error
        except BeamError as error:
            raise BeamUnavailable(
                "Beam did not answer, so the token could not be checked and was not kept. Try"
                " again in a minute."
            ) from error
        await self._store.connect(
            place.team_id,
            name,
            token,
            place.user_id,
            self._clock(),
            default=default,
            callback_key=callback_key,
        )
        self._forget(place)

    async def disconnect(self, place: Place, name: str) -> int:
        """Forget an account, and end what was watched in it; return how many watches ended.

        Raises:
            BadRequest: the workspace has no such account.
        """
        ended = await self._store.disconnect(place.team_id, name, place.user_id, self._clock())
        self._forget(place)
        if ended is None:
            raise BadRequest(_NO_SUCH)
        return ended

    async def remove_key(self, place: Place, name: str) -> None:
        """Forget what Beam signs an account's callbacks with.

        Raises:
            BadRequest: the workspace has no such account, or it has no key.
        """
        there = await self._callback_keys.remove(place, name)
        self._forget(place)
        if not there:
            raise BadRequest("There is no signing key any more. Type `/beam connect` to see.")

    async def choose(self, place: Place, name: str | None) -> None:
        """Have a channel use an account; ``None`` for the default.

        Raises:
            BadRequest: the workspace has no such account.
        """
        done = await self._store.choose(
            place.team_id, place.channel_id, name, place.user_id, self._clock()
        )
        if not done:
            raise BadRequest(_NO_SUCH)

    def changed(self, team_id: str) -> None:
        """Read a workspace's accounts again before they are used, and keep none of its tokens."""
        self._changes += 1
        self._known.pop(team_id, None)
        for key in [one for one in self._clients if one[0] == team_id]:
            del self._clients[key]

    def _forget(self, place: Place) -> None:
        self.changed(place.team_id)
        self._callback_keys.changed()

    async def _of_team(self, team_id: str) -> dict[str, BeamAccount]:
        now, changes = self._clock(), self._changes
        known = self._known.get(team_id)
        if known is not None and abs(now - known.at) <= KEPT:
            return known.accounts
        accounts = {one.name: one for one in await self._store.of(team_id)}
        for one in accounts.values():
            if one.token is None:
                _log.error("a stored token cannot be read", team=team_id, account=one.name)
        # What was read may be what somebody has changed meanwhile.
        if changes == self._changes:
            self._known[team_id] = _Known(now, accounts)
            if len(self._known) > CLIENTS_MOST:
                self._known.popitem(last=False)
        return accounts


class PatientAccounts:
    """The accounts of many workspaces, for what lets people go first.

    Args:
        accounts: the accounts.
    """

    who_renews = ManyAccounts.who_renews

    def __init__(self, accounts: ManyAccounts) -> None:
        self._accounts = accounts

    async def of(self, team_id: str, channel_id: str) -> str:
        """Return the name of the account that a channel uses."""
        return await self._accounts.of(team_id, channel_id)

    async def client(self, team_id: str, account: str) -> Beam:
        """Return the way to an account."""
        return (await self._accounts.client(team_id, account)).patient()
