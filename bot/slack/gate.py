"""The gate in front of Bolt: only what Slack has signed, just now, once, is parsed at all."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import parse_qsl

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.inbound import Refused, answer, read_body, read_headers
from bot.services.ports import Clock
from bot.slack.arrivals import Arrivals
from bot.slack.host import PublicHost
from storage.seen import SeenStore

TOLERANCE = timedelta(minutes=5)
"""How old a request may be (https://docs.slack.dev/authentication/verifying-requests-from-slack)."""

LOOKED_UP_MOST = 64
"""Requests that are looked up in the database side by side before they are acknowledged. More
come in a flood, which must not make anybody wait for it."""

# One of these is in everything that Slack sends.
_KINDS = {"type", "command", "ssl_check"}
_SIGNATURE = re.compile(rb"v0=[0-9a-f]{64}")
_TIMESTAMP = re.compile(rb"[0-9]{1,12}")

_log = structlog.get_logger(__name__)


class RequestMeter(Protocol):
    """Where requests are counted."""

    def refused(self, status: int) -> None:
        """Count a request that was refused."""

    def acknowledged(self, seconds: float) -> None:
        """Note how long an acknowledgement took."""

    def requested(self, via: str, result: str) -> None:
        """Count something a person asked for."""

    def failed(self, where: str) -> None:
        """Count a failure that nobody foresaw."""


class Gate:
    """An ASGI application around another one.

    Args:
        inner: what gets the requests that pass.
        signing_secret: shared with Slack.
        seen: remembers what was taken: a signature holds for five minutes.
        clock: the current time.
        ready: tells whether requests can be taken yet; until then Slack may try again later.
        meter: counts what is refused.
        arrivals: knows what is to be acknowledged yet.
        patience: seconds to wait for the database before a request goes on without it.
        read_limit: seconds that a request may take to arrive; Slack's come at once.
        host: is told under which host Slack reaches the bot.
    """

    def __init__(
        self,
        inner: ASGIApp,
        signing_secret: str,
        seen: SeenStore,
        clock: Clock,
        ready: Callable[[], bool],
        meter: RequestMeter,
        arrivals: Arrivals | None = None,
        patience: float = 1.0,
        read_limit: float = 10.0,
        host: PublicHost | None = None,
    ) -> None:
        self._inner = inner
        self._secret = signing_secret.encode()
        self._seen = seen
        self._clock = clock
        self._ready = ready
        self._meter = meter
        self._arrivals = arrivals or Arrivals()
        self._patience = patience
        self._read_limit = read_limit
        self._host = host or PublicHost()
        # In the order in which they came.
        self._taken: dict[bytes, float] = {}
        self._noting: set[asyncio.Task[bool]] = set()
        self._looked_up = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with an error and nothing more."""
        try:
            headers = read_headers(scope)
            body = await read_body(headers, receive, self._read_limit)
            with self._arrivals.one():
                await self._verify(headers, body)
                self._host.heard(headers.get(b"host", b""))
                payload = _payload(headers, body)
                self._check_ready()
                await self._pass_on(scope, payload, receive, send)
        except Refused as refused:
            _log.warning("request refused", status=refused.status, why=refused.why)
            await self._refuse(send, refused.status)

    async def _pass_on(self, scope: Scope, payload: bytes, receive: Receive, send: Send) -> None:
        # Headers are not signed, and Bolt reads bodies in ways of its own (a command that says
        # "payload" is empty to it): it gets what was understood here, in the plainest form.
        clean = {**scope, "query_string": b"", "headers": [(b"content-type", b"application/json")]}
        left: list[Message] = [{"type": "http.request", "body": payload, "more_body": False}]

        async def again() -> Message:
            return left.pop() if left else await receive()

        try:
            await self._inner(clean, again, send)
        except Exception as error:  # noqa: BLE001  # Bolt takes the form of a payload for granted
            _log.error("request not understood", status=400, exc_info=error)
            self._meter.failed("request")
            await self._refuse(send, 400)

    async def _refuse(self, send: Send, status: int) -> None:
        self._meter.refused(status)
        await answer(send, status)

    async def _verify(self, headers: dict[bytes, bytes], body: bytes) -> None:
        timestamp = headers.get(b"x-slack-request-timestamp", b"")
        signature = headers.get(b"x-slack-signature", b"")
        if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
            raise Refused(401, "not signed")
        now = self._clock()
        if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
            raise Refused(401, "too old")
        signed = b"v0:" + timestamp + b":" + body
        expected = b"v0=" + hmac.new(self._secret, signed, hashlib.sha256).hexdigest().encode()
        if not hmac.compare_digest(expected, signature):
            raise Refused(401, "wrong signature")
        if not await self._first(signature, now):
            raise Refused(401, "taken already")

    def _check_ready(self) -> None:
        if not self._ready():
            raise Refused(503, "still starting")

    async def _first(self, signature: bytes, now: datetime) -> bool:
        """Tell whether a request comes for the first time, here and in other copies.

        Slack gives up after 3 s, so nothing is waited for that may take long: reading waits for
        no writer, the note is written meanwhile, and a database that does not answer, or that
        very many requests ask already, is done without. This copy knows its own requests anyway.
        Two copies that get the same request in the same moment both take it, and the guard,
        which notes what it is about before anything is done, lets one of them do it.
        """
        if signature in self._taken:
            return False
        self._taken[signature] = now.timestamp()
        old = now.timestamp() - 2 * TOLERANCE.total_seconds()
        while self._taken[one := next(iter(self._taken))] < old:
            del self._taken[one]
        if self._looked_up < LOOKED_UP_MOST and await self._known(signature):
            return False
        self._start(self._note(signature, now))
        return True

    async def _known(self, signature: bytes) -> bool:
        self._looked_up += 1
        asking = self._start(self._seen.known("", signature.decode()))
        asking.add_done_callback(self._answered)
        # Not with a timeout around it: a transaction is never cut off, but waited for.
        done, _ = await asyncio.wait([asking], timeout=self._patience)
        return bool(done) and asking.exception() is None and asking.result()

    def _answered(self, _: asyncio.Task[bool]) -> None:
        self._looked_up -= 1

    async def _note(self, signature: bytes, now: datetime) -> bool:
        await self._arrivals.calm()
        return await self._seen.first("", signature.decode(), now)

    def _start(self, work: Coroutine[Any, Any, bool]) -> asyncio.Task[bool]:
        task = asyncio.create_task(work)
        self._noting.add(task)
        task.add_done_callback(self._noted)
        return task

    def _noted(self, noting: asyncio.Task[bool]) -> None:
        self._noting.discard(noting)
        if not noting.cancelled() and (error := noting.exception()):
            _log.warning("request not noted", reason=str(error))


def _payload(headers: dict[bytes, bytes], body: bytes) -> bytes:
    """Return what Slack says as an object in JSON; it comes as JSON, or as or in a form."""
    try:
        text = body.decode()
        if headers.get(b"content-type", b"").startswith(b"application/json"):
            payload = json.loads(text)
        else:
            payload = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=200))
            if "payload" in payload:
                payload = json.loads(payload["payload"])
        if not isinstance(payload, dict) or not _KINDS & payload.keys():
            raise Refused(400, "nothing that Slack sends")
        return json.dumps(payload).encode()
    except (ValueError, RecursionError):
        # "from None": the cause would quote the body in a log.
        raise Refused(400, "not readable") from None
