"""Around every handler: ack at once, take each request once and in turn, let nothing escape."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncBoltContext

from bot.errors import BotUnavailable, SlackUnavailable, TooBusy, UserError
from bot.log import new_error_id, new_trace
from bot.services.policy import Policy
from bot.services.ports import Accounts, Clock
from bot.slack.answer import Answer
from bot.slack.arrivals import Arrivals
from bot.slack.blocks.errors import error_message, unexpected
from bot.slack.blocks.message import JSON
from bot.slack.crowd import TELLING, Crowd
from bot.slack.gate import RequestMeter
from bot.slack.workspace import Workspace
from bot.tasks.records import Place
from storage.database import StorageUnavailable
from storage.seen import SeenStore

WORKSPACE = "workspace"
"""Under this name a request's context has the workspace that it is of."""

RECEIVED = "received_monotonic"
"""Under this name a request's context has the time of its arrival, in monotonic seconds."""

_NO_STORAGE = (
    "Beambot cannot use its database just now, so nothing was done. Try again in a minute; if it"
    " stays like this, whoever runs Beambot should look at `/readyz`."
)

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
    workspace: Workspace
    """Where it was done, and the way to answer."""
    key: str
    """What makes the request one of its kind: Slack repeats what was not acknowledged in time."""
    message_ts: str | None = None
    """The message that was clicked on, if others see it too."""


Handler = Callable[[Turn], Awaitable[None]]
Reader = Callable[[Mapping[str, Any], Workspace], Turn | None]
Listener = Callable[..., Awaitable[None]]


class Guard:
    """Makes Bolt listeners of handlers.

    Args:
        seen: requests that were taken already.
        policy: who may use the bot at all.
        accounts: which Beam account is meant where.
        clock: the current time.
        meter: counts what is asked for, and how fast it is acknowledged.
        crowd: how many requests of one workspace are in hand.
        arrivals: what is to be acknowledged before anything is done.
    """

    def __init__(
        self,
        seen: SeenStore,
        policy: Policy,
        accounts: Accounts,
        clock: Clock,
        meter: RequestMeter,
        crowd: Crowd | None = None,
        arrivals: Arrivals | None = None,
    ) -> None:
        self._meter = meter
        self._arrivals = arrivals or Arrivals()
        self._crowd, self._notices = crowd or Crowd(), Crowd(TELLING)
        self._accounts = accounts
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

        async def listen(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
            await ack()
            self._acknowledged(context)
            await self.run(read, handler, body, context[WORKSPACE])

        return listen

    def submission(
        self, read: Reader, check: Callable[[Mapping[str, Any]], JSON], handler: Handler
    ) -> Listener:
        """Return a Bolt listener for a modal, which stays open if ``check`` names errors."""

        async def listen(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
            do = handler
            try:
                wrong = check(body)
            except Exception as error:  # noqa: BLE001  # told and logged like all that fails
                wrong, do = {}, _failing(error)
            if wrong:
                await ack(response_action="errors", errors=wrong)
                return
            await ack()
            self._acknowledged(context)
            await self.run(read, do, body, context[WORKSPACE])

        return listen

    def _acknowledged(self, context: AsyncBoltContext) -> None:
        received = context.get(RECEIVED)
        if received is not None:
            self._meter.acknowledged(time.monotonic() - received)

    async def run(
        self, read: Reader, handler: Handler, body: Mapping[str, Any], workspace: Workspace
    ) -> None:
        """Do the work of one request as a task of its own, which a stop waits for."""
        task = asyncio.create_task(self._take(read, handler, body, workspace))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.shield(task)

    async def settle(self, patience: float) -> None:
        """Wait up to ``patience`` seconds for what people asked for to be done."""
        if self._running:
            _, left = await asyncio.wait(self._running, timeout=patience)
            if left:
                _log.warning("requests left unfinished", count=len(left))

    async def _take(
        self, read: Reader, handler: Handler, body: Mapping[str, Any], workspace: Workspace
    ) -> None:
        await self._arrivals.calm()
        with structlog.contextvars.bound_contextvars(trace=new_trace()):
            turn, result = await self._do(read, handler, body, workspace)
            if result is not None:
                via = turn.via if turn else "unknown"
                self._meter.requested(via, result)
                _log.info("request", via=via, result=result)

    async def _do(
        self, read: Reader, handler: Handler, body: Mapping[str, Any], workspace: Workspace
    ) -> tuple[Turn | None, str | None]:
        turn: Turn | None = None
        try:
            turn = read(body, workspace)
            if turn is None:
                return None, None
            async with self._crowd.turn(turn.place.team_id):
                return turn, await self._work(turn, handler)
        except TooBusy as error:
            await self._turn_away(turn, error)
            return turn, "turned away"
        except Exception as error:  # noqa: BLE001  # whatever escapes here becomes Slack's 404
            return turn, await self._explain(turn, error)

    async def _work(self, turn: Turn, handler: Handler) -> str:
        try:
            if not await self._seen.first(turn.place.team_id, turn.key, self._clock()):
                return "repeated"
            await self._policy.require_insider(turn.place)
            account = await self._accounts.of(turn.place.team_id, turn.place.channel_id)
            turn = replace(turn, place=replace(turn.place, account=account))
            await handler(turn)
        except Exception as error:  # noqa: BLE001  # told as long as it is this request's turn
            return await self._explain(turn, error)
        return "done"

    async def _turn_away(self, turn: Turn | None, error: TooBusy) -> None:
        """Tell somebody that their workspace asks too much, but not again and again."""
        if turn is None or not self._crowd.tells(turn.place.team_id, turn.place.user_id):
            return
        with contextlib.suppress(TooBusy):
            async with self._notices.turn(turn.place.team_id):
                await _tell(turn, error)

    async def _explain(self, turn: Turn | None, error: Exception) -> str:
        """Tell the person what went wrong; return what to call it."""
        if isinstance(error, SlackUnavailable):
            _log.warning("not answered", reason=error.text)
        elif isinstance(error, StorageUnavailable):
            _log.error("the database cannot be used", reason=error.reason)
            await _tell(turn, BotUnavailable(_NO_STORAGE))
            return "storage unavailable"
        await _tell(turn, error)
        if isinstance(error, UserError):
            return "slack unavailable" if isinstance(error, SlackUnavailable) else "told why not"
        self._meter.failed("request")
        return "failed"


def _failing(error: Exception) -> Handler:
    """Return a handler of a request that could not even be checked."""

    async def fail(_: Turn) -> None:
        raise error

    return fail


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
