"""Requests of strangers: refused before Bolt sees them, with one line in the log, quoting none."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import itertools
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.inbound import BODY_MAX
from bot.log import configure
from tests.fuzz.cases import CANARY, Loop, cases
from tests.fuzz.slack_side import SECRET, SlackSide
from tests.fuzz.test_payloads import command, event

CANARY_BYTES = CANARY.encode()


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture(scope="module")
def slack(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlackSide]:
    made = SlackSide(tmp_path_factory.mktemp("strangers") / "beambot.db")
    loop.run(made.open())
    yield made
    loop.run(made.close())


@pytest.fixture(scope="module")
def log() -> Iterator[io.StringIO]:
    """The log as it is written in earnest."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    configure("info", "json", out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines_since(log: io.StringIO, start: int) -> list[str]:
    return log.getvalue()[start:].splitlines()


ODD_BYTES = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([b"", b" ", b"\xff", b"\x00", "é".encode(), "٣".encode(), CANARY_BYTES]),
)
# Where only the signature is wrong, Bolt would take the request.
WHOLE = st.sampled_from(
    [
        b'{"type": "url_verification", "challenge": "%b"}' % CANARY_BYTES,
        json.dumps(command(f"help {CANARY}")).encode(),
        json.dumps(event("app_mention", CANARY)).encode(),
    ]
)
BROKEN = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(
        [
            b"",
            b"\xff\xfe\xfd",
            b'{"type": ',
            b"[" * 20_000,
            b"payload=%7B",
            b"payload=[]",
            b"payload=1&payload={}",
            b"&".join([b"a=b"] * 500),
        ]
    ),
).map(lambda body: body + CANARY_BYTES)
BODY = st.one_of(WHOLE, BROKEN)
LONG = st.sampled_from([BODY_MAX + 1, 3 * BODY_MAX]).map(lambda size: b"x" * size)
EXTRA = st.lists(
    st.tuples(
        st.one_of(
            st.sampled_from(
                [
                    b"x-slack-retry-num",
                    b"x-slack-bolt-lazy-only",
                    b"content-type",
                    b"content-length",
                    b"x-slack-signature",
                    b"x-slack-request-timestamp",
                    b"transfer-encoding",
                    b"host",
                    b"cookie",
                ]
            ),
            st.binary(min_size=1, max_size=12).map(bytes.lower),
        ),
        ODD_BYTES.map(lambda value: value + CANARY_BYTES),
    ),
    max_size=4,
)


@st.composite
def stranger(
    draw: st.DrawFn, bodies: st.SearchStrategy[bytes]
) -> tuple[float | None, str, list[tuple[bytes, bytes]], list[bytes]]:
    """Draw a request of somebody who does not know the secret: age, signature, headers, body."""
    body = draw(bodies)
    age = draw(st.one_of(st.none(), st.sampled_from([0.0, 299.0, 301.0, -301.0, 1e9])))
    how = draw(st.sampled_from(["none", "junk", "other secret", "other body", "upper", "twice"]))
    if body.startswith(b"{") and draw(st.booleans()):
        return age, how, [(b"content-type", b"application/json")], [body]
    headers = draw(EXTRA)
    declared = draw(
        st.one_of(
            st.none(),
            st.just(str(len(body)).encode()),
            st.sampled_from([b"-1", b"+5", b"1e3", b"9" * 30, b"", b"0x10", b"1_0"]),
            ODD_BYTES,
        )
    )
    if declared is not None:
        headers.append((b"content-length", declared))
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=3)))
    edges = [0, *cuts, len(body)]
    return age, how, headers, [body[a:b] for a, b in itertools.pairwise(edges)]


def forged(slack: SlackSide, age: float | None, how: str, body: bytes) -> list[tuple[bytes, bytes]]:
    """Return the signature headers of somebody who does not know the secret."""
    headers: list[tuple[bytes, bytes]] = []
    timestamp = b"soon" if age is None else b"%d" % int(slack.world.clock().timestamp() - age)
    headers.append((b"x-slack-request-timestamp", timestamp))
    secret, said = SECRET.encode(), body
    if how == "none":
        return headers
    if how == "junk":
        return [*headers, (b"x-slack-signature", b"v0=" + CANARY_BYTES)]
    if how == "other body":
        said = body + b"x"
    elif how != "upper":
        secret = b"another"
    digest = hmac.new(secret, b"v0:" + timestamp + b":" + said, hashlib.sha256).hexdigest()
    shown = digest.upper().encode() if how == "upper" else digest.encode()
    made = (b"x-slack-signature", b"v0=" + shown)
    # Of digits alone it would be the right one all the same, once in 10^13 cases.
    return [*headers, made, made] if how == "twice" else [*headers, made]


def refused(
    loop: Loop,
    slack: SlackSide,
    log: io.StringIO,
    headers: list[tuple[bytes, bytes]],
    chunks: list[bytes],
) -> int:
    """Send a request; check that it is refused with one line that quotes none of it."""
    reached, start = slack.reached, log.tell()
    status = loop.run(slack.send(headers, chunks))
    lines = lines_since(log, start)
    assert slack.reached == reached
    assert [json.loads(line)["message"] for line in lines] == ["request refused"]
    assert CANARY not in lines[0]
    # A level, a logger, a time, a status and a few words: no room for anything of theirs.
    assert len(lines[0]) < 200
    return status


@cases(400, 20_000)
@given(stranger(BODY))
def test_a_stranger_is_refused(
    loop: Loop,
    slack: SlackSide,
    log: io.StringIO,
    request_: tuple[float | None, str, list[tuple[bytes, bytes]], list[bytes]],
) -> None:
    age, how, headers, chunks = request_
    every = [*forged(slack, age, how, b"".join(chunks)), *headers]
    assert refused(loop, slack, log, every, chunks) in (400, 401, 413)


@cases(20, 300)
@given(stranger(LONG))
def test_what_is_too_long_is_refused_before_it_is_read_to_its_end(
    loop: Loop,
    slack: SlackSide,
    log: io.StringIO,
    request_: tuple[float | None, str, list[tuple[bytes, bytes]], list[bytes]],
) -> None:
    age, how, headers, chunks = request_
    every = [*forged(slack, age, how, b"".join(chunks)), *headers]
    assert refused(loop, slack, log, every, chunks) in (400, 413)


GARBAGE = st.one_of(
    st.binary(max_size=80),
    st.text(max_size=40).map(str.encode),
    st.sampled_from(
        [
            b"",
            b"{}",
            b"[]",
            b"null",
            b"payload=null",
            b"payload=",
            b"payload=%FF",
            b'{"type"',
            b"[" * 20_000,
            b'{"a":' * 20_000,
            b"&".join([b"type=b"] * 500),
            b"\xef\xbb\xbf{}",
        ]
    ),
)
KIND = st.sampled_from(
    [
        None,
        b"application/json",
        b"application/json; charset=utf-16",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x",
        b"text/plain",
        b"\xff",
    ]
)


@cases(400, 10_000)
@given(GARBAGE, KIND)
def test_signed_garbage_is_refused(
    loop: Loop, slack: SlackSide, log: io.StringIO, body: bytes, kind: bytes | None
) -> None:
    headers = slack.signed(body)
    if kind is not None:
        headers.append((b"content-type", kind))
    assert refused(loop, slack, log, headers, [body]) == 400


def test_a_request_is_taken_once(loop: Loop, slack: SlackSide, log: io.StringIO) -> None:
    body = json.dumps(command(f"help {CANARY}")).encode()
    headers = [*slack.signed(body), (b"content-type", b"application/json")]
    reached = slack.reached
    assert loop.run(slack.send(headers, [body])) == 200
    assert slack.reached == reached + 1
    # Also with other headers around it, which nobody has signed.
    for again in (headers, [*headers, (b"x-slack-retry-num", b"1")]):
        assert refused(loop, slack, log, again, [body]) == 401


@pytest.mark.parametrize(
    "name",
    [b"x-slack-signature", b"x-slack-request-timestamp", b"content-length", b"content-type"],
)
def test_a_header_twice_is_refused_although_signed(
    loop: Loop, slack: SlackSide, log: io.StringIO, name: bytes
) -> None:
    body = json.dumps(command("help")).encode()
    headers = [*slack.signed(body), (b"content-type", b"application/json")]
    again = dict(headers)[name]
    assert refused(loop, slack, log, [*headers, (name, again)], [body]) == 400


def test_old_and_early_requests_are_refused_although_signed(
    loop: Loop, slack: SlackSide, log: io.StringIO
) -> None:
    body = json.dumps(command("help")).encode()
    headers = slack.signed(body)
    slack.world.clock.advance(301)
    assert refused(loop, slack, log, headers, [body]) == 401
    slack.world.clock.advance(-700)
    assert refused(loop, slack, log, headers, [body]) == 401
    slack.world.clock.advance(400)


def test_a_body_that_never_ends_is_not_waited_for(
    loop: Loop, slack: SlackSide, log: io.StringIO
) -> None:
    async def drip() -> int:
        scope_headers = [(b"content-length", b"100")]
        return await asyncio.wait_for(slack.send(scope_headers, []), 10)

    start = log.tell()
    assert loop.run(drip()) == 400
    assert [json.loads(line)["why"] for line in lines_since(log, start)] == ["too slow"]


@cases(100, 2_000)
@given(
    st.sampled_from(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "X"]),
    st.one_of(
        st.just("/slack/events"),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(lambda text: f"/{text}"),
        st.sampled_from(["/slack/events/", "//evil.example/slack/events", "/slack/../x", "/slack"]),
    ),
    st.binary(max_size=20),
)
def test_other_methods_and_paths_lead_nowhere(
    loop: Loop, slack: SlackSide, log: io.StringIO, method: str, path: str, query: bytes
) -> None:
    reached, start = slack.reached, log.tell()
    headers = [(b"host", b"evil.example")]
    status = loop.run(slack.send(headers, [CANARY_BYTES], method=method, path=path, query=query))
    assert status in (404, 405)
    if path != "/slack/events":
        assert loop.run(slack.send(headers, [b""], path=path)) in (404, 405)
    assert slack.reached == reached
    assert lines_since(log, start) == []
