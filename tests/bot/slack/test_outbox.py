"""What Slack's errors mean for a message."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.services.ports import (
    ChannelClosed,
    DeliveryError,
    NeverDeliverable,
    OutcomeUnknown,
    TryLater,
    WorkspaceClosed,
)
from bot.slack.calls import meaning


def error(data: Any, status: int = 200, **headers: str) -> SlackApiError:
    response = AsyncSlackResponse(
        client=AsyncWebClient(),
        http_verb="POST",
        api_url="chat.postMessage",
        req_args={},
        data=data,
        headers=headers,
        status_code=status,
    )
    return SlackApiError("refused", response)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("not_in_channel", ChannelClosed),
        ("is_archived", ChannelClosed),
        ("restricted_action_read_only_channel", ChannelClosed),
        ("token_revoked", WorkspaceClosed),
        ("team_access_not_granted", WorkspaceClosed),
        ("missing_scope", WorkspaceClosed),
        ("invalid_blocks", NeverDeliverable),
        ("msg_too_long", NeverDeliverable),
        ("never_heard_of", NeverDeliverable),
        ("service_unavailable", TryLater),
        ("request_timeout", TryLater),
        ("internal_error", OutcomeUnknown),
        ("fatal_error", OutcomeUnknown),
    ],
)
def test_what_a_code_means(code: str, kind: type[DeliveryError]) -> None:
    found = meaning(error({"ok": False, "error": code}))
    assert (type(found), found.code) == (kind, code)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("30", 30.0), ("0.5", 0.5), ("soon", None), ("nan", None), ("-1", 0.0), ("1e9", 3600.0)],
)
def test_a_rate_limit_says_how_long_to_wait(value: str, seconds: float | None) -> None:
    headers = {"Retry-After": value}
    found = meaning(error({"ok": False, "error": "ratelimited"}, 429, **headers))
    assert isinstance(found, TryLater)
    assert found.retry_after == seconds


def test_a_page_of_a_proxy_leaves_the_outcome_open() -> None:
    assert isinstance(meaning(error("<html>Bad gateway</html>", 502)), OutcomeUnknown)
