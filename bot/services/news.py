"""Which messages a change owes to a watch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.tasks import Level, Transition
from bot.tasks.follow import Followed
from bot.tasks.preferences import Preferences, Whom
from bot.tasks.records import CardKind, GoneNews, GroupNews, KnownTask, Step, TransitionNews
from storage.codec import News
from storage.tasks import Owed, Told

MILESTONES = {50: 10, 90: 20}
"""Which shares of a group's tasks, in per cent, are told once complete, and in groups of how many
tasks at least: a small group's end comes soon enough."""

RETRIES_TOLD = 2
"""Retries in a row that are told one by one; those after them are told with what ends them."""


def tell(told: Told, followed: Followed) -> list[Owed]:
    """Return what a change owes to one watch.

    A single task's watch is told every change that its level asks for, the end with a mention.
    A group is told of each member that fails, of milestones, and of the end of the last one
    (INTERFACE 5). A channel that wants to hear nothing now is told later of ends, and of nothing
    else.
    """
    owed = [_in_manner(one, told.preferences) for one in _all(told, followed)]
    if not told.silent:
        return owed
    return [replace(one, held=True) for one in owed if _worth_keeping(one.news)]


def _all(told: Told, followed: Followed) -> list[Owed]:
    task = followed.tracked.task
    owed: list[Owed] = []
    if followed.gone:
        mention, call = _mentions(told, bad=True)
        gone = GoneNews(task, followed.tracked.known_at, mention, call)
        owed.append(Owed(f"gone:{task.id}:{followed.tracked.seq}", gone))
    if told.card.kind is CardKind.GROUP:
        return owed + _group(told, followed)
    change = followed.transition
    if change is None or not _wanted(told.watch.level, change) or _folded(told, change):
        return owed
    by = followed.tracked.cancelled_by if change.new == "CANCELLED" else None
    mention, call = _mentions(told, bad=change.new.bad) if change.new.final else (None, ())
    # What was silenced, or is one of many retries, is told on the way to what is told.
    before = told.untold if told.watch.level is Level.ALL else ()
    steps = tuple(_step(each) for each in (*before, change))
    news = TransitionNews(task, steps, change.new.final, mention, by, call)
    return [*owed, Owed(f"seq:{task.id}:{change.seq}", news)]


def _group(told: Told, followed: Followed) -> list[Owed]:
    task, change = followed.tracked.task, followed.transition
    owed: list[Owed] = []
    if change is not None and change.old.final:
        if _wanted(told.watch.level, change):
            news = TransitionNews(task, (_step(change),), False, None)
            owed.append(Owed(f"seq:{task.id}:{change.seq}", news))
    elif change is not None and change.new.bad:
        member = GroupNews((), task, None, (_step(change),))
        owed.append(Owed(f"failed:{task.id}:{change.seq}", member))
    over = followed.gone or (change is not None and change.new.final and not change.old.final)
    level = told.watch.level
    if not over:
        return owed
    if told.others_active == 0:
        failed = any(member.task.status.bad for member in told.members)
        if failed or level is not Level.FAILURES:
            # A member that was taken up again ends again, and with it the group.
            mention, call = _mentions(told, bad=failed)
            end = GroupNews(told.members, None, mention, call=call)
            owed.append(Owed(f"end:{task.id}:{followed.tracked.seq}", end))
    elif change is not None and change.new == "COMPLETE" and level is Level.ALL:
        percent = _milestone(told.members)
        if percent is not None:
            news_of_it = GroupNews((), None, None, milestone=percent)
            owed.append(Owed(f"milestone:{percent}", news_of_it))
    return owed


def _mentions(told: Told, *, bad: bool) -> tuple[str | None, tuple[str, ...]]:
    """Return whom an end mentions: whoever asked, and others."""
    wanted = told.preferences.mention
    if wanted.whom is Whom.NOBODY:
        return None, ()
    if bad and wanted.whom is not Whom.ASKER:
        return None, wanted.ids
    return told.watch.owner_id, ()


def _in_manner(owed: Owed, preferences: Preferences) -> Owed:
    match owed.news:
        case TransitionNews() | GroupNews() | GoneNews() as news:
            return replace(owed, news=replace(news, manner=preferences.manner))
    return owed


def _worth_keeping(news: News) -> bool:
    match news:
        case TransitionNews(final=final, steps=steps):
            return final or steps[0].correction
        case GroupNews(failed=failed, end=end):
            return end or failed is not None
    return True


def _folded(told: Told, change: Transition) -> bool:
    """Tell whether a change is one more of a run of retries."""
    if told.retries < RETRIES_TOLD or not change.new.in_flight or change.old.final:
        return False
    # That it runs again after the last retry that was told is told too.
    return bool(told.untold) or change.old != "RETRY"


def _wanted(level: Level, change: Transition) -> bool:
    # The correction of an end is told where that end was, or would have been, told.
    return level.wants(change.new) or (change.old.final and level.wants(change.old))


def _milestone(members: Sequence[KnownTask]) -> int | None:
    """Return the milestone that a group has passed with its latest complete task, in per cent."""
    complete = sum(known.task.status == "COMPLETE" for known in members)
    for percent, least in MILESTONES.items():
        goal = percent * len(members)
        if len(members) >= least and (complete - 1) * 100 < goal <= complete * 100:
            return percent
    return None


def _step(change: Transition) -> Step:
    return Step(change.old, change.new, change.waited, change.ran, correction=change.old.final)
