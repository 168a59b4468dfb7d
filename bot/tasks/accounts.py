"""What a Beam account is called, and the address at which Beam calls back for it."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote

ACCOUNT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}", re.ASCII)
CALLBACK_PATH = "/beam/callback"

_TEAM_ID = re.compile(r"[A-Z0-9]{1,32}", re.ASCII)
_QUERY_MAX = 200
"""Longest query, in bytes: both names with every character of the account's escaped fit."""


def callback_url(host: str, team_id: str, account: str) -> str:
    """Return where Beam calls back for an account.

    Args:
        host: where the bot is reached, such as ``https://bot.example.com``.
        team_id: the workspace.
        account: the account.
    """
    return f"{host}{CALLBACK_PATH}?workspace={quote(team_id)}&account={quote(account)}"


def read_callback_query(query: bytes) -> tuple[str, str] | None:
    """Return the workspace and the account that a callback's address names.

    Args:
        query: what follows the question mark.

    Returns:
        ``None`` unless it names one of each, and nothing else.
    """
    if len(query) > _QUERY_MAX:
        return None
    try:
        fields = parse_qsl(query.decode("ascii"), strict_parsing=True, errors="strict")
    except ValueError:
        return None
    named = dict(fields)
    if len(fields) != 2 or named.keys() != {"workspace", "account"}:
        return None
    team_id, account = named["workspace"], named["account"]
    if not _TEAM_ID.fullmatch(team_id) or not ACCOUNT_NAME.fullmatch(account):
        return None
    return team_id, account
