"""Whatever Beam, or what stands in its place, answers: a task that can be shown, or a BeamError."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.beam import BadAnswer, BeamClient, BeamError, RateLimiter, Unavailable
from bot.beam.client import BODY_MAX
from bot.beam.models import parse_task
from bot.slack.blocks.announcements import (
    gone_notice,
    transition_reply,
)
from bot.slack.blocks.cancel_report import cancel_result
from bot.slack.blocks.group_card import group_card
from bot.slack.blocks.group_news import group_news
from bot.slack.blocks.lists import cancel_question, watch_list
from bot.slack.blocks.message import Message
from bot.slack.blocks.task_card import CardButtons, compact_cards, task_card
from bot.tasks import Level, Status, Task, TaskId
from bot.tasks.records import (
    Cancelled,
    CancelOutcome,
    CancelReport,
    Card,
    CardKind,
    CardView,
    GoneNews,
    GroupNews,
    KnownTask,
    Step,
    TransitionNews,
    WatchPage,
    WatchRow,
)
from tests.fuzz.cases import ID, JSON, ODD, TEXT, cases, mutated
from tests.fuzz.shown import shown_only

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DOCUMENTED = json.loads(
    (Path(__file__).parent.parent / "payloads/documented_task.json").read_text()
)
RICH = {
    "id": ID,
    "status": "FAILED",
    "container_id": "endpoint-1",
    "started_at": "2026-01-01T11:00:00Z",
    "created_at": "2026-01-01T10:00:00Z",
    "ended_at": "0001-01-01T00:00:00Z",
    "failure_reason": "out of memory",
    "result": {"a": [1]},
    "stats": {"active_containers": 1, "queue_depth": 0},
    "stub": {"name": "function/deployment/app:f", "type": "function", "config": "{}"},
    "deployment": {"id": "1", "name": "d", "version": 3},
    "app": {"name": "a"},
    "outputs": [{"name": "o", "url": "https://o.example/x", "expires_in": 3600}],
}
# What only Beambot itself writes about this task: the people who watch it.
OURS = ("U1",)


@st.composite
def payloads(draw: st.DrawFn) -> Any:
    """Draw a task in which anything may be anything, but which is often still this task."""
    payload = draw(mutated(st.sampled_from([RICH, DOCUMENTED])))
    if isinstance(payload, dict):
        if draw(st.integers(0, 9)):
            payload["id"] = ID
        if draw(st.integers(0, 9)) and not isinstance(payload.get("status"), str):
            payload["status"] = draw(TEXT)
        stub = payload.get("stub")
        if isinstance(stub, dict) and draw(st.booleans()):
            config = {
                "runtime": draw(JSON),
                "handler": draw(TEXT),
                "task_policy": {"timeout": draw(JSON), "max_retries": draw(JSON)},
            }
            stub["config"] = json.dumps(config) if draw(st.booleans()) else config
    return payload


def every_message(task: Task) -> Iterator[Message]:
    """Yield every kind of message that can show a task."""
    known = KnownTask(task, NOW, None, "U1")
    for buttons in (CardButtons.looked_up(watched=True), CardButtons.in_channel(watching=True)):
        yield task_card(known, now=NOW, buttons=buttons, owner_id="U1", level=Level.ALL)
    yield from compact_cards([known] * 12, NOW)
    group = Card(1, "T1", "default", "C1", None, CardKind.GROUP, "U1", Level.ALL, "1.0", 1, 1, NOW)
    yield group_card(CardView(group, (known,) * 50, watching=True), NOW)
    yield cancel_question((known,) * 50, request_id="r", now=NOW)
    row = WatchRow(group, (known,), "U1", Level.ALL, NOW, "https://slack.example/x")
    yield watch_list(WatchPage((row,) * 10, 2, 3, 25), NOW)
    second = timedelta(seconds=1)
    steps = (Step(Status("PENDING"), task.status, second, second),) * 40
    yield transition_reply(TransitionNews(task, steps, True, "U1"))
    yield gone_notice(GoneNews(task, NOW, "U1"))
    yield group_news(GroupNews((known,) * 50, None, "U1"))
    if task.status.bad:
        yield group_news(GroupNews((known,) * 50, task, "U1", steps))
    for outcome in CancelOutcome:
        only = Cancelled(task.id, outcome, task, task)
        yield cancel_result(CancelReport("U1", (only,), NOW))
        yield cancel_result(CancelReport("U1", (only,) * 20, NOW))


@cases(500, 10_000)
@given(payloads())
@example({**RICH, "stats": {"queue_depth": 10**400}})
def test_a_task_with_any_fields_is_shown_or_refused(payload: Any) -> None:
    try:
        task = parse_task(json.dumps(payload).encode(), expected=TaskId(ID))
    except BadAnswer as error:
        logged = str(error)
    else:
        logged = ""
        for message in every_message(task):
            shown_only(message, *OURS)
    assert "evil" not in logged


BODIES = st.one_of(
    st.binary(max_size=200),
    JSON.map(lambda value: json.dumps(value).encode()),
    TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [b"", b"[" * 100_000, b'{"id":' * 50_000, b"\xff\xfe", b"9" * 5_000, b'{"id":1e999}']
    ),
)


@cases(400, 20_000)
@given(BODIES)
def test_a_body_of_any_bytes_is_refused(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        parse_task(body, expected=TaskId(ID))


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Location",
                "Retry-After",
                "Content-Type",
                "Content-Encoding",
                "Content-Length",
                "Set-Cookie",
                "Transfer-Encoding",
                "X-Odd",
            ]
        ),
        st.one_of(
            st.sampled_from(
                ["gzip", "br", "deflate, gzip", "http://evil.example/", "//evil.example", "-1"]
            ),
            st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30),
        ),
    ),
    max_size=4,
)


def client(answer: Any) -> BeamClient:
    # As the bot makes it, but for where it leads.
    http = httpx.AsyncClient(
        transport=httpx.MockTransport(answer), follow_redirects=False, trust_env=False
    )
    limiter = RateLimiter(10_000, lambda: 0.0, no_sleep)
    return BeamClient(http, base_url="https://beam.example/v2", token="sesame", limiter=limiter)


async def no_sleep(seconds: float) -> None:
    await asyncio.sleep(0)


async def asked(beam: BeamClient, what: str) -> None:
    if what == "get":
        await beam.get(TaskId(ID))
    elif what == "cancel":
        await beam.cancel([TaskId(ID)])
    else:
        await beam.check()


@cases(400, 15_000)
@given(
    st.one_of(st.integers(100, 599), st.sampled_from([200, 204, 301, 302, 307, 308, 404, 429])),
    HEADERS,
    st.one_of(BODIES, payloads().map(lambda value: json.dumps(value).encode())),
    st.sampled_from(["get", "cancel", "check"]),
)
def test_any_answer_is_a_task_or_a_beam_error_and_the_token_stays_here(
    status: int, headers: list[tuple[str, str]], body: bytes, what: str
) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]

        async def stream() -> Any:
            yield body

        return httpx.Response(status, headers=raw, content=stream())

    try:
        asyncio.run(asked(client(answer), what))
    except BeamError as error:
        logged = f"{error!r} {error}"
    else:
        logged = ""
    assert "sesame" not in logged
    assert "evil" not in logged
    assert [request.url.host for request in seen] == ["beam.example"]


@pytest.mark.parametrize("encoding", [None, "gzip"])
async def test_an_endless_answer_is_cut_off(encoding: str | None) -> None:
    sent = 0

    def answer(request: httpx.Request) -> httpx.Response:
        async def stream() -> Any:
            nonlocal sent
            while True:
                sent += 65_536
                yield b"x" * 65_536

        return httpx.Response(200, content=stream())

    with pytest.raises(BadAnswer, match="too long"):
        await client(answer).get(TaskId(ID))
    assert sent <= BODY_MAX + 2 * 65_536


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("what", ["get", "cancel", "check"])
async def test_the_token_follows_no_redirect(status: int, what: str) -> None:
    hosts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(status, headers={"location": "https://evil.example/v2/"})

    with pytest.raises(Unavailable):
        await asked(client(answer), what)
    assert hosts == ["beam.example"]


@cases(200, 5_000)
@given(st.one_of(st.sampled_from(ODD), st.text(max_size=60), st.from_regex(r"[0-9a-fA-F-]{36}")))
def test_only_a_task_id_reaches_the_address(text: str) -> None:
    paths: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        return httpx.Response(404)

    with pytest.raises((ValueError, BeamError)):
        asyncio.run(client(answer).get(TaskId(text)))
    assert paths in ([], [f"/v2/task/{text.lower()}/"])
    if paths:
        assert len(paths[0]) == len("/v2/task//") + 36
