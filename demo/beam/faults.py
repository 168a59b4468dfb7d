"""Faults that the simulated Beam shows on demand: error answers, drops, stalls and junk."""

import asyncio
from dataclasses import dataclass
from typing import Any, Literal, get_args

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

FaultPath = Literal["*", "get", "cancel"]
FaultKind = Literal["500", "429", "401", "404", "drop", "stall", "html", "junk", "huge", "redirect"]
HUGE = 16 * 1024 * 1024
BAD_GATEWAY = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
    "<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)


class DroppedConnection(Response):
    """Closes the connection without a byte of an answer, where the server can."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        abort = scope.get("extensions", {}).get("demo.drop", {}).get("abort")
        if abort is None:
            raise ConnectionAbortedError("this server cannot drop a connection")
        abort()
        # The server notices the closed connection on its next turn, and then expects no answer.
        await asyncio.sleep(0.05)


@dataclass(slots=True)
class Fault:
    """One fault; `times` counts down, None means until it is taken away.

    `delay` is in seconds and comes before the answer. With `applied` the request takes effect
    first and only its answer is lost.
    """

    path: FaultPath
    kind: FaultKind
    times: int | None = None
    retry_after: str | None = None
    delay: float = 0.0
    applied: bool = False

    async def answer(self) -> Response:
        """Wait as long as the fault says and return its answer."""
        delay = self.delay or (60.0 if self.kind == "stall" else 0.0)
        await asyncio.sleep(delay)
        match self.kind:
            case "500":
                return JSONResponse({"message": "Internal Server Error"}, 500)
            case "429":
                wait = {"Retry-After": self.retry_after} if self.retry_after else None
                return JSONResponse({"message": "Too Many Requests"}, 429, headers=wait)
            case "401":
                return JSONResponse({"message": "Unauthorized"}, 401)
            case "404":
                return JSONResponse({"message": ""}, 404)
            case "drop":
                return DroppedConnection()
            case "stall" | "html":
                return HTMLResponse(BAD_GATEWAY, 502)
            case "junk":
                return Response('{"id": "07ce4078-bccc-4a42', media_type="application/json")
            case "huge":
                body = b'{"id": "' + b"0" * HUGE + b'"}'
                return Response(body, media_type="application/json")
            case "redirect":
                return RedirectResponse("/v2/elsewhere/", 302)


class Faults:
    """The faults in force, the oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, raw: dict[str, Any]) -> Fault:
        """Put a fault in force, as described in JSON.

        Raises:
            ValueError: if its path, kind or a number is not one we know.
        """
        path, kind = raw.get("path", "*"), str(raw.get("kind", ""))
        if path not in get_args(FaultPath):
            raise ValueError(f"path must be one of {', '.join(get_args(FaultPath))}")
        if kind not in get_args(FaultKind):
            raise ValueError(f"kind must be one of {', '.join(get_args(FaultKind))}")
        times, wait = raw.get("times"), raw.get("retry_after")
        fault = Fault(
            path=path,
            kind=kind,  # type: ignore[arg-type]  # checked against the Literal just above
            times=None if times is None else int(times),
            retry_after=None if wait is None else str(wait),
            delay=float(raw.get("delay") or 0),
            applied=bool(raw.get("applied")),
        )
        self._faults.append(fault)
        return fault

    def take(self, path: str) -> Fault | None:
        """Return the fault that meets a request to `path` ("get" or "cancel"), and count it."""
        for fault in self._faults:
            if fault.path in {"*", path} and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None

    def clear(self) -> None:
        self._faults.clear()

    def in_force(self) -> list[Fault]:
        """Return the faults that have not counted down."""
        self._faults = [fault for fault in self._faults if fault.times != 0]
        return list(self._faults)
