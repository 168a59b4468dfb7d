"""How what people do reaches the bot: Socket Mode connections, or signed HTTP requests."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from urllib.parse import urlencode

import aiohttp
from starlette.websockets import WebSocket, WebSocketDisconnect

JSON = dict[str, Any]
DeliveryKind = Literal["slash_commands", "interactive", "events_api"]


@dataclass(frozen=True)
class Ack:
    """How the bot answered: status is None if it did not (`error` says why), ms since the send."""

    status: int | None
    body: str | JSON | None = None
    ms: float = 0.0
    error: str | None = None

    @property
    def ok(self) -> bool:
        return self.status == 200


@dataclass(frozen=True)
class Retry:
    """Which repetition of an event this is (from 1), and why."""

    number: int
    reason: str


class Transport(Protocol):
    """One way to the bot."""

    async def deliver(
        self, kind: DeliveryKind, payload: JSON, timeout: float, retry: Retry | None = None
    ) -> Ack: ...

    async def disconnect(self) -> None: ...

    async def close(self) -> None: ...


class HttpTransport:
    """Posts to the bot's request URL, signed as Slack signs (v0)."""

    def __init__(
        self, events_url: str, signing_secret: str, now: Callable[[], float] = time.time
    ) -> None:
        self._url = events_url
        self._secret = signing_secret.encode()
        self._now = now
        self._session: aiohttp.ClientSession | None = None

    async def deliver(
        self, kind: DeliveryKind, payload: JSON, timeout: float, retry: Retry | None = None
    ) -> Ack:
        if kind == "events_api":
            body, content_type = json.dumps(payload), "application/json"
        else:
            form = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
            body, content_type = urlencode(form), "application/x-www-form-urlencoded"
        stamp = str(int(self._now()))
        signed = f"v0:{stamp}:{body}".encode()
        headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": "v0=" + hmac.new(self._secret, signed, hashlib.sha256).hexdigest(),
        }
        if retry:
            headers["X-Slack-Retry-Num"] = str(retry.number)
            headers["X-Slack-Retry-Reason"] = retry.reason
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        began = time.perf_counter()
        try:
            async with self._session.post(
                self._url,
                data=body.encode(),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=timeout),
            ) as response:
                text = (await response.read())[:1_000_000].decode(errors="replace")
                return Ack(response.status, _parsed(text), _ms(began))
        except TimeoutError:
            return Ack(None, None, _ms(began), "http_timeout")
        except aiohttp.ClientError:
            return Ack(None, None, _ms(began), "connection_failed")

    async def disconnect(self) -> None:
        """HTTP keeps nothing open."""

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class SocketTransport:
    """Holds the bot's Socket Mode connections and gives each delivery to one, in turn."""

    def __init__(self) -> None:
        self._tickets: set[str] = set()
        self._sockets: list[WebSocket] = []
        self._turns = itertools.count()
        self._waiting: dict[str, asyncio.Future[JSON]] = {}

    @property
    def connections(self) -> int:
        return len(self._sockets)

    def issue_ticket(self) -> str:
        """A path segment that opens one connection, once."""
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return ticket

    async def serve(self, websocket: WebSocket) -> None:
        """Speaks Socket Mode over one connection until it ends."""
        ticket = websocket.path_params["ticket"]
        if ticket not in self._tickets:
            await websocket.close(code=1008)
            return
        self._tickets.discard(ticket)
        await websocket.accept()
        await websocket.send_json(
            {
                "type": "hello",
                "num_connections": len(self._sockets) + 1,
                "connection_info": {"app_id": "A0BEAMBOT"},
                "debug_info": {"host": "local", "approximate_connection_time": 18060},
            }
        )
        self._sockets.append(websocket)
        try:
            while True:
                text = await websocket.receive_text()
                if len(text) > 1_000_000:
                    await websocket.close(code=1009)
                    return
                self._acknowledged(text)
        except (WebSocketDisconnect, KeyError, RuntimeError):
            # KeyError: a binary frame, which Slack does not read either.
            return
        finally:
            if websocket in self._sockets:
                self._sockets.remove(websocket)

    def _acknowledged(self, text: str) -> None:
        try:
            answer = json.loads(text)
        except ValueError:
            return
        if not isinstance(answer, dict):
            return
        waiting = self._waiting.get(str(answer.get("envelope_id")))
        if waiting and not waiting.done():
            waiting.set_result(answer)

    async def deliver(
        self, kind: DeliveryKind, payload: JSON, timeout: float, retry: Retry | None = None
    ) -> Ack:
        if not self._sockets:
            return Ack(None, error="not_connected")
        socket = self._sockets[next(self._turns) % len(self._sockets)]
        envelope_id = secrets.token_hex(16)
        envelope: JSON = {
            "envelope_id": envelope_id,
            "type": kind,
            "accepts_response_payload": kind != "events_api",
            "payload": payload,
        }
        if kind == "events_api":
            envelope["retry_attempt"] = retry.number if retry else 0
            envelope["retry_reason"] = retry.reason if retry else ""
        answered: asyncio.Future[JSON] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = answered
        began = time.perf_counter()
        try:
            await socket.send_json(envelope)
            answer = await asyncio.wait_for(answered, timeout)
            return Ack(200, answer.get("payload"), _ms(began))
        except TimeoutError:
            return Ack(None, None, _ms(began), "timeout")
        except (WebSocketDisconnect, RuntimeError):
            return Ack(None, None, _ms(began), "not_connected")
        finally:
            del self._waiting[envelope_id]

    async def disconnect(self) -> None:
        """Asks the bot to reconnect, as Slack does when it refreshes a connection, and closes."""
        for socket in list(self._sockets):
            try:
                await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})
                await socket.close(code=1000)
            except RuntimeError:
                continue  # It was already closing.
        self._sockets.clear()

    async def close(self) -> None:
        await self.disconnect()


def _ms(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)


def _parsed(text: str) -> str | JSON | None:
    try:
        value = json.loads(text)
    except ValueError:
        return text or None
    return value if isinstance(value, dict) else text
