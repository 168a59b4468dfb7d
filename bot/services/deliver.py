"""Deliver what channels are owed: in order, paced, repeatable."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from bot.services.doors import Doors
from bot.services.fold import few, fold, fold_reports, in_thread, is_broadcast, next_message
from bot.services.nudge import as_of_now
from bot.services.ports import (
    CardGone,
    ChannelClosed,
    Clock,
    Courier,
    DeliveryError,
    Meter,
    NeverDeliverable,
    OutcomeUnknown,
    Outgoing,
    WorkspaceClosed,
)
from bot.services.turns import Turns
from bot.tasks.records import (
    Amended,
    CancelReport,
    Card,
    CardView,
    GroupNews,
    NudgeNews,
)
from storage.claims import Claim
from storage.database import StorageUnavailable
from storage.outbox import Delivery, Outbox
from storage.watches import WatchStore

LEASE = timedelta(seconds=60)
"""How long a channel stays with a copy that may have died; a message takes at most 15 s."""

POST_PACE = timedelta(seconds=1)
"""Slack takes about one message a second in a channel (chat.postMessage, rate limits)."""

EDIT_PACE = timedelta(seconds=1.2)
"""Slack takes about 50 edits a minute (chat.update, tier 3)."""

EXTENDED_FOR = timedelta(minutes=2)
"""How long a report of cancels takes up further ones of the same person: nobody is notified of an
edit, and what was said longer ago is out of sight."""

RETRY_FIRST, RETRY_LIMIT = 1.0, 60.0
NOTE_AGAIN = 1.0
"""Seconds until it is tried again to note that a message was sent."""

_log = structlog.get_logger(__name__)


class Deliverer:
    """Works off the outbox, a channel at a time.

    Args:
        outbox: what is owed.
        watches: stored cards.
        courier: Slack.
        clock: the current time.
        meter: counts deliveries.
        workspaces: which of them reject the token.
        turns: how many channels are served side by side, and how many of one workspace.
        sleep: waits until a database takes writes again.
    """

    def __init__(
        self,
        outbox: Outbox,
        watches: WatchStore,
        courier: Courier,
        clock: Clock,
        meter: Meter,
        workspaces: Doors,
        *,
        turns: Turns | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._outbox = outbox
        self._watches = watches
        self._courier = courier
        self._clock = clock
        self._meter = meter
        self._workspaces = workspaces
        self._turns = turns or Turns()
        self._last = ""
        self._sleep = sleep
        self._at_work: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._edits_failed: Counter[tuple[str, str]] = Counter()
        self._closing = False

    async def tick(self) -> None:
        """Take channels that are due, in rounds over the workspaces, and start to serve them."""
        if self._closing:
            return
        await self._take_turns()
        for team_id in self._workspaces.due(self._clock()):
            # One message shows whether the workspace takes them again.
            await self._take({team_id: 1})
            if not await self._outbox.owes(team_id):
                # Another copy has sent them, or they are owed no more.
                self._workspaces.forget(team_id)

    async def _take_turns(self) -> None:
        if not self._turns.free:
            return
        without = self._workspaces.closed() | self._turns.full()
        limit = self._turns.free
        waiting = await self._outbox.waiting(
            self._clock(), after=self._last, limit=limit, without=without
        )
        if waiting:
            self._last = waiting[-1]
        # Whoever got all that it may have in a round may have more in the next.
        while wanted := self._turns.share(waiting):
            got = await self._take(wanted)
            waiting = [team_id for team_id in waiting if got[team_id] == wanted.get(team_id)]

    async def deliver_now(self, team_id: str, channel_id: str) -> None:
        """Serve one channel and wait for it, unless another copy serves it."""
        place = (team_id, channel_id)
        # Twice: a turn that had begun before the new work was written may have missed it.
        for _ in range(2):
            running = self._at_work.get(place)
            if running is None:
                break
            await asyncio.wait([running])
        if not self._closing and self._workspaces.probe(team_id, self._clock()):
            claims = await self._outbox.claim_channel(
                self._clock(), team_id, channel_id, lease=LEASE
            )
            # Not one of the workspace's turns: somebody waits for it.
            self._begin(claims)
        if running := self._at_work.get(place):
            await asyncio.wait([running])

    async def settle(self) -> None:
        """Wait until everything that was started is done."""
        while self._at_work:
            await asyncio.wait(list(self._at_work.values()))

    async def stop(self) -> None:
        """Start nothing more, and finish what is being sent."""
        self._closing = True
        await self.settle()

    async def _take(self, wanted: Mapping[str, int]) -> Counter[str]:
        """Take so many due channels of each workspace; return how many there were."""
        claims = await self._outbox.claim(
            self._clock(), wanted, lease=LEASE, busy=tuple(self._at_work)
        )
        for task, claim in zip(self._begin(claims), claims, strict=True):
            self._turns.begin(claim.team_id)
            task.add_done_callback(lambda _, team_id=claim.team_id: self._turns.end(team_id))  # type: ignore[misc]
        return Counter(claim.team_id for claim in claims)

    def _begin(self, claims: Sequence[Claim]) -> list[asyncio.Task[None]]:
        begun = []
        for claim in claims:
            place = (claim.team_id, claim.channel_id)
            task = asyncio.create_task(self._serve(claim))
            self._at_work[place] = task
            task.add_done_callback(lambda _, place=place: self._at_work.pop(place, None))  # type: ignore[misc]
            begun.append(task)
        return begun

    async def _serve(self, claim: Claim) -> None:
        turn = _Turn(claim, claim.next_post_at, claim.next_edit_at)
        try:
            await self._work(turn)
        except DeliveryError as error:
            await self._failed(turn, error)
        except StorageUnavailable as error:
            # What was owed is owed still.
            _log.warning("delivery put off", channel=claim.channel_id, reason=error.reason)
            turn.not_before = self._clock() + timedelta(seconds=RETRY_FIRST)
        except Exception:  # noqa: BLE001  # logged; the loop must go on
            _log.exception("delivery failed", channel=claim.channel_id)
            self._meter.failed("deliver")
            turn.not_before = self._clock() + timedelta(seconds=RETRY_FIRST)
        try:
            await self._outbox.release(
                claim,
                next_post_at=turn.next_post_at,
                next_edit_at=turn.next_edit_at,
                not_before=turn.not_before,
                now=self._clock(),
            )
        except StorageUnavailable as error:
            # The lease runs out by itself; the channel is served again then.
            _log.warning("channel not released", channel=claim.channel_id, reason=error.reason)

    async def _work(self, turn: _Turn) -> None:
        work = await self._outbox.work(turn.claim)
        batch = next_message(work.deliveries)
        turn.batch = [one.id for one in batch]
        turn.attempts = batch[0].attempts if batch else 0
        turn.doubtful = bool(batch) and batch[0].doubtful
        about = batch[0].card.id if batch and batch[0].card else None
        # A card is shown as it is before its thread says why it changed.
        for card in sorted(work.stale_cards, key=lambda card: card.id != about):
            if _later(turn.next_edit_at, self._clock()):
                break
            if found := await self._watches.card(card.id):
                await self._edit(turn, found[0])
            if about is not None:
                break
        if batch and not _later(turn.next_post_at, self._clock()):
            await self._post(turn, batch)

    async def _post(self, turn: _Turn, batch: list[Delivery]) -> None:
        first = batch[0]
        if isinstance(first.news, Amended):
            await self._amend(turn, first, first.news)
            return
        message = await self._outgoing(batch, turn.claim.lease_until)
        if isinstance(message.news, NudgeNews) and message.news.over:
            # It was true when it was owed; now it would be told too late.
            await self._outbox.set_aside(turn.claim, turn.batch, "no longer true", self._clock())
            self._meter.delivered("news", "late")
            return
        if not await self._outbox.begin(turn.claim, turn.batch, self._clock()):
            return
        kind = "card" if message.news is None else "news"
        turn.doing = _Doing.FINDING
        ts = await self._courier.find(message) if first.doubtful else None
        result = "found"
        if ts is None and isinstance(message.news, CancelReport):
            ts, result = await self._extend(turn, message), "extended"
        if ts is None:
            result = "sent"
            turn.doing = _Doing.POSTING
            turn.next_post_at = self._clock() + POST_PACE
            ts = await self._courier.post(message)
            turn.next_post_at = self._clock() + POST_PACE
        shown = message.view.card if message.view and message.news is None else None
        if shown and result == "found":
            # It was posted as the card was then: what changed since is to be shown yet.
            shown = replace(shown, wanted=shown.shown)
        await self._note_sent(turn, ts, shown)
        self._accepted(turn.claim.team_id)
        self._meter.delivered(kind, result)
        _log.info(
            "delivered",
            kind=kind,
            result=result,
            channel=first.channel_id,
            ts=ts,
            deliveries=turn.batch,
            trace=batch[-1].trace,
        )

    async def _extend(self, turn: _Turn, message: Outgoing) -> str | None:
        """Add a report to the one before it, if that is the same person's and not long ago.

        An edit may be repeated: one that was sent but not noted is sent again, or, once the
        report before is too old, told in a message of its own.
        """
        report, now = message.news, self._clock()
        if not isinstance(report, CancelReport):
            return None
        card_id = message.view.card.id if message.view else None
        told = await self._outbox.last_report(turn.claim, card_id, report, now - EXTENDED_FOR)
        if told is None or not few([*told.reports, report]):
            return None
        whole = replace(message, news=fold_reports([*told.reports, report]))
        return told.ts if await self._edit_message(turn, whole, told.ts) else None

    async def _amend(self, turn: _Turn, delivery: Delivery, news: Amended) -> None:
        if not await self._outbox.begin(turn.claim, turn.batch, self._clock()):
            return
        if nudge := await self._outbox.nudge(news.key):
            message = await self._outgoing([delivery], turn.claim.lease_until)
            over = replace(nudge[1], over=True)
            await self._edit_message(turn, replace(message, news=over), nudge[0])
            await self._note_sent(turn, nudge[0], None)
            return
        told = await self._outbox.report(news.key)
        if told is not None:
            message = await self._outgoing([delivery], turn.claim.lease_until)
            whole = replace(message, news=fold_reports(list(told.reports)))
            await self._edit_message(turn, whole, told.ts)
        await self._note_sent(turn, told.ts if told else "", None)

    async def _edit_message(self, turn: _Turn, message: Outgoing, ts: str) -> bool:
        """Edit a message that is no card; tell whether Slack let us."""
        # What fails now fails on behalf of the deliveries, as a post would.
        turn.doing = _Doing.POSTING
        turn.next_edit_at = self._clock() + EDIT_PACE
        try:
            await self._courier.amend(message, ts)
        except NeverDeliverable as error:
            _log.info("message not edited", channel=message.channel_id, reason=error.code)
            return False
        self._accepted(turn.claim.team_id)
        self._meter.delivered("edit", "sent")
        return True

    async def _note_sent(self, turn: _Turn, ts: str, shown: Card | None) -> None:
        # What is not noted would be sent again: as long as this process lives, it knows better.
        while True:
            try:
                await self._outbox.sent(turn.batch, ts, self._clock(), card=shown)
            except StorageUnavailable as error:
                if self._closing:
                    raise
                _log.warning("sent, but not noted", deliveries=turn.batch, reason=error.reason)
                await self._sleep(NOTE_AGAIN)
            else:
                return

    def _accepted(self, team_id: str) -> None:
        if self._workspaces.accepted(team_id):
            _log.info("the workspace takes our token again", team=team_id)

    async def _edit(self, turn: _Turn, view: CardView) -> None:
        turn.next_edit_at = self._clock() + EDIT_PACE
        turn.doing = _Doing.EDITING
        try:
            await self._courier.edit(view)
        except CardGone as error:
            # Somebody deleted it, or it may be edited no more: those who watch need another.
            anew = await self._outbox.replace_card(view.card, error.code, self._clock())
            _log.info("card is gone", card=view.card.id, reason=error.code, posted_anew=anew)
            self._answered(turn, "gone")
            return
        except NeverDeliverable as error:
            # This version is set aside; the next may do better, and the thread goes on.
            _log.error("edit set aside", card=view.card.id, reason=error.code)
            await self._outbox.edited(view.card, self._clock())
            self._answered(turn, "dead")
            return
        await self._outbox.edited(view.card, self._clock())
        self._answered(turn, "sent")

    def _answered(self, turn: _Turn, result: str) -> None:
        self._edits_failed.pop((turn.claim.team_id, turn.claim.channel_id), None)
        self._accepted(turn.claim.team_id)
        self._meter.delivered("edit", result)

    async def _outgoing(self, batch: list[Delivery], before: datetime) -> Outgoing:
        first = batch[0]
        view = None
        if first.card is not None:
            found = await self._watches.card(first.card.id)
            view = found[0] if found else None
        card = view.card if view else None
        news = first.news
        if news is not None:
            news = fold([one.news for one in batch if one.news is not None])
        if isinstance(news, NudgeNews):
            news = as_of_now(news, view, self._clock())
        if isinstance(news, GroupNews):
            news = replace(news, members=view.members) if view else news
        thread = card.thread_ts if card else None
        if isinstance(news, CancelReport) and card is None:
            thread = news.thread_ts
        if news is not None and card is not None:
            # In a thread already, the card's own thread is that one.
            thread = card.thread_ts or (card.ts if in_thread(news) else None)
        return Outgoing(
            first.team_id,
            first.channel_id,
            thread,
            view,
            news,
            is_broadcast(news),
            f"beambot-{first.id}",
            first.created_at,
            # A request that begins before this has ended when the lease is over.
            before - LEASE / 4,
        )

    async def _failed(self, turn: _Turn, error: DeliveryError) -> None:
        now, claim = self._clock(), turn.claim
        self._meter.delivered("edit" if turn.doing is _Doing.EDITING else "post", _result(error))
        if isinstance(error, ChannelClosed):
            # Nothing is owed to it any more; what comes next may find it open again.
            direct = await self._direct(claim)
            ended = await self._outbox.close_channel(claim, error.code, now, direct=direct)
            _log.warning(
                "channel closed", channel=claim.channel_id, reason=error.code, watches=len(ended)
            )
            self._accepted(claim.team_id)
        elif isinstance(error, NeverDeliverable) and turn.doing is _Doing.POSTING:
            ended = await self._outbox.set_aside(claim, turn.batch, error.code, now)
            _log.error(
                "message set aside",
                channel=claim.channel_id,
                deliveries=turn.batch,
                reason=error.code,
                watches=len(ended),
            )
            self._accepted(claim.team_id)
        elif isinstance(error, WorkspaceClosed):
            # Nothing more is sent to any of its channels until a probe gets through.
            await self._not_taken(turn, error)
            if self._workspaces.rejected(claim.team_id, now):
                _log.error(
                    "the workspace rejects our token; its work waits",
                    team=claim.team_id,
                    reason=error.code,
                )
        else:
            await self._later(turn, error)

    async def _not_taken(self, turn: _Turn, error: DeliveryError) -> None:
        """Note that what was to be posted is owed as if it had never been tried.

        Not where an attempt before this one may have posted it: that one may still arrive, so it
        is looked for each time, and nothing that came later is told under its key.
        """
        if turn.doing is _Doing.POSTING and not turn.doubtful:
            await self._outbox.unsent(turn.claim, turn.batch, error.code)

    async def _later(self, turn: _Turn, error: DeliveryError) -> None:
        """Try again after a while. Slack counts each method in each channel by itself."""
        place = (turn.claim.team_id, turn.claim.channel_id)
        editing = turn.doing is _Doing.EDITING
        if editing:
            self._edits_failed[place] += 1
        failed = self._edits_failed[place] - 1 if editing else turn.attempts
        wait = error.retry_after
        if wait is None:
            wait = min(RETRY_FIRST * 2.0 ** min(failed, 6), RETRY_LIMIT)
        until = self._clock() + timedelta(seconds=wait)
        if editing:
            turn.next_edit_at = until
        else:
            turn.next_post_at = until
        if not isinstance(error, OutcomeUnknown):
            await self._not_taken(turn, error)
        _log.info(
            "not delivered",
            channel=turn.claim.channel_id,
            doing=turn.doing.value,
            reason=error.code,
            wait=wait,
        )

    async def _direct(self, claim: Claim) -> dict[str, str]:
        """Return where to tell those who watch in a channel, if that is not their own."""
        if not claim.channel_id.startswith(("C", "G")):
            return {}
        places: dict[str, str] = {}
        for owner in await self._outbox.owners_in(claim, self._clock()):
            try:
                places[owner] = await self._courier.open_dm(claim.team_id, owner)
            except DeliveryError as error:
                _log.info("no direct message can be opened", owner=owner, reason=error.code)
                # Slack opens one for a message to a person's id; it may do so later.
                places[owner] = owner
        return places


class _Doing(StrEnum):
    """What was tried last."""

    EDITING = "editing"
    FINDING = "finding"
    POSTING = "posting"


class _Turn:
    """One turn at a channel, and how far it got."""

    def __init__(
        self, claim: Claim, next_post_at: datetime | None, next_edit_at: datetime | None
    ) -> None:
        self.claim = claim
        self.next_post_at = next_post_at
        self.next_edit_at = next_edit_at
        self.not_before: datetime | None = None
        self.batch: list[int] = []
        self.attempts = 0
        self.doubtful = False
        """Whether an earlier attempt may have posted the batch."""
        self.doing = _Doing.EDITING


def _later(at: datetime | None, now: datetime) -> bool:
    return at is not None and now < at


def _result(error: DeliveryError) -> str:
    return "dead" if isinstance(error, NeverDeliverable) else type(error).__name__
