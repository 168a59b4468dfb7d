"""The local workspace tells of links and words as Slack does, and refuses what Slack refuses."""

from __future__ import annotations

from typing import Any

import pytest

from demo.workspace import methods_chat, methods_views, seeds
from demo.workspace.calls import ApiError, Calls
from demo.workspace.manifest import load
from demo.workspace.model import Message, Settings
from demo.workspace.page import Page
from demo.workspace.payloads import links_in
from demo.workspace.state import Workspace
from demo.workspace.transport import Ack

JSON = dict[str, Any]
LINK = "https://platform.beam.cloud/tasks/1"
CARD: JSON = {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "hi"}}]}


class Heard:
    """A way to the bot that keeps what it was told."""

    def __init__(self) -> None:
        self.events: list[JSON] = []

    async def deliver(self, kind: str, payload: JSON, timeout: float, retry: object = None) -> Ack:
        self.events.append(payload.get("event", payload))
        return Ack(200)

    async def disconnect(self) -> None:
        """Nothing is open."""

    async def close(self) -> None:
        """Nothing is open."""


def seed(workspace: Workspace) -> None:
    seeds.acme(workspace)
    seeds.install(workspace)


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(Settings(), Heard(), seed)


def heard(workspace: Workspace) -> list[JSON]:
    assert isinstance(workspace.transport, Heard)
    return workspace.transport.events


def test_only_links_to_the_apps_domains_and_names_under_them_count() -> None:
    text = "<https://a.beam.cloud/x?a=1&amp;b=2> <https://evil-beam.cloud/> <https://beam.cloud|b>"
    found = [one["url"] for one in links_in(text, {"beam.cloud"})]
    assert found == ["https://a.beam.cloud/x?a=1&b=2", "https://beam.cloud"]


async def test_a_link_is_told_where_the_app_is_not_and_with_the_scope_alone(
    workspace: Workspace,
) -> None:
    await workspace.say("U0ANA", "C0RANDOM", f"see {LINK}")
    [event] = heard(workspace)
    assert (event["type"], event["links"][0]["url"]) == ("link_shared", LINK)
    assert event["is_bot_user_member"] is False
    workspace.scopes.remove("links:read")
    await workspace.say("U0ANA", "C0RANDOM", f"see {LINK}")
    assert len(heard(workspace)) == 1


def unfurl(workspace: Workspace, message: Message, unfurls: object) -> None:
    args = {"channel": message.channel, "ts": message.ts, "unfurls": unfurls}
    methods_chat.unfurl(Calls(workspace, None), args)


@pytest.mark.parametrize(
    ("unfurls", "code"),
    [
        ([CARD], "invalid_unfurls_format"),
        ({"https://platform.beam.cloud/tasks/2": CARD}, "cannot_unfurl_url"),
        ({"https://example.com/": CARD}, "cannot_unfurl_url"),
        ({LINK: {"text": "hi"}}, "cannot_unfurl_message"),
        ({LINK: {"blocks": [{"type": "rainbow"}]}}, "cannot_unfurl_message"),
        ({LINK: {**CARD, "colour": "red"}}, "cannot_unfurl_message"),
    ],
)
async def test_a_wrong_card_is_refused(workspace: Workspace, unfurls: object, code: str) -> None:
    message = await workspace.say("U0ANA", "C0RANDOM", f"see {LINK} https://example.com/")
    with pytest.raises(ApiError) as refused:
        unfurl(workspace, message, unfurls)
    assert refused.value.code == code
    assert message.unfurls == {}


async def test_a_second_card_replaces_the_first(workspace: Workspace) -> None:
    message = await workspace.say("U0ANA", "C0RANDOM", f"see {LINK}")
    unfurl(workspace, message, {LINK: CARD})
    unfurl(workspace, message, {LINK: {"blocks": [{"type": "divider"}]}})
    assert [block["type"] for block in message.unfurls[LINK]["blocks"]] == ["divider"]


def test_home_is_refused_what_slack_refuses(workspace: Workspace) -> None:
    calls = Calls(workspace, None)
    for view in (
        {"type": "modal", **CARD},
        {"type": "home"},
        {"type": "home", "title": "x", **CARD},
    ):
        with pytest.raises(ApiError):
            methods_views.publish(calls, {"user_id": "U0ANA", "view": view})
    assert workspace.homes == {}
    methods_views.publish(calls, {"user_id": "U0ANA", "view": {"type": "home", **CARD}})
    assert workspace.homes["U0ANA"]["type"] == "home"


def test_a_manifest_may_name_five_domains(workspace: Workspace) -> None:
    manifest: JSON = {"features": {}, "oauth_config": {"scopes": {"bot": []}}}
    manifest["features"]["unfurl_domains"] = [f"d{n}.example" for n in range(6)]
    with pytest.raises(ValueError, match="5 domains"):
        load(workspace, manifest)


async def test_the_first_words_to_the_bot_arrive_though_nothing_opened_the_direct_messages(
    workspace: Workspace,
) -> None:
    assert "D0ANA" not in workspace.channels
    await Page(workspace, None).say({"user": "U0ANA", "channel": "D0ANA", "text": "hi"})
    [event] = heard(workspace)
    assert (event["channel_type"], event["text"]) == ("im", "hi")
