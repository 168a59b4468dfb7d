"""The control API: what tests do as people, and what they ask the workspace to do wrong."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from demo.workspace import interactions, manifest, writing
from demo.workspace.elements import find_element, state_of
from demo.workspace.faults import Faults
from demo.workspace.model import JSON, Channel, Event
from demo.workspace.pace import Pace
from demo.workspace.transport import Ack

if TYPE_CHECKING:
    from demo.workspace.state import Workspace

Step = Callable[[JSON], Awaitable[JSON]]


class Control:
    """Every step takes and gives JSON; those that reach the bot wait for its ack."""

    def __init__(self, workspace: Workspace, faults: Faults, pace: Pace) -> None:
        self._workspace = workspace
        self._faults = faults
        self._pace = pace

    def routes(self) -> list[BaseRoute]:
        steps: dict[str, Step] = {
            "reset": self.reset,
            "manifest": self.manifest,
            "command": self.command,
            "message": self.message,
            "act": self.act,
            "shortcut": self.shortcut,
            "submit": self.submit,
            "close": self.close,
            "home": self.home,
            "archive": self.archive,
            "members": self.members,
            "channels": self.channels,
            "token": self.token,
            "faults": self.add_fault,
            "disconnect": self.disconnect,
        }
        routes: list[BaseRoute] = [
            Route(f"/_control/{name}", self._endpoint(step), methods=["POST"])
            for name, step in steps.items()
        ]
        reads: dict[str, Callable[[], JSON]] = {
            "state": self.state,
            "log": self.log,
            "posts": self.posts,
        }
        for name, read in reads.items():
            routes.append(Route(f"/_control/{name}", self._reader(read), methods=["GET"]))
        routes.append(Route("/_control/faults", self._reader(self.clear), methods=["DELETE"]))
        return routes

    def _allowed(self, request: Request) -> bool:
        """Not for other web pages open in the same browser."""
        origin = request.headers.get("origin")
        return origin in (None, self._workspace.settings.base_url)

    def _reader(self, read: Callable[[], JSON]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if not self._allowed(request):
                return JSONResponse({"ok": False, "error": "forbidden"}, status_code=403)
            return JSONResponse(read())

        return endpoint

    def _endpoint(self, step: Step) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if not self._allowed(request):
                return JSONResponse({"ok": False, "error": "forbidden"}, status_code=403)
            body = await request.body()
            try:
                given = json.loads(body) if body else {}
                return JSONResponse({"ok": True} | await step(given))
            except KeyError as error:
                text = f"unknown or missing: {error.args[0]}"
            except (ValueError, TypeError, AttributeError) as error:
                text = str(error)
            return JSONResponse({"ok": False, "error": text}, status_code=400)

        return endpoint

    async def reset(self, given: JSON) -> JSON:
        self._faults.clear()
        self._pace.clear()
        self._workspace.reset()
        return {}

    async def manifest(self, given: JSON) -> JSON:
        manifest.load(self._workspace, given)
        return {"commands": len(self._workspace.commands), "scopes": len(self._workspace.scopes)}

    async def command(self, given: JSON) -> JSON:
        name = str(given.get("command", "/beam"))
        text = str(given.get("text", ""))
        user, channel = given["user"], self._channel(given)
        return _told(await self._workspace.command(user, channel, name, text))

    async def message(self, given: JSON) -> JSON:
        message, ack = await writing.say(
            self._workspace,
            given["user"],
            self._channel(given),
            str(given["text"]),
            given.get("thread_ts"),
            given.get("files"),
        )
        return {"ts": message.ts} | _told(ack)

    async def act(self, given: JSON) -> JSON:
        workspace, user = self._workspace, given["user"]
        view_id = given.get("view_id")
        if view_id:
            home = workspace.homes.get(user)
            at_home = home is not None and home["id"] == view_id
            blocks = home["blocks"] if home and at_home else workspace.views[view_id].view["blocks"]
            channel, ts = "", ""
        else:
            channel, ts = self._channel(given), str(given["ts"])
            message = workspace.find(channel, ts)
            if message is None:
                raise KeyError(ts)
            blocks = message.blocks
            if given.get("unfurl"):
                blocks = message.unfurls[given["unfurl"]]["blocks"]
        found = find_element(blocks, str(given["action_id"]), given.get("block_id"))
        if found is None:
            raise KeyError(given["action_id"])
        action: JSON = {"action_id": found.action_id, "block_id": found.block_id}
        if found.element["type"] == "button":
            if given.get("value") not in (None, found.element.get("value")):
                raise ValueError("a button's value cannot be chosen")
        else:
            action |= state_of(found.element, given.get("value"))
        unfurl = given.get("unfurl")
        return _told(await workspace.act(user, channel, ts, action, view_id, unfurl))

    async def shortcut(self, given: JSON) -> JSON:
        channel = self._channel(given) if given.get("channel") else None
        user, callback_id = given["user"], given["callback_id"]
        ack = await self._workspace.shortcut(user, callback_id, channel, given.get("ts"))
        return _told(ack)

    async def submit(self, given: JSON) -> JSON:
        user, view_id = given["user"], given["view_id"]
        values = given.get("values") or {}
        answer, ack = await interactions.submit_view(self._workspace, user, view_id, values)
        return {"response": answer} | _told(ack)

    async def close(self, given: JSON) -> JSON:
        user, view_id = given["user"], given["view_id"]
        return _told(await interactions.close_view(self._workspace, user, view_id))

    async def home(self, given: JSON) -> JSON:
        user = given["user"]
        ack = await self._workspace.open_home(user)
        return {"home": self._workspace.homes.get(user)} | _told(ack)

    async def archive(self, given: JSON) -> JSON:
        channel = self._workspace.channels[self._channel(given)]
        channel.archived = bool(given.get("archived", True))
        self._workspace.publish(Event("channel", channel.id))
        return {}

    async def members(self, given: JSON) -> JSON:
        channel = self._workspace.channels[self._channel(given)]
        for user_id in given.get("add", []):
            channel.members.add(self._workspace.users[user_id].id)
        channel.members.difference_update(given.get("remove", []))
        self._workspace.publish(Event("channel", channel.id))
        return {"members": sorted(channel.members)}

    async def channels(self, given: JSON) -> JSON:
        """Opens channels by their ids; one whose id begins with G is private."""
        members = {self._workspace.users[user_id].id for user_id in given["members"]}
        for channel_id in map(str, given["ids"]):
            kind: Literal["public", "private"] = "private" if channel_id[0] == "G" else "public"
            channel = Channel(channel_id, channel_id.lower(), kind, set(members))
            self._workspace.channels[channel_id] = channel
            self._workspace.messages.setdefault(channel_id, [])
        return {}

    async def token(self, given: JSON) -> JSON:
        self._workspace.token_valid = bool(given["valid"])
        return {}

    async def add_fault(self, given: JSON) -> JSON:
        self._faults.add(given)
        return {}

    async def disconnect(self, given: JSON) -> JSON:
        await self._workspace.transport.disconnect()
        return {}

    def clear(self) -> JSON:
        self._faults.clear()
        return {"ok": True}

    def state(self) -> JSON:
        workspace = self._workspace
        return {
            "ok": True,
            "users": {user.id: asdict(user) for user in workspace.users.values()},
            "channels": {
                channel.id: asdict(channel) | {"members": sorted(channel.members)}
                for channel in workspace.channels.values()
            },
            "messages": {
                channel_id: [asdict(message) for message in messages]
                for channel_id, messages in workspace.messages.items()
            },
            "views": {view.id: asdict(view) for view in workspace.views.values()},
            "homes": workspace.homes,
            "commands": workspace.commands,
            "shortcuts": workspace.shortcuts,
        }

    def log(self) -> JSON:
        return {"ok": True, "log": self._workspace.log}

    def posts(self) -> JSON:
        """Every message that carries metadata, in short: what a post is counted and found by."""
        return {
            "ok": True,
            "posts": [
                {
                    "channel": message.channel,
                    "ts": message.ts,
                    "thread_ts": message.thread_ts,
                    "broadcast": message.broadcast,
                    "text": message.text,
                    "metadata": message.metadata["event_payload"],
                }
                for messages in self._workspace.messages.values()
                for message in messages
                if message.metadata and not message.deleted
            ],
        }

    def _channel(self, given: JSON) -> str:
        """A channel by id or #name, or a person's direct message with the bot."""
        wanted = str(given["channel"])
        if wanted in self._workspace.users or wanted == "D" + str(given.get("user"))[1:]:
            return self._workspace.open_dm("U" + wanted[1:]).id
        for channel in self._workspace.channels.values():
            if wanted in (channel.id, f"#{channel.name}"):
                return channel.id
        raise KeyError(wanted)


def _told(ack: Ack | None) -> JSON:
    """How the bot took it; "dispatched" is false where there was nothing to tell it."""
    if ack is None:
        return {"dispatched": False}
    return {
        "dispatched": ack.status is not None,
        "status": ack.status,
        "ack_ms": ack.ms,
        "error": ack.error,
    }
