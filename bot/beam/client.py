"""Beam's task API over HTTP: look a task up, cancel tasks, check that the token works."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import httpx
from aiohttp import (
    ClientConnectionError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
)
from httpx_aiohttp import AiohttpTransport

from bot.beam.errors import (
    BadAnswer,
    BeamError,
    RateLimited,
    TaskNotFound,
    Unauthorized,
    Unavailable,
)
from bot.beam.limiter import RateLimiter
from bot.beam.models import parse_task
from bot.retry_after import retry_after
from bot.tasks import Task, TaskId, parse_task_id

BODY_MAX = 1_000_000
"""Longest answer that is read, in bytes."""
DEADLINE = 15.0
"""Seconds that one request may take in all; a slow drip never trips the read timeout."""
PATIENCE = 6.0
"""Longest pause, in seconds, that a request waits for; it fails at once if Beam asked for more."""
CONNECTIONS_MAX = 500
"""Connections at once: as many as there are looks in hand, and some for people."""
# How long to hold back after a 429 that does not say, in seconds.
_RETRY_AFTER_DEFAULT = 5.0
_JSON = {"Content-Type": "application/json"}
_NIL = TaskId("00000000-0000-0000-0000-000000000000")


async def _send_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Keep aiohttp from quietly sending a request again when a connection breaks.

    It does so for every idempotent method (``ClientSession._request``), DELETE among them; a
    cancel whose outcome is unknown must not be sent twice.
    """
    try:
        return await handler(request)
    except (ClientOSError, ServerDisconnectedError) as error:
        if request.method == "GET":
            raise
        raise ClientConnectionError("the connection broke") from error


class _LeanClient(httpx.AsyncClient):
    """httpx's client without what Beam needs none of: redirects, cookies, logins, hooks.

    They are looked through at every request and cost 40 % of it (`make profile`).

    Args:
        transport: sends the requests.
        timeout: of every request.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, timeout: httpx.Timeout) -> None:
        super().__init__(
            transport=transport, timeout=timeout, follow_redirects=False, trust_env=False
        )
        self._sends = transport

    async def send(
        self, request: httpx.Request, *, stream: bool = False, **_ignored: Any
    ) -> httpx.Response:
        """Send a request; redirects are not followed, whatever is asked for."""
        response = await self._sends.handle_async_request(request)
        response.request = request
        if not stream:
            try:
                await response.aread()
            finally:
                await response.aclose()
        return response


def new_http_client() -> httpx.AsyncClient:
    """Return the client that everything to Beam goes through: one for the whole process.

    It runs over aiohttp's connection pool, as httpx's own is quadratic in the number of
    connections (https://github.com/encode/httpcore/issues/1035), and stores no cookies.
    Close it with ``aclose()``.
    """
    tls = httpx.create_ssl_context()

    def new_session() -> ClientSession:
        return ClientSession(
            connector=TCPConnector(limit=CONNECTIONS_MAX, ssl=tls, keepalive_timeout=15.0),
            cookie_jar=DummyCookieJar(),
            middlewares=[_send_once],
        )

    return _LeanClient(
        AiohttpTransport(verify=tls, client=new_session),
        # A wait for a free connection ends with the whole call's deadline.
        httpx.Timeout(10.0, connect=5.0, pool=None),
    )


class BeamClient:
    """Beam's two task endpoints with one account's token.

    Every method raises ``BeamError`` (a subclass that says what happened) and nothing else but
    ``ValueError`` for an id that is none.

    Args:
        http: shared, from ``new_http_client``; the caller closes it.
        base_url: such as ``https://api.beam.cloud/v2``.
        token: Beam bearer token.
        limiter: the account's budget of requests.
        deadline: seconds that one request may take in all, once the budget allows it.
        patient: let everybody else who shares the budget go first.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        token: str,
        limiter: RateLimiter,
        deadline: float = DEADLINE,
        patient: bool = False,
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._token = token
        self.budget = limiter
        self._deadline = deadline
        self._patient = patient
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
        }

    def patient(self) -> BeamClient:
        """Return a client of the same account and budget that lets people go first."""
        return BeamClient(
            self._http,
            base_url=self._base_url,
            token=self._token,
            limiter=self.budget,
            deadline=self._deadline,
            patient=True,
        )

    def __repr__(self) -> str:
        return f"BeamClient({self._base_url!r})"

    async def get(self, task_id: TaskId) -> Task:
        """Look one task up.

        Raises:
            BeamError: ``TaskNotFound`` among them.
            ValueError: ``task_id`` is not a UUID.
        """
        known = _checked(task_id)
        return parse_task(await self._send("GET", f"/task/{known}/"), expected=known)

    async def cancel(self, task_ids: Sequence[TaskId]) -> None:
        """Ask Beam to cancel tasks, once; never repeated, as the outcome may be unknown.

        That it returns proves nothing: Beam answers 200 also for tasks that are unknown, over or
        could not be stopped. Look each up afterwards.

        Raises:
            BeamError: after ``Unavailable`` the tasks may or may not be cancelled.
            ValueError: one of ``task_ids`` is not a UUID.
        """
        ids = [_checked(task_id) for task_id in task_ids]
        if ids:
            await self._send("DELETE", "/task/cancel/", json.dumps({"task_ids": ids}).encode())

    async def check(self) -> None:
        """Return if Beam is reachable and takes the token: it then knows no nil task.

        Raises:
            BeamError: Beam is not reachable, or does not take the token.
        """
        try:
            await self._send("GET", f"/task/{_NIL}/")
        except TaskNotFound:
            return
        raise BadAnswer("Beam knows the nil task: this is not its API")

    async def _send(self, method: str, path: str, content: bytes | None = None) -> bytes:
        held = await self.budget.acquire(patient=self._patient, patience=PATIENCE)
        if held:
            # Said at once: whoever asked must not sit out a pause that may take an hour.
            raise RateLimited("Beam asked for a pause", retry_after=held)
        try:
            async with asyncio.timeout(self._deadline):
                body = await self._exchange(method, path, content)
        except BeamError as error:
            if isinstance(error, RateLimited):
                self.budget.penalise(error.retry_after or _RETRY_AFTER_DEFAULT)
            elif not isinstance(error, Unavailable):
                self.budget.answered()
            raise
        except TimeoutError:
            raise Unavailable(f"Beam did not answer within {self._deadline:g} s") from None
        except httpx.DecodingError as error:
            raise BadAnswer("the answer's content encoding is broken") from error
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            httpx.StreamError,
            ClientError,
            OSError,
        ) as error:
            raise Unavailable(f"no answer from Beam ({type(error).__name__})") from error
        except (ValueError, LookupError, RuntimeError) as error:
            # The transport re-encodes the status line and trips over bytes that are not UTF-8;
            # a client closed under a request raises RuntimeError.
            raise Unavailable(f"no usable answer from Beam ({type(error).__name__})") from error
        self.budget.answered()
        return body

    async def _exchange(self, method: str, path: str, content: bytes | None) -> bytes:
        request = self._http.build_request(
            method,
            self._base_url + path,
            content=content,
            headers=self._headers if content is None else self._headers | _JSON,
        )
        response = await self._http.send(request, stream=True)
        try:
            _raise_for_status(response)
            return await _read(response)
        finally:
            await response.aclose()


def _checked(task_id: TaskId) -> TaskId:
    """Return the id in canonical form; nothing else may become part of a URL."""
    known = parse_task_id(task_id)
    if known is None:
        raise ValueError("not a task id")
    return known


def _raise_for_status(response: httpx.Response) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    wait = retry_after(response.headers.get("Retry-After"))
    if status == 404:
        # A proxy in front of Beam, or a wrong address, answers 404 with a page or in plain text:
        # that must not end a watch. Beam's own is JSON.
        if "json" not in response.headers.get("Content-Type", "").lower():
            raise BadAnswer("404, but not in Beam's form")
        raise TaskNotFound("Beam knows no such task")
    if status in (401, 403):
        raise Unauthorized(f"Beam does not accept the token ({status})")
    if status == 429:
        raise RateLimited("too many requests to Beam", retry_after=wait)
    if status >= 500 or 300 <= status < 400 or status == 408:
        raise Unavailable(f"Beam answered {status}", retry_after=wait)
    raise BadAnswer(f"Beam answered {status}")


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > BODY_MAX:
            raise BadAnswer("the answer is too long")
    return bytes(body)
