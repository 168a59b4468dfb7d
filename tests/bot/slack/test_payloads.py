"""What Slack sends, and what of it concerns the bot."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from aiohttp import ClientSession
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.answer import UrlAnswer
from bot.slack.home import HomeAnswer, HomeTab
from bot.slack.links import NoAnswer, UnfurlAnswer
from bot.slack.payloads import Payloads
from bot.slack.shortcuts import texts_of
from bot.slack.workspace import Identity, Workspace
from bot.tasks import find_task_ids

A = "07ce4078-bccc-4a42-b530-5f2653484a6a"
B = "8b747792-5303-4a42-b530-07ce40786a5f"
LINK = f"https://platform.beam.cloud/tasks/{A}"
JSON = dict[str, Any]


@pytest.fixture
def read() -> Payloads:
    workspace = Workspace(AsyncWebClient())
    workspace._identity = Identity("T1", "Acme", "https://acme.slack.com/", "B1", "U0BOT")
    # Nothing is sent here.
    tab = HomeTab(lambda: datetime.now(UTC))
    return Payloads(workspace, cast("ClientSession", None), tab)


def direct(**event: Any) -> JSON:
    base: JSON = {
        "type": "message",
        "channel_type": "im",
        "channel": "D1",
        "user": "U1",
        "ts": "1.1",
    }
    return {"event": base | {"text": f"status {A}"} | event}


def test_a_direct_message_is_read(read: Payloads) -> None:
    turn = read.direct(direct())
    assert turn is not None
    assert (turn.text, turn.place.channel_id, turn.place.thread_ts) == (f"status {A}", "D1", None)


@pytest.mark.parametrize(
    "event",
    [
        {"subtype": "message_changed", "user": None, "message": {"text": f"status {A}"}},
        {"subtype": "message_deleted", "user": None},
        {"edited": {"user": "U1", "ts": "2.0"}},
        {"bot_id": "B1"},
        {"subtype": "channel_join"},
        {"channel_type": "channel"},
    ],
)
def test_edits_bots_and_other_conversations_are_none_of_its_business(
    read: Payloads, event: JSON
) -> None:
    assert read.direct(direct(**event)) is None


def test_a_file_without_a_word_counts_by_its_name(read: Payloads) -> None:
    files: list[JSON] = [
        {"title": f"log of {A}", "name": f"{A}-{B}.txt"},
        {"title": None, "name": f"x-{B}"},
    ]
    turn = read.direct(direct(subtype="file_share", text="", files=files))
    assert turn is not None
    assert turn.text == f"{A} {B}"
    turn = read.direct(direct(subtype="file_share", text="watch 1", files=files))
    assert turn is not None
    assert turn.text == "watch 1"


def link(**body: Any) -> JSON:
    event: JSON = {"type": "link_shared", "channel": "C1", "user": "U1", "message_ts": "1.1"}
    event |= {"source": "conversations_history", "links": [{"url": LINK}]}
    return {"event": event | body.pop("event", {}), "event_id": "Ev1", **body}


def test_a_link_is_read_and_nobody_is_told_of_errors(read: Payloads) -> None:
    turn = read.link(link(event={"thread_ts": "0.9"}))
    assert turn is not None
    assert isinstance(turn.answer, NoAnswer)
    assert turn.place.thread_ts == "0.9"


@pytest.mark.parametrize(
    "body",
    [
        {"event": {"source": "composer"}},
        {"event": {"user": "U0BOT"}},
        {"event": {"user": None}},
        {"event": {"links": [{"url": "https://platform.beam.cloud/pricing"}]}},
        {"event": {"links": []}},
        {"is_ext_shared_channel": True},
    ],
)
def test_links_that_are_not_shown(read: Payloads, body: JSON) -> None:
    assert read.link(link(**body)) is None


def click(container: JSON, **body: Any) -> JSON:
    where = {"message_ts": "5.5", "channel_id": "C1", "is_ephemeral": False, **container}
    action = {"action_id": "task.refresh", "value": A}
    return {
        "actions": [action],
        "container": where,
        "user": {"id": "U1"},
        "trigger_id": "t",
        **body,
    }


@pytest.mark.parametrize(
    ("container", "message", "thread"),
    [
        ({}, {"ts": "5.5"}, None),
        ({"thread_ts": "5.5"}, {"ts": "5.5", "thread_ts": "5.5", "reply_count": 1}, None),
        ({"thread_ts": "4.4"}, {"ts": "5.5", "thread_ts": "4.4"}, "4.4"),
        ({"thread_ts": "4.4", "is_ephemeral": True}, None, "4.4"),
    ],
)
def test_a_click_in_a_thread_is_answered_there(
    read: Payloads, container: JSON, message: JSON | None, thread: str | None
) -> None:
    body = click(container, response_url="https://slack/r")
    turn = read.click(body if message is None else {**body, "message": message})
    assert turn.place.thread_ts == thread
    assert isinstance(turn.answer, UrlAnswer)
    assert turn.answer._new == ({} if thread is None else {"thread_ts": thread})


def test_a_click_under_a_link_is_answered_without_an_address(read: Payloads) -> None:
    container = {"type": "message_attachment", "is_app_unfurl": True, "app_unfurl_url": LINK}
    turn = read.click(click(container))
    assert isinstance(turn.answer, UnfurlAnswer)
    assert (turn.place.channel_id, turn.message_ts) == ("C1", "5.5")


def test_only_the_home_tab_is_drawn_anew(read: Payloads) -> None:
    event = {"type": "app_home_opened", "user": "U1", "channel": "D1", "tab": "home"}
    turn = read.home({"event": event, "event_id": "Ev1"})
    assert turn is not None
    assert isinstance(turn.answer, HomeAnswer)
    assert read.home({"event": event | {"tab": "messages"}, "event_id": "Ev2"}) is None


def test_a_click_on_home_has_no_channel_and_no_address(read: Payloads) -> None:
    container = {"type": "view", "view_id": "V1"}
    turn = read.home_click(click({}) | {"container": container, "view": {"type": "home"}})
    assert isinstance(turn.answer, HomeAnswer)
    assert (turn.text, turn.place.user_id, turn.message_ts) == (A, "U1", None)


def test_every_id_that_people_read_in_a_message_is_found_and_no_other() -> None:
    ids = [f"07ce4078-bccc-4a42-b530-{number:012d}" for number in range(8)]
    message = {
        "client_msg_id": A,
        "user": "U1",
        "text": f"see {ids[0]}",
        "blocks": [
            {
                "type": "rich_text",
                "block_id": B,
                "elements": [
                    {
                        "type": "rich_text_section",
                        "elements": [
                            {"type": "text", "text": ids[1]},
                            {"type": "link", "url": f"https://x/{ids[2]}"},
                        ],
                    }
                ],
            }
        ],
        "attachments": [
            {"title": ids[3], "fields": [{"value": ids[4]}], "from_url": f"https://x/{ids[5]}"}
        ],
        "files": [{"id": B, "title": ids[6], "name": "log.txt", "preview": f"line\n{ids[7]}"}],
        "metadata": {"event_type": "x", "event_payload": {"id": B}},
    }
    assert find_task_ids("\n".join(texts_of(message))) == ids
