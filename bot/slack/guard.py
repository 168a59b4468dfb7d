"""Around every handler: ack at once, take each request once, let nothing escape."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck

from bot.errors import SlackUnavailable, UserError
from bot.log import new_error_id
from bot.services.policy import Policy
from bot.services.ports import Clock
from bot.slack.answer import Answer
from bot.slack.blocks.errors import error_message, unexpected
from bot.slack.blocks.message import JSON
from bot.tasks.records import Place
from storage.seen import SeenStore

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """Something a person did in Slack: where, what, and how to answer."""

    place: Place
    text: str
    """What was typed, or the value of the button."""
    via: str
    """``command``, ``mention`` or ``button``, for the audit trail."""
    answer: Answer
    body: Mapping[str, Any]
    """The payload as Slack sent it."""
    key: str
    """What makes the request one of its kind: Slack repeats what was not acknowledged in time."""
    message_ts: str | None = None
    """The message that was clicked on, if others see it too."""


Handler = Callable[[Turn], Awaitable[None]]
Reader = Callable[[Mapping[str, Any]], Turn | None]
Listener = Callable[..., Awaitable[None]]


class Guard:
    """Makes Bolt listeners of handlers.

    Args:
        seen: requests that were taken already.
        policy: who may use the bot at all.
        clock: the current time.
    """

    def __init__(self, seen: SeenStore, policy: Policy, clock: Clock) -> None:
        self._seen = seen
        self._policy = policy
        self._clock = clock
        self._running: set[asyncio.Task[None]] = set()

    def listener(self, read: Reader, handler: Handler) -> Listener:
        """Return a Bolt listener.

        Args:
            read: makes a turn of a payload; ``None`` for what does not concern us.
            handler: does the work.
        """

        async def listen(ack: AsyncAck, body: dict[str, Any]) -> None:
            await ack()
            await self.run(read, handler, body)

        return listen

    def submission(
        self, read: Reader, check: Callable[[Mapping[str, Any]], JSON], handler: Handler
    ) -> Listener:
        """Return a Bolt listener for a modal, which stays open if ``check`` names errors."""

        async def listen(ack: AsyncAck, body: dict[str, Any]) -> None:
            if wrong := check(body):
                await ack(response_action="errors", errors=wrong)
                return
            await ack()
            await self.run(read, handler, body)

        return listen

    async def run(self, read: Reader, handler: Handler, body: Mapping[str, Any]) -> None:
        """Do the work of one request as a task of its own, which a stop waits for."""
        task = asyncio.create_task(self._take(read, handler, body))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.shield(task)

    async def settle(self, patience: float) -> None:
        """Wait up to ``patience`` seconds for what people asked for to be done."""
        if self._running:
            _, left = await asyncio.wait(self._running, timeout=patience)
            if left:
                _log.warning("requests left unfinished", count=len(left))

    async def _take(self, read: Reader, handler: Handler, body: Mapping[str, Any]) -> None:
        turn: Turn | None = None
        try:
            turn = read(body)
            if turn is None:
                return
            if not await self._seen.first(turn.place.team_id, turn.key, self._clock()):
                _log.info("repeated request ignored", key=turn.key)
                return
            await self._policy.require_insider(turn.place)
            await handler(turn)
        except SlackUnavailable as error:
            _log.warning("not answered", reason=error.text)
            await _tell(turn, error)
        except UserError as error:
            await _tell(turn, error)
        except Exception as error:  # noqa: BLE001  # whatever escapes here becomes Slack's 404
            await _tell(turn, error)


async def _tell(turn: Turn | None, error: Exception) -> None:
    """Tell the person what went wrong; what nobody foresaw goes to the log under an id."""
    if isinstance(error, UserError):
        message = error_message(error.text)
    else:
        error_id = new_error_id()
        _log.error("unexpected failure", error_id=error_id, exc_info=error)
        message = unexpected(error_id)
    if turn is None:
        return
    try:
        await turn.answer.private(message)
    except SlackUnavailable as failure:
        _log.warning("the error was not shown", reason=failure.text)
