"""An app manifest: the commands, shortcuts and scopes the bot is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo.workspace.model import JSON

if TYPE_CHECKING:
    from demo.workspace.state import Workspace


MOST_DOMAINS = 5


def load(workspace: Workspace, manifest: JSON) -> None:
    """Sets the workspace up for the app described. Raises ValueError if it describes none."""
    features = manifest.get("features")
    scopes = (manifest.get("oauth_config") or {}).get("scopes")
    if not isinstance(features, dict) or not isinstance(scopes, dict):
        raise ValueError("not an app manifest: features and oauth_config.scopes are needed")
    workspace.commands = list(features.get("slash_commands") or [])
    workspace.shortcuts = list(features.get("shortcuts") or [])
    workspace.unfurl_domains = set(features.get("unfurl_domains") or [])
    if len(workspace.unfurl_domains) > MOST_DOMAINS:
        raise ValueError(f"an app may unfurl links to {MOST_DOMAINS} domains")
    workspace.scopes = set(scopes.get("bot") or [])
    for command in workspace.commands:
        if not str(command.get("command", "")).startswith("/"):
            raise ValueError("every slash command begins with /")
    settings = manifest.get("settings") or {}
    events = (settings.get("event_subscriptions") or {}).get("bot_events")
    workspace.bot_events = set(events or [])
