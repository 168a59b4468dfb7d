"""Which messages a change owes to a watch."""

from __future__ import annotations

from collections.abc import Sequence

from bot.tasks import Level, Transition
from bot.tasks.follow import Followed
from bot.tasks.records import CardKind, GoneNews, GroupNews, KnownTask, Step, TransitionNews
from storage.codec import News
from storage.tasks import Told

MILESTONES = {50: 10, 90: 20}
"""Which shares of a group's tasks, in per cent, are told once complete, and in groups of how many
tasks at least: a small group's end comes soon enough."""


def tell(told: Told, followed: Followed) -> list[tuple[str, News]]:
    """Return what a change owes to one watch, each with what makes it unique.

    A single task's watch is told every change that its level asks for, the end with a mention.
    A group is told of each member that fails, of milestones, and of the end of the last one
    (INTERFACE 5).
    """
    task = followed.tracked.task
    owed: list[tuple[str, News]] = []
    if followed.gone:
        gone = GoneNews(task, followed.tracked.known_at, told.watch.owner_id)
        owed.append((f"gone:{task.id}:{followed.tracked.seq}", gone))
    if told.card.kind is CardKind.GROUP:
        return owed + _group(told, followed)
    change = followed.transition
    if change is not None and _wanted(told.watch.level, change):
        by = followed.tracked.cancelled_by if change.new == "CANCELLED" else None
        owner = told.watch.owner_id if change.new.final else None
        news = TransitionNews(task, (_step(change),), change.new.final, owner, by)
        owed.append((f"seq:{task.id}:{change.seq}", news))
    return owed


def _group(told: Told, followed: Followed) -> list[tuple[str, News]]:
    task, change = followed.tracked.task, followed.transition
    owed: list[tuple[str, News]] = []
    if change is not None and change.old.final:
        if _wanted(told.watch.level, change):
            news = TransitionNews(task, (_step(change),), False, None)
            owed.append((f"seq:{task.id}:{change.seq}", news))
    elif change is not None and change.new.bad:
        member = GroupNews((), task, None, (_step(change),))
        owed.append((f"failed:{task.id}:{change.seq}", member))
    over = followed.gone or (change is not None and change.new.final and not change.old.final)
    level = told.watch.level
    if not over:
        return owed
    if told.others_active == 0:
        failed = any(member.task.status.bad for member in told.members)
        if failed or level is not Level.FAILURES:
            # A member that was taken up again ends again, and with it the group.
            end = GroupNews(told.members, None, told.watch.owner_id)
            owed.append((f"end:{task.id}:{followed.tracked.seq}", end))
    elif change is not None and change.new == "COMPLETE" and level is Level.ALL:
        percent = _milestone(told.members)
        if percent is not None:
            owed.append((f"milestone:{percent}", GroupNews((), None, None, milestone=percent)))
    return owed


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
