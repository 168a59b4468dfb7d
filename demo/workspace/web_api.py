"""The Web API's front: authentication, arguments, scopes, pace, failures and answers."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp

from demo.workspace.calls import ApiError, Calls
from demo.workspace.faults import Connections, Cut, Fault, Faults
from demo.workspace.methods import METHODS
from demo.workspace.model import JSON
from demo.workspace.pace import Pace

if TYPE_CHECKING:
    from demo.workspace.state import Workspace

# Arguments that are JSON inside a form field.
_JSON_ARGUMENTS = ("blocks", "attachments", "metadata", "view", "unfurls", "files")


class WebApi:
    """Answers POST and GET /api/<method>."""

    def __init__(
        self, workspace: Workspace, calls: Calls, faults: Faults, connections: Connections
    ) -> None:
        self._workspace = workspace
        self._calls = calls
        self._faults = faults
        self._connections = connections
        self.pace = Pace(workspace.now)

    async def receive(self, request: Request) -> Response | ASGIApp:
        method = request.path_params["method"]
        entry: JSON = {"at": self._workspace.now(), "method": method, "args": {}}
        self._workspace.log.append(entry)
        fault = self._faults.take(method)
        if fault:
            entry["fault"] = fault.kind
            if fault.kind != "accept_drop":
                return await self._fail(fault)
        answer = await self._answer(request, method, entry)
        entry |= {"ok": answer["ok"], "error": answer.get("error")}
        if fault:
            return Cut(self._connections)
        headers = {"x-oauth-scopes": ",".join(sorted(self._workspace.scopes))}
        accepted = METHODS[method].scopes if method in METHODS else ()
        headers["x-accepted-oauth-scopes"] = ",".join(accepted)
        if answer.get("error") == "ratelimited":
            headers["Retry-After"] = str(answer.pop("retry_after"))
            return JSONResponse(answer, status_code=429, headers=headers)
        return JSONResponse(answer, headers=headers)

    async def _fail(self, fault: Fault) -> Response | ASGIApp:
        if fault.kind == "429":
            body = {"ok": False, "error": "ratelimited"}
            return JSONResponse(body, 429, headers={"Retry-After": fault.retry_after})
        if fault.kind == "500":
            return JSONResponse({"ok": False, "error": "internal_error"}, status_code=500)
        if fault.kind == "malformed":
            return PlainTextResponse("<html>Service Unavailable</html>", media_type="text/html")
        if fault.kind == "stall":
            await asyncio.sleep(fault.delay)
        return Cut(self._connections)

    async def _answer(self, request: Request, method: str, entry: JSON) -> JSON:
        try:
            args = await arguments(request)
        except ValueError:
            return {"ok": False, "error": "invalid_json"}
        token = _token(request, args)
        entry["args"] = args
        known = METHODS.get(method)
        if known is None:
            return {"ok": False, "error": "unknown_method", "req_method": method}
        try:
            self._authorize(token, known.app_token, known.public, known.scopes)
            self._hold_pace(method, args)
            return {"ok": True} | known.call(self._calls, args)
        except ApiError as error:
            return {"ok": False, "error": error.code} | error.extra

    def _authorize(
        self, token: str | None, app_token: bool, public: bool, scopes: tuple[str, ...]
    ) -> None:
        settings = self._workspace.settings
        if public:
            return
        if not token:
            raise ApiError("not_authed")
        wanted = settings.app_token if app_token else settings.bot_token
        if token != wanted:
            swapped = token in (settings.app_token, settings.bot_token)
            raise ApiError("not_allowed_token_type" if swapped else "invalid_auth")
        if not self._workspace.token_valid:
            raise ApiError("token_revoked")
        held = self._workspace.scopes
        if scopes and not held.intersection(scopes) and not app_token:
            provided = ",".join(sorted(held))
            raise ApiError("missing_scope", needed=scopes[0], provided=provided)

    def _hold_pace(self, method: str, args: JSON) -> None:
        if not self._workspace.settings.rate_limits:
            return
        if method in ("chat.postMessage", "chat.postEphemeral"):
            wait = self.pace.wait(f"post {args.get('channel')}", *Pace.POSTS)
        elif method == "chat.update":
            wait = self.pace.wait(method, *Pace.UPDATES)
        else:
            return
        if wait:
            raise ApiError("ratelimited", retry_after=wait)


async def arguments(request: Request) -> JSON:
    """The arguments of a call: query, then JSON or form body. Raises ValueError if broken."""
    args: JSON = dict(request.query_params)
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("application/json"):
        body = await request.body()
        given = json.loads(body) if body else {}
        if not isinstance(given, dict):
            raise ValueError("the body is not an object")
        args |= given
    elif request.method == "POST":
        form = await request.form(max_part_size=1_000_000)
        args |= {key: value for key, value in form.items() if isinstance(value, str)}
    for name in _JSON_ARGUMENTS:
        if isinstance(args.get(name), str):
            try:
                args[name] = json.loads(args[name])
            except ValueError:
                continue  # The method names the argument that is wrong.
    return args


def _token(request: Request, args: JSON) -> str | None:
    """The token, taken out of the arguments so that it reaches no log."""
    in_args = args.pop("token", None)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    return str(in_args) if in_args else None
