"""Samples of a channel's settings, and of what it is told after a silence."""

from __future__ import annotations

from datetime import timedelta

from bot.slack.blocks.quiet import quiet_summary
from bot.slack.blocks.settings import settings_modal, settings_saved, unmuted
from bot.tasks import Status
from bot.tasks.preferences import (
    UNTIL_UNMUTED,
    Manner,
    Mention,
    Preferences,
    QuietHours,
    Whom,
)
from bot.tasks.records import SummaryLine, SummaryNews
from demo.gallery.records import ANA, LINK, NAMES, NOW, OMAR, ago, task
from demo.gallery.sample import Seen, shows

_CHOSEN = Preferences(
    mention=Mention(Whom.PEOPLE, (ANA, OMAR)),
    manner=Manner(threads=False),
    muted_until=NOW + timedelta(hours=1),
    quiet=QuietHours(22 * 60, 7 * 60),
    time_zone="Europe/Amsterdam",
    digest=True,
)


def _modal(known: Preferences, *accounts: str) -> Seen:
    return settings_modal(
        known,
        channel_id="C0TRAINING",
        time_zone="Europe/Amsterdam",
        metadata="{}",
        accounts=accounts,
    )


def _line(number: int, status: str, name: str | None = None) -> SummaryLine:
    one = task(number, status)
    label = one.label if name is None else name
    return SummaryLine(one.status, label, one.id, "1.0", None, (ANA,))


def _group() -> SummaryLine:
    members = (Status("COMPLETE"),) * 37 + (Status("FAILED"),) * 13
    return SummaryLine(Status("FAILED"), "", None, "1.0", None, (OMAR,), members=members)


def _summary(*lines: SummaryLine) -> Seen:
    statuses = tuple(line.status for line in lines if line.task_id)
    return quiet_summary(SummaryNews(ago(hours=9), lines, statuses), [LINK] * len(lines))


SAMPLES = (
    shows(
        settings_modal,
        "The settings of a channel",
        normal=lambda: _modal(Preferences()),
        chosen=lambda: _modal(_CHOSEN, "default", "research"),
        extreme=lambda: _modal(_CHOSEN, *(name[:64] for name in NAMES[3:5]), "x"),
    ),
    shows(
        settings_saved,
        "Settings were saved",
        normal=lambda: settings_saved(_CHOSEN, "C0TRAINING", NOW),
        until_unmuted=lambda: settings_saved(
            Preferences(muted_until=UNTIL_UNMUTED), "C0TRAINING", NOW
        ),
        empty=lambda: settings_saved(Preferences(), "D0", NOW),
    ),
    shows(unmuted, "A channel was unmuted", normal=lambda: unmuted("C0TRAINING")),
    shows(
        quiet_summary,
        "What ended in a mute or in quiet hours",
        normal=lambda: _summary(_group(), _line(0, "FAILED"), _line(1, "COMPLETE")),
        extreme=lambda: _summary(*(_line(n, "TIMEOUT", name) for n, name in enumerate(NAMES))),
    ),
)
