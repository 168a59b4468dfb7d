"""What is told in one message: news that piled up, or that belongs together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.tasks.records import CancelReport, ClosedNews, GoneNews, GroupNews, TransitionNews
from storage.codec import News
from storage.outbox import Delivery

REPORTED_MOST = 50
"""Tasks that one report tells of at most, like one command."""


def next_message(owed: tuple[Delivery, ...]) -> list[Delivery]:
    """Return the deliveries that make up the next message: changes that piled up are one."""
    ready = [one for one in owed if one.news is None or one.card is None or one.card.ts is not None]
    if not ready:
        return []
    first = ready[0]
    # What may have been posted was posted together, and is looked for and sent again together;
    # what came later belongs to the next message.
    batch = [first]
    for one in ready[1:]:
        if _thread(one) != _thread(first):
            continue
        if one.doubtful is not first.doubtful or not _together(
            [had.news for had in batch], one.news
        ):
            break
        batch.append(one)
    return batch


def _thread(one: Delivery) -> int | str | None:
    if one.card is None:
        return one.news.thread_ts if isinstance(one.news, CancelReport) else None
    return one.card.id


def _together(batch: Sequence[News | None], news: News | None) -> bool:
    """Tell whether news of a card is told in one message with what is owed right before it."""
    before = batch[-1]
    if isinstance(before, TransitionNews) and isinstance(news, TransitionNews):
        return before.task.id == news.task.id and before.manner == news.manner
    if isinstance(before, GroupNews) and isinstance(news, GroupNews):
        if before.manner != news.manner:
            return False
        # The end is broadcast; what it says of failures does not replace their own replies.
        told = any(isinstance(one, GroupNews) and one.failed for one in batch)
        return not before.end and not (news.end and told)
    if isinstance(before, CancelReport) and isinstance(news, CancelReport):
        told_so_far = [one for one in batch if isinstance(one, CancelReport)]
        return before.actor_id == news.actor_id and few([*told_so_far, news])
    return False


def few(reports: Sequence[CancelReport]) -> bool:
    """Tell whether reports are short enough, together, for one message."""
    return sum(len(report.results) for report in reports) <= REPORTED_MOST


def fold_reports(reports: Sequence[CancelReport]) -> CancelReport:
    """Return several reports of one person's cancels as one."""
    first, *rest = [one for report in reports for one in (report, *report.folded)]
    return replace(first, folded=tuple(rest))


def fold(told: Sequence[News]) -> News:
    """Return what is told in one message as one piece of news."""
    changes = [news for news in told if isinstance(news, TransitionNews)]
    groups = [news for news in told if isinstance(news, GroupNews)]
    reports = [news for news in told if isinstance(news, CancelReport)]
    if changes:
        return _fold_changes(changes)
    if groups:
        return _fold_group(groups)
    return fold_reports(reports) if reports else told[0]


def _fold_group(told: list[GroupNews]) -> GroupNews:
    first, *rest = [news for news in told if news.end] or told
    return replace(first, folded=tuple(rest))


def _fold_changes(told: list[TransitionNews]) -> TransitionNews:
    last = told[-1]
    steps = tuple(step for news in told for step in news.steps)
    return replace(
        last,
        steps=steps,
        final=any(news.final for news in told),
        mention=next((news.mention for news in reversed(told) if news.mention), None),
        call=next((news.call for news in reversed(told) if news.call), ()),
    )


def is_broadcast(news: object) -> bool:
    """Tell whether a reply is shown in the channel too."""
    match news:
        case TransitionNews(final=final, manner=manner):
            return final and manner.broadcast
        case GroupNews(end=end, manner=manner):
            return end and manner.broadcast
        case GoneNews(manner=manner):
            return manner.broadcast
        case ClosedNews():
            return True
    return False


def in_thread(news: News) -> bool:
    """Tell whether news of a card is told in the card's thread."""
    match news:
        case TransitionNews(manner=manner) | GroupNews(manner=manner) | GoneNews(manner=manner):
            return manner.threads
    return True
