"""Help: every verb with examples, and buttons that run them."""

from __future__ import annotations

from dataclasses import dataclass

from bot.slack.blocks.elements import actions, button, context, said, section
from bot.slack.blocks.message import JSON, Message, escape, plain, safe

MAX_VALUE = 2_000
"""Characters that a button's value may have."""

_EXAMPLE = "07ce4078-bccc-4a42-b530-5f2653484a6a"


@dataclass(frozen=True, slots=True)
class Verb:
    """A word of the command: what follows it, what it does, and examples to type."""

    name: str
    usage: str
    does: str
    more: str
    examples: tuple[str, ...]
    run: str | None = None
    """What its button runs; without one the verb needs ids, and the button explains it."""


VERBS: tuple[Verb, ...] = (
    Verb(
        "status",
        "<task>…",
        "Look tasks up; only you see the answer",
        "The word may be left out: `/beam` and an id does the same. Up to 50 tasks at once.",
        (f"status {_EXAMPLE}", _EXAMPLE),
    ),
    Verb(
        "watch",
        "<task>… [all|final|failures] [me]",
        "Keep a card in this channel up to date and tell what happens",
        "`all` tells every status change, `final` only how it ends,"
        " `failures` only bad ends; without one it is as the channel is set (`/beam settings`)."
        " `me` tells you alone, in a direct message."
        " Several tasks share one card.",
        (f"watch {_EXAMPLE}", f"watch {_EXAMPLE} final me"),
    ),
    Verb(
        "unwatch",
        "<task>… or all",
        "Stop watching in this channel",
        "The tasks themselves go on.",
        (f"unwatch {_EXAMPLE}", "unwatch all"),
    ),
    Verb(
        "list",
        "",
        "Show what this channel watches",
        "With status, owner and age; a group is one row.",
        ("list",),
        run="list",
    ),
    Verb(
        "cancel",
        "<task>… [because …]",
        "Stop tasks, for good",
        "One task is cancelled at once; for several you are asked first."
        " The answer says what really happened to each."
        " What follows `because` is kept and shown as the reason.",
        (f"cancel {_EXAMPLE}", f"cancel {_EXAMPLE} because the loss explodes"),
    ),
    Verb(
        "settings",
        "",
        "Choose what this channel hears, and when it hears nothing",
        "Level, threads or plain messages, whom a failure mentions, mute, quiet hours, weekly"
        " digest. Cards stay up to date in any case, and what ended meanwhile is told afterwards.",
        ("settings",),
        run="settings",
    ),
    Verb(
        "connect",
        "",
        "Connect a Beam account to this workspace; for admins",
        "A dialog asks for its token, which is checked and kept encrypted. Only where any"
        " workspace may install this bot; otherwise whoever runs it has set the account.",
        ("connect",),
    ),
    Verb(
        "disconnect",
        "",
        "Forget a Beam account, its token and what was watched in it; for admins",
        "You are asked first.",
        ("disconnect",),
    ),
    Verb(
        "history",
        "[<task>…]",
        "Show what happened to a task, or lately in this channel",
        "Of a task: every change of status with how long it took, and every cancel with who asked,"
        " why, and how it came out. Without one: this channel's latest changes and cancels."
        " Only you see the answer.",
        ("history", f"history {_EXAMPLE}"),
        run="history",
    ),
    Verb(
        "stats",
        "[24h|7d|30d]",
        "Show how tasks ended, and how long they ran and waited",
        "Of all tasks that Beambot watched in this workspace, with the slowest functions and those"
        " that fail most. Seven days if you name no time. Only you see the answer.",
        ("stats", "stats 30d"),
        run="stats",
    ),
    Verb("help", "[verb]", "Show this", "With a verb: all about it.", ("help watch",), run="help"),
)

_BY_NAME = {verb.name: verb for verb in VERBS}

_CONNECTING = {"connect", "disconnect"}
"""Verbs of use only where workspaces connect their own Beam accounts."""

_TASK = (
    "A task is its id, or a link or any text that holds one. Of a task that this channel watches,"
    " the first 8 characters of the id are enough."
)


def help_message(verb: str | None = None, *, connects: bool = False) -> Message:
    """Return help for one verb, or for all if ``verb`` is none of them.

    Args:
        verb: the verb as typed.
        connects: workspaces connect their own Beam accounts, so the list of all verbs says how.
    """
    if verb is not None and verb.lower() in _BY_NAME:
        return _about(_BY_NAME[verb.lower()])
    return _with_all("Beambot looks after Beam tasks: look up, watch, be told, cancel.", connects)


def you_are_welcome() -> Message:
    """Return what to say to thanks."""
    return said("You are welcome. `help` shows what else I can do.")


def unknown_verb(word: str, suggestion: str | None, *, connects: bool = False) -> Message:
    """Return what to say to a first word that is neither a verb nor a task.

    Args:
        word: the word as typed.
        suggestion: the nearest verb, or a whole command that was probably meant.
        connects: workspaces connect their own Beam accounts, so the list of all verbs says how.
    """
    text = f"I do not know “{safe(word, 40) or '…'}”."
    if suggestion is None:
        return _with_all(text, connects)
    first, *ids = suggestion.split() or [""]
    first = first.lower()
    if len(ids) > 2:
        meant = f"Did you mean `/beam {escape(plain(first, 40))}` with the {len(ids)} tasks in it?"
    else:
        meant = f"Did you mean `/beam {escape(plain(suggestion, 100)).replace('`', '')}`?"
    extra = _suggested(first, ids) if first in _BY_NAME else []
    return _with_all(f"{text} {meant}", connects, *extra)


def _suggested(verb: str, ids: list[str]) -> list[JSON]:
    """Return buttons that run what was probably meant, if that stops nothing."""
    if verb in ("list", "settings", "help") and not ids:
        return [button(f"Run {verb}", "help.run", verb)]
    verbs = {"status": ("status", "watch"), "watch": ("watch",)}.get(verb, ())
    commands = {each: " ".join([each, *ids]) for each in verbs}
    if not ids or any(len(command) > MAX_VALUE for command in commands.values()):
        return [button(f"Explain {verb}", "help.run", f"help {verb}")]
    tasks = "it" if len(ids) == 1 else f"{len(ids)} tasks"
    labels = {"status": f"Look up {tasks}", "watch": f"Watch {tasks}"}
    made = [button(labels[each], "help.run", command) for each, command in commands.items()]
    return made or [button(f"Explain {verb}", "help.run", f"help {verb}")]


def _with_all(head: str, connects: bool, *extra: JSON) -> Message:
    blocks = [section(head)]
    blocks += actions(*extra)
    text = [head]
    for verb in VERBS:
        if verb.name in _CONNECTING and not connects:
            continue
        usage = _usage(verb)
        name = f"Explain {verb.name}" if verb.run is None else f"Run {verb.name}"
        runs = verb.run or f"help {verb.name}"
        shown = f"`{usage}`\n{verb.does}."
        if verb.name == "help":
            blocks.append(section(shown))
        else:
            blocks.append(section(shown, accessory=button(name, "help.run", runs)))
        text.append(f"{usage}: {verb.does}.")
    blocks.append(context(_TASK))
    text.append(_TASK)
    return Message("\n".join(text), blocks)


def _about(verb: Verb) -> Message:
    usage = _usage(verb)
    examples = "\n".join(f"`/beam {example}`" for example in verb.examples)
    blocks = [
        section(f"`{usage}`\n{verb.does}. {verb.more}"),
        section(f"*For example*\n{examples}"),
        context(_TASK),
        *actions(
            button(f"Run {verb.name}", "help.run", verb.run)
            if verb.run and verb.run != "help"
            else None,
            button("Show all commands", "help.run.all", "help", spoken="Show all commands"),
        ),
    ]
    text = f"{usage}: {verb.does}. {verb.more}\nFor example:\n{examples}\n{_TASK}"
    return Message(text, blocks)


def _usage(verb: Verb) -> str:
    return escape(f"/beam {verb.name} {verb.usage}".strip())
