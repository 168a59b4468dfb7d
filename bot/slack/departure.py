"""When a workspace removes the bot, Slack says so once, with a token that is void already."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck

from bot.services.leaving import Leaving
from bot.slack.calls import Sleep
from storage.database import StorageUnavailable

PAUSES = (1.0, 5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0)
"""Seconds after which it is tried again while the database cannot be used. Bolt acknowledges events
before anybody sees them, so Slack does not say it again."""

Listener = Callable[[AsyncAck, dict[str, Any]], Awaitable[None]]

_log = structlog.get_logger(__name__)


def departures(leaving: Leaving | None, sleep: Sleep = asyncio.sleep) -> dict[str, Listener]:
    """Return a Bolt listener for every event that says that somebody leaves.

    Args:
        leaving: forgets workspaces; ``None`` where there is but one, whose operator removes the
            bot along with its database.
        sleep: waits for so many seconds.
    """

    async def uninstalled(body: Mapping[str, Any]) -> None:
        owner_id = _owner(body)
        if leaving is not None and owner_id is not None:
            await leaving.uninstalled(owner_id, _at(body))

    async def revoked(body: Mapping[str, Any]) -> None:
        owner_id, tokens = _owner(body), _event(body).get("tokens")
        # Those of people are none of ours.
        if leaving is not None and isinstance(tokens, dict) and tokens.get("bot") and owner_id:
            await leaving.revoked(owner_id, _at(body))

    async def shut_out(body: Mapping[str, Any]) -> None:
        org_id, teams = body.get("enterprise_id"), _event(body).get("team_ids")
        if leaving is not None and isinstance(org_id, str) and isinstance(teams, list):
            await leaving.shut_out(org_id, [team for team in teams if isinstance(team, str)])

    def listener(forget: Callable[[Mapping[str, Any]], Awaitable[None]]) -> Listener:
        async def listen(ack: AsyncAck, body: dict[str, Any]) -> None:
            await ack()
            for pause in PAUSES:
                try:
                    return await forget(body)
                except StorageUnavailable as error:
                    _log.error("a workspace is not forgotten yet", reason=error.reason)
                await sleep(pause)
            return await forget(body)

        return listen

    return {
        "app_uninstalled": listener(uninstalled),
        "tokens_revoked": listener(revoked),
        "team_access_revoked": listener(shut_out),
    }


def _owner(body: Mapping[str, Any]) -> str | None:
    """Return whose installation an event is about: a workspace's or an organisation's."""
    said = body.get("authorizations")
    org_wide = any(
        isinstance(one, dict) and one.get("is_enterprise_install") is True
        for one in (said if isinstance(said, list) else [])
    )
    team_id, org_id = body.get("team_id"), body.get("enterprise_id")
    owner_id = org_id if org_wide and org_id else team_id or org_id
    return owner_id if isinstance(owner_id, str) else None


def _event(body: Mapping[str, Any]) -> Mapping[str, Any]:
    event = body.get("event")
    return event if isinstance(event, dict) else {}


def _at(body: Mapping[str, Any]) -> datetime | None:
    """Return when it happened, where the event says so; it may come late, or twice."""
    at = body.get("event_time")
    if not isinstance(at, int) or not 0 < at < 10**10:
        return None
    return datetime.fromtimestamp(at, UTC)
