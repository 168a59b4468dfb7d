"""Cancel tasks, and report what really happened to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from bot.beam.errors import BeamError, TaskNotFound
from bot.errors import BadRequest
from bot.services.deliver import Deliverer
from bot.services.look_up import AT_ONCE, LookUp
from bot.services.policy import Policy
from bot.services.ports import Accounts, Clock
from bot.tasks import Task, TaskId
from bot.tasks.follow import Look
from bot.tasks.records import Cancelled, CancelOutcome, CancelReport, Place
from storage.cancels import Abandoned, CancelStore

CHECKS = (0.0, 0.5, 1.0, 2.0)
"""Seconds before each look that follows a cancel: a container needs a moment to stop."""

PATIENCE, PAUSE = 20, 0.25
"""How often, and how many seconds apart, the delivery of a report is looked at."""

ABANDONED = timedelta(minutes=5)
"""After so long without a result, whoever was at a cancel has died: 50 tasks take two minutes."""

RESUMED_AT_ONCE = 16
"""Workspaces whose abandoned cancels are taken up side by side."""

_NOT_YOURS = "Only the person who cancelled can say why. Ask them, or write it in the thread."
_log = structlog.get_logger(__name__)

Sleep = Callable[[float], Awaitable[None]]


class Cancelling:
    """Cancels on behalf of people, within the policy, with an audit trail.

    Args:
        accounts: the Beam accounts.
        look_up: looks before and after.
        cancels: the audit trail, and questions not yet answered.
        policy: who may.
        deliverer: posts the report.
        clock: the current time.
        sleep: waits between looks.
    """

    def __init__(
        self,
        accounts: Accounts,
        look_up: LookUp,
        cancels: CancelStore,
        policy: Policy,
        deliverer: Deliverer,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._accounts = accounts
        self._look_up = look_up
        self._cancels = cancels
        self._policy = policy
        self._deliverer = deliverer
        self._clock = clock
        self._sleep = sleep

    async def cancel(
        self,
        place: Place,
        ids: Sequence[TaskId],
        *,
        via: str,
        card_id: int | None = None,
        reason: str | None = None,
    ) -> CancelReport:
        """Cancel tasks and report, per task, what a look-up found afterwards.

        Beam answers ``200 {}`` to every cancel, so each task is looked up before and after. A
        report that says that something was cancelled is owed to the channel; one that changed
        nothing is only returned. Where somebody has just sent a cancel, none is sent, and
        the report says what became of that one.

        Args:
            place: where it was asked for, and by whom.
            ids: the tasks.
            via: ``command``, ``button``, ``mention`` or ``question``, for the audit trail.
            card_id: the card whose thread takes the report, else the channel does.
            reason: why, in the person's own words.

        Raises:
            NotAllowed: the policy forbids it.
            SlackUnavailable: Slack does not say who asks.
        """
        await self._policy.require_cancel(place, ids)
        asked_at = self._clock()
        before = await self._look(place, ids)
        flying = [task_id for task_id in ids if _in_flight(before[task_id])]
        by = await self._cancels.cancelled_by(place, ids)
        results = {
            task_id: _untouched(task_id, before[task_id], by.get(task_id))
            for task_id in ids
            if task_id not in flying
        }

        def report(key: str = "") -> CancelReport:
            told = tuple(results[task_id] for task_id in ids)
            return CancelReport(place.user_id, told, asked_at, key, place.thread_ts, reason)

        if not flying:
            return report()
        sure = [
            Cancelled(task_id, CancelOutcome.UNCONFIRMED, _task(before[task_id]), None)
            for task_id in flying
        ]
        taken = await self._cancels.asked(
            place, sure, via, asked_at, card_id=card_id, reason=reason
        )
        refused = await self._send(place, list(taken.rows)) if taken.rows else None
        after = await self._settle(place, flying, patient=refused is None)
        for task_id in flying:
            result = _judge(task_id, _task(before[task_id]), after[task_id])
            if task_id in taken.underway:
                other = taken.underway[task_id]
                result = replace(result, outcome=CancelOutcome.UNDERWAY, by=other)
            results[task_id] = result
        if not taken.rows:
            return report()
        told = report(f"cancel:{min(taken.rows.values())}")
        settled = {row: results[task_id] for task_id, row in taken.rows.items()}
        await self._cancels.settled(place, settled, told, self._clock(), card_id=card_id)
        await self._deliverer.deliver_now(place.team_id, place.channel_id)
        return told

    async def explain(self, place: Place, keys: Sequence[str], reason: str) -> None:
        """Keep why somebody cancelled, and show it in their reports and on cards.

        Args:
            place: where the report is, and who says so.
            keys: what the reports were owed under.
            reason: why, in the person's own words.

        Raises:
            BadRequest: it was not this person who cancelled.
        """
        if not await self._cancels.explain(place, keys, reason, self._clock()):
            raise BadRequest(_NOT_YOURS)
        await self._deliverer.deliver_now(place.team_id, place.channel_id)

    async def require_own(self, place: Place, keys: Sequence[str]) -> None:
        """Refuse who did not cancel what these reports tell of.

        Raises:
            BadRequest: it was somebody else.
        """
        if not await self._cancels.own(place, keys):
            raise BadRequest(_NOT_YOURS)

    async def resume(self) -> int:
        """Settle cancels that a copy which died left open; return how many.

        They may or may not have been sent. They are not sent again: a look tells what became of
        the tasks, and the channel is told that.
        """
        left = await self._cancels.unsettled(self._clock(), ABANDONED)
        workspaces: dict[str, list[Abandoned]] = {}
        for one in left:
            workspaces.setdefault(one.place.team_id, []).append(one)
        limit = asyncio.Semaphore(RESUMED_AT_ONCE)

        async def resume(these: list[Abandoned]) -> None:
            async with limit:
                for one in these:
                    await self._resume(one)

        # Side by side: a Beam account that does not answer takes its time for each.
        done = await asyncio.gather(*map(resume, workspaces.values()), return_exceptions=True)
        for result in done:
            if result is not None:
                raise result
        return len(left)

    async def _resume(self, one: Abandoned) -> None:
        looks = await self._look(one.place, list(one.rows))
        results = {
            task_id: _judge(task_id, _task(looks[task_id]), looks[task_id]) for task_id in one.rows
        }
        report = CancelReport(
            one.place.user_id,
            tuple(results.values()),
            one.asked_at,
            f"cancel:{min(one.rows.values())}",
            reason=one.reason,
        )
        await self._cancels.settled(
            one.place,
            {row: results[task_id] for task_id, row in one.rows.items()},
            report,
            self._clock(),
            card_id=one.card_id,
        )
        _log.warning("cancel taken up after a crash", tasks=list(one.rows))

    async def told(self, place: Place, report: CancelReport) -> bool:
        """Tell whether the channel has the report, or gets it once Slack takes messages again."""
        for _ in range(PATIENCE):
            fate = await self._cancels.fate(report.key)
            if fate in ("sent", "dead", None):
                return fate == "sent"
            # Owed still: whether the channel takes it at all shows when it is its turn.
            await self._sleep(PAUSE)
            await self._deliverer.deliver_now(place.team_id, place.channel_id)
        return True

    async def ask(self, place: Place, ids: Sequence[TaskId], reason: str | None = None) -> str:
        """Keep the question whether to cancel several tasks, and why; return its id."""
        await self._policy.require_cancel(place, ids)
        return await self._cancels.ask(place, ids, self._clock(), reason)

    async def answer(self, place: Place, question: str) -> CancelReport:
        """Cancel the tasks of a question that this person was asked.

        Raises:
            BadRequest: it was answered already, is too old, or was somebody else's.
        """
        found = await self._cancels.answer(question, place.team_id, place.user_id, self._clock())
        if found is None:
            raise BadRequest(
                "This was answered already, or is more than an hour old. Type `/beam cancel` again."
            )
        ids, reason = found
        return await self.cancel(place, ids, via="question", reason=reason)

    async def dismiss(self, place: Place, question: str) -> bool:
        """Close a question; tell whether it was open and this person's."""
        found = await self._cancels.answer(question, place.team_id, place.user_id, self._clock())
        return found is not None

    async def _look(self, place: Place, ids: Sequence[TaskId]) -> dict[TaskId, Look | BeamError]:
        limit = asyncio.Semaphore(AT_ONCE)

        async def one(task_id: TaskId) -> Look | BeamError:
            async with limit:
                return await self._look_up.ask(place.team_id, place.account, task_id)

        answers = dict(zip(ids, await asyncio.gather(*map(one, ids)), strict=True))
        await self._look_up.observe(
            place, {i: look for i, look in answers.items() if isinstance(look, Look)}
        )
        return answers

    async def _send(self, place: Place, ids: Sequence[TaskId]) -> BeamError | None:
        try:
            beam = await self._accounts.client(place.team_id, place.account)
            await beam.cancel(ids)
        except BeamError as error:
            # Perhaps carried out all the same: the looks that follow tell. Never sent twice.
            _log.warning("cancel not confirmed", tasks=list(ids), reason=str(error))
            return error
        return None

    async def _settle(
        self, place: Place, ids: Sequence[TaskId], *, patient: bool
    ) -> dict[TaskId, Look | BeamError]:
        found: dict[TaskId, Look | BeamError] = {}
        open_ids = list(ids)
        for pause in CHECKS if patient else CHECKS[:2]:
            if pause:
                await self._sleep(pause)
            found |= await self._look(place, open_ids)
            open_ids = [task_id for task_id in open_ids if not _over(found[task_id])]
            if not open_ids:
                break
        return found


def _task(answer: Look | BeamError) -> Task | None:
    return answer.task if isinstance(answer, Look) else None


def _in_flight(answer: Look | BeamError) -> bool:
    task = _task(answer)
    # A status that nobody knows may well be one in flight: trying is right, the look tells.
    return task is not None and not task.status.final


def _over(answer: Look | BeamError) -> bool:
    task = _task(answer)
    return task is not None and task.status.final


def _untouched(task_id: TaskId, answer: Look | BeamError, by: str | None) -> Cancelled:
    task = _task(answer)
    if task is not None:
        other = by if task.status == "CANCELLED" else None
        return Cancelled(task_id, CancelOutcome.ALREADY_OVER, task, task, other)
    gone = isinstance(answer, TaskNotFound)
    outcome = CancelOutcome.UNKNOWN_TASK if gone else CancelOutcome.NOT_ASKED
    return Cancelled(task_id, outcome, None, None)


def _judge(task_id: TaskId, before: Task | None, answer: Look | BeamError) -> Cancelled:
    after = _task(answer)
    if after is None:
        return Cancelled(task_id, CancelOutcome.UNCONFIRMED, before, None)
    if after.status == "CANCELLED":
        return Cancelled(task_id, CancelOutcome.CANCELLED, before, after)
    if after.status.final:
        return Cancelled(task_id, CancelOutcome.FINISHED_FIRST, before, after)
    return Cancelled(task_id, CancelOutcome.STILL_STOPPING, before, after)
