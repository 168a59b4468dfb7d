"""The HTTP session that everything to Slack goes through: bounded in time, never led elsewhere."""

from __future__ import annotations

from aiohttp import (
    ClientError,
    ClientHandlerType,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)

from bot.slack.client import TIMEOUT

CONNECTIONS = 500
"""To Slack at once. A workspace whose calls all hang holds 56 (its deliveries, requests and
notices), and aiohttp's own limit of 100 would let two of them stop everybody."""


class Redirected(ClientError):
    """Something on the way answered with a redirect; Slack's API has none."""


async def _stay(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    response = await handler(request)
    if 300 <= response.status < 400:
        # Followed, it would take what people write to another host, and trust what that answers.
        response.close()
        raise Redirected(f"redirected ({response.status})")
    return response


def new_session(timeout: float = TIMEOUT) -> ClientSession:
    """Return a session for Slack; close it in the end.

    Args:
        timeout: seconds that one request may take in all; the SDK's own does not reach a session
            that is handed to it.
    """
    return ClientSession(
        connector=TCPConnector(limit=CONNECTIONS),
        timeout=ClientTimeout(total=timeout),
        cookie_jar=DummyCookieJar(),
        middlewares=[_stay],
    )
