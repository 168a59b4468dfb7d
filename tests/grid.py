"""A Slack of many workspaces that install apps by OAuth, and a Beam of several accounts.

Where `demo/workspace` is one workspace and strict about what is shown, this one is about who asks:
each token is of one workspace (or organisation), and reaches nothing of another.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
import uvicorn
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from demo.beam.app import create_app
from tests.stack import JSON, eventually

CLIENT_ID, CLIENT_SECRET = "11.22", "client-secret-canary"
SIGNING_SECRET = "signing-secret-canary"
APP_ID = "A0GRID"


@contextlib.contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve an application on a free port of loopback, in a thread; yield its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    eventually(lambda: server.started, "the server has started")
    host, port = listener.getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@dataclass
class Team:
    """A workspace, or an organisation."""

    id: str
    channels: tuple[str, ...]
    org_id: str | None = None
    installs: int = 0
    token: str = ""
    refresh: str = ""

    @property
    def admin(self) -> str:
        return f"U{self.id}ADMIN"

    @property
    def member(self) -> str:
        return f"U{self.id}MEMBER"


@dataclass(frozen=True)
class Call:
    """A call of the Web API that was answered with success."""

    method: str
    team_id: str
    given: JSON
    at: float


@dataclass
class Grid:
    """The workspaces, and all that the bot sends to them."""

    teams: dict[str, Team]
    rotates: bool = False
    calls: list[Call] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Methods that were refused, each with why."""
    answers: list[JSON] = field(default_factory=list)
    """What went to response URLs; under ``team`` and ``key`` which."""
    codes: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    """Whose each valid token is."""
    url: str = ""
    _serial: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def app(self) -> Starlette:
        """Return the application."""
        return Starlette(
            routes=[
                Route("/api/{method}", self._api, methods=["GET", "POST"]),
                Route("/response/{team}/{key}", self._answered, methods=["POST"]),
            ]
        )

    def new_code(self, team_id: str) -> str:
        """Consent to an installation; return what the browser brings back."""
        code = f"code-canary-{next(self._serial)}"
        self.codes[code] = team_id
        return code

    def revoke(self, team_id: str) -> None:
        """Take all tokens of a workspace back."""
        self.tokens = {token: team for token, team in self.tokens.items() if team != team_id}

    def made(self, method: str, team_id: str | None = None) -> list[Call]:
        """Return the calls of a method."""
        return [
            one
            for one in list(self.calls)
            if one.method == method and team_id in (None, one.team_id)
        ]

    async def _api(self, request: Request) -> Response:
        method = request.path_params["method"]
        given: JSON = dict(request.query_params)
        body = await request.body()
        if request.headers.get("content-type", "").startswith("application/json"):
            given |= json.loads(body or b"{}")
        elif body:
            given |= dict(await request.form())
        if method == "api.test":
            return JSONResponse({"ok": True})
        if method == "oauth.v2.access":
            return JSONResponse(self._access(request, given))
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        team = self.teams.get(self.tokens.get(token, ""))
        error = "invalid_auth" if team is None else self._refusal(team, given)
        if team is None or error:
            self.refused.append((method, error))
            return JSONResponse({"ok": False, "error": error})
        self.calls.append(Call(method, team.id, given, time.time()))
        return JSONResponse({"ok": True, **self._say(method, team, given)})

    def _refusal(self, team: Team, given: JSON) -> str:
        channel = given.get("channel")
        served = [team, *(one for one in self.teams.values() if one.org_id == team.id)]
        mine = {
            channel
            for one in served
            for channel in (*one.channels, one.admin, one.member, f"D{one.id}")
        }
        return "" if channel is None or channel in mine else "channel_not_found"

    def _access(self, request: Request, given: JSON) -> JSON:
        secret = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {secret}":
            return {"ok": False, "error": "bad_client_secret"}
        if given.get("grant_type") == "refresh_token":
            team = next(
                (one for one in self.teams.values() if one.refresh == given["refresh_token"]), None
            )
            if team is None:
                return {"ok": False, "error": "invalid_refresh_token"}
        else:
            team_id = self.codes.pop(str(given.get("code")), None)
            if team_id is None:
                return {"ok": False, "error": "invalid_code"}
            team = self.teams[team_id]
        team.installs += 1
        team.token = f"xoxb-canary-{team.id}-{team.installs}"
        self.tokens[team.token] = team.id
        org_wide = team.id.startswith("E")
        named = {"id": team.id, "name": f"Name of {team.id}"}
        org = {"id": team.org_id, "name": "Org"} if team.org_id else None
        said = {
            "ok": True,
            "app_id": APP_ID,
            "access_token": team.token,
            "token_type": "bot",
            "scope": "chat:write,commands",
            "bot_user_id": f"U{team.id}BOT",
            "team": None if org_wide else named,
            "enterprise": named if org_wide else org,
            "is_enterprise_install": org_wide,
            "authed_user": {"id": team.admin},
        }
        if self.rotates:
            team.refresh = f"xoxe-canary-{team.id}-{team.installs}"
            # The first one is due for renewal at once.
            lasts = 43_200 if given.get("grant_type") else 3_600
            said |= {"refresh_token": team.refresh, "expires_in": lasts}
        return said

    def _say(self, method: str, team: Team, given: JSON) -> JSON:
        match method:
            case "auth.test":
                return {
                    "url": f"https://{team.id.lower()}.example.com/",
                    "team": f"Name of {team.id}",
                    "team_id": team.id,
                    "user_id": f"U{team.id}BOT",
                    "bot_id": f"B{team.id}",
                }
            case "users.info":
                user = str(given["user"])
                # The people of an organisation's workspaces are of those.
                home = user.removeprefix("U").removesuffix("ADMIN").removesuffix("MEMBER")
                return {"user": {"id": user, "team_id": home, "is_admin": user.endswith("ADMIN")}}
            case "conversations.open":
                return {"channel": {"id": f"D{team.id}"}}
            case "chat.postMessage":
                return {"ts": f"{time.time():.6f}", "channel": given["channel"]}
            case "chat.getPermalink":
                return {"permalink": f"https://{team.id.lower()}.example.com/archives/1"}
            case "views.open" | "views.publish":
                return {"view": {"id": "V1", "hash": "1", **given.get("view", {})}}
        return {}

    async def _answered(self, request: Request) -> Response:
        self.answers.append(request.path_params | json.loads(await request.body()))
        return Response("ok")


class Person:
    """Does things in a workspace; what comes of it goes to the bot, signed.

    Args:
        grid: the workspaces.
        bot: the bot's address.
        team: the workspace.
        user: who; an admin if not given.
    """

    def __init__(self, grid: Grid, bot: str, team: Team, user: str = "") -> None:
        self._grid, self._bot, self._team = grid, bot, team
        self.user = user or team.admin
        self.host = ""
        """Under which name Slack knows the bot, if not its address."""
        self._client = httpx.Client(trust_env=False, timeout=60)

    def command(self, text: str, channel: str = "") -> list[JSON]:
        """Use ``/beam``; return what was answered, once something was."""
        return self.answers(self.ask(text, channel))

    def ask(self, text: str, channel: str = "") -> str:
        """Use ``/beam``; return the key of the answers."""
        key = self._key()
        self.post_form(
            {
                **self._base(),
                "command": "/beam",
                "text": text,
                "channel_id": channel or self._team.channels[0],
                "user_id": self.user,
                "trigger_id": key,
                "response_url": self._response_url(key),
            }
        )
        return key

    def press(
        self,
        action_id: str,
        value: str,
        channel: str = "",
        ts: str = "1.1",
        view: JSON | None = None,
    ) -> str:
        """Press a button; return the key of the answers."""
        key = self._key()
        where = channel or self._team.channels[0]
        container: JSON = {"type": "message", "message_ts": ts, "channel_id": where}
        more: JSON = {"channel": {"id": where}, "message": {"ts": ts}}
        if view is not None:
            container, more = {"type": "view", "view_id": "V1"}, {"view": {"id": "V1", **view}}
        action = {"type": "button", "action_id": action_id, "block_id": "b", "value": value}
        self.interact("block_actions", key, container=container, actions=[action], **more)
        return key

    def submit(self, view: JSON, values: JSON) -> JSON:
        """Send a modal; return what the bot answers: errors, or nothing."""
        shown = {"id": "V1", **view, "state": {"values": values}}
        said = self.interact("view_submission", self._key(), view=shown).content
        answer: JSON = json.loads(said) if said else {}
        return answer

    def interact(self, kind: str, key: str, **more: Any) -> httpx.Response:
        """Send an interaction."""
        payload = {
            "type": kind,
            "team": {"id": self._team.id},
            "user": {"id": self.user, "team_id": self._team.id},
            "trigger_id": key,
            "enterprise": {"id": self._team.org_id} if self._team.org_id else None,
            "is_enterprise_install": False,
            "api_app_id": APP_ID,
            "response_url": self._response_url(key),
            **more,
        }
        return self.post_form({"payload": json.dumps(payload)})

    def event(self, kind: str, *, status: int = 200, **event: Any) -> None:
        """Have an event happen."""
        body = {
            **self._base(),
            "type": "event_callback",
            "event": {"type": kind, **event},
            "event_id": self._key(),
            "authorizations": [],
        }
        said = self.post(json.dumps(body), "application/json")
        assert said.status_code == status, said.text

    def answers(self, key: str) -> list[JSON]:
        """Return what was answered under a key, once something was."""
        return eventually(lambda: self.answered(key), f"an answer to {key}")

    def answered(self, key: str) -> list[JSON]:
        """Return what was answered under a key so far."""
        return [one for one in list(self._grid.answers) if one["key"] == key]

    def post_form(self, fields: JSON) -> httpx.Response:
        """Send a form; it must be taken."""
        said = self.post(urlencode(fields), "application/x-www-form-urlencoded")
        assert said.status_code == 200, said.text
        return said

    def post(self, body: str, kind: str) -> httpx.Response:
        """Send a signed request."""
        timestamp = str(int(time.time()))
        signature = SignatureVerifier(SIGNING_SECRET).generate_signature(
            timestamp=timestamp, body=body
        )
        headers = {
            "content-type": kind,
            "x-slack-request-timestamp": timestamp,
            "x-slack-signature": signature or "",
            **({"host": self.host} if self.host else {}),
        }
        return self._client.post(f"{self._bot}/slack/events", content=body, headers=headers)

    def _base(self) -> JSON:
        base: JSON = {"team_id": self._team.id, "api_app_id": APP_ID}
        return base | ({"enterprise_id": self._team.org_id} if self._team.org_id else {})

    def _key(self) -> str:
        return f"key{next(self._grid._serial)}.{self._team.id}"

    def _response_url(self, key: str) -> str:
        return f"{self._grid.url}/response/{self._team.id}/{key}"


class Beams:
    """One Beam API of several accounts, told apart by their tokens.

    Args:
        tokens: of the accounts.
    """

    def __init__(self, *tokens: str) -> None:
        self._apps = {
            token: create_app(token=token, seed=number, empty=True)
            for number, token in enumerate(tokens, start=1)
        }
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        token = headers.get(b"authorization", b"").decode().removeprefix("Bearer ")
        # Whichever is asked, it does not take another's token.
        app = self._apps.get(token) or next(iter(self._apps.values()))
        await app(scope, receive, send)

    def start(self, token: str, *life: tuple[float, str]) -> str:
        """Start a task with a life of (seconds, status) in an account; return its id."""
        given = {"kind": "image", "life": [list(step) for step in life]}
        rows = self._control(token, "tasks", given)
        return str(rows[0]["id"])

    def become(self, token: str, task_id: str, status: str) -> None:
        """Have a task become something at once."""
        self._control(token, f"tasks/{task_id}", {"life": [[0, status]]})

    def log(self, token: str) -> list[JSON]:
        """Return the requests that an account was asked."""
        headers = {"authorization": f"Bearer {token}"}
        found: list[JSON] = httpx.get(
            f"{self.url}/_control/log", headers=headers, trust_env=False
        ).json()
        return found

    def _control(self, token: str, path: str, given: JSON) -> Any:
        headers = {"authorization": f"Bearer {token}"}
        url = f"{self.url}/_control/{path}"
        return (
            httpx.post(url, json=given, headers=headers, trust_env=False).raise_for_status().json()
        )
