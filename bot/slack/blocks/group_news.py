"""What a group's thread is told: members that failed, milestones, and the end of them all."""

from __future__ import annotations

from bot.slack.blocks.elements import listed, section
from bot.slack.blocks.group_card import failure_line, headline
from bot.slack.blocks.message import MAX_TEXT, Message, count, cut
from bot.slack.blocks.steps import path, spent
from bot.slack.blocks.words import bar, label, mentions
from bot.tasks.records import GroupNews

FAILURES_TOLD = 10


def group_news(news: GroupNews) -> Message:
    """Return one reply: the end, or what failed and how far the others are."""
    return group_finished(news) if news.end else group_progress(news)


def group_progress(news: GroupNews) -> Message:
    """Return which members ended badly, and the milestone that was passed, if one was."""
    told = (news, *news.folded)
    lines = [line for one in told if (line := _failure(one))]
    marks = [one.milestone for one in told if one.milestone is not None]
    shown, texts = [], []
    if len(lines) == 1:
        shown.append(section(lines[0]))
        texts.append(_spoken(lines[0], failed=_failed(told)))
    elif lines:
        title = f":x: *{count(len(lines), 'task')} failed*"
        shown.append(section(listed(title, lines, len(lines), FAILURES_TOLD)))
        named = [line.split(" ", 1)[1].replace("\n", ", ") for line in lines[:FAILURES_TOLD]]
        texts.append(f"{count(len(lines), 'task')} failed: {'; '.join(named)}")
    if marks:
        how = "Half of the tasks are" if max(marks) == 50 else f"{max(marks)} % of the tasks are"
        texts.append(f"{how} complete: {headline(news.members)}.")
        share = max(marks) / 100
        shown.append(section(f"{bar(share)} *{how} complete*\n{headline(news.members)}"))
    text = " ".join(texts) + mentions(news)
    return Message(cut(text, MAX_TEXT), shown)


def group_finished(news: GroupNews) -> Message:
    """Return that the last member of a group ended, with what became of all."""
    bad = [known.task for known in news.members if known.task.status.bad]
    sum_ = headline(news.members)
    tasks = count(len(news.members), "task")
    over = f"The {tasks} {'is' if len(news.members) == 1 else 'are'} over"
    if len(news.members) > 1:
        over = f"All {tasks} are over"
    head = ":warning:" if bad else ":white_check_mark:"
    mention = mentions(news)
    shown = listed(f"{head} *{over}: {sum_}*{mention}", map(failure_line, bad), len(bad), 5)
    named = ", ".join(f"{label(task, 40)} ({task.id})" for task in bad[:5])
    ended = f" Ended badly: {named}." if bad else ""
    return Message(cut(f"{over}: {sum_}.{ended}{mention}", MAX_TEXT), [section(shown)])


def _failure(news: GroupNews) -> str:
    if news.failed is None:
        return ""
    line = failure_line(news.failed)
    return f"{line}\n{path(news.steps)}{spent(news.steps[-1])}" if news.steps else line


def _failed(told: tuple[GroupNews, ...]) -> bool:
    return any(one.failed and one.failed.status.failed for one in told)


def _spoken(line: str, *, failed: bool) -> str:
    text = line.split(" ", 1)[1].replace("\n", ", ")
    return f"Failed: {text}" if failed else text
