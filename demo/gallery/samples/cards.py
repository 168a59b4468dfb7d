"""Samples of cards and lists."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.slack.blocks.group_card import group_card
from bot.slack.blocks.help import VERBS, help_message, unknown_verb, you_are_welcome
from bot.slack.blocks.lists import cancel_dismissed, cancel_question, watch_list
from bot.slack.blocks.message import Message
from bot.slack.blocks.task_card import CardButtons, compact_cards, task_card, task_cards
from bot.tasks import Level, Status, Task
from bot.tasks.records import KnownTask, Trouble
from demo.gallery import records as r
from demo.gallery.sample import shows


def _card(task: Task, trouble: Trouble | None = None, **more: Any) -> Message:
    known = r.known(task, trouble, **more)
    buttons = CardButtons.in_channel(watching=True)
    return task_card(
        known, now=r.NOW, buttons=buttons, owner_id=r.ANA, owner="ana", level=Level.ALL
    )


def _looked_up(task: Task) -> Message:
    buttons = CardButtons.looked_up(watched=False)
    return task_card(r.known(task), now=r.NOW, buttons=buttons)


def _several(*tasks: Task) -> list[Message]:
    buttons = CardButtons.looked_up(watched=False)
    return task_cards([(r.known(task), buttons) for task in tasks], now=r.NOW)


def _over(members: tuple[KnownTask, ...]) -> Message:
    return group_card(r.group(r.ended(members), watching=False), r.NOW)


_CANCELLED = replace(r.FULL, status=Status("CANCELLED"), ended_at=r.ago(minutes=2))
_BY: dict[str, Any] = {"cancelled_by": r.OMAR, "cancel_reason": "the loss explodes"}
_THREE = tuple(r.known(one) for one in (r.FULL, r.FAILED, r.COMPLETE))
_SAME = tuple(
    replace(one, cancelled_by=r.OMAR, cancel_reason="wrong data")
    if one.task.status == "CANCELLED"
    else one
    for one in r.many()
)

SAMPLES = (
    shows(
        task_card,
        "The card of a task",
        running=lambda: _card(r.FULL),
        waiting=lambda: _card(r.QUEUED),
        retrying=lambda: _card(r.task(0, "RETRY")),
        complete=lambda: _card(r.COMPLETE),
        failed=lambda: _card(r.FAILED),
        timed_out=lambda: _card(r.task(0, "TIMEOUT")),
        expired=lambda: _card(r.task(0, "EXPIRED")),
        cancelled=lambda: _card(_CANCELLED, **_BY),
        stopping=lambda: _card(r.FULL, **_BY),
        unknown_status=lambda: _card(r.task(0, "PAUSED")),
        beam_does_not_answer=lambda: _card(r.FULL, Trouble.UNREACHABLE),
        beam_rejects_the_token=lambda: _card(r.FULL, Trouble.UNAUTHORIZED),
        beam_no_longer_knows_it=lambda: _card(r.FULL, Trouble.GONE),
        looked_up=lambda: _looked_up(r.FULL),
        empty=lambda: _looked_up(r.BARE),
        extreme=lambda: _card(r.WORST),
        extreme_end=lambda: _card(r.WORST_END),
        extreme_right_to_left=lambda: _card(replace(r.FULL, function=r.ARABIC)),
        extreme_emoji=lambda: _card(replace(r.FULL, function=r.EMOJI)),
    ),
    shows(
        task_cards,
        "Up to eight tasks, looked up at once",
        normal=lambda: _several(r.FULL, r.QUEUED, r.FAILED),
        extreme=lambda: _several(*[r.WORST] * 4, *[r.WORST_END] * 4),
    ),
    shows(
        compact_cards,
        "More than eight tasks, looked up at once",
        normal=lambda: compact_cards(r.many(9, worst=False), r.NOW),
        extreme=lambda: compact_cards(r.many(), r.NOW),
    ),
    shows(
        group_card,
        "The card of a group",
        normal=lambda: group_card(r.group(r.many(12, worst=False)), r.NOW, owner="ana"),
        three_tasks=lambda: group_card(r.group(_THREE), r.NOW, owner="ana"),
        over=lambda: _over(r.many(12, worst=False)),
        empty=lambda: group_card(r.group((), watching=False), r.NOW),
        extreme=lambda: group_card(
            r.group(_SAME), r.NOW, owner=r.LONG, links={one.task.id: r.LINK for one in _SAME}
        ),
        extreme_end=lambda: _over(_SAME),
    ),
    shows(
        watch_list,
        "The list of watches",
        normal=lambda: watch_list(
            r.rows(
                r.row(r.known(r.FULL)),
                r.row(r.known(r.QUEUED), owner=r.OMAR, level=Level.FINAL),
                r.row(*r.many(12, worst=False), level=Level.FAILURES),
            ),
            r.NOW,
        ),
        empty=lambda: watch_list(r.NOBODY, r.NOW),
        extreme=lambda: watch_list(
            r.rows(*(r.row(one) for one in r.many(9)), r.row(*r.many()), page=2, pages=5), r.NOW
        ),
    ),
    shows(
        cancel_question,
        "The question before several tasks are cancelled",
        normal=lambda: cancel_question(_THREE, request_id="r", now=r.NOW),
        all_over=lambda: cancel_question(r.ended(_THREE), request_id="r", now=r.NOW),
        empty=lambda: cancel_question((), request_id="r", now=r.NOW),
        extreme=lambda: cancel_question(r.many(), request_id="r", now=r.NOW),
    ),
    shows(cancel_dismissed, "The question, answered with no", normal=cancel_dismissed),
    shows(
        help_message,
        "Help",
        normal=help_message,
        where_accounts_are_connected=lambda: help_message(connects=True),
        **{f"about_{verb.name}": lambda name=verb.name: help_message(name) for verb in VERBS},
    ),
    shows(
        unknown_verb,
        "A word that is no command",
        normal=lambda: unknown_verb("frobnicate", None),
        near_a_command=lambda: unknown_verb("lsit", "list"),
        with_a_task=lambda: unknown_verb("wacth", f"watch {r.FULL.id}"),
        with_many_tasks=lambda: unknown_verb(
            "stauts", " ".join(["status", *(one.task.id for one in r.many(12))])
        ),
        empty=lambda: unknown_verb("", None),
        extreme=lambda: unknown_verb(r.HOSTILE * 9, f"watch {r.HOSTILE}"),
    ),
    shows(you_are_welcome, "An answer to thanks", normal=you_are_welcome),
)
