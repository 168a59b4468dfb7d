"""What is told once a silence is over: what ended meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bot.slack.blocks.elements import listed, section
from bot.slack.blocks.group_card import in_sum
from bot.slack.blocks.message import MAX_TEXT, Message, code, count, cut, date, escape, safe
from bot.slack.blocks.words import IN_SUM, called, sign
from bot.tasks.records import SummaryLine, SummaryNews

LINES_SHOWN = 15
_CALLED_MOST = 20
"""People that one message mentions at most."""


def quiet_summary(news: SummaryNews, links: Sequence[str | None] = ()) -> Message:
    """Return what ended while a channel wanted to hear nothing, the bad ends first.

    Args:
        news: what was kept back.
        links: to the card of each line.
    """
    counts = Counter(IN_SUM.get(status, "in an unknown status") for status in news.statuses)
    said = [f"{number} {word}" for word, number in counts.items()]
    groups = sum(line.task_id is None for line in news.lines)
    if groups:
        said.append(f"{count(groups, 'group')} over")
    head = f"While it was quiet: {', '.join(said)}."
    there = [*links, *[None] * len(news.lines)]
    lines = [_line(line, link) for line, link in zip(news.lines, there, strict=False)]
    total = len(news.statuses) + groups
    called_ids = [each for line in news.lines if line.bad for each in line.call]
    mentioned = called(list(dict.fromkeys(called_ids))[:_CALLED_MOST])
    title = f":sunrise: *{head}* Since {date(news.since)}.{mentioned}"
    shown = listed(title, lines, total, LINES_SHOWN)
    plain = "\n".join(_spoken(line) for line in news.lines[:LINES_SHOWN])
    return Message(cut(f"{head}{mentioned}\n{plain}", MAX_TEXT), [section(shown)])


def _line(line: SummaryLine, link: str | None) -> str:
    name = _name(line)
    if link is not None:
        # A link's text may not hold what ends the link.
        name = f"<{escape(link).replace('|', '%7C')}|{name.replace('|', '¦')}>"
    if line.task_id is None:
        return f"{':warning:' if line.bad else ':white_check_mark:'} *{name}* {_outcome(line)}"
    return f"{sign(line.status)} *{name}* {_outcome(line)} {code(line.task_id)}"


def _spoken(line: SummaryLine) -> str:
    about = f" ({line.task_id})" if line.task_id else ""
    # A colon after a name such as "train:run" would make the name of an emoji of it.
    return f"{_name(line)}, {_outcome(line)}{about}"


def _name(line: SummaryLine) -> str:
    if line.task_id is None:
        return f"A group of {count(len(line.members), 'task')}"
    return safe(line.name, 60) or line.task_id[:8]


def _outcome(line: SummaryLine) -> str:
    if line.task_id is None:
        return in_sum(line.members)
    if line.gone:
        return f"no longer known to Beam, last as {code(line.status, 40)}"
    return IN_SUM.get(line.status) or code(line.status, 40)
