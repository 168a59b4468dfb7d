"""Failures on demand: what a test asks Slack to do wrong, and closing connections unanswered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

FaultKind = Literal["429", "500", "drop", "accept_drop", "stall", "malformed"]


@dataclass
class Fault:
    """One kind of failure of one method ("*": of all), for `times` calls (-1: until cleared)."""

    method: str
    kind: FaultKind
    times: int = 1
    retry_after: str = "1"
    delay: float = 60.0


class Faults:
    """The failures asked for, used up in the order they were asked for."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, given: dict[str, Any]) -> None:
        """Adds one from its JSON form. Raises ValueError for a kind nobody knows."""
        kind = str(given.get("kind"))
        if kind not in get_args(FaultKind):
            raise ValueError(f"kind must be one of {', '.join(get_args(FaultKind))}")
        self._faults.append(
            Fault(
                str(given.get("method", "*")),
                cast(FaultKind, kind),
                int(given.get("times", 1)),
                str(given.get("retry_after", "1")),
                float(given.get("delay", 60.0)),
            )
        )

    def clear(self) -> None:
        self._faults.clear()

    def take(self, method: str) -> Fault | None:
        """The failure this call of `method` shall meet, if any."""
        for fault in self._faults:
            if fault.method in ("*", method):
                if fault.times > 0:
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                return fault
        return None


class Connections:
    """The server's open connections by their far end, so that one can be cut without an answer."""

    def __init__(self) -> None:
        self._transports: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[H11Protocol]:
        """uvicorn's HTTP protocol, which also writes its connections down here."""
        transports = self._transports

        class Recorded(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                transports[transport.get_extra_info("peername")[:2]] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                transports.pop(self.transport.get_extra_info("peername")[:2], None)
                super().connection_lost(exc)

        return Recorded

    async def cut(self, scope: Scope) -> None:
        """Cuts the connection a request came on; nothing more can be sent on it."""
        transport = self._transports.get(tuple(scope["client"]))
        if transport is not None:
            transport.abort()
            # The loop tells uvicorn of the loss on its next turn; only then may the app return.
            await asyncio.sleep(0.01)


class Cut:
    """An ASGI response that is no response: the connection is cut."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def __call__(self, scope: Scope, receive: object, send: object) -> None:
        await self._connections.cut(scope)
