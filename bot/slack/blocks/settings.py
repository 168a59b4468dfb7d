"""What a channel wants to hear, as a modal, and in a few lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.slack.blocks.elements import (
    actions,
    button,
    input_block,
    plain_text,
    section,
    unmute_button,
)
from bot.slack.blocks.message import JSON, Message, count, date, plain, safe
from bot.slack.blocks.words import LEVELS
from bot.slack.blocks.zones import ZONES
from bot.tasks import Level
from bot.tasks.preferences import (
    UNTIL_UNMUTED,
    Mute,
    Preferences,
    Whom,
    zone_of,
)

LEVEL, HOW, WHOM, PEOPLE, GROUP = "level", "how", "whom", "people", "group"
ACCOUNT = "account"
MUTE, QUIET_FROM, QUIET_TO, TIME_ZONE = "mute", "quiet_from", "quiet_to", "time_zone"
VALUE = "value"
"""The ``action_id`` of every field: its block says which it is."""

THREADS, BROADCAST, DIGEST = "threads", "broadcast", "digest"

PEOPLE_MOST = 10
"""People that a failure mentions at most."""

_WHOM = {
    Whom.ASKER: "Whoever asked for the watch",
    Whom.PEOPLE: "The people chosen below",
    Whom.GROUP: "The user group named below",
    Whom.NOBODY: "Nobody, also when a task is complete",
}
_MUTE = {
    Mute.OFF: "Not muted",
    Mute.HOUR: "For an hour",
    Mute.TOMORROW: "Until tomorrow, 9:00",
    Mute.FOREVER: "Until somebody unmutes it",
}
_HOW = {
    THREADS: ("Tell changes in the card's thread", "Else as messages of the channel"),
    BROADCAST: ("Show the end in the channel too", "Else it stays in the thread"),
    DIGEST: ("Weekly digest", "Monday at 9:00 in the time zone below"),
}


def settings_modal(
    known: Preferences,
    *,
    channel_id: str,
    time_zone: str,
    metadata: str,
    accounts: Sequence[str] = (),
    account: str = "",
) -> JSON:
    """Return the modal that asks what a channel wants to hear.

    Args:
        known: what it wants now.
        channel_id: the channel.
        time_zone: of the person who looks at it.
        metadata: comes back with the submission.
        accounts: the Beam accounts that the channel can choose from.
        account: the one that it uses.
    """
    ticked = {
        THREADS: known.manner.threads,
        BROADCAST: known.manner.broadcast,
        DIGEST: known.digest,
    }
    people = known.mention.ids if known.mention.whom is Whom.PEOPLE else ()
    group = known.mention.ids[0] if known.mention.whom is Whom.GROUP else ""
    blocks = [
        section(f"What Beambot tells {_place(channel_id)}. Cards show everything in any case."),
        input_block(LEVEL, "What to tell of a watch that names no level", _levels(known.level)),
        input_block(HOW, "How to tell it", _checkboxes(ticked), optional=True),
        input_block(WHOM, "Whom a failure mentions", _radio(_WHOM, known.mention.whom)),
        input_block(PEOPLE, "People", _people(people), optional=True),
        input_block(
            GROUP,
            "User group",
            _typed(group, "S0123ABCD"),
            # Slack asks for a scope (usergroups:read) before it says who a group's @name is.
            hint="Its id, or a link to it: open the group in Slack, ⋯, “Copy group ID”.",
            optional=True,
        ),
        input_block(MUTE, "Mute", _mutes(known.muted_until, time_zone)),
        section("*Quiet hours*\nNothing is told between these times, and one summary afterwards."),
        input_block(
            QUIET_FROM, "From", _time(known.quiet.start if known.quiet else None), optional=True
        ),
        input_block(QUIET_TO, "To", _time(known.quiet.end if known.quiet else None), optional=True),
        input_block(TIME_ZONE, "Time zone", _zones(known.time_zone or time_zone, time_zone)),
    ]
    if len(accounts) > 1:
        # Under the first line: which tasks are meant comes before what is told of them.
        blocks.insert(1, input_block(ACCOUNT, "Beam account", _accounts(accounts, account)))
    return {
        "type": "modal",
        "callback_id": "settings.submit",
        "title": plain_text("Settings"),
        "submit": plain_text("Save"),
        "close": plain_text("Cancel"),
        "private_metadata": metadata,
        "blocks": blocks,
    }


def settings_button() -> Message:
    """Return what opens the modal where words cannot: Slack opens one only for a click."""
    text = "The settings of this place open in a dialog."
    open_ = button("Open settings", "settings.open", "settings", style="primary")
    return Message(
        f"{text} Press Open settings, or type /beam settings in the channel.",
        [section(text), *actions(open_)],
    )


def settings_saved(known: Preferences, channel_id: str, now: datetime) -> Message:
    """Return, for whoever changed it, what a channel wants to hear from now on."""
    place = _place(channel_id)
    said = [f"new watches tell {LEVELS[known.level]}", _manner(known), _mentioned(known)]
    if known.quiet and known.time_zone:
        said.append(
            f"quiet from {_clock(known.quiet.start)} to {_clock(known.quiet.end)}"
            f" ({safe(known.time_zone)})"
        )
    if known.digest:
        said.append("a digest every Monday at 9:00")
    text = f"Saved for {place}: {'; '.join(said)}."
    muted = known.muted(now)
    if muted is not None:
        text += f" {_muted(muted)}"
    change = button("Open settings", "settings.open", "settings")
    blocks = [section(f":white_check_mark: {text}")]
    return Message(text, [*blocks, *actions(unmute_button() if muted else None, change)])


def unmuted(channel_id: str) -> Message:
    """Return, for whoever unmuted a channel, that it is told again."""
    text = (
        f"{_place(channel_id)} is not muted any more. What ended meanwhile is told in one message."
    )
    return Message(text, [section(f":bell: {text}")])


def _place(channel_id: str) -> str:
    if channel_id.startswith(("C", "G")):
        return f"<#{safe(channel_id, 40)}>"
    return "our direct messages"


def _manner(known: Preferences) -> str:
    if not known.manner.threads:
        return "changes are messages of the channel"
    shown = "is shown in the channel too" if known.manner.broadcast else "stays there"
    return f"changes are told in threads, and the end {shown}"


def _mentioned(known: Preferences) -> str:
    match known.mention.whom:
        case Whom.PEOPLE:
            # Named, not mentioned: nobody is to be called for this.
            return f"failures mention {count(len(known.mention.ids), 'person', 'people')}"
        case Whom.GROUP:
            return "failures mention a user group"
        case Whom.NOBODY:
            return "nobody is mentioned"
    return "failures mention whoever asked"


def _muted(until: datetime) -> str:
    if until == UNTIL_UNMUTED:
        return "It is muted until somebody unmutes it."
    return f"It is muted until {date(until)}."


def _levels(level: Level) -> JSON:
    return _radio({each: words.capitalize() for each, words in LEVELS.items()}, level)


def _radio(words: dict[Level, str] | dict[Whom, str], chosen: Level | Whom) -> JSON:
    options = {str(each): _option(text, str(each)) for each, text in words.items()}
    return {
        "type": "radio_buttons",
        "action_id": VALUE,
        "options": list(options.values()),
        "initial_option": options[str(chosen)],
    }


def _checkboxes(ticked: dict[str, bool]) -> JSON:
    options = [
        {**_option(text, value), "description": plain_text(more)}
        for value, (text, more) in _HOW.items()
    ]
    element: JSON = {"type": "checkboxes", "action_id": VALUE, "options": options}
    if initial := [option for option in options if ticked[option["value"]]]:
        element["initial_options"] = initial
    return element


def _people(ids: Sequence[str]) -> JSON:
    element: JSON = {
        "type": "multi_users_select",
        "action_id": VALUE,
        "max_selected_items": PEOPLE_MOST,
        "placeholder": plain_text("Who looks after failures"),
    }
    if ids:
        element["initial_users"] = list(ids)
    return element


def _typed(value: str, example: str) -> JSON:
    element: JSON = {
        "type": "plain_text_input",
        "action_id": VALUE,
        "max_length": 300,
        "placeholder": plain_text(example),
    }
    if value:
        element["initial_value"] = value
    return element


def _mutes(until: datetime | None, time_zone: str) -> JSON:
    words = dict(_MUTE)
    chosen = Mute.OFF
    if until == UNTIL_UNMUTED:
        chosen = Mute.FOREVER
    elif until is not None:
        local = until.astimezone(zone_of(time_zone))
        chosen = Mute.KEEP
        words = {Mute.KEEP: f"As it is: until {local:%A, %H:%M}", **words}
    options = {mute: _option(text, mute.value) for mute, text in words.items()}
    return _select(list(options.values()), options[chosen])


def _zones(chosen: str, own: str) -> JSON:
    names = list(dict.fromkeys([chosen, own, *ZONES]))
    options = {name: _option(name.replace("_", " "), name) for name in names}
    return _select(list(options.values()), options[chosen])


def _accounts(names: Sequence[str], chosen: str) -> JSON:
    options = {name: _option(plain(name, 75) or "…", name) for name in names}
    return _select(list(options.values()), options.get(chosen, options[names[0]]))


def _select(options: list[JSON], chosen: JSON) -> JSON:
    return {
        "type": "static_select",
        "action_id": VALUE,
        "options": options,
        "initial_option": chosen,
    }


def _time(minutes: int | None) -> JSON:
    element: JSON = {
        "type": "timepicker",
        "action_id": VALUE,
        "placeholder": plain_text("No quiet hours"),
    }
    if minutes is not None:
        element["initial_time"] = _clock(minutes)
    return element


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _option(text: str, value: str) -> JSON:
    return {"text": plain_text(text), "value": value}
