"""Requests from outside: bounded and read before anything parses them."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope, Send

BODY_MAX = 1_000_000
"""Longest request in bytes; Slack's largest payloads are about 250 kB."""

# Two of a kind: nobody knows which of them another reader would take.
_ONCE = (b"x-slack-", b"x-task-", b"content-")


class Refused(Exception):
    """A request that goes no further.

    Args:
        status: HTTP status of the answer.
        why: for the log; nothing of the request is in it.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


def read_headers(scope: Scope) -> dict[bytes, bytes]:
    """Return the headers of a request by their lower-case names.

    Raises:
        Refused: one that decides something is there twice.
    """
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in found and name.startswith(_ONCE):
            raise Refused(400, "a header twice")
        found[name] = value
    return found


async def read_body(headers: dict[bytes, bytes], receive: Receive, limit: float) -> bytes:
    """Return the body of a request.

    Args:
        headers: the request's headers.
        receive: the request's ASGI channel.
        limit: seconds that it may take to come.

    Raises:
        Refused: it is too long, too slow, or breaks off.
    """
    try:
        async with asyncio.timeout(limit):
            return await _read(headers, receive)
    except TimeoutError:
        raise Refused(400, "too slow") from None


async def answer(send: Send, status: int) -> None:
    """Answer a request with a status and nothing more, and end the connection."""
    head = {"type": "http.response.start", "status": status, "headers": [(b"connection", b"close")]}
    await send(head)
    await send({"type": "http.response.body", "body": b""})


async def _read(headers: dict[bytes, bytes], receive: Receive) -> bytes:
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or len(declared) > 12 or int(declared) > BODY_MAX:
        raise Refused(413, "too long")
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused(400, "broken off")
        body += message.get("body", b"")
        if len(body) > BODY_MAX:
            raise Refused(413, "too long")
        if not message.get("more_body"):
            return bytes(body)
