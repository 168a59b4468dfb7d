"""The dialog with a channel's settings: what opens it, and what it does when it is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.errors import BadRequest
from bot.services import Services
from bot.services.preferences import Asked
from bot.slack.answer import Ephemeral
from bot.slack.blocks.message import JSON
from bot.slack.blocks.settings import (
    ACCOUNT,
    BROADCAST,
    DIGEST,
    GROUP,
    HOW,
    LEVEL,
    MUTE,
    PEOPLE,
    PEOPLE_MOST,
    QUIET_FROM,
    QUIET_TO,
    THREADS,
    TIME_ZONE,
    VALUE,
    WHOM,
    settings_button,
    settings_modal,
    settings_saved,
    unmuted,
)
from bot.slack.guard import Turn
from bot.slack.opening import open_view
from bot.tasks import Level
from bot.tasks.preferences import Manner, Mention, Mute, Preferences, QuietHours, Whom, is_zone
from bot.tasks.records import Place

_GROUP = re.compile(r"\bS[A-Z0-9]{6,20}\b", re.ASCII)
_PERSON = re.compile(r"[UW][A-Z0-9]{1,30}", re.ASCII)
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)

Values = Mapping[str, Mapping[str, Mapping[str, Any]]]


class Settings:
    """What the settings do.

    Args:
        services: the use cases.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def ask(self, turn: Turn) -> None:
        """Open the dialog, or offer a button that does where Slack opens none."""
        if "trigger_id" not in turn.body:
            return await turn.answer.private(settings_button())
        known, person = await self._services.preferences.open(turn.place)
        several = self._services.accounts
        connected = await several.connected(turn.place.team_id) if several else []
        view = settings_modal(
            known,
            channel_id=turn.place.channel_id,
            time_zone=person.time_zone,
            metadata=json.dumps({"channel": turn.place.channel_id}),
            accounts=[one.name for one in connected],
            account=turn.place.account,
        )
        await open_view(turn, view)
        return None

    async def save(self, turn: Turn) -> None:
        """Keep what the dialog says, and say so to whoever sent it."""
        place = _place(turn)
        known = await self._services.preferences.change(place, read_settings(turn.body))
        await self._choose(place, turn.body["view"]["state"]["values"])
        said = settings_saved(known, place.channel_id, self._services.clock())
        answer = Ephemeral(turn.workspace, place, turn.answer)
        await answer.private(said)

    async def _choose(self, place: Place, values: Values) -> None:
        several = self._services.accounts
        if several is None or ACCOUNT not in values:
            return
        name = _option(values, ACCOUNT)
        if name != await several.of(place.team_id, place.channel_id):
            await several.choose(place, name)

    async def unmute(self, turn: Turn) -> None:
        """End the mute of the channel in which the button stands."""
        await self._services.preferences.unmute(turn.place)
        await turn.answer.private(unmuted(turn.place.channel_id))


def check_settings(body: Mapping[str, Any]) -> JSON:
    """Return what is wrong with settings that were sent, by block; nothing if they are fine."""
    values: Values = body["view"]["state"]["values"]
    whom, start, end = (
        Whom(_option(values, WHOM)),
        _time(values, QUIET_FROM),
        _time(values, QUIET_TO),
    )
    wrong: JSON = {}
    people = _people(values)
    if whom is Whom.PEOPLE and not people:
        wrong[PEOPLE] = "Choose somebody, or let failures mention somebody else."
    if len(people) > PEOPLE_MOST:
        wrong[PEOPLE] = f"Up to {PEOPLE_MOST} people; a user group can be more."
    if whom is Whom.GROUP and _group(values) is None:
        wrong[GROUP] = (
            "That holds no id of a user group. An id looks like S0123ABCD; a group's @name is none."
        )
    if (start is None) != (end is None):
        wrong[QUIET_TO if end is None else QUIET_FROM] = "Quiet hours need both times, or none."
    elif start is not None and start == end:
        wrong[QUIET_TO] = "Quiet hours need an end that differs from their start."
    if not is_zone(_option(values, TIME_ZONE)):
        wrong[TIME_ZONE] = "Beambot does not know this time zone. Choose one of the same offset."
    return wrong


def read_settings(body: Mapping[str, Any]) -> Asked:
    """Return what somebody wants whose dialog has nothing wrong in it."""
    values: Values = body["view"]["state"]["values"]
    return Asked(_wanted(values), Mute(_option(values, MUTE)))


def _wanted(values: Values) -> Preferences:
    ticked = {option["value"] for option in _field(values, HOW).get("selected_options") or ()}
    whom, start, end = (
        Whom(_option(values, WHOM)),
        _time(values, QUIET_FROM),
        _time(values, QUIET_TO),
    )
    ids: tuple[str, ...] = ()
    if whom is Whom.PEOPLE:
        ids = _people(values)
    elif whom is Whom.GROUP:
        ids = (_group(values) or "",)
    return Preferences(
        level=Level(_option(values, LEVEL)),
        manner=Manner(threads=THREADS in ticked, broadcast=BROADCAST in ticked),
        mention=Mention(whom, ids),
        quiet=None if start is None or end is None else QuietHours(start, end),
        time_zone=_option(values, TIME_ZONE),
        digest=DIGEST in ticked,
    )


def _place(turn: Turn) -> Place:
    said = json.loads(turn.body["view"].get("private_metadata") or "{}")
    channel = said.get("channel")
    if not isinstance(channel, str):
        raise BadRequest("This dialog is from an older version of Beambot. Open it again.")
    return replace(turn.place, channel_id=channel)


def _field(values: Values, block_id: str) -> Mapping[str, Any]:
    return values[block_id][VALUE]


def _option(values: Values, block_id: str) -> str:
    return str(_field(values, block_id)["selected_option"]["value"])


def _people(values: Values) -> tuple[str, ...]:
    chosen = _field(values, PEOPLE).get("selected_users") or ()
    return tuple(dict.fromkeys(each for each in chosen if _PERSON.fullmatch(str(each))))


def _group(values: Values) -> str | None:
    typed = _field(values, GROUP).get("value")
    found = _GROUP.search(typed) if isinstance(typed, str) else None
    return found[0] if found else None


def _time(values: Values, block_id: str) -> int | None:
    chosen = _field(values, block_id).get("selected_time")
    found = _TIME.fullmatch(chosen) if isinstance(chosen, str) else None
    return int(found[1]) * 60 + int(found[2]) if found else None
