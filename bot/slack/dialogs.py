"""Modals that buttons open: why somebody cancelled, and what a task left behind in full."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.errors import BadRequest, SlackUnavailable
from bot.services import Services
from bot.services.ports import DeliveryError
from bot.slack.blocks.message import JSON
from bot.slack.blocks.modals import REASON_ACTION, REASON_BLOCK, REASON_MAX, reason_modal
from bot.slack.blocks.results import full_text_modal, sorry_modal, waiting_modal
from bot.slack.calls import call
from bot.slack.guard import Turn
from bot.slack.opening import open_view
from bot.tasks import parse_task_id

_KEY = re.compile(r"cancel:[0-9]{1,18}")


class Dialogs:
    """What the modals do that buttons open.

    Args:
        services: the use cases.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def ask_reason(self, turn: Turn) -> None:
        """Ask whoever cancelled for a reason."""
        keys = _keys(turn.text.split(","))
        await self._services.cancelling.require_own(turn.place, keys)
        said = {"keys": keys, "channel": turn.place.channel_id}
        await open_view(turn, reason_modal(json.dumps(said)))

    async def keep_reason(self, turn: Turn) -> None:
        """Keep the reason that was given, and show it."""
        view = turn.body["view"]
        said = json.loads(view.get("private_metadata") or "{}")
        place = replace(turn.place, channel_id=str(said.get("channel") or turn.place.channel_id))
        await self._services.cancelling.explain(place, _keys(said.get("keys")), _reason(view))

    async def show_text(self, turn: Turn) -> None:
        """Show a task's result and failure reason whole, as Beam has them now."""
        task_id = parse_task_id(turn.text)
        if task_id is None:
            raise BadRequest(
                "This button is from an older version of Beambot. Look the task up again to get a"
                " new one."
            )
        # A trigger lasts three seconds, Beam may take longer: the modal comes first.
        view_id = await open_view(turn, waiting_modal())
        lookup = await self._services.look_up.look(turn.place, [task_id])
        view = sorry_modal(lookup.failed[0].text) if lookup.failed else None
        view = view or full_text_modal(lookup.found[0].task)
        try:
            arguments = {"view_id": view_id, "view": view}
            await call(turn.workspace.client, "views.update", arguments)
        except DeliveryError as error:
            raise SlackUnavailable("Slack would not show it. Try again.") from error


def check_reason(body: Mapping[str, Any]) -> JSON:
    """Return what is wrong with a reason that was given, by block; nothing if it is fine."""
    return {} if _reason(body["view"]) else {REASON_BLOCK: "Say why, in a few words."}


def _keys(given: Any) -> list[str]:
    keys = [key for key in given if _KEY.fullmatch(str(key))] if isinstance(given, list) else []
    if not keys:
        raise BadRequest(
            "This button is from an older version of Beambot. Look the task up again to get a"
            " new one."
        )
    return keys


def _reason(view: Mapping[str, Any]) -> str:
    typed = view["state"]["values"][REASON_BLOCK][REASON_ACTION].get("value")
    return " ".join(typed.split())[:REASON_MAX] if isinstance(typed, str) else ""
