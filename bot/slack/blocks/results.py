"""What a task left behind: its result, why it failed, and links to its outputs while they last."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.slack.blocks.elements import (
    actions,
    button,
    context,
    link_button,
    preformatted,
    section,
)
from bot.slack.blocks.message import JSON, code, count, date, one_line, plain, safe
from bot.slack.blocks.words import label, plain_label
from bot.tasks import Output, Task
from bot.tasks.records import KnownTask

OUTPUTS_SHOWN = 5
EXCERPT_MAX = 600
_FIRST = 200
"""Characters of the start that an excerpt keeps."""
_URL_MAX = 3_000
_PAGE = 3_000
"""Characters that a block of a modal shows."""
_PAGES = 40

# Text in full is shown in a modal, not uploaded as a snippet. On a phone a modal is one touch and
# scrolls; a snippet is a file to open, in a channel where everybody gets it, that stays until
# somebody deletes it, and would need one more scope (files:write) of every installation. What
# Beambot keeps of a result (20,000 characters) fits in a modal seven blocks long.


def results(known: KnownTask, now: datetime, *, buttons: bool = True) -> list[JSON]:
    """Return the part of a card that shows what a task left behind; nothing if it is nothing.

    Args:
        known: the task.
        now: the current time; links that have lapsed are not shown.
        buttons: whether there may be any.
    """
    task = known.task
    blocks: list[JSON] = []
    cut_short = False
    for title, text in _texts(task):
        shown = excerpt(text)
        if shown:
            blocks += [section(f"*{title}*"), preformatted(shown)]
            cut_short = cut_short or shown != clean(text)
    if cut_short and buttons:
        spoken = f"Show in full what {plain_label(task, 40)} left"
        blocks += actions(button("Show in full", "task.text", task.id, spoken=spoken))
    return blocks + _outputs(known, now, buttons=buttons)


def full_text_modal(task: Task) -> JSON:
    """Return a modal with a task's result and failure reason, whole."""
    blocks: list[JSON] = [context(f"{label(task)} · {code(task.id)}")]
    for title, text in _texts(task):
        whole = clean(text)
        if not whole:
            continue
        blocks.append(section(f"*{title}*"))
        parts = [whole[at : at + _PAGE] for at in range(0, len(whole), _PAGE)]
        blocks += [preformatted(part) for part in parts[:_PAGES]]
        if whole.endswith("…"):
            blocks.append(context("This is as much as Beambot keeps; Beam has the rest."))
    if len(blocks) == 1:
        blocks.append(section("Beam sends no result and no failure reason for this task now."))
    return _modal(blocks)


def waiting_modal() -> JSON:
    """Return what stands in the modal until Beam has answered."""
    return _modal([section("Asking Beam …")])


def sorry_modal(text: str) -> JSON:
    """Return what stands in the modal when Beam had no answer."""
    return _modal([section(text)])


def excerpt(text: str) -> str:
    """Return the start and the end of a text: a traceback says what happened at its end."""
    text = clean(text)
    if len(text) <= EXCERPT_MAX:
        return text
    tail = text[-(EXCERPT_MAX - _FIRST - 10) :].lstrip()
    return f"{text[:_FIRST].rstrip()}\n…\n{tail}"


def clean(text: str) -> str:
    """Return a text without characters that print nothing or turn the direction of others."""
    return "".join(c for c in text if c.isprintable() or c in "\n\t\u200d").strip()


def _texts(task: Task) -> list[tuple[str, str]]:
    found = [("Failure reason", task.failure_reason), ("Result", task.result)]
    return [(title, text) for title, text in found if text]


def _outputs(known: KnownTask, now: datetime, *, buttons: bool) -> list[JSON]:
    outputs = known.task.outputs
    if not outputs:
        return []
    title = f"*{count(len(outputs), 'output')}*"
    names = ", ".join(safe(_name(output), 60) for output in outputs[:OUTPUTS_SHOWN])
    if not buttons:
        return [section(f"{title}\n{names}")]
    open_ones = [output for output in outputs if _usable(output, known, now)]
    links = [
        link_button(_name(output), "output.open", output.url, spoken=f"Open {_name(output)}")
        for output in open_ones[:OUTPUTS_SHOWN]
    ]
    refresh = button(
        "Refresh links",
        "task.links",
        known.task.id,
        spoken=f"Refresh the links of {plain_label(known.task, 40)}",
    )
    ends = [when for output in open_ones if (when := _lapses(output, known))]
    if not open_ones:
        lapsed = any((when := _lapses(output, known)) and when <= now for output in outputs)
        why = "the links have expired, press *Refresh links*" if lapsed else "no links to show"
        return [section(f"{title} · {why}\n{names}"), *actions(refresh)]
    if ends:
        title += f" · links work until {date(min(ends))}, then press *Refresh links*"
    if len(outputs) > len(links):
        title += f"\n{len(outputs) - len(links)} more in Beam"
    return [section(title), *actions(*links, refresh)]


def _lapses(output: Output, known: KnownTask) -> datetime | None:
    if not output.expires_in:
        return None
    return known.known_at + timedelta(seconds=output.expires_in)


def _usable(output: Output, known: KnownTask, now: datetime) -> bool:
    lapses = _lapses(output, known)
    fits = output.url.startswith(("https://", "http://")) and len(output.url) <= _URL_MAX
    return fits and (lapses is None or lapses > now)


def _name(output: Output) -> str:
    return plain(output.name, 75) if one_line(output.name) else "output"


def _modal(blocks: list[JSON]) -> JSON:
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": "In full"},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": blocks,
    }
