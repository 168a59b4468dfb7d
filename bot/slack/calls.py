"""Calls to Slack: what each failure means, and how often to try while somebody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import ClientConnectorError, ClientError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.retry_after import retry_after
from bot.services.ports import (
    CardGone,
    ChannelClosed,
    DeliveryError,
    NeverDeliverable,
    OutcomeUnknown,
    TryLater,
    WorkspaceClosed,
)

WAIT_MOST = 30.0
"""Seconds that somebody who asked is kept waiting for Slack to take the answer, all pauses in."""
_ATTEMPTS = 4
_RETRY_AFTER_MOST = 3_600.0

# What Slack's errors mean: https://docs.slack.dev/reference/methods/chat.postMessage#errors
_CHANNEL = {
    "channel_not_found",
    "not_in_channel",
    "is_archived",
    "is_inactive",
    "cannot_dm_bot",
    "messages_tab_disabled",
    "user_disabled",
    "user_not_found",
    "restricted_action",
}
_WORKSPACE = {
    "account_inactive",
    "token_revoked",
    "token_expired",
    "invalid_auth",
    "not_authed",
    "missing_scope",
    "not_allowed_token_type",
    # An organisation's token, which this workspace of it does not let in any more.
    "team_access_not_granted",
}
_LATER = {
    "ratelimited",
    "rate_limited",
    "message_limit_exceeded",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
    "org_login_required",
    "accesslimited",
}
_UNKNOWN = {"internal_error", "fatal_error", "not_json"}
_GONE = {"message_not_found", "cant_update_message", "edit_window_closed"}

Sleep = Callable[[float], Awaitable[None]]
T = TypeVar("T")


async def call(
    client: AsyncWebClient, method: str, arguments: dict[str, Any], *, read: bool = False
) -> dict[str, Any]:
    """Call a method once.

    Args:
        client: the workspace's client, a ``SlackClient`` for what it raises; it must not retry by
            itself, which doubles posts.
        method: such as ``chat.postMessage``.
        arguments: what it takes.
        read: whether it is one of the reading methods, which take no JSON.

    Raises:
        DeliveryError: what went wrong, by what can be done about it; nothing else is raised.
    """
    try:
        if read:
            answer = await client.api_call(method, http_verb="GET", params=arguments)
        else:
            answer = await client.api_call(method, json=arguments)
    except SlackApiError as error:
        raise meaning(error) from error
    except ClientConnectorError as error:
        # No connection was made, so nothing was sent.
        raise TryLater("not_reached") from error
    except (ClientError, OSError, TimeoutError) as error:
        # Without its cause: aiohttp's errors carry the request, and with it the token.
        raise OutcomeUnknown(type(error).__name__) from None
    return answer.data if isinstance(answer.data, dict) else {}


async def patiently(
    attempt: Callable[[], Awaitable[T]], *, repeat: bool, sleep: Sleep = asyncio.sleep
) -> T:
    """Try again for somebody who waits, as often and as long as makes sense.

    Args:
        attempt: does it once; raises a ``DeliveryError``.
        repeat: whether it may happen twice; if not, it is not tried again when it may have
            happened.
        sleep: waits between attempts.

    Raises:
        DeliveryError: of the last attempt.
    """
    left, clock = WAIT_MOST, asyncio.get_running_loop().time
    began = clock()
    for tried in range(_ATTEMPTS - 1):
        try:
            return await attempt()
        except (TryLater, OutcomeUnknown) as error:
            pause = 0.5 * 2.0**tried if error.retry_after is None else error.retry_after
            late = pause > min(left, WAIT_MOST - (clock() - began))
            if late or (isinstance(error, OutcomeUnknown) and not repeat):
                raise
        left -= pause
        await sleep(pause)
    return await attempt()


def meaning(error: SlackApiError) -> DeliveryError:
    """Return what an error of Slack's means for a message."""
    code, status = error_code(error), int(getattr(error.response, "status_code", 0))
    if status == 429 or code in _LATER:
        wait = retry_after(_header(error, "retry-after"))
        return TryLater(code, retry_after=None if wait is None else min(wait, _RETRY_AFTER_MOST))
    if code in _UNKNOWN or status >= 500:
        return OutcomeUnknown(code)
    if code in _CHANNEL or code.startswith("restricted_action"):
        return ChannelClosed(code)
    if code in _WORKSPACE:
        return WorkspaceClosed(code)
    if code in _GONE:
        return CardGone(code)
    # A refusal that nobody foresaw is still a refusal; it must not hold up what follows.
    return NeverDeliverable(code)


def error_code(error: SlackApiError) -> str:
    """Return Slack's name for an error; a body that is not JSON has none."""
    data = error.response.data if hasattr(error.response, "data") else error.response
    code = data.get("error") if isinstance(data, dict) else None
    return code if isinstance(code, str) else "not_json"


def _header(error: SlackApiError, wanted: str) -> str | None:
    headers = getattr(error.response, "headers", None) or {}
    for name, value in headers.items():
        if name.lower() == wanted:
            return str(value[0] if isinstance(value, list) and value else value)
    return None
