"""The table of Web API methods: what each needs, and the function that carries it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from demo.workspace import methods_chat as chat
from demo.workspace import methods_people as people
from demo.workspace import methods_views as views
from demo.workspace.calls import Calls
from demo.workspace.model import JSON


@dataclass(frozen=True)
class Method:
    """One method: any one of `scopes` will do; some take the app token, or none at all."""

    call: Callable[[Calls, JSON], JSON]
    scopes: tuple[str, ...] = ()
    app_token: bool = False
    public: bool = False


_WRITE = ("chat:write",)
_READ = ("channels:read", "groups:read", "im:read", "mpim:read")
_HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
_FILES = ("files:write",)

METHODS: dict[str, Method] = {
    "api.test": Method(people.api_test, public=True),
    "auth.test": Method(people.auth_test),
    "apps.connections.open": Method(people.apps_connections_open, app_token=True),
    "bots.info": Method(people.bots_info, ("users:read",)),
    "team.info": Method(people.team_info, ("team:read",)),
    "users.info": Method(people.users_info, ("users:read",)),
    "users.conversations": Method(people.users_conversations, _READ),
    "conversations.info": Method(people.conversations_info, _READ),
    "conversations.open": Method(people.conversations_open, ("im:write",)),
    "conversations.members": Method(people.conversations_members, _READ),
    "conversations.history": Method(chat.history, _HISTORY),
    "conversations.replies": Method(chat.replies, _HISTORY),
    "chat.postMessage": Method(chat.post_message, _WRITE),
    "chat.postEphemeral": Method(chat.post_ephemeral, _WRITE),
    "chat.update": Method(chat.update, _WRITE),
    "chat.delete": Method(chat.delete, _WRITE),
    "chat.getPermalink": Method(chat.get_permalink),
    "chat.unfurl": Method(chat.unfurl, ("links:write",)),
    "reactions.add": Method(chat.reactions_add, ("reactions:write",)),
    "files.getUploadURLExternal": Method(chat.get_upload_url, _FILES),
    "files.completeUploadExternal": Method(chat.complete_upload, _FILES),
    "views.open": Method(views.open_view),
    "views.push": Method(views.push),
    "views.update": Method(views.update),
    "views.publish": Method(views.publish),
}
