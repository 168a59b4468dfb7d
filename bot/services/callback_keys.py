"""With whose key a callback is to be signed: that of the account which its address names."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot.services.ports import Clock
from bot.tasks.accounts import read_callback_query
from bot.tasks.records import Place
from storage.callback_keys import CallbackKeyStore
from storage.database import StorageUnavailable
from storage.vault import Sealed, Vault

KEPT = timedelta(seconds=5)
"""How long this copy may go on with a key that another copy changed or removed."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AccountKey:
    """An account, and the key that its callbacks are signed with."""

    team_id: str
    account: str
    key: str = field(repr=False)


class CallbackKeys:
    """The keys of all connected accounts that have one.

    Anybody may name any account, so nothing is kept of a name and nothing is looked up for it:
    all keys are in memory, encrypted, and read again together when they are old. Where there is
    none, a key that nobody has takes its place, and the callback is as wrongly signed as any
    other, after the same work.

    Args:
        store: where they are kept.
        vault: decrypts them.
        clock: the current time.
    """

    def __init__(self, store: CallbackKeyStore, vault: Vault, clock: Clock) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._nobodys = vault.seal(secrets.token_urlsafe(32))
        self._keys: Mapping[tuple[str, str], str] = {}
        self._read_at: datetime | None = None
        self._down: str | None = None
        """Why the last reading failed, if it did."""
        self._reading = asyncio.Lock()

    async def of(self, query: bytes) -> AccountKey:
        """Return the account that a callback's address names, and its key.

        Args:
            query: what follows the question mark of the address.

        Raises:
            StorageUnavailable: the keys cannot be read just now.
        """
        keys = await self._known()
        team_id, account = read_callback_query(query) or ("", "")
        sealed = keys.get((team_id, account), self._nobodys)
        try:
            return AccountKey(team_id, account, self._vault.open(sealed))
        except Sealed as error:
            _log.error("a signing key cannot be read", team=team_id, reason=str(error))
            return AccountKey("", "", self._vault.open(self._nobodys))

    async def remove(self, place: Place, name: str) -> bool:
        """Forget an account's key; tell whether there was one."""
        there = await self._store.remove(place.team_id, name, place.user_id, self._clock())
        self.changed()
        return there

    def changed(self) -> None:
        """Read the keys again before they are used the next time."""
        self._read_at = None

    async def _known(self) -> Mapping[tuple[str, str], str]:
        async with self._reading:
            now = self._clock()
            if self._read_at is None or abs(now - self._read_at) > KEPT:
                # Before it is read: what changes meanwhile is read again.
                self._read_at = now
                try:
                    self._keys, self._down = await self._store.all(), None
                except StorageUnavailable as error:
                    # Tried again when it is due, not for every request.
                    self._down = error.reason
        if self._down is not None:
            raise StorageUnavailable(self._down)
        return self._keys
