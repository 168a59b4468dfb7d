"""``/beam connect`` and ``/beam disconnect``: the Beam accounts of a workspace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.errors import BadRequest
from bot.services import Services
from bot.slack.blocks import accounts as blocks
from bot.slack.blocks.message import JSON
from bot.slack.guard import Turn
from bot.slack.host import PublicHost
from bot.slack.opening import open_view
from bot.tasks.accounts import ACCOUNT_NAME

_SECRET = re.compile(r"[\x21-\x7e]{8,500}")


class Connecting:
    """What connects and disconnects accounts; for admins of the workspace only.

    Args:
        services: the use cases.
        host: where the bot is reached.
    """

    def __init__(self, services: Services, host: PublicHost) -> None:
        self._services = services
        self._host = host

    async def ask(self, turn: Turn) -> None:
        """Open the modal that connects an account."""
        accounts = self._services.accounts
        if accounts is None:
            return await turn.answer.private(blocks.operators_account())
        await self._services.policy.require_admin(turn.place)
        if not turn.body.get("trigger_id"):
            raise BadRequest("A mention cannot open a dialog. Type `/beam connect`.")
        connected = await accounts.connected(turn.place.team_id)
        await open_view(turn, blocks.connect_modal(connected, turn.place.team_id, self._host.url))
        return None

    async def connect(self, turn: Turn) -> None:
        """Check and keep the account of a modal that was sent."""
        accounts = self._services.accounts
        if accounts is None:
            return await turn.answer.private(blocks.operators_account())
        await self._services.policy.require_admin(turn.place)
        sent = submitted(turn.body)
        await accounts.connect(
            turn.place,
            sent.name,
            sent.token,
            default=sent.default,
            callback_key=sent.callback_key or None,
        )
        calling = blocks.calling(await accounts.connected(turn.place.team_id))
        team_id = turn.place.team_id if sent.name in calling else None
        return await turn.answer.private(blocks.connected(sent.name, team_id, self._host.url))

    async def ask_which(self, turn: Turn) -> None:
        """Show the accounts, each with the button that disconnects it."""
        accounts = self._services.accounts
        if accounts is None:
            return await turn.answer.private(blocks.operators_account())
        await self._services.policy.require_admin(turn.place)
        connected = await accounts.connected(turn.place.team_id)
        for message in blocks.disconnect_questions(connected):
            await turn.answer.private(message)
        return None

    async def disconnect(self, turn: Turn) -> None:
        """Disconnect the account of a button."""
        accounts = self._services.accounts
        if accounts is None:
            return await turn.answer.private(blocks.operators_account())
        await self._services.policy.require_admin(turn.place)
        ended = await accounts.disconnect(turn.place, turn.text)
        return await turn.answer.replace(blocks.disconnected(turn.text, ended))

    async def remove_key(self, turn: Turn) -> None:
        """Forget the signing key of a button's account."""
        accounts = self._services.accounts
        if accounts is None:
            return await turn.answer.private(blocks.operators_account())
        await self._services.policy.require_admin(turn.place)
        await accounts.remove_key(turn.place, turn.text)
        return await turn.answer.replace(blocks.key_removed(turn.text))


@dataclass(frozen=True, slots=True)
class Submitted:
    """What somebody filled in."""

    name: str
    token: str = field(repr=False)
    callback_key: str = field(repr=False)
    default: bool


def check_connect(body: Mapping[str, Any]) -> JSON:
    """Return what is wrong with a modal that was sent: a sentence for a block, else nothing."""
    sent, wrong = submitted(body), {}
    if not ACCOUNT_NAME.fullmatch(sent.name):
        wrong[blocks.NAME_BLOCK] = "Up to 40 letters, digits, spaces, dots, dashes."
    if not _SECRET.fullmatch(sent.token):
        wrong[blocks.TOKEN_BLOCK] = "This is no Beam token. Copy it whole, without spaces."
    if sent.callback_key and not _SECRET.fullmatch(sent.callback_key):
        wrong[blocks.KEY_BLOCK] = "This is no signing key. Copy it whole, without spaces."
    elif sent.callback_key == sent.token and sent.token:
        wrong[blocks.KEY_BLOCK] = "This is the token. Copy the signing key, or leave it empty."
    return wrong


def submitted(body: Mapping[str, Any]) -> Submitted:
    """Return what was filled in."""
    values = body["view"]["state"]["values"]
    fields = {block_id: block.get(blocks.VALUE) or {} for block_id, block in values.items()}

    def typed(block_id: str) -> str:
        return str((fields.get(block_id) or {}).get("value") or "").strip()

    default = bool((fields.get(blocks.DEFAULT_BLOCK) or {}).get("selected_options"))
    token, callback_key = typed(blocks.TOKEN_BLOCK), typed(blocks.KEY_BLOCK)
    return Submitted(typed(blocks.NAME_BLOCK), token, callback_key, default)
