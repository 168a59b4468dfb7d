"""Beam accounts: the modal that connects one, and the question that disconnects one."""

from __future__ import annotations

from collections.abc import Sequence

from bot.slack.blocks.elements import actions, button, context, dialog, plain_text, said, section
from bot.slack.blocks.message import JSON, Message, count, date, plain, safe
from bot.tasks.records import ConnectedAccount

CONNECT = "account.connect"
NAME_BLOCK, TOKEN_BLOCK, DEFAULT_BLOCK = "name", "token", "default"
VALUE = "value"
NAME_MAX = 40
TOKEN_MAX = 500


def connect_modal(accounts: Sequence[ConnectedAccount], name: str = "") -> JSON:
    """Return the modal that asks for a Beam account's token.

    Args:
        accounts: those that are connected already.
        name: what stands in the field for the name.
    """
    blocks: list[JSON] = [
        section(
            "Copy a token from your Beam dashboard. It is checked with Beam, kept encrypted, and"
            " never shown again."
        ),
        _field(
            NAME_BLOCK,
            "Name of the account",
            {"max_length": NAME_MAX, "initial_value": name or ("" if accounts else "main")},
            hint="What this workspace calls it, such as main or research. A name that is"
            " connected already gets the new token.",
        ),
        _field(TOKEN_BLOCK, "Beam token", {"max_length": TOKEN_MAX}),
    ]
    if accounts:
        option = {"text": plain_text("Use it in channels that chose none"), "value": "yes"}
        blocks.append(
            {
                "type": "input",
                "block_id": DEFAULT_BLOCK,
                "optional": True,
                "label": plain_text("Default"),
                "element": {"type": "checkboxes", "action_id": VALUE, "options": [option]},
            }
        )
        blocks.append(context("Connected: " + ", ".join(_named(one) for one in accounts)))
    return {
        "type": "modal",
        "callback_id": CONNECT,
        "title": plain_text("Connect Beam"),
        "submit": plain_text("Check and connect"),
        "close": plain_text("Cancel"),
        "blocks": blocks,
    }


def connected(name: str) -> Message:
    """Return that an account is connected, and what to do next."""
    return said(
        f":link: *{safe(name)}* is connected. Try it: `/beam watch` and a task id, in a channel"
        " that I am in."
    )


def disconnect_question(accounts: Sequence[ConnectedAccount]) -> Message:
    """Return the accounts of a workspace, each with the button that disconnects it."""
    if not accounts:
        return said("No Beam account is connected. `/beam connect` connects one.")
    head = f"{count(len(accounts), 'Beam account')} of this workspace"
    blocks = [section(f"*{head}*")]
    for one in accounts:
        confirm = dialog(
            f"Disconnect {plain(one.name, 60)}?",
            "Everything watched in it is no longer watched, and its token and history are"
            " deleted. The tasks themselves go on. This cannot be undone.",
            confirm="Disconnect",
            deny="Keep it",
        )
        blocks.append(
            section(
                f"{_named(one)}\nConnected by <@{safe(one.connected_by, 40)}>,"
                f" {date(one.connected_at)}",
                accessory=button(
                    "Disconnect",
                    "account.disconnect",
                    one.name,
                    style="danger",
                    confirm=confirm,
                    spoken=f"Disconnect {plain(one.name, 40)}",
                ),
            )
        )
    blocks += actions(button("Connect another", "account.open", "connect"))
    named = ", ".join(_named(one) for one in accounts)
    return Message(f"{head}: {named}.", blocks)


def disconnected(name: str, ended: int) -> Message:
    """Return that an account was disconnected, and what ended with it."""
    watches = f" {count(ended, 'watch', 'watches')} ended with it." if ended else ""
    return said(f"*{safe(name)}* is disconnected, and its token is deleted.{watches}")


def operators_account() -> Message:
    """Return what is said where whoever runs the bot has set its one account."""
    return said(
        "This Beambot uses the Beam account of whoever runs it, so there is nothing to connect."
        " Ask them about another account."
    )


def _named(one: ConnectedAccount) -> str:
    return f"*{safe(one.name)}*" + (" (default)" if one.is_default else "")


def _field(block_id: str, label: str, rest: JSON, *, hint: str = "") -> JSON:
    element = {"type": "plain_text_input", "action_id": VALUE, **rest}
    if not element.get("initial_value"):
        element.pop("initial_value", None)
    block: JSON = {
        "type": "input",
        "block_id": block_id,
        "label": plain_text(label),
        "element": element,
    }
    if hint:
        block["hint"] = plain_text(hint)
    return block
