"""Slack's payloads, whole and mangled, through the gate and Bolt: an ack or a 4xx, no exception."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any, cast

import pytest
from aiohttp import ClientSession
from hypothesis import example, given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.slack.home import HomeTab
from bot.slack.manifest import WATCH_IN_MESSAGE, WATCH_TASK
from bot.slack.payloads import Payloads
from demo.workspace import payloads
from demo.workspace.model import Channel, User, View
from tests.bot.services.world import A, B
from tests.fuzz.cases import JSON, TEXT, Loop, cases, mutated
from tests.fuzz.slack_side import SlackSide

ANA = User("U0ANA", "ana", "Ana")
OPS = Channel("C0OPS", "ops", "public")
RESPONSE_URL = "https://hooks.slack.example/x"
ACTIONS = [
    "task.cancel",
    "task.refresh",
    "task.watch",
    "task.unwatch",
    "task.share",
    "task.details",
    "task.details.7",
    "group.refresh",
    "group.unwatch",
    "group.cancel",
    "list.page.previous",
    "list.page.next",
    "cancel.confirm",
    "cancel.dismiss",
    "help.run",
    "help.run.all",
    "from.an.older.version",
]
_numbers = itertools.count()


def trigger() -> str:
    return f"{next(_numbers)}.123.abc"


def command(text: str) -> dict[str, Any]:
    return payloads.slash_command(ANA, OPS, "/beam", text, trigger(), RESPONSE_URL)


def click(action_id: str, value: str) -> dict[str, Any]:
    message = {"type": "message", "ts": "1.0", "text": "x", "user": "UBOT", "blocks": []}
    return payloads.interaction("block_actions", ANA, trigger()) | {
        "container": {
            "type": "message",
            "message_ts": "1.0",
            "channel_id": OPS.id,
            "is_ephemeral": False,
        },
        "channel": {"id": OPS.id, "name": "ops"},
        "message": message,
        "state": {"values": {}},
        "response_url": RESPONSE_URL,
        "actions": [
            {
                "type": "button",
                "action_id": action_id,
                "block_id": "b",
                "value": value,
                "action_ts": "1.0",
                "text": {"type": "plain_text", "text": "x"},
            }
        ],
    }


def submission(callback_id: str, typed: str) -> dict[str, Any]:
    view = View(
        "V1",
        "hash",
        ANA.id,
        {"type": "modal", "callback_id": callback_id, "blocks": [], "private_metadata": "{}"},
        values={
            "tasks": {"ids": {"type": "plain_text_input", "value": typed}},
            "tasks.1": {"ids": {"type": "checkboxes", "selected_options": [{"value": str(B)}]}},
            "channel": {
                "channel": {"type": "conversations_select", "selected_conversation": OPS.id}
            },
            "level": {"level": {"type": "radio_buttons", "selected_option": {"value": "final"}}},
        },
    )
    return payloads.interaction("view_submission", ANA, trigger()) | {
        "view": payloads.view_json(view),
        "response_urls": [],
    }


def shortcut(kind: str, callback_id: str, text: str) -> dict[str, Any]:
    return payloads.interaction(kind, ANA, trigger()) | {
        "callback_id": callback_id,
        "channel": {"id": OPS.id, "name": "ops"},
        "message_ts": "1.0",
        "message": {"type": "message", "ts": "1.0", "text": text, "user": ANA.id},
        "response_url": RESPONSE_URL,
    }


def event(kind: str, text: str) -> dict[str, Any]:
    said: dict[str, Any] = {
        "type": kind,
        "text": text,
        "user": ANA.id,
        "ts": f"{next(_numbers)}.0",
        "team": "T1",
        "channel": "D0ANA" if kind == "message" else OPS.id,
        "event_ts": "1.0",
        "thread_ts": "1.0",
    }
    if kind == "message":
        said["channel_type"] = "im"
    return payloads.event_callback(said, 1)


WORDS = st.one_of(
    TEXT,
    st.sampled_from(
        ["", "help", f"status {A}", f"watch {A}", f"unwatch {A}", "list", f"cancel {B}"]
    ),
)
ORIGINALS = st.one_of(
    st.builds(command, WORDS),
    st.builds(click, st.sampled_from(ACTIONS), st.one_of(WORDS, st.sampled_from([A, B, "1"]))),
    st.builds(submission, st.sampled_from(["watch.submit", "watch_message.submit", "x"]), WORDS),
    st.builds(
        shortcut,
        st.sampled_from(["shortcut", "message_action"]),
        st.sampled_from([WATCH_TASK, WATCH_IN_MESSAGE, "x"]),
        WORDS,
    ),
    st.builds(event, st.sampled_from(["app_mention", "message", "reaction_added"]), WORDS),
)
FORMS = st.sampled_from(["json", "form", "payload"])


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture(scope="module")
def slack(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlackSide]:
    made = SlackSide(tmp_path_factory.mktemp("fuzz") / "beambot.db")
    loop.run(made.open())
    yield made
    loop.run(made.close())


class Escaped:
    """Notes what no task was waited for and nobody caught."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []

    def __call__(self, loop: object, context: dict[str, Any]) -> None:
        self.found.append(context)


def deliver(loop: Loop, slack: SlackSide, payload: Any, form: str) -> int:
    """Send a payload; check that nothing escaped: neither to Bolt nor to the event loop."""
    escaped = Escaped()

    async def work() -> int:
        asyncio.get_running_loop().set_exception_handler(escaped)
        return await slack.deliver(payload, form)

    with capture_logs() as lines:
        status = loop.run(work())
    assert escaped.found == []
    if status == 200:
        # What Bolt itself stumbles over it refuses; after an ack it can only have been ours.
        assert [line for line in lines if line["event"] == "request not understood"] == []
    return status


@cases(250, 20_000)
@given(payload=mutated(ORIGINALS), form=FORMS)
@example(payload={**command("x"), "response_url": 7}, form="json")
@example(payload={"type": "event_callback", "event": 7}, form="json")
@example(payload={"type": "block_actions", "actions": 7, "user": 7}, form="payload")
@example(payload={"type": "view_submission", "view": {"callback_id": "watch.submit"}}, form="json")
@example(payload={"type": "x", "team": 7}, form="json")
@example(payload={"authorizations": [7], "response_urls": [7]}, form="json")
def test_a_mangled_payload_gets_an_ack_or_a_refusal(
    loop: Loop, slack: SlackSide, payload: Any, form: str
) -> None:
    before = slack.reached
    status = deliver(loop, slack, payload, form)
    assert status == 200 or 400 <= status < 500
    assert slack.reached == before + 1 or status == 400


def reading(slack: SlackSide) -> Payloads:
    tab = HomeTab(slack.world.clock)
    return Payloads(slack.workspace, cast("ClientSession", slack.session), tab)


READERS = ["command", "mention", "direct", "click", "shortcut", "submission"]


@cases(300, 10_000)
@given(payload=mutated(ORIGINALS), reader=st.sampled_from(READERS))
@example(payload={**command("x"), "user_id": "\ud800"}, reader="command")
@example(payload={**command("x"), "channel_id": {"id": "C1"}}, reader="command")
@example(payload={**command("x"), "trigger_id": "x" * 300}, reader="command")
@example(payload={**command("x"), "text": ["x"]}, reader="command")
def test_a_turn_has_ids_that_can_be_stored(slack: SlackSide, payload: Any, reader: str) -> None:
    read = getattr(reading(slack), reader)
    try:
        turn = read(payload)
    except (ValueError, KeyError, AttributeError):  # the guard tells and logs it
        turn = None
    if turn is None:
        return
    place = turn.place
    ids = [place.team_id, place.channel_id, place.user_id, turn.key]
    ids += [one for one in (place.thread_ts, turn.message_ts) if one is not None]
    for one in ids:
        assert isinstance(one, str)
        assert one.isascii()
        assert 0 < len(one) < 600
    assert isinstance(turn.text, str)


@pytest.mark.parametrize("url", [None, "", 7, ["https://x"], "ftp://x", "//x", "https://x\ud800"])
def test_an_answer_goes_to_a_web_address_only(slack: SlackSide, url: Any) -> None:
    with pytest.raises(ValueError, match="no usable response_url"):
        reading(slack).command({**command("x"), "response_url": url})


@cases(200, 5_000)
@given(payload=JSON, form=st.sampled_from(["json", "payload"]))
def test_any_json_gets_an_ack_or_a_refusal(
    loop: Loop, slack: SlackSide, payload: Any, form: str
) -> None:
    status = deliver(loop, slack, payload, form)
    assert status == 200 or 400 <= status < 500


@pytest.mark.parametrize("form", ["json", "payload"])
@pytest.mark.parametrize(
    "payload",
    [
        click("task.refresh", A),
        click("help.run.3", "list"),
        submission("watch.submit", A),
        shortcut("shortcut", WATCH_TASK, ""),
        shortcut("message_action", WATCH_IN_MESSAGE, str(A)),
        event("app_mention", f"<@UBOT> status {A}"),
        event("message", f"status {A}"),
    ],
)
def test_a_whole_payload_is_done(
    loop: Loop, slack: SlackSide, payload: dict[str, Any], form: str
) -> None:
    done = +slack.meter.counts
    again = {**payload, "trigger_id": trigger()}
    if "event" in payload:
        again["event"] = {**payload["event"], "ts": f"{next(_numbers)}.5"}
    assert deliver(loop, slack, again, form) == 200
    new = slack.meter.counts - done
    assert new["acknowledged"] == 1
    assert [what for what in new if what.endswith(" done")], new


@pytest.mark.parametrize("text", ["help", "payload", f"status payload {A}", "{", "{}", "%00", ""])
def test_a_command_is_done_whatever_it_says(loop: Loop, slack: SlackSide, text: str) -> None:
    done = +slack.meter.counts
    assert deliver(loop, slack, command(text), "form") == 200
    assert (slack.meter.counts - done)["command done"] == 1


def test_a_modal_that_cannot_be_checked_is_acknowledged_and_its_person_told(
    loop: Loop, slack: SlackSide
) -> None:
    payload = submission("watch.submit", str(A))
    payload["view"]["state"]["values"] = {"unheard.of": {}}
    done, sent = +slack.meter.counts, len(slack.session.sent)
    assert deliver(loop, slack, payload, "payload") == 200
    assert (slack.meter.counts - done)["shortcut failed"] == 1
    told = [body for url, body in slack.session.sent[sent:] if url.endswith("chat.postMessage")]
    assert [body["channel"] for body in told] == [ANA.id]
    assert "Something went wrong on our side" in told[0]["text"]
