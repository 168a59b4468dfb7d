"""``/beam connect`` and ``/beam disconnect``: the Beam accounts of a workspace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.errors import BadRequest
from bot.services import Services
from bot.slack.blocks import accounts as blocks
from bot.slack.blocks.message import JSON
from bot.slack.guard import Turn
from bot.slack.opening import open_view

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}")
_TOKEN = re.compile(r"[\x21-\x7e]{8,500}")


class Connecting:
    """What connects and disconnects accounts; for admins of the workspace only.

    Args:
        services: the use cases.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def ask(self, turn: Turn) -> None:
        """Open the modal that connects an account."""
        accounts = self._services.accounts
        if accounts is None:
            return await turn.answer.private(blocks.operators_account())
        await self._services.policy.require_admin(turn.place)
        if not turn.body.get("trigger_id"):
            raise BadRequest("A mention cannot open a dialog. Type `/beam connect`.")
        connected = await accounts.connected(turn.place.team_id)
        await open_view(turn, blocks.connect_modal(connected))
        return None

    async def connect(self, turn: Turn) -> None:
        """Check and keep the account of a modal that was sent."""
        accounts = self._services.accounts
        if accounts is None:
            return await turn.answer.private(blocks.operators_account())
        await self._services.policy.require_admin(turn.place)
        name, token, default = submitted(turn.body)
        await accounts.connect(turn.place, name, token, default=default)
        return await turn.answer.private(blocks.connected(name))

    async def ask_which(self, turn: Turn) -> None:
        """Show the accounts, each with the button that disconnects it."""
        accounts = self._services.accounts
        if accounts is None:
            return await turn.answer.private(blocks.operators_account())
        await self._services.policy.require_admin(turn.place)
        connected = await accounts.connected(turn.place.team_id)
        return await turn.answer.private(blocks.disconnect_question(connected))

    async def disconnect(self, turn: Turn) -> None:
        """Disconnect the account of a button."""
        accounts = self._services.accounts
        if accounts is None:
            return await turn.answer.private(blocks.operators_account())
        await self._services.policy.require_admin(turn.place)
        ended = await accounts.disconnect(turn.place, turn.text)
        return await turn.answer.replace(blocks.disconnected(turn.text, ended))


def check_connect(body: Mapping[str, Any]) -> JSON:
    """Return what is wrong with a modal that was sent: a sentence for a block, else nothing."""
    name, token, _ = submitted(body)
    wrong = {}
    if not _NAME.fullmatch(name):
        wrong[blocks.NAME_BLOCK] = "Up to 40 letters, digits, spaces, dots, dashes."
    if not _TOKEN.fullmatch(token):
        wrong[blocks.TOKEN_BLOCK] = "This is no Beam token. Copy it whole, without spaces."
    return wrong


def submitted(body: Mapping[str, Any]) -> tuple[str, str, bool]:
    """Return the name, the token, and whether it shall be the default."""
    values = body["view"]["state"]["values"]
    fields = {block_id: block.get(blocks.VALUE) or {} for block_id, block in values.items()}
    name = str((fields.get(blocks.NAME_BLOCK) or {}).get("value") or "").strip()
    token = str((fields.get(blocks.TOKEN_BLOCK) or {}).get("value") or "").strip()
    default = bool((fields.get(blocks.DEFAULT_BLOCK) or {}).get("selected_options"))
    return name, token, default
