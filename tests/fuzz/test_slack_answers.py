"""Whatever answers in Slack's place: only errors that the caller knows come out."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType

import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout, web
from hypothesis import example, given
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError

from bot.errors import SlackUnavailable
from bot.services.ports import DeliveryError, Outgoing, Person
from bot.slack.answer import PostAnswer, UrlAnswer
from bot.slack.blocks.help import help_message
from bot.slack.client import SlackClient
from bot.slack.outbox import EVENT_TYPE, SlackCourier
from bot.slack.pace import ChannelPace
from bot.slack.people import SlackPeople
from bot.slack.workspace import Workspace
from bot.tasks import Level, Status, Task, TaskId
from bot.tasks.records import Card, CardKind, CardView, KnownTask
from tests.fuzz.cases import ID, JSON, Loop, cases, mutated

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = "key-of-the-message"
CARD = Card(1, "T1", "default", "C1", None, CardKind.TASK, "U1", Level.ALL, "1.0", 1, 1, NOW)
VIEW = CardView(
    CARD, (KnownTask(Task(TaskId(ID), Status("RUNNING")), NOW, None, None),), watching=True
)
MESSAGE = Outgoing("T1", "C1", "1.0", VIEW, None, False, KEY, NOW)
TO_PERSON = Outgoing("T1", "U1", None, VIEW, None, False, KEY, NOW)

GOOD = {
    "ok": True,
    "ts": "1.0",
    "permalink": "https://slack.example/x",
    "channel": {"id": "D1"},
    "user": {"id": "U1", "team_id": "T1", "enterprise_user": {"teams": ["T1"]}},
    "messages": [
        {"ts": "1.0", "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": KEY}}}
    ],
    "team_id": "T1",
    "team": "T",
    "user_id": "UBOT",
    "bot_id": "B1",
    "url": "https://slack.example/",
    "error": "ratelimited",
}

STRANGE = {"id": "U1", "team_id": "T2", "enterprise_user": {"teams": 7}}


class AnyServer:
    """A real server on loopback that gives every request the same answer."""

    def __init__(self) -> None:
        self.status, self.body = 200, b""
        self.headers: dict[str, str] = {}
        self.url = ""

    async def start(self) -> None:
        async def handle(request: web.Request) -> web.Response:
            return web.Response(status=self.status, body=self.body, headers=self.headers)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/"
        self.session = ClientSession(timeout=ClientTimeout(total=5))

    async def __aenter__(self) -> AnyServer:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.session.close()
        await self._runner.cleanup()


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(loop: Loop) -> Iterator[AnyServer]:
    made = AnyServer()
    loop.run(made.start())
    yield made
    loop.run(made.__aexit__(None, None, None))


BODIES = st.one_of(
    mutated(st.just(GOOD)).map(lambda value: json.dumps(value).encode()),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"",
            b"ok",
            b"<html>Sign in</html>",
            b"[]",
            b"null",
            b'"ok"',
            b'{"ok": true}',
            b'{"ok": true',
            b"[" * 100_000,
            b"\xff\xfe\xfd",
            b'{"ok": false}',
            b'{"ok": false, "error": ["x"]}',
            b'{"ok": 1, "messages": {"0": 1}, "channel": "C1", "user": []}',
        ]
    ),
)
KINDS = st.sampled_from(
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json; charset=nonsense",
        "application/json; charset=utf-16",
        "text/html",
        "text/plain",
        "application/gzip",
        "application/octet-stream",
        "nonsense",
    ]
)
STATUSES = st.sampled_from([200, 200, 200, 201, 204, 400, 401, 403, 404, 429, 500, 502, 503, 599])
RETRY = st.sampled_from([None, "1", "0.5", "soon", "-1", "nan", "inf", "1e400", ""])


async def no_sleep(seconds: float) -> None:
    await asyncio.sleep(0)


def client_of(server: AnyServer) -> SlackClient:
    return SlackClient(
        token="xoxb-t", base_url=server.url, session=server.session, retry_handlers=[]
    )


async def ask_all(server: AnyServer) -> None:
    """Make every request that Beambot makes to Slack; only what its port promises may escape."""
    workspace = Workspace(client_of(server), ChannelPace(sleep=no_sleep))
    courier = SlackCourier(workspace, SlackPeople(workspace, lambda: NOW, no_sleep), lambda: NOW)
    for delivery in (
        courier.post(MESSAGE),
        courier.find(MESSAGE),
        courier.find(TO_PERSON),
        courier.open_dm("T1", "U1"),
        courier.edit(VIEW),
    ):
        try:
            said = await delivery
        except DeliveryError as error:
            said = error.code
        assert said is None or isinstance(said, str)
    link = await courier.permalink(CARD)
    assert link is None or isinstance(link, str)
    message = help_message()
    for answer in (
        UrlAnswer(server.url, server.session, clicked=True, sleep=no_sleep),
        PostAnswer(workspace, "C1", None, no_sleep),
    ):
        for way in (answer.private(message), answer.public(message), answer.replace(message)):
            shown = ""
            try:
                await way
            except SlackUnavailable as error:
                shown = error.text
            assert len(shown) < 200
    person: Person | None = None
    with contextlib.suppress(SlackUnavailable):
        person = await SlackPeople(workspace, lambda: NOW, no_sleep).person("T1", "U1")
    assert person is None or isinstance(person.stranger, bool)
    with contextlib.suppress(SlackApiError, ClientError, TimeoutError):
        await workspace.learn()
    assert not workspace.known or "None" not in workspace.identity.team_id


@cases(150, 10_000)
@given(STATUSES, BODIES, KINDS, RETRY)
@example(200, b"[]", "application/json", None)
@example(200, b"\xff\xfe\xfd", "application/json", None)
@example(200, b"ok", "text/plain", None)
@example(200, b"ok", "application/gzip", None)
@example(200, b'{"ok": true}', "application/json", None)
@example(200, b'{"ok": true, "messages": 7, "permalink": 7}', "application/json", None)
@example(200, json.dumps({**GOOD, "user": STRANGE}).encode(), "application/json", None)
@example(200, b"[" * 100_000, "application/json", None)
@example(429, b'{"ok": false', "application/json", "soon")
def test_every_answer_is_understood_or_an_error_of_the_port(
    loop: Loop, server: AnyServer, status: int, body: bytes, kind: str, retry: str | None
) -> None:
    server.status, server.body = status, b"" if status == 204 else body
    server.headers = {"Content-Type": kind}
    if retry is not None:
        server.headers["Retry-After"] = retry
    loop.run(ask_all(server))


def test_a_good_answer_is_understood(loop: Loop, server: AnyServer) -> None:
    server.status, server.body = 200, json.dumps(GOOD).encode()
    server.headers = {"Content-Type": "application/json"}

    async def work() -> None:
        workspace = Workspace(client_of(server), ChannelPace(sleep=no_sleep))
        courier = SlackCourier(
            workspace, SlackPeople(workspace, lambda: NOW, no_sleep), lambda: NOW
        )
        assert await courier.post(MESSAGE) == "1.0"
        assert await courier.find(MESSAGE) == "1.0"
        assert await courier.permalink(CARD) == "https://slack.example/x"
        assert await courier.open_dm("T1", "U1") == "D1"
        person = await SlackPeople(workspace, lambda: NOW, no_sleep).person("T1", "U1")
        assert not person.stranger
        assert (await workspace.learn()).team_id == "T1"
        answer = UrlAnswer(server.url, server.session, clicked=False, sleep=no_sleep)
        await answer.private(help_message())

    loop.run(work())


@pytest.mark.parametrize("kind", ["application/json", "text/html", "text/plain"])
def test_a_rate_limit_holds_whatever_its_body_is(loop: Loop, server: AnyServer, kind: str) -> None:
    server.status, server.body = 429, b"<html>Slow down"
    server.headers = {"Content-Type": kind, "Retry-After": "7"}
    workspace = Workspace(client_of(server), ChannelPace(sleep=no_sleep))
    courier = SlackCourier(workspace, SlackPeople(workspace, lambda: NOW, no_sleep), lambda: NOW)
    with pytest.raises(DeliveryError) as caught:
        loop.run(courier.post(MESSAGE))
    assert (type(caught.value).__name__, caught.value.retry_after) == ("TryLater", 7.0)


URLS = st.one_of(
    st.text(max_size=40).map(lambda rest: f"http://127.0.0.1:1/{rest}"),
    st.sampled_from(
        ["http://", "http://[::1", "http://127.0.0.1:99999/", "https://127.0.0.1:1/\ud800", "x"]
    ),
)


@cases(150, 3_000)
@given(URLS)
def test_an_odd_response_url_is_an_error_that_can_be_told(
    loop: Loop, server: AnyServer, url: str
) -> None:
    answer = UrlAnswer(url, server.session, clicked=False, sleep=no_sleep)
    with pytest.raises(SlackUnavailable):
        loop.run(answer.private(help_message()))
