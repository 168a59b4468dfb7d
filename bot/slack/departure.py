"""When a workspace removes the bot, Slack says so once, with a token that is void already."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck

from storage.database import StorageUnavailable

_log = structlog.get_logger(__name__)


def departure(
    forget: Callable[[str], Awaitable[None]], *, only: str | None = None
) -> Callable[..., Awaitable[None]]:
    """Return a Bolt listener that forgets whoever an event is about.

    Args:
        forget: does it, for the id of the workspace or, of an org-wide installation, of the
            organisation.
        only: the kind of token that must be among those revoked.
    """

    async def listen(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        event, tokens = body.get("event"), None
        if only is not None:
            tokens = event.get("tokens") if isinstance(event, dict) else None
            if not isinstance(tokens, dict) or not tokens.get(only):
                return
        owner_id = body.get("team_id") or body.get("enterprise_id")
        if not isinstance(owner_id, str):
            return
        try:
            await forget(owner_id)
        except StorageUnavailable as error:
            _log.error("a workspace is not forgotten yet", owner=owner_id, reason=error.reason)

    return listen
