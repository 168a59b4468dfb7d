"""Samples of what threads, channels and direct messages are told."""

from __future__ import annotations

from dataclasses import replace

from bot.slack.blocks.announcements import channel_closed, gone_notice, transition_reply
from bot.slack.blocks.cancel_report import cancel_result
from bot.slack.blocks.group_news import group_finished, group_news, group_progress
from bot.slack.blocks.message import Message
from bot.tasks import Task
from bot.tasks.records import (
    Cancelled,
    CancelOutcome,
    CancelReport,
    ClosedNews,
    GoneNews,
    GroupNews,
    KnownTask,
    TransitionNews,
)
from demo.gallery import records as r
from demo.gallery.sample import shows


def _told(task: Task, *statuses: str, **more: bool | str) -> Message:
    correction = bool(more.pop("correction", False))
    by = str(more["by"]) if "by" in more else None
    steps = r.steps(*statuses, correction=correction)
    mention = r.ANA if task.status.final else None
    return transition_reply(TransitionNews(task, steps, task.status.final, mention, by))


def _cancel(outcome: CancelOutcome, before: Task | None, after: Task | None) -> Message:
    by = r.OMAR if outcome is CancelOutcome.UNDERWAY else None
    result = Cancelled(r.FULL.id, outcome, before, after, by)
    return cancel_result(CancelReport(r.ANA, (result,), r.NOW, key="k"))


def _cancels(*tasks: Task, reason: str | None = None) -> CancelReport:
    outcomes = list(CancelOutcome)
    results = tuple(
        Cancelled(one.id, outcomes[index % len(outcomes)], one, one)
        for index, one in enumerate(tasks)
    )
    return CancelReport(r.ANA, results, r.NOW, key="k", reason=reason)


def _progress(*failed: Task, members: tuple[KnownTask, ...], milestone: int | None = 50) -> Message:
    """Return what is told of members that failed, and of a milestone."""
    one = [GroupNews(members, task, r.ANA, r.steps("RUNNING", task.status)) for task in failed]
    mark = [GroupNews(members, None, r.ANA, milestone=milestone)] if milestone else []
    first, *others = [*one, *mark]
    return group_progress(replace(first, folded=tuple(others)))


_TWELVE = r.many(12, worst=False)
_GONE = r.task(0, "CANCELLED")
_WORST = tuple(replace(one.task, function=r.NAMES[at % 8]) for at, one in enumerate(r.many()))
_BAD = [one for one in _WORST if one.status.bad]
_FIFTY = tuple(one.task for one in r.many())
_LONG_WAY = ("PENDING", *("RUNNING", "RETRY") * 20, "FAILED")

SAMPLES = (
    shows(
        transition_reply,
        "A change of status",
        started=lambda: _told(r.FULL, "PENDING", "RUNNING"),
        retried=lambda: _told(r.task(0, "RETRY"), "RUNNING", "RETRY"),
        complete=lambda: _told(r.COMPLETE, "RUNNING", "COMPLETE"),
        failed=lambda: _told(r.FAILED, "RUNNING", "FAILED"),
        timed_out=lambda: _told(r.task(0, "TIMEOUT"), "RUNNING", "TIMEOUT"),
        expired=lambda: _told(r.task(0, "EXPIRED"), "PENDING", "EXPIRED"),
        cancelled=lambda: _told(_GONE, "RUNNING", "CANCELLED", by=r.OMAR),
        several_at_once=lambda: _told(r.COMPLETE, "PENDING", "RUNNING", "COMPLETE"),
        corrected=lambda: _told(r.COMPLETE, "FAILED", "COMPLETE", correction=True),
        runs_again=lambda: _told(r.FULL, "FAILED", "RUNNING", correction=True),
        extreme=lambda: _told(r.WORST_END, *_LONG_WAY, "ERROR"),
        extreme_right_to_left=lambda: _told(replace(r.FULL, function=r.ARABIC), *_LONG_WAY),
        empty=lambda: _told(r.BARE, "RETRY", "PENDING"),
    ),
    shows(
        gone_notice,
        "A task that Beam no longer knows",
        normal=lambda: gone_notice(GoneNews(r.FULL, r.ago(minutes=5), r.ANA)),
        extreme=lambda: gone_notice(GoneNews(r.WORST_END, r.ago(days=9), r.ANA)),
    ),
    shows(
        channel_closed,
        "A channel that takes no messages any more, in a direct message",
        normal=lambda: channel_closed(ClosedNews("C0ARCHIVED", "is_archived", (r.FULL,))),
        removed=lambda: channel_closed(
            ClosedNews("C0TRAINING", "not_in_channel", (r.FULL, r.QUEUED, r.FAILED))
        ),
        extreme=lambda: channel_closed(ClosedNews(r.HOSTILE, r.HOSTILE, _WORST)),
    ),
    shows(
        cancel_result,
        "What a cancel did",
        normal=lambda: _cancel(CancelOutcome.CANCELLED, r.FULL, _GONE),
        still_stopping=lambda: _cancel(CancelOutcome.STILL_STOPPING, r.FULL, r.FULL),
        already_over=lambda: _cancel(CancelOutcome.ALREADY_OVER, r.COMPLETE, r.COMPLETE),
        finished_first=lambda: _cancel(CancelOutcome.FINISHED_FIRST, r.FULL, r.COMPLETE),
        unknown=lambda: _cancel(CancelOutcome.UNKNOWN_TASK, None, None),
        unconfirmed=lambda: _cancel(CancelOutcome.UNCONFIRMED, r.FULL, None),
        not_asked=lambda: _cancel(CancelOutcome.NOT_ASKED, None, None),
        underway=lambda: _cancel(CancelOutcome.UNDERWAY, r.FULL, r.FULL),
        several=lambda: cancel_result(_cancels(r.FULL, r.QUEUED, r.FAILED, reason="wrong data")),
        extreme=lambda: cancel_result(
            replace(
                _cancels(*_WORST, reason=r.HOSTILE * 9),
                folded=tuple(_cancels(*_FIFTY[:9], reason=f"{n} {r.LONG}") for n in range(20)),
            )
        ),
    ),
    shows(
        group_news,
        "News of a group",
        one_failed=lambda: group_news(
            GroupNews(_TWELVE, r.FAILED, None, r.steps("RUNNING", "FAILED"))
        ),
    ),
    shows(
        group_progress,
        "Failures and milestones of a group",
        failed_and_half_over=lambda: _progress(r.FAILED, members=_TWELVE),
        three_failed=lambda: _progress(*[r.FAILED] * 3, members=_TWELVE, milestone=None),
        half_over=lambda: _progress(members=_TWELVE),
        extreme=lambda: _progress(*_BAD, members=r.many(), milestone=75),
    ),
    shows(
        group_finished,
        "The end of a group",
        normal=lambda: group_finished(GroupNews(r.ended(_TWELVE), None, r.ANA)),
        all_well=lambda: group_finished(GroupNews((r.known(r.COMPLETE),) * 3, None, r.ANA)),
        extreme=lambda: group_finished(GroupNews(r.ended(r.many()), None, r.ANA)),
    ),
)
