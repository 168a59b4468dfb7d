"""A task as a card: in full, and in one paragraph where there are many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.slack.blocks.cancel_ask import cancel_button
from bot.slack.blocks.elements import (
    actions,
    button,
    context,
    pack,
    section,
    unmute_button,
)
from bot.slack.blocks.message import (
    JSON,
    MAX_TEXT,
    PACKED,
    Message,
    code,
    count,
    cut,
    date,
    duration,
    escape,
    one_line,
    safe,
    size,
)
from bot.slack.blocks.results import results
from bot.slack.blocks.usual import usual_words
from bot.slack.blocks.words import (
    LEVELS,
    bar,
    label,
    mute_note,
    plain_label,
    sign,
    stale_note,
    status_line,
    times,
    words,
)
from bot.tasks import Level, Task
from bot.tasks.records import KnownTask
from bot.tasks.usual import Usual

FULL_CARDS = 8
"""More tasks than this are shown in a paragraph each."""
COMPACT_IN_MESSAGE = 20


@dataclass(frozen=True, slots=True)
class CardButtons:
    """Which buttons a card has; **Cancel** shows only while the task is in flight."""

    cancel: bool = True
    refresh: bool = True
    watch: bool = False
    unwatch: bool = False
    share: bool = False

    @classmethod
    def in_channel(cls, *, watching: bool) -> CardButtons:
        """Return those of a card that the channel sees."""
        return cls(unwatch=watching, watch=not watching)

    @classmethod
    def looked_up(cls, *, watched: bool) -> CardButtons:
        """Return those of a card that only the caller sees."""
        return cls(unwatch=watched, watch=not watched, share=True)


NO_BUTTONS = CardButtons(cancel=False, refresh=False)


def task_card(
    known: KnownTask,
    *,
    now: datetime,
    buttons: CardButtons,
    owner_id: str | None = None,
    owner: str = "",
    level: Level | None = None,
    usual: Mapping[str, Usual] | None = None,
    muted_until: datetime | None = None,
) -> Message:
    """Return a task's card.

    Args:
        known: the last known truth about the task.
        now: the current time; a task in flight waits or runs until then.
        buttons: which buttons it has.
        owner_id: who watches it, if it is watched.
        owner: their name, for dialogs, which cannot mention them.
        level: what they asked to be told.
        usual: what is usual of its function.
        muted_until: until when the card's channel is told nothing, if it was muted.
    """
    who, muted = (owner_id, owner), mute_note(muted_until, now)
    text, blocks = _card(
        known, now=now, buttons=buttons, who=who, level=level, usual=usual, muted=muted
    )
    return Message(cut(text, MAX_TEXT), blocks)


def task_cards(
    tasks: Sequence[tuple[KnownTask, CardButtons]],
    *,
    now: datetime,
    usual: Mapping[str, Usual] | None = None,
) -> list[Message]:
    """Return full cards for a few tasks, in as few messages as hold them."""
    made = [_card(known, now=now, buttons=own, usual=usual) for known, own in tasks]
    return pack(made, between=True)


def compact_cards(tasks: Sequence[KnownTask], now: datetime) -> list[Message]:
    """Return one paragraph a task, for more tasks than full cards are good for."""
    return pack([compact_card(known, now) for known in tasks], most=COMPACT_IN_MESSAGE)


def compact_card(known: KnownTask, now: datetime) -> tuple[str, list[JSON]]:
    """Return the fallback and the paragraph of one task."""
    task = known.task
    lines = [f"{sign(task.status)} *{label(task)}* · {words_of(task)}", code(task.id)]
    if spent := times(task, _until(known, now)):
        lines[1] += f" · {spent}"
    if note := stale_note(known):
        lines.append(note)
    elif task.failure_reason and task.status.bad:
        lines.append(f"> {safe(task.failure_reason, 120)}")
    spoken = f"Show details of {plain_label(task, 55)}"
    details = button("Show details", "task.details", task.id, spoken=spoken)
    return fallback(known, now), [section("\n".join(lines), accessory=details)]


def words_of(task: Task) -> str:
    """Return a task's status in words and as received, in mrkdwn."""
    return status_line(task.status).split(" ", 1)[1]


def fallback(known: KnownTask, now: datetime, *, habits: str = "") -> str:
    """Return all that matters of a task as one sentence for notifications and screen readers."""
    task = known.task
    kind = f" ({task.kind.words}):" if task.kind else ","
    # Not "train:rocket: Running", of which Slack would make a picture of a rocket.
    parts = [f"{label(task)}{kind} {escape(words(task.status))} ({code(task.status, 40)})"]
    if spent := times(task, _until(known, now)):
        parts.append(spent)
    parts += [habits] if habits else []
    text = ", ".join(parts) + "."
    if task.failure_reason and task.status.bad:
        text += f" {safe(task.failure_reason, 200)}"
    if note := stale_note(known):
        text += " " + note.removeprefix(":warning: ")
    return f"{text} Id {task.id}"


def _card(
    known: KnownTask,
    *,
    now: datetime,
    buttons: CardButtons,
    who: tuple[str | None, str] = (None, ""),
    level: Level | None = None,
    usual: Mapping[str, Usual] | None = None,
    muted: str | None = None,
) -> tuple[str, list[JSON]]:
    task = known.task
    kind = f" · {task.kind.words}" if task.kind else ""
    head = [f"*{label(task)}*{kind}", status_line(task.status)]
    habits = ""
    if known.trouble is None:
        past = (usual or {}).get(task.function or task.stub_name or "")
        habits = usual_words(task, past, now)
    if habits:
        head.append(f"{habits[0].upper()}{habits[1:]}")
    share = task.timeout_share(_until(known, now))
    if share is not None and task.timeout_seconds:
        # Rounded down: "100 %" while it still runs would be read as over.
        limit = duration(timedelta(seconds=task.timeout_seconds))
        head.append(f"{bar(share)} {int(share * 100)} % of {limit}")
    if note := stale_note(known):
        head.append(note)
    blocks = [section("\n".join(head))]
    if fields := _fields(known, now):
        blocks.append(section(fields=fields))
    blocks += results(known, now, buttons=buttons.refresh)
    footer = _footer(known, who[0], level) + ([muted] if muted else [])
    blocks.append(context(f"Task id {code(task.id)}", *footer))
    if known.cancelled_by and (task.status == "CANCELLED" or task.status.in_flight):
        # Where the button was, which has done this.
        blocks.append(section(_cancel_note(known, now)))
    blocks += _buttons(known, buttons, now, who[1], muted=muted is not None)
    if any(output.url for output in task.outputs) and size(blocks) > PACKED:
        # Signed links can be longer than a message may be: the longest go, their names stay.
        longest = max(len(output.url) for output in task.outputs)
        names = tuple(
            replace(output, url="" if len(output.url) == longest else output.url)
            for output in task.outputs
        )
        bare = replace(known, task=replace(task, outputs=names))
        return _card(bare, now=now, buttons=buttons, who=who, level=level, usual=usual, muted=muted)
    return fallback(known, now, habits=habits), blocks


def _until(known: KnownTask, now: datetime) -> datetime:
    # What Beam does not answer for may be over: it is counted up to when it was last seen.
    return known.known_at if known.trouble else now


def _cancel_note(known: KnownTask, now: datetime) -> str:
    why = f"\n> {safe(known.cancel_reason, 300)}" if known.cancel_reason else ""
    if known.task.status.in_flight:
        asked = f"<@{known.cancelled_by}> asked to cancel it; it has not stopped yet."
        return f":hourglass_flowing_sand: {asked}{why}"
    ran, waited = known.task.ran(now), known.task.waited(now)
    after = ran if ran is not None else waited
    how = "running" if ran is not None else "waiting"
    spent = f" after {how} for {duration(after)}" if after is not None else ""
    return f":no_entry_sign: Cancelled by <@{known.cancelled_by}>{spent}.{why}"


def _fields(known: KnownTask, now: datetime) -> list[str]:
    task = known.task
    until = _until(known, now)
    waited, ran = task.waited(until), task.ran(until)
    shown: list[tuple[str, str | None]] = [
        ("Waited", duration(waited) if waited is not None else None),
        ("Ran", duration(ran) if ran is not None else None),
        ("Created", date(task.created_at) if task.created_at else None),
        ("Started", date(task.started_at) if task.started_at else None),
        ("Ended", date(task.ended_at) if task.ended_at else None),
        ("Resources", _resources(task)),
        ("Limits", _limits(task)),
        ("Queue", _queue(task)),
        ("Container", code(task.container_id, 100) if task.container_id else None),
        ("Deployment", _deployment(task)),
    ]
    return [f"*{name}*\n{value}" for name, value in shown if value]


def _resources(task: Task) -> str:
    said = []
    if task.cpu_millicores:
        cores = task.cpu_millicores / 1000
        said.append(f"{cores:g} CPU {'core' if cores == 1 else 'cores'}")
    if task.memory_mib:
        whole = task.memory_mib >= 1024
        said.append(f"{task.memory_mib / 1024:.3g} GiB" if whole else f"{task.memory_mib} MiB")
    if task.gpu and one_line(task.gpu):
        said.append(f"GPU {safe(task.gpu)}")
    return " · ".join(said)


def _limits(task: Task) -> str:
    said = []
    if task.timeout_seconds and task.timeout_seconds > 0:
        said.append(f"Timeout {duration(timedelta(seconds=task.timeout_seconds))}")
    if task.max_retries is not None:
        said.append(count(task.max_retries, "retry", "retries") if task.max_retries else "no retry")
    return " · ".join(said)


def _queue(task: Task) -> str:
    if task.status not in ("PENDING", "RETRY"):
        return ""
    said = []
    if task.queue_depth is not None:
        said.append(f"{task.queue_depth} in the queue")
    if task.active_containers is not None:
        said.append(count(task.active_containers, "active container"))
    return " · ".join(said)


def _deployment(task: Task) -> str:
    named = [safe(name) for name in (task.app, task.deployment) if name and one_line(name)]
    return " · ".join(dict.fromkeys(named))


def _footer(known: KnownTask, owner_id: str | None, level: Level | None) -> list[str]:
    said = []
    if owner_id is not None:
        tells = f" ({LEVELS[level]})" if level else ""
        said.append(f"Watched by <@{owner_id}>{tells}")
    said.append(f"As of {date(known.known_at)}")
    return said


def _buttons(
    known: KnownTask, wanted: CardButtons, now: datetime, owner: str, *, muted: bool
) -> list[JSON]:
    task, until = known.task, _until(known, now)
    name = plain_label(task, 60)

    def plain_button(there: bool, text: str, action: str) -> JSON | None:
        if not there:
            return None
        return button(text, f"task.{action}", task.id, spoken=f"{text} {name}")

    over = task.status.final
    return actions(
        cancel_button(task, now, until=until, owner=owner)
        if wanted.cancel and task.status.in_flight
        else None,
        # Where there are links, "Refresh links" looks the task up as well.
        plain_button(wanted.refresh and not (over and task.outputs), "Refresh", "refresh"),
        plain_button(wanted.watch and not over, "Watch", "watch"),
        plain_button(wanted.unwatch, "Unwatch", "unwatch"),
        plain_button(wanted.share, "Share", "share"),
        unmute_button() if muted else None,
    )
