"""Samples of modals and of the Home tab."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.slack.blocks import modals, results
from bot.slack.blocks.home import help_modal, home_view
from bot.slack.blocks.message import JSON
from bot.tasks import TaskId
from bot.tasks.home import Attention, Concern, Counts, HomePage
from bot.tasks.records import Trouble
from demo.gallery import records as r
from demo.gallery.sample import shows

_IDS = [TaskId(f"07ce4078-bccc-4a42-b530-{number:012d}") for number in range(60)]
_FAILED = Attention(Concern.FAILED, r.known(r.FAILED), r.card(), r.LINK)
_WAITING = Attention(Concern.WAITING, r.known(r.QUEUED), r.card(), r.LINK)
_STALE = Attention(Concern.STALE, r.known(r.FULL, Trouble.UNREACHABLE), r.card(), r.LINK)


def _home(notice: str = "", **changes: Any) -> JSON:
    mine = r.rows(r.row(r.known(r.FULL)), r.row(*r.many(12, worst=False)))
    others = r.rows(r.row(r.known(r.COMPLETE), owner=r.OMAR))
    counts = Counts(waiting=3, running=4, failed=1)
    page = HomePage(r.ANA, r.NOW, counts, (_FAILED, _WAITING, _STALE), mine, others)
    return home_view(replace(page, **changes), r.NOW, notice=notice)


def _nothing(**changes: Any) -> JSON:
    return _home(counts=Counts(), attention=(), mine=r.NOBODY, others=r.NOBODY, **changes)


def _worst() -> JSON:
    concerns = [
        Attention(concern, known, r.card(), r.LINK) for known in r.many(9) for concern in Concern
    ]
    mine = r.rows(*(r.row(one) for one in r.many(9)), r.row(*r.many()), page=2, pages=5)
    return _home(
        "Notice. " * 300,
        attention=tuple(concerns),
        mine=mine,
        others=replace(mine, page=3),
        counts=Counts(999, 999, 9, 999, 2),
    )


SAMPLES = (
    shows(
        home_view,
        "Home",
        normal=_home,
        first_visit=_nothing,
        channels_unknown=lambda: _nothing(channels_known=False),
        nothing_of_ones_own=lambda: _home(attention=(), mine=r.NOBODY),
        outage=lambda: _home(counts=Counts(3, 4, stale=6)),
        after_a_button=lambda: _home(
            ":information_source: That is not watched any more. This is how things are now."
        ),
        extreme=_worst,
    ),
    shows(help_modal, "Help, from Home", normal=help_modal),
    shows(
        modals.watch_modal,
        "Watch a Beam task",
        normal=lambda: modals.watch_modal("C0TRAINING"),
        extreme=lambda: modals.watch_modal(None, r.HOSTILE * 900),
    ),
    shows(
        modals.watch_from_message_modal,
        "Watch tasks in this message",
        normal=lambda: modals.watch_from_message_modal(_IDS[:3], "C0TRAINING"),
        empty=lambda: modals.watch_from_message_modal([], None),
        extreme=lambda: modals.watch_from_message_modal(_IDS, None),
    ),
    shows(modals.no_tasks_modal, "A message without a task", normal=modals.no_tasks_modal),
    shows(modals.reason_modal, "Why somebody cancelled", normal=lambda: modals.reason_modal("k")),
    shows(
        results.full_text_modal,
        "A result in full",
        normal=lambda: results.full_text_modal(r.COMPLETE),
        failure=lambda: results.full_text_modal(r.FAILED),
        empty=lambda: results.full_text_modal(r.BARE),
        extreme=lambda: results.full_text_modal(r.WORST_END),
    ),
    shows(results.waiting_modal, "Until Beam has answered", normal=results.waiting_modal),
    shows(
        results.sorry_modal,
        "Beam has no answer",
        normal=lambda: results.sorry_modal("Beam did not answer. Try again in a minute."),
    ),
)
