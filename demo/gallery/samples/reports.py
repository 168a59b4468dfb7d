"""Samples of what is normal, of histories and of statistics."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.slack.blocks.history import channel_history, task_history
from bot.slack.blocks.message import Message
from bot.slack.blocks.nudge import nudge_message
from bot.slack.blocks.report import digest_message, stats_message
from bot.tasks import Status
from bot.tasks.history import CancelAsked, Change, Event, History
from bot.tasks.nudge import NudgeKind
from bot.tasks.records import CancelOutcome, NudgeNews
from bot.tasks.report import Digest, FunctionReport, Slice, Spread, Stats, Window
from bot.tasks.usual import Usual
from demo.gallery import records as r
from demo.gallery.sample import shows

_SPREAD = Spread(timedelta(minutes=3, seconds=20), timedelta(minutes=11))


def _stats(*names: str, scale: int = 1) -> Stats:
    since, step = r.NOW - Window.WEEK.length, Window.WEEK.length / Window.WEEK.slices
    slices = tuple(
        Slice(since + step * at, 3 * at * scale, at % 3 * scale, at % 2)
        for at in range(Window.WEEK.slices)
        if names or not at
    )
    functions = tuple(
        FunctionReport(name, 20 * scale, (2 + at) * scale, ran=_SPREAD, waited=_SPREAD)
        for at, name in enumerate(names[:5])
    )
    outcomes = {"COMPLETE": 63 * scale, "FAILED": 5 * scale, "TIMEOUT": 1, "CANCELLED": 3}
    named = {Status(name): number for name, number in outcomes.items()} if names else {}
    return Stats(
        since, r.NOW, named, len(names), functions, functions, functions, slices, capped=scale > 1
    )


_ORDINARY = _stats("train:finetune_lora", "sdxl:render_poster", "embed:index_docs")


def _events(label: str, reason: str = "wrong data") -> tuple[Event, ...]:
    changes = [
        Change(r.ago(minutes=8 - at), r.FULL.id, label, step.old, step.new, step.waited)
        for at, step in enumerate(r.steps("PENDING", "RUNNING", "RETRY", "CANCELLED"))
    ]
    asked = [
        CancelAsked(r.ago(minutes=5), r.FULL.id, label, r.OMAR, one, reason, None, _SPREAD.p50)
        for one in (CancelOutcome.CANCELLED, None)
    ]
    return (*changes, *asked)


def _nudge(kind: NudgeKind, name: str = "train:finetune_lora", *, over: bool = False) -> Message:
    task = replace(r.QUEUED if kind is NudgeKind.WAIT else r.FULL, function=name)
    usual = Usual((200.0,) * 6, (20.0,) * 6)
    return nudge_message(NudgeNews(task, kind, usual, r.NOW, r.ANA, over), owner="ana")


_HISTORY = History(_events("train:finetune_lora"), 1, more=True, known=r.known(r.FULL))
_WORST = History(_events(r.HOSTILE, r.HOSTILE * 9) * 4, 2, more=True, known=r.known(r.WORST_END))

SAMPLES = (
    shows(
        nudge_message,
        "What is not as usual",
        waits_long=lambda: _nudge(NudgeKind.WAIT),
        runs_long=lambda: _nudge(NudgeKind.RUN),
        about_to_time_out=lambda: _nudge(NudgeKind.TIMEOUT),
        has_moved_on=lambda: _nudge(NudgeKind.RUN, over=True),
        extreme=lambda: _nudge(NudgeKind.RUN, r.LONG),
    ),
    shows(
        task_history,
        "The history of a task",
        normal=lambda: task_history(r.FULL.id, _HISTORY, r.NOW),
        empty=lambda: task_history(r.FULL.id, None, r.NOW),
        extreme=lambda: task_history(r.FULL.id, _WORST, r.NOW),
    ),
    shows(
        channel_history,
        "The history of a channel",
        normal=lambda: channel_history(replace(_HISTORY, known=None)),
        empty=lambda: channel_history(History((), 1, more=False)),
        extreme=lambda: channel_history(replace(_WORST, known=None)),
    ),
    shows(
        stats_message,
        "Statistics",
        normal=lambda: stats_message(_ORDINARY, Window.WEEK),
        empty=lambda: stats_message(_stats(), Window.WEEK),
        extreme=lambda: stats_message(_stats(*r.NAMES, scale=10**5), Window.WEEK),
    ),
    shows(
        digest_message,
        "A channel's week",
        normal=lambda: digest_message(Digest("C0TRAINING", _ORDINARY, 60, 9, 3)),
        empty=lambda: digest_message(Digest("C0TRAINING", _stats(), 0, 0, 0)),
        extreme=lambda: digest_message(
            Digest("C0TRAINING", _stats(*r.NAMES, scale=10**5), 9**9, 9**8, 9**7)
        ),
    ),
)
