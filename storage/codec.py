"""Domain records as JSON in a column, and back."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from bot.tasks import Task
from bot.tasks.records import (
    Amended,
    CancelReport,
    ClosedNews,
    GoneNews,
    GroupNews,
    NudgeNews,
    SummaryNews,
    TransitionNews,
)
from bot.tasks.report import Digest

_TASK = TypeAdapter(Task)
_NEWS: dict[str, TypeAdapter[Any]] = {
    "transition": TypeAdapter(TransitionNews),
    "group": TypeAdapter(GroupNews),
    "gone": TypeAdapter(GoneNews),
    "cancel": TypeAdapter(CancelReport),
    "closed": TypeAdapter(ClosedNews),
    "amended": TypeAdapter(Amended),
    "nudge": TypeAdapter(NudgeNews),
    "summary": TypeAdapter(SummaryNews),
    "digest": TypeAdapter(Digest),
}
News = (
    TransitionNews
    | GroupNews
    | GoneNews
    | CancelReport
    | ClosedNews
    | Amended
    | NudgeNews
    | SummaryNews
    | Digest
)


def task_to_json(task: Task) -> str:
    """Return a task as it is stored."""
    return _TASK.dump_json(task, exclude_none=True).decode()


def task_from_json(text: str) -> Task:
    """Read a stored task.

    Raises:
        pydantic.ValidationError: the row was not written by :func:`task_to_json`.
    """
    return _TASK.validate_json(text)


def news_kind(news: News) -> str:
    """Return the name under which a kind of news is stored."""
    match news:
        case TransitionNews():
            return "transition"
        case GroupNews():
            return "group"
        case GoneNews():
            return "gone"
        case CancelReport():
            return "cancel"
        case ClosedNews():
            return "closed"
        case Amended():
            return "amended"
        case NudgeNews():
            return "nudge"
        case SummaryNews():
            return "summary"
        case Digest():
            return "digest"


def news_to_json(news: News) -> str:
    """Return news as it is stored until it is told."""
    return _NEWS[news_kind(news)].dump_json(news).decode()


def news_from_json(kind: str, text: str) -> News:
    """Read news that is still owed.

    Raises:
        KeyError: no such kind.
        pydantic.ValidationError: the row was not written by :func:`news_to_json`.
    """
    news: News = _NEWS[kind].validate_json(text)
    return news
