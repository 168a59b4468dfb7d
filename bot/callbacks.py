"""``POST /beam/callback``: a task has ended, so look at it now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from starlette.types import Receive, Scope, Send

from bot.beam.callback import Forged, read_callback
from bot.inbound import Refused, answer, read_body, read_headers
from bot.services.callback_keys import AccountKey
from bot.services.hint import Hints
from bot.services.ports import Clock
from storage.database import StorageUnavailable

READ_LIMIT = 10.0
"""Seconds that a callback's body may take to come."""

KeyOf = Callable[[bytes], Awaitable[AccountKey]]
"""Returns the account that the query of a callback's address means, and its key."""

_log = structlog.get_logger(__name__)


class BeamCallbacks:
    """An ASGI application that takes Beam's callbacks.

    Args:
        key_of: with whose key a callback is to be signed.
        hints: has tasks looked at.
        clock: the current time.
        refused: counts what is refused, by status.
    """

    def __init__(
        self,
        key_of: KeyOf,
        hints: Hints,
        clock: Clock,
        refused: Callable[[int], None],
    ) -> None:
        self._key_of = key_of
        self._hints = hints
        self._clock = clock
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a callback with 204, or with an error and nothing more."""
        try:
            await self._pass_on(scope, receive)
        except Refused as refused:
            status, why = refused.status, refused.why
        except StorageUnavailable as error:
            # Beam tries twice more.
            status, why = 503, error.reason
        else:
            return await answer(send, 204)
        _log.warning("callback refused", status=status, why=why)
        self._refused(status)
        return await answer(send, status)

    async def _pass_on(self, scope: Scope, receive: Receive) -> None:
        headers = read_headers(scope)
        body = await read_body(headers, receive, READ_LIMIT)
        named = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        # Whoever is named, the same is done until the signature is known to be right.
        account = await self._key_of(scope.get("query_string", b""))
        try:
            callback = read_callback(named, body, key=account.key, now=self._clock())
        except Forged as error:
            raise Refused(401, str(error)) from None
        except ValueError as error:
            raise Refused(400, str(error)) from None
        await self._hints.take(
            account.team_id, account.account, callback.task_id, callback.signature
        )
