"""Which messages a change owes to a watch."""

from __future__ import annotations

from bot.tasks.follow import Followed
from bot.tasks.records import CardKind, GoneNews, GroupNews, Step, TransitionNews
from storage.codec import News
from storage.tasks import Told


def tell(told: Told, followed: Followed) -> list[tuple[str, News]]:
    """Return what a change owes to one watch, each with what makes it unique.

    A single task's watch is told every change that its level asks for, the end with a mention.
    A group is told of each member that fails, and of the end of the last one (INTERFACE 5).
    """
    task, change = followed.tracked.task, followed.transition
    owner = told.watch.owner_id
    group = told.card.kind is CardKind.GROUP
    owed: list[tuple[str, News]] = []
    if followed.gone:
        gone = GoneNews(task, followed.tracked.known_at, owner)
        owed.append((f"gone:{task.id}:{followed.tracked.seq}", gone))
    elif change is None:
        return []
    else:
        corrected = change.old.final
        step = Step(change.old, change.new, change.waited, change.ran, correction=corrected)
        if not group:
            if told.watch.level.wants(change.new) or corrected:
                by = followed.tracked.cancelled_by if change.new == "CANCELLED" else None
                final = change.new.final
                news = TransitionNews(task, (step,), final, owner if final else None, by)
                owed.append((f"seq:{task.id}:{change.seq}", news))
        elif corrected:
            news = TransitionNews(task, (step,), False, None)
            owed.append((f"seq:{task.id}:{change.seq}", news))
        elif change.new.bad:
            member = GroupNews((), task, None, (step,))
            owed.append((f"failed:{task.id}:{change.seq}", member))
    over = followed.gone or (change is not None and change.new.final and not change.old.final)
    if group and over and told.others_active == 0:
        failed = any(member.task.status.bad for member in told.members)
        if failed or told.watch.level.value != "failures":
            end = GroupNews(told.members, None, owner)
            owed.append(("end", end))
    return owed
