"""The real ways to Slack against a server that misbehaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest

from bot.errors import NotAllowed, SlackUnavailable
from bot.services.policy import Policy
from bot.services.ports import (
    ChannelClosed,
    DeliveryError,
    NeverDeliverable,
    OutcomeUnknown,
    Outgoing,
    TryLater,
)
from bot.settings import CancelPolicy
from bot.slack.answer import Ephemeral, PostAnswer, UrlAnswer
from bot.slack.blocks.errors import error_message
from bot.slack.calls import WAIT_MOST
from bot.slack.client import SlackClient
from bot.slack.outbox import SlackCourier
from bot.slack.pace import ChannelPace
from bot.slack.people import KEPT, SlackPeople
from bot.slack.session import new_session
from bot.slack.workspace import Workspace
from bot.tasks import Status, Task, TaskId
from bot.tasks.records import Place, TransitionNews
from bot.tasks.records import Step as Change
from storage.database import Database
from storage.watches import WatchStore
from tests.bot.loopback import (
    Loopback,
    Reply,
    drip,
    drop,
    loopback,
    nonsense,
    ok,
    refuse,
    reset,
    say,
    torn,
)

TOKEN = "xoxb-secret"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HELLO = error_message("hello")
POSTED = ok(ts="100.1", channel="C1")
TASK = Task(TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a"), Status("RUNNING"))
NEWS = TransitionNews(
    TASK, (Change(Status("PENDING"), Status("RUNNING"), None, None),), False, None
)
MESSAGE = Outgoing("T1", "C1", "99.1", None, NEWS, False, "beambot-1", NOW)


class Sleeper:
    """Passes the time by itself, and notes for how long."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Slack:
    """A workspace at a server on loopback, with a clock that is moved by waiting."""

    def __init__(self, server: Loopback, session: Any) -> None:
        self.server = server
        self.time = Sleeper()
        self.session = session
        client = SlackClient(
            token=TOKEN, base_url=f"{server.url}/api/", session=session, retry_handlers=[]
        )
        self.workspace = Workspace(client, ChannelPace(self.time, self.time.sleep))
        people = SlackPeople(self.workspace, lambda: NOW, self.time.sleep)
        self.courier = SlackCourier(self.workspace, people, lambda: NOW)

    def post(self, channel: str = "C1") -> PostAnswer:
        return PostAnswer(self.workspace, channel, None, self.time.sleep)

    def url(self) -> UrlAnswer:
        url = f"{self.server.url}/respond"
        return UrlAnswer(url, self.session, clicked=False, sleep=self.time.sleep)


@asynccontextmanager
async def slack_of(*script: Reply, otherwise: Reply = POSTED) -> AsyncIterator[Slack]:
    async with loopback(*script, otherwise=otherwise) as server, new_session(0.5) as session:
        yield Slack(server, session)


def in_a_minute() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refuse("ratelimited", 429, retry_after="7"), TryLater),
        (say(429, "slow down", "text/plain", retry_after="7"), TryLater),
        (say(429, "<html>slow down", "text/html", retry_after="7"), TryLater),
        (say(429, "<html>slow down", retry_after="7"), TryLater),
        (refuse("service_unavailable", 503), TryLater),
        (refuse("internal_error", 500), OutcomeUnknown),
        (say(502, "<html>Bad gateway</html>", "text/html"), OutcomeUnknown),
        (say(504, ""), OutcomeUnknown),
        (say(200, ""), OutcomeUnknown),
        (say(200, "<html>Sign in to this network</html>", "text/html"), OutcomeUnknown),
        (say(200, '{"ok": tr'), OutcomeUnknown),
        (say(200, '{"ok": true, "ts": "1.2"}', "text/plain"), OutcomeUnknown),
        (say(200, '["ok"]'), OutcomeUnknown),
        (say(200, '"ok"'), OutcomeUnknown),
        (say(200, "12"), OutcomeUnknown),
        (say(200, b'{"ok": "\xff\xfe"}'), OutcomeUnknown),
        (say(200, "{}", "application/json; charset=nosuch"), OutcomeUnknown),
        (say(200, "[" * 100_000), OutcomeUnknown),
        (ok(), OutcomeUnknown),
        (ok(ts=12), OutcomeUnknown),
        (say(200, b"\x1f\x8b junk", content_encoding="gzip"), OutcomeUnknown),
        (drop, OutcomeUnknown),
        (reset, OutcomeUnknown),
        (torn, OutcomeUnknown),
        (nonsense, OutcomeUnknown),
        (drip, OutcomeUnknown),
        (refuse("is_archived"), ChannelClosed),
        (refuse("msg_too_long"), NeverDeliverable),
    ],
)
async def test_a_post_ends_in_an_error_of_the_tree_and_is_sent_once(
    reply: Reply, kind: type[DeliveryError]
) -> None:
    async with slack_of(reply) as slack:
        with pytest.raises(DeliveryError) as caught:
            await slack.courier.post(MESSAGE)
        assert type(caught.value) is kind
        assert len(slack.server.asked) == 1
        assert TOKEN not in f"{caught.value!r}{caught.value.__cause__!r}"


async def test_a_server_that_is_not_there_has_certainly_taken_nothing() -> None:
    async with slack_of() as slack:
        slack.workspace.client.base_url = "http://127.0.0.1:9/api/"
        with pytest.raises(TryLater):
            await slack.courier.post(MESSAGE)


async def test_once_the_lease_is_over_nothing_is_posted_and_nothing_is_edited() -> None:
    late = replace(MESSAGE, before=NOW)
    async with slack_of() as slack:
        for send in (slack.courier.post(late), slack.courier.amend(late, "1.0")):
            with pytest.raises(TryLater, match="lease_over"):
                await send
        assert slack.server.asked == []


async def test_a_long_answer_is_an_answer() -> None:
    async with slack_of(ok(ts="100.1", rest="x" * 2_000_000)) as slack:
        assert await slack.courier.post(MESSAGE) == "100.1"


async def test_an_answer_takes_no_longer_than_the_deadline_however_it_drips() -> None:
    async with slack_of(drip) as slack:
        began = asyncio.get_running_loop().time()
        with pytest.raises(OutcomeUnknown):
            await slack.courier.post(MESSAGE)
        assert asyncio.get_running_loop().time() - began < 5


async def test_the_session_has_the_deadline_that_the_sdk_does_not_set() -> None:
    async with new_session() as session:
        assert session.timeout.total == 10


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_so_nothing_reaches_another_host(status: int) -> None:
    async with loopback(otherwise=POSTED) as elsewhere:
        there = say(status, "", location=f"{elsewhere.url}/api/chat.postMessage")
        async with slack_of(otherwise=there) as slack:
            with pytest.raises(OutcomeUnknown):
                await slack.courier.post(MESSAGE)
            with pytest.raises(SlackUnavailable):
                await slack.post().public(HELLO)
            with pytest.raises(SlackUnavailable):
                await slack.url().private(HELLO)
            with pytest.raises(DeliveryError):
                await slack.courier.open_dm("T1", "U1")
        assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [("7", 7, 7), ("0.25", 0.25, 0.25), ("0", 0, 0), ("in a minute", 50, 60)],
)
async def test_how_long_slack_asks_to_wait_is_understood(
    header: str, least: float, most: float
) -> None:
    header = in_a_minute() if header == "in a minute" else header
    async with slack_of(refuse("ratelimited", 429, retry_after=header)) as slack:
        with pytest.raises(TryLater) as caught:
            await slack.courier.post(MESSAGE)
        assert caught.value.retry_after is not None
        assert least <= caught.value.retry_after <= most


@pytest.mark.parametrize(
    "header",
    [
        "",
        "soon",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "Mon, 99 Jun 2026",
        "Wed, 21 Oct 9999 07:28:00 -9999",
    ],
)
async def test_junk_in_retry_after_is_a_429_that_does_not_say(header: str) -> None:
    async with slack_of(refuse("ratelimited", 429, retry_after=header)) as slack:
        with pytest.raises(TryLater) as caught:
            await slack.courier.post(MESSAGE)
        assert caught.value.retry_after is None


async def test_an_answer_waits_as_long_as_slack_asks_and_is_not_lost() -> None:
    limited = refuse("ratelimited", 429, retry_after="12.5")
    async with slack_of(limited, limited) as slack:
        await slack.post().public(HELLO)
        assert len(slack.server.asked) == 3
        assert slack.time.now == pytest.approx(25)
    async with slack_of(say(429, "", retry_after="12.5"), say(429, "")) as slack:
        await slack.url().public(HELLO)
        assert len(slack.server.asked) == 3
        assert 12.5 < slack.time.now < 20


async def test_nobody_is_kept_waiting_for_longer_than_half_a_minute() -> None:
    for wait in ("31", "11"):
        limited = refuse("ratelimited", 429, retry_after=wait)
        async with slack_of(otherwise=limited) as slack:
            for answer in (slack.post(), slack.url()):
                began = slack.time.now
                with pytest.raises(SlackUnavailable, match="Try again"):
                    await answer.public(HELLO)
                assert slack.time.now - began <= WAIT_MOST
                slack.time.now += 3_600


@pytest.mark.parametrize("lost", [drop, reset, torn, drip, say(502, "<html>"), say(500, "")])
async def test_an_answer_that_may_have_arrived_is_repeated_only_where_one_person_sees_it(
    lost: Reply,
) -> None:
    async with slack_of(lost) as slack:
        with pytest.raises(SlackUnavailable):
            await slack.post().public(HELLO)
        assert len(slack.server.asked) == 1
    async with slack_of(lost) as slack:
        with pytest.raises(SlackUnavailable):
            await slack.url().public(HELLO)
        assert len(slack.server.asked) == 1
    async with slack_of(lost) as slack:
        await slack.url().private(HELLO)
        assert len(slack.server.asked) == 2
    await _ephemeral_is_repeated(lost)


async def _ephemeral_is_repeated(lost: Reply) -> None:
    async with slack_of(lost) as slack:
        answer = Ephemeral(
            slack.workspace, Place("T1", "C1", "U1"), slack.post("U1"), slack.time.sleep
        )
        await answer.private(HELLO)
        assert [one.path for one in slack.server.asked] == ["/api/chat.postEphemeral"] * 2


async def test_a_notice_that_cannot_be_shown_in_the_channel_comes_directly() -> None:
    async with slack_of(refuse("not_in_channel")) as slack:
        answer = Ephemeral(
            slack.workspace, Place("T1", "C1", "U1"), slack.post("U1"), slack.time.sleep
        )
        await answer.private(HELLO)
        direct = slack.server.asked[1]
        assert (direct.path, direct.json["channel"]) == ("/api/chat.postMessage", "U1")


async def test_answers_and_the_outbox_share_the_pace_of_a_channel() -> None:
    async with slack_of() as slack:
        times: list[float] = []

        async def answer(channel: str) -> None:
            await slack.post(channel).public(HELLO)
            times.append(slack.time.now)

        await answer("C1")
        await slack.courier.post(MESSAGE)
        times.append(slack.time.now)
        await answer("C1")
        await answer("C1")
        assert all(later - sooner >= 1 for sooner, later in pairwise(times))
        before = slack.time.now
        await answer("C2")
        assert slack.time.now == before, "another channel does not wait"


async def test_a_429_of_an_answer_holds_the_outbox_too_without_asking_slack() -> None:
    async with slack_of(otherwise=refuse("ratelimited", 429, retry_after="20.5")) as slack:
        with pytest.raises(SlackUnavailable):
            await slack.post().public(HELLO)
        asked = len(slack.server.asked)
        with pytest.raises(TryLater) as caught:
            await slack.courier.post(MESSAGE)
        assert caught.value.retry_after == pytest.approx(20.5)
        assert len(slack.server.asked) == asked


async def test_many_answers_at_once_are_sent_in_order_a_second_apart() -> None:
    async with slack_of() as slack:
        for number in range(5):
            await slack.post().public(error_message(str(number)))
        said = [one.json["text"] for one in slack.server.asked]
        assert said == [error_message(str(number)).text for number in range(5)]
        assert slack.time.now == pytest.approx(4)


USER = {"id": "U1", "team_id": "T1"}
HERE = Place("T1", "C1", "U1")


def policy_of(slack: Slack, clock: list[datetime], database: Database) -> Policy:
    people = SlackPeople(slack.workspace, lambda: clock[0], slack.time.sleep)
    return Policy(people, WatchStore(database), CancelPolicy.MEMBERS)


@pytest.mark.parametrize("fault", [say(503, "<html>"), drop, refuse("internal_error", 500)])
async def test_while_slack_does_not_say_who_somebody_is_nobody_unknown_gets_in(
    fault: Reply,
) -> None:
    async with slack_of(otherwise=fault) as slack:
        policy = policy_of(slack, [NOW], Database("sqlite+aiosqlite://"))
        for ask in (policy.require_insider(HERE), policy.require_cancel(HERE, [TASK.id])):
            with pytest.raises(SlackUnavailable, match=r"nothing was done\. Try again"):
                await ask


async def test_a_hiccup_of_slack_is_waited_out_before_somebody_is_refused() -> None:
    limited = refuse("ratelimited", 429, retry_after="2.5")
    async with slack_of(limited, drop, otherwise=ok(user=USER)) as slack:
        policy = policy_of(slack, [NOW], Database("sqlite+aiosqlite://"))
        assert (await policy.require_insider(HERE)).id == "U1"
        assert len(slack.server.asked) == 3
        assert slack.time.slept[0] == 2.5


async def test_a_stranger_stays_one_through_an_outage() -> None:
    clock = [NOW]
    async with slack_of(ok(user={"id": "U1", "team_id": "T9"}), otherwise=drop) as slack:
        policy = policy_of(slack, clock, Database("sqlite+aiosqlite://"))
        with pytest.raises(NotAllowed):
            await policy.require_insider(HERE)
        clock[0] += KEPT / 2
        with pytest.raises(NotAllowed):
            await policy.require_insider(HERE)
        clock[0] += KEPT
        with pytest.raises(SlackUnavailable):
            await policy.require_insider(HERE)


def test_every_post_says_what_it_is_by_our_own_id() -> None:
    # What a doubtful post is found again by.
    async def sent() -> dict[str, Any]:
        async with slack_of() as slack:
            await slack.courier.post(MESSAGE)
            return slack.server.asked[0].json

    body = asyncio.run(sent())
    assert json.dumps(body["metadata"]).count("beambot-1") == 1
