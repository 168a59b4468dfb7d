"""The Home tab: what needs attention, one's own watches and the workspace's, and how to start."""

from __future__ import annotations

from datetime import datetime

from bot.slack.blocks.cancel_ask import cancel_button, cancel_rest_button
from bot.slack.blocks.elements import actions, button, context, divider, plain_text, section
from bot.slack.blocks.group_card import headline
from bot.slack.blocks.help import help_message
from bot.slack.blocks.message import JSON, code, count, date, duration, escape, safe
from bot.slack.blocks.task_card import words_of
from bot.slack.blocks.words import LEVELS, label, plain_label, sign, stale_note, times
from bot.tasks.home import Attention, Concern, Counts, HomePage
from bot.tasks.records import CardKind, CardView, KnownTask, WatchPage, WatchRow

SHOWN = 6
"""Tasks that need attention and are shown; the others are counted."""

_STALE_LISTED = 2
"""When more cannot be checked it is not they that need attention, but Beam."""

_EXAMPLE = "07ce4078-bccc-4a42-b530-5f2653484a6a"


def home_view(page: HomePage, now: datetime, *, notice: str = "") -> JSON:
    """Return a person's Home.

    Args:
        page: what it shows.
        now: the current time; a task in flight waits or runs until then.
        notice: what became of the button that was just pressed, or what is wrong.
    """
    if page.empty:
        return _view([*_notice(notice), *_first_visit(page)], (1, 1))
    blocks = [
        *_notice(notice),
        _header("Your Beam tasks"),
        section(_sum(page.counts)),
        *_start_buttons(),
        context(f"As of {date(page.as_of)}. {_scope(page)}"),
        *_attention(page, now),
        divider(),
        *_list(page, page.mine, now, own=True),
        *_list(page, page.others, now, own=False),
    ]
    return _view(blocks, (page.mine.page, page.others.page))


def problem_view(text: str) -> JSON:
    """Return Home when there is nothing to show but what is wrong."""
    again = button("Try again", "home.refresh", "1,1")
    return _view([*_notice(text), *actions(again)], (1, 1))


def help_modal(*, connects: bool = False) -> JSON:
    """Return the help as a dialog: its buttons would have no channel to answer in.

    Args:
        connects: workspaces connect their own Beam accounts.
    """
    blocks = [
        {key: block[key] for key in block if key != "accessory"}
        for block in help_message(connects=connects).blocks
        if block["type"] != "actions"
    ]
    where = (
        "Type these in a channel that I am in. In a thread, mention me instead: `@Beambot watch"
        f" {escape('<task>')}`. In our direct messages leave `/beam` out."
    )
    return {
        "type": "modal",
        "title": plain_text("What Beambot does"),
        "close": plain_text("Close"),
        "blocks": [*blocks, context(where)],
    }


def _view(blocks: list[JSON], pages: tuple[int, int]) -> JSON:
    metadata = f"{pages[0]},{pages[1]}"
    return {"type": "home", "private_metadata": metadata, "blocks": _numbered(blocks)}


def _numbered(blocks: list[JSON]) -> list[JSON]:
    """Make every ``action_id`` unique: many rows have the same buttons."""
    times: dict[str, int] = {}
    for block in blocks:
        for element in [*block.get("elements", ()), block.get("accessory", {})]:
            name = element.get("action_id")
            if name is not None:
                times[name] = times.get(name, 0) + 1
                if times[name] > 1:
                    element["action_id"] = f"{name}.{times[name]}"
    return blocks


def _notice(text: str) -> list[JSON]:
    return [section(text), divider()] if text else []


def _header(text: str) -> JSON:
    return {"type": "header", "text": plain_text(text)}


def _start_buttons() -> list[JSON]:
    return actions(
        button("Watch a task", "home.watch", "watch", style="primary"),
        button("Refresh", "home.refresh", "refresh", spoken="Refresh what is shown"),
        button("Show help", "home.help", "help"),
    )


def _first_visit(page: HomePage) -> list[JSON]:
    scope = "" if page.channels_known else f" {_scope(page)}"
    return [
        _header("Welcome to Beambot"),
        section(
            "I look after Beam tasks: look them up, watch them, tell you when they change or end,"
            " and cancel them."
        ),
        *_start_buttons(),
        section(
            "*To start*\n"
            "1. Press *Watch a task* and paste an id, a link or a whole log. Choose where to tell:"
            " a channel, or our direct messages.\n"
            "2. Or invite me to a channel with `/invite @Beambot` and type"
            f" `/beam watch {_EXAMPLE}` there.\n"
            "3. Come back here: what you watch is listed, what needs attention first."
        ),
        context(f"Nothing is watched yet.{scope}"),
    ]


def _sum(counts: Counts) -> str:
    parts = [f"*{counts.running}* running", f"*{counts.waiting}* waiting"]
    if counts.other:
        parts.append(f"*{counts.other}* of unknown status")
    parts.append(f"*{counts.failed}* failed in the last 24 h")
    text = " · ".join(parts)
    if counts.stale > _STALE_LISTED and 2 * counts.stale >= counts.flying:
        tasks = count(counts.stale, "task")
        text += f"\n:warning: Beam does not answer for {tasks}: what is shown is the last known."
    return text


def _scope(page: HomePage) -> str:
    if page.channels_known:
        return "You see your own watches, and those of public channels."
    return (
        "Slack did not say which channels are public, so you see your own watches only. If it"
        " stays like this, whoever runs Beambot should check the scope `channels:read`."
    )


def _attention(page: HomePage, now: datetime) -> list[JSON]:
    counts = page.counts
    outage = counts.stale > _STALE_LISTED and 2 * counts.stale >= counts.flying
    told = [one for one in page.attention if not (outage and one.concern is Concern.STALE)]
    if not told:
        return []
    blocks = [_header("Needs attention")]
    for one in told[:SHOWN]:
        task = one.known.task
        mark, why = _concern(one, now)
        text = f"{mark} *{label(task, 60)}* {why}\n{code(task.id)} · <#{one.card.channel_id}>"
        cancel = _cancel(one.known, one.card.id, now) if task.status.in_flight else None
        open_card = _open(one.permalink, plain_label(task, 60))
        if cancel is None:
            blocks.append(section(text, accessory=open_card))
        else:
            blocks += [section(text), *actions(open_card, cancel)]
    if len(told) > SHOWN:
        blocks.append(context(f"and {len(told) - SHOWN} more"))
    return blocks


def _concern(one: Attention, now: datetime) -> tuple[str, str]:
    known, task = one.known, one.known.task
    if one.concern is Concern.STALE:
        return ":warning:", (stale_note(known) or "").removeprefix(":warning: ")
    if one.concern is Concern.WAITING:
        waited = task.waited(now)
        since = f" for {duration(waited)}" if waited is not None else ""
        return sign(task.status), f"has waited{since} and has not started"
    ended = f", {date(task.ended_at)}" if task.ended_at else ""
    why = f"\n> {safe(task.failure_reason, 200)}" if task.failure_reason else ""
    return sign(task.status), f"· {words_of(task)}{ended}{why}"


def _list(page: HomePage, rows: WatchPage, now: datetime, *, own: bool) -> list[JSON]:
    title = "My watches" if own else "In public channels"
    if not rows.total:
        if not own:
            return []
        hint = (
            "You watch nothing just now. Press *Watch a task*, or use `/beam watch` in a channel."
        )
        return [_header(title), section(hint)]
    head = f"{title} ({rows.total})"
    if rows.pages > 1:
        head += f", page {rows.page} of {rows.pages}"
    blocks = [_header(head)]
    for row in rows.rows:
        blocks += _row(row, now, own=own)
    mine, others = page.mine.page, page.others.page

    def turn(step: int) -> str:
        return f"{mine + step},{others}" if own else f"{mine},{others + step}"

    list_name = "own" if own else "others"
    return blocks + actions(
        button("Show newer", f"home.{list_name}.newer", turn(-1)) if rows.page > 1 else None,
        button("Show older", f"home.{list_name}.older", turn(1))
        if rows.page < rows.pages
        else None,
    )


def _row(row: WatchRow, now: datetime, *, own: bool) -> list[JSON]:
    group = row.card.kind is CardKind.GROUP or len(row.members) != 1
    if group:
        name = f"Group of {count(len(row.members), 'task')}"
        lines = [f"*{name}* · {headline(row.members) if row.members else 'no tasks'}"]
        cancel = _cancel_rest(row, now)
    else:
        known = row.members[0]
        name = plain_label(known.task, 60)
        lines = _task_lines(known, now)
        cancel = _cancel(known, row.card.id, now) if known.task.status.in_flight else None
    age = duration(max(now - row.created_at, now - now))
    where = f"<#{row.card.channel_id}>"
    if row.card.channel_id.startswith("D"):
        where = "our direct messages"
    whose = "" if own else f"<@{row.owner_id}> · "
    lines.append(f"{whose}{where} · since {age} · tells {LEVELS[row.level]}")
    unwatch = button("Unwatch", "home.unwatch", str(row.card.id), spoken=f"Unwatch {name}")
    buttons = actions(_open(row.permalink, name), unwatch if own else None, cancel)
    return [section("\n".join(lines)), *buttons]


def _task_lines(known: KnownTask, now: datetime) -> list[str]:
    task = known.task
    spent = times(task, known.known_at if known.trouble else now)
    lines = [f"{sign(task.status)} *{label(task, 60)}* · {words_of(task)}", code(task.id)]
    if spent:
        lines[1] += f" · {spent}"
    if note := stale_note(known):
        lines.append(note)
    return lines


def _open(permalink: str | None, name: str) -> JSON | None:
    if not permalink:
        return None
    return {**button("Open card", "home.open", "open", spoken=f"Open {name}"), "url": permalink}


def _cancel(known: KnownTask, card_id: int, now: datetime) -> JSON:
    task = known.task
    return {
        **cancel_button(task, now, until=known.known_at if known.trouble else now),
        "action_id": "home.cancel",
        "value": f"{card_id}:{task.id}",
    }


def _cancel_rest(row: WatchRow, now: datetime) -> JSON | None:
    made = cancel_rest_button(CardView(row.card, row.members, watching=True), now)
    return {**made, "action_id": "home.cancel"} if made else None
