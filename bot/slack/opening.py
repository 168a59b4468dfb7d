"""Opening dialogs."""

from __future__ import annotations

from bot.errors import SlackUnavailable
from bot.services.ports import DeliveryError
from bot.slack.blocks.message import JSON
from bot.slack.calls import call
from bot.slack.guard import Turn


async def open_view(turn: Turn, view: JSON, *, otherwise: str = "Try again in a minute.") -> str:
    """Open a dialog for whoever did something in Slack just now; return its id.

    Args:
        turn: what they did.
        view: the dialog.
        otherwise: what they can do if it does not open.

    Raises:
        SlackUnavailable: Slack would not open it.
    """
    # Once: what opens a dialog is void after 3 seconds.
    arguments = {"trigger_id": turn.body["trigger_id"], "view": view}
    try:
        answer = await call(turn.workspace.client, "views.open", arguments)
    except DeliveryError as error:
        raise SlackUnavailable(
            f"Slack would not open the dialog ({error.code}). {otherwise}"
        ) from error
    opened = answer.get("view")
    return str(opened.get("id") or "") if isinstance(opened, dict) else ""
