"""The Slack SDK's client, made to fail in few ways: whatever answers in Slack's place."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientPayloadError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

TIMEOUT = 10
"""Seconds that one request to Slack may take. A session that the SDK is given must know it too."""


class SlackClient(AsyncWebClient):
    """Raises ``SlackApiError`` for an answer that is a refusal or no answer of Slack's at all.

    Everything else it raises is an ``aiohttp.ClientError``, an ``OSError`` or a ``TimeoutError``.
    The SDK takes for granted that an answer is an object in JSON; proxies send other things.
    """

    async def _request(
        self, *, http_verb: str, api_url: str, req_args: dict[str, Any]
    ) -> dict[str, Any]:
        try:
            answer = await super()._request(http_verb=http_verb, api_url=api_url, req_args=req_args)
        except SlackApiError as error:
            # Broken JSON: the SDK hands on aiohttp's response, which spells its parts differently.
            answer = {
                "data": {},
                "headers": getattr(error.response, "headers", {}),
                "status_code": getattr(error.response, "status", 0),
            }
        except (ValueError, LookupError, RecursionError) as error:
            # Not in the encoding that it names, or nested without end. "from None": the cause
            # would quote the answer in a log.
            raise ClientPayloadError(f"unreadable answer ({type(error).__name__})") from None
        if not isinstance(answer["data"], dict):
            answer["data"] = {}
        return answer
