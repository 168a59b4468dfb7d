"""``POST /beam/callback``: a task has ended, so look at it now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from starlette.types import Receive, Scope, Send

from bot.beam.callback import Callback, Forged, read_callback
from bot.inbound import Refused, answer, read_body, read_headers
from bot.services.ports import Clock

READ_LIMIT = 10.0
"""Seconds that a callback's body may take to come."""

_log = structlog.get_logger(__name__)


class BeamCallbacks:
    """An ASGI application that takes Beam's callbacks.

    Args:
        key: the Beam workspace's signing key.
        take: has the task looked at.
        clock: the current time.
        refused: counts what is refused, by status.
    """

    def __init__(
        self,
        key: str,
        take: Callable[[Callback], Awaitable[None]],
        clock: Clock,
        refused: Callable[[int], None],
    ) -> None:
        self._key = key
        self._take = take
        self._clock = clock
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a callback with 204, or with an error and nothing more."""
        try:
            callback = await self._read(scope, receive)
        except Refused as refused:
            _log.warning("callback refused", status=refused.status, why=refused.why)
            self._refused(refused.status)
            await answer(send, refused.status)
            return
        await self._take(callback)
        await answer(send, 204)

    async def _read(self, scope: Scope, receive: Receive) -> Callback:
        headers = read_headers(scope)
        body = await read_body(headers, receive, READ_LIMIT)
        named = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        try:
            return read_callback(named, body, key=self._key, now=self._clock())
        except Forged as error:
            raise Refused(401, str(error)) from None
        except ValueError as error:
            raise Refused(400, str(error)) from None
