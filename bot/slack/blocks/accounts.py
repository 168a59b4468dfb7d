"""Beam accounts: the modal that connects one, and the question that disconnects one."""

from __future__ import annotations

from collections.abc import Sequence

from bot.slack.blocks.elements import (
    actions,
    button,
    context,
    dialog,
    input_block,
    pack,
    plain_text,
    preformatted,
    said,
    section,
)
from bot.slack.blocks.message import JSON, Message, count, date, plain, safe
from bot.tasks.accounts import callback_url
from bot.tasks.records import ConnectedAccount

CONNECT = "account.connect"
NAME_BLOCK, TOKEN_BLOCK, KEY_BLOCK, DEFAULT_BLOCK = "name", "token", "callback_key", "default"
VALUE = "value"
NAME_MAX = 40
SECRET_MAX = 500
HOST_UNKNOWN = "https://<your Beambot host>"
"""Stands for the bot's own address where nothing has told it."""


def connect_modal(
    accounts: Sequence[ConnectedAccount], team_id: str, host: str | None = None, *, name: str = ""
) -> JSON:
    """Return the modal that asks for a Beam account's token.

    Args:
        accounts: those that are connected already.
        team_id: the workspace.
        host: where the bot is reached, such as ``https://bot.example.com``, if it is known.
        name: what stands in the field for the name.
    """
    blocks: list[JSON] = [
        section(
            "Copy a token from your Beam dashboard. It is checked with Beam, kept encrypted, and"
            " never shown again."
        ),
        input_block(
            NAME_BLOCK,
            "Name of the account",
            _typed(NAME_MAX, name or ("" if accounts else "main")),
            hint="What this workspace calls it, such as main or research. A name that is"
            " connected already gets the new token.",
        ),
        input_block(TOKEN_BLOCK, "Beam token", _typed(SECRET_MAX)),
        input_block(
            KEY_BLOCK,
            "Signing key",
            _typed(SECRET_MAX),
            hint="Of the same Beam workspace. With it Beam says at once when a task ends. Left"
            " empty, a name that is connected already keeps the key it has; /beam disconnect"
            " can remove it.",
            optional=True,
        ),
    ]
    if accounts:
        option = {"text": plain_text("Use it in channels that chose none"), "value": "yes"}
        boxes = {"type": "checkboxes", "action_id": VALUE, "options": [option]}
        blocks.append(input_block(DEFAULT_BLOCK, "Default", boxes, optional=True))
        blocks.append(context("Connected: " + ", ".join(_named(one) for one in accounts)))
    if names := calling(accounts):
        blocks += _lines(host, team_id, names)
    return {
        "type": "modal",
        "callback_id": CONNECT,
        "title": plain_text("Connect Beam"),
        "submit": plain_text("Check and connect"),
        "close": plain_text("Cancel"),
        "blocks": blocks,
    }


def calling(accounts: Sequence[ConnectedAccount]) -> list[str]:
    """Return the names of those accounts that Beam calls back for."""
    return [one.name for one in accounts if one.calls_back]


def connected(name: str, team_id: str | None = None, host: str | None = None) -> Message:
    """Return that an account is connected, and what to do next.

    Args:
        name: the account.
        team_id: the workspace, if Beam calls back for the account.
        host: where the bot is reached, such as ``https://bot.example.com``, if it is known.
    """
    text = (
        f":link: *{safe(name)}* is connected. Try it: `/beam watch` and a task id, in a channel"
        " that I am in."
    )
    if team_id is None:
        return said(text)
    message = said(text, *_lines(host, team_id, [name]))
    line = safe(decorator(callback_url(host or HOST_UNKNOWN, team_id, name)), 600)
    return Message(f"{message.text} To be called back: {line}", message.blocks)


def decorator(url: str) -> str:
    """Return the line that has Beam call back when a task of a function ends."""
    return f'@function(callback_url="{url}")'


def key_removed(name: str) -> Message:
    """Return that an account's signing key is deleted."""
    return said(
        f"The signing key of *{safe(name)}* is deleted. Beam's callbacks for it are refused, and"
        " its tasks are checked from time to time as before."
    )


def disconnect_questions(accounts: Sequence[ConnectedAccount]) -> list[Message]:
    """Return the accounts of a workspace, each with the button that disconnects it.

    One message holds about nine of them.
    """
    if not accounts:
        return [said("No Beam account is connected. `/beam connect` connects one.")]
    head = f"{count(len(accounts), 'Beam account')} of this workspace"
    parts = [(_named(one), _disconnectable(one)) for one in accounts]
    parts[-1][1].extend(actions(button("Connect another", "account.open", "connect")))
    return pack([(f"{head}:", [section(f"*{head}*")]), *parts])


def _disconnectable(one: ConnectedAccount) -> list[JSON]:
    confirm = dialog(
        f"Disconnect {plain(one.name, 60)}?",
        "Everything watched in it is no longer watched, and its token, signing key and history"
        " are deleted. The tasks themselves go on. This cannot be undone.",
        confirm="Disconnect",
        deny="Keep it",
    )
    disconnect = button(
        "Disconnect",
        "account.disconnect",
        one.name,
        style="danger",
        confirm=confirm,
        spoken=f"Disconnect {plain(one.name, 40)}",
    )
    text = f"{_named(one)}\nConnected by <@{safe(one.connected_by, 40)}>, {date(one.connected_at)}"
    # It does not ask: nothing is lost that connecting once more does not bring back.
    remove = button(
        "Remove signing key",
        "account.remove_key",
        one.name,
        spoken=f"Remove the signing key of {plain(one.name, 40)}",
    )
    return [section(text, accessory=disconnect), *actions(remove if one.calls_back else None)]


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


def _lines(host: str | None, team_id: str, names: Sequence[str]) -> list[JSON]:
    """Return what to paste into the Beam apps of these accounts."""
    which = "this line" if len(names) == 1 else "the line of its account"
    text = f"To hear at once when a task ends, put {which} above the function in your Beam app."
    if host is None:
        text += " Whoever runs Beambot knows its host."
    lines = [decorator(callback_url(host or HOST_UNKNOWN, team_id, name)) for name in names]
    # A block for each: all of them together may be longer than one may be.
    return [section(text), *(preformatted(line) for line in lines)]


def _typed(most: int, text: str = "") -> JSON:
    element: JSON = {"type": "plain_text_input", "action_id": VALUE, "max_length": most}
    return element | ({"initial_value": text} if text else {})
