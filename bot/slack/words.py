"""What people type, parsed: a verb, tasks, and the options of ``watch``."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace
from difflib import get_close_matches

from bot.slack.blocks.help import VERBS
from bot.slack.blocks.modals import REASON_MAX
from bot.tasks import Level, TaskId, find_task_ids, is_id_prefix
from bot.tasks.report import Window

VERB_NAMES = tuple(verb.name for verb in VERBS)

# What users of other bots type for our verbs; suggested, never run: one of them stops tasks.
_SYNONYMS = {
    "show": "status",
    "get": "status",
    "info": "status",
    "check": "status",
    "task": "status",
    "lookup": "status",
    "follow": "watch",
    "subscribe": "watch",
    "track": "watch",
    "unfollow": "unwatch",
    "unsubscribe": "unwatch",
    "untrack": "unwatch",
    "ls": "list",
    "watches": "list",
    "watching": "list",
    "stop": "cancel",
    "kill": "cancel",
    "abort": "cancel",
    "terminate": "cancel",
    "log": "history",
    "timeline": "history",
    "events": "history",
    "statistics": "stats",
    "report": "stats",
    "config": "settings",
    "configure": "settings",
    "preferences": "settings",
    "mute": "settings",
    "unmute": "settings",
    "usage": "help",
    "commands": "help",
}
# What people say to a person; a bot that answers "I do not know" to it seems broken.
_GREETINGS = {"hi", "hello", "hey", "hallo", "hola", "yo", "morning", "moin"}
_THANKS = {"thanks", "thank", "thx", "ty", "cheers", "danke", "merci", "gracias"}
_WINDOWS = {
    "24h": Window.DAY,
    "1d": Window.DAY,
    "day": Window.DAY,
    "today": Window.DAY,
    "7d": Window.WEEK,
    "1w": Window.WEEK,
    "week": Window.WEEK,
    "30d": Window.MONTH,
    "1m": Window.MONTH,
    "month": Window.MONTH,
}
_CLOSE, _CLOSE_SYNONYM = 0.5, 0.8
"""How alike a word must be to a verb to be taken for a slip of the finger (0 to 1)."""

# Slack's spelling of links, people and channels: <what|label>. The label may hold spaces.
_LINK = re.compile(r"<([^<>|]*)(?:\|[^<>]*)?>")
# A word that is meant as an id although it is none: long, and only what ids are made of.
_ALMOST_ID = re.compile(r"(?=.*\d)[0-9a-z]{6,}(?:-[0-9a-z]*){1,5}", re.ASCII | re.IGNORECASE)
_REASON = re.compile(r"(?:\bbecause\b|\breason:)(?P<why>.*)", re.IGNORECASE | re.DOTALL)
# Phones put curly quotation marks around what is copied.
_TRIM = "\"'`“”‘’()[]{}<>.,;:!?*_~"  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Words:
    """A parsed command."""

    verb: str | None
    """A verb, or ``None`` for a first word that is neither a verb nor a task."""
    ids: tuple[TaskId, ...] = ()
    prefixes: tuple[str, ...] = ()
    """What may be the start of an id of a task that the channel watches."""
    broken: str | None = None
    """A word where a task was expected, that is none."""
    level: Level | None = None
    me: bool = False
    everything: bool = False
    """``unwatch all``"""
    page: int = 1
    window: Window = Window.WEEK
    """How far back ``stats`` looks."""
    topic: str | None = None
    """The verb to explain."""
    reason: str | None = None
    """Why to cancel."""
    unknown: str = ""
    suggestion: str | None = None
    thanks: bool = False


def parse(text: str) -> Words:
    """Return what ``text`` asks for. Nothing is raised: whatever people type means something."""
    text = html.unescape(_LINK.sub(lambda match: f" {match[1]} ", text)).strip()
    tokens = text.split()
    if not tokens:
        return Words("help")
    first = tokens[0].strip(_TRIM).lower()
    if first == "cancel":
        head, reason = _because(text)
        return replace(_of_verb(first, head.split()[1:]), reason=reason)
    if first in VERB_NAMES:
        return _of_verb(first, tokens[1:])
    ids = find_task_ids(text)
    if not ids and first in _GREETINGS:
        return Words("help")
    if not ids and first in _THANKS:
        return Words("help", thanks=True)
    if find_task_ids(tokens[0]) or is_id_prefix(first) or _ALMOST_ID.fullmatch(first):
        return _of_verb("status", tokens)
    return Words(None, unknown=tokens[0], suggestion=_suggest(first, ids))


def without_mention(text: str, user_id: str) -> str:
    """Return ``text`` without mentions of ``user_id``."""
    return re.sub(rf"<@{re.escape(user_id)}(?:\|[^<>]*)?>", " ", text)


def _because(text: str) -> tuple[str, str | None]:
    """Split what to cancel from why; ids in the reason are not to be cancelled."""
    found = _REASON.search(text)
    if found is None:
        return text, None
    return text[: found.start()], " ".join(found["why"].split())[:REASON_MAX] or None


def _of_verb(verb: str, tokens: list[str]) -> Words:
    bare = [token.strip(_TRIM).lower() for token in tokens]
    if verb == "help":
        return Words("help", topic=bare[0] if bare else None)
    if bare in (["help"], ["--help"], ["-h"]):
        return Words("help", topic=verb)
    if verb == "list":
        page = bare[0] if bare else ""
        return Words("list", page=int(page) if re.fullmatch("[0-9]{1,4}", page, re.ASCII) else 1)
    if verb == "stats":
        named = (_WINDOWS.get(word) for word in bare)
        return Words("stats", window=next((one for one in named if one), Window.WEEK))
    if verb == "settings":
        return Words("settings")
    if verb == "unwatch" and bare == ["all"]:
        return Words("unwatch", everything=True)
    level, me, prefixes, broken, other = None, False, [], None, None
    for token, word in zip(tokens, bare, strict=True):
        if find_task_ids(token) or not word:
            continue
        if verb == "watch" and word in set(Level):
            level = Level(word)
        elif verb == "watch" and word == "me":
            me = True
        elif is_id_prefix(word):
            prefixes.append(word)
        elif _ALMOST_ID.fullmatch(word):
            broken = broken or token
        else:
            other = other or token
    ids = tuple(find_task_ids(" ".join(tokens)))
    if not ids and not prefixes:
        # Words around an id are a pasted sentence; words instead of one are a mistake.
        broken = broken or other
    return Words(verb, ids, tuple(dict.fromkeys(prefixes)), broken, level, me)


def _suggest(word: str, ids: list[TaskId]) -> str | None:
    if ids and word in _GREETINGS | _THANKS:
        return " ".join(["status", *ids])
    verb = _SYNONYMS.get(word) or next(
        (name for name in VERB_NAMES if len(word) >= 2 and name.startswith(word)), None
    )
    if verb is None:
        close = get_close_matches(word, VERB_NAMES, n=1, cutoff=_CLOSE)
        # Synonyms are long, and much is a little like one of them.
        close = close or get_close_matches(word, _SYNONYMS, n=1, cutoff=_CLOSE_SYNONYM)
        verb = _SYNONYMS.get(close[0], close[0]) if close else None
    if verb is None:
        verb = "status" if ids else None
    if verb is None or not ids or verb in ("list", "help", "stats", "settings"):
        return verb
    return " ".join([verb, *ids])
