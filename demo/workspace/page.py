"""The page of the workspace: what a person sees, and what a person's clicks do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from demo.workspace.elements import find_element, state_of
from demo.workspace.model import JSON, Subscription
from demo.workspace.render import Renderer
from demo.workspace.state import Workspace

HERE = Path(__file__).parent
PEOPLE = ("U0ANA", "U0OMAR", "U0GUS")
SHOWN = 200
"""Messages of a channel that are shown at most; older ones are there, but out of sight."""


def routes(workspace: Workspace, beam_url: str | None = None) -> Sequence[BaseRoute]:
    """Return the routes of the page.

    Args:
        workspace: what is shown.
        beam_url: the page of the simulated Beam, which is then linked.
    """
    return Page(workspace, beam_url).routes()


class Page:
    """Renders fragments on the server; the script puts them in place."""

    def __init__(self, workspace: Workspace, beam_url: str | None) -> None:
        self._workspace = workspace
        self._beam_url = beam_url
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, trim_blocks=True
        )
        self._environment.globals.update(
            render=Renderer(workspace), workspace=workspace, clock=_clock, day=_day
        )

    def routes(self) -> list[BaseRoute]:
        """Return all routes."""
        reads: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "channel": self.channel,
            "thread": self.thread,
            "modal": self.modal,
            "home": self.home,
            "sidebar": self.sidebar,
            "stream": self.stream,
        }
        steps: dict[str, Callable[[JSON], Awaitable[JSON]]] = {
            "say": self.say,
            "act": self.act,
            "submit": self.submit,
            "close": self.close,
            "shortcut": self.shortcut,
            "open-home": self.open_home,
            "dismiss": self.dismiss,
        }
        return [
            Route("/", self.show),
            Route("/healthz", _health),
            Route("/archives/{channel}/{message}", self.permalink),
            *(Route(f"/ui/{name}", read) for name, read in reads.items()),
            *(Route(f"/ui/{name}", self._taking(s), methods=["POST"]) for name, s in steps.items()),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ]

    # ---- reading ----

    async def show(self, request: Request) -> Response:
        """Answer `GET /`."""
        user = self._user(request)
        mine = self._workspace.channels_of(user)
        wanted = request.query_params.get("channel", "C0TRAINING")
        channel = wanted if wanted in {one.id for one in mine} else mine[0].id
        return self._html(
            "page.html",
            user=user,
            people=[self._workspace.users[one] for one in PEOPLE],
            channel=channel,
            channels=mine,
            beam_url=self._beam_url,
            state={
                "user": user,
                "channel": channel,
                "thread": request.query_params.get("thread"),
                "message": request.query_params.get("message"),
                "commands": self._workspace.commands,
                "shortcuts": self._workspace.shortcuts,
            },
        )

    async def sidebar(self, request: Request) -> Response:
        """Answer with the list of channels."""
        user = self._user(request)
        return self._html("sidebar.html", channels=self._workspace.channels_of(user), user=user)

    async def channel(self, request: Request) -> Response:
        """Answer with the messages of a channel."""
        user, channel = self._user(request), self._channel(request)
        messages = self._workspace.channel_messages(channel, user)[-SHOWN:]
        return self._html("messages.html", messages=messages, user=user, in_thread=False)

    async def thread(self, request: Request) -> Response:
        """Answer with a thread."""
        user, channel = self._user(request), self._channel(request)
        messages = self._workspace.thread(channel, request.query_params["ts"], user)
        return self._html("messages.html", messages=messages, user=user, in_thread=True)

    async def modal(self, request: Request) -> Response:
        """Answer with the modal on top, or with nothing."""
        view = self._workspace.modal_of(self._user(request))
        if view is None:
            return HTMLResponse("")
        channels = self._workspace.channels_of(view.user)
        current = request.query_params.get("channel")
        return self._html("modal.html", view=view, channels=channels, current=current)

    async def home(self, request: Request) -> Response:
        """Answer with the Home tab."""
        return self._html("home.html", home=self._workspace.homes.get(self._user(request)))

    async def stream(self, request: Request) -> Response:
        """Answer with a stream of what changes."""
        subscription = self._workspace.subscribe(self._user(request))
        return StreamingResponse(
            _events(subscription),
            media_type="text/event-stream",
            headers={"cache-control": "no-store"},
        )

    async def permalink(self, request: Request) -> Response:
        """Go to a message on the page."""
        raw = request.path_params["message"].removeprefix("p")
        ts, thread = f"{raw[:-6]}.{raw[-6:]}", request.query_params.get("thread_ts")
        where = f"/?channel={request.path_params['channel']}&message={ts}"
        if request.query_params.get("user") in PEOPLE:
            where += f"&user={request.query_params['user']}"
        return RedirectResponse(where + (f"&thread={thread}" if thread else ""))

    # ---- what a person does ----

    async def say(self, given: JSON) -> JSON:
        """Type a message, or use a slash command."""
        text, user, channel = str(given["text"]).strip(), given["user"], given["channel"]
        thread = given.get("thread_ts")
        if channel == f"D{user[1:]}":
            # The sidebar offers the direct messages before anything was written there.
            self._workspace.open_dm(user)
        if text.startswith("/"):
            if thread:
                name = text.split()[0]
                words = f"`{name}` is not supported in threads. Sorry!"
                self._workspace.notice(user, channel, words)
                return {"notice": words}
            name, _, rest = text.partition(" ")
            await self._workspace.command(user, channel, name, rest.strip())
        elif text:
            await self._workspace.say(user, channel, text, thread)
        return {}

    async def act(self, given: JSON) -> JSON:
        """Use an element of a message or of the Home tab."""
        message = self._workspace.find(given["channel"], given["ts"])
        home = self._workspace.homes.get(given["user"]) or {}
        blocks = message.blocks if message else home.get("blocks", [])
        unfurl = given.get("unfurl")
        if message and unfurl:
            blocks = message.unfurls[unfurl]["blocks"]
        found = find_element(blocks, given["action_id"], given.get("block_id"))
        if found is None:
            raise KeyError(given["action_id"])
        action: JSON = {"action_id": found.action_id, "block_id": found.block_id}
        if found.element["type"] != "button":
            action |= state_of(found.element, given.get("value"))
        view_id = None if message else home.get("id")
        ack = await self._workspace.act(
            given["user"], given["channel"], given["ts"], action, view_id, unfurl
        )
        return asdict(ack)

    async def submit(self, given: JSON) -> JSON:
        """Submit a modal."""
        answer = await self._workspace.submit_view(given["user"], given["view_id"], given["values"])
        return {"answer": answer}

    async def close(self, given: JSON) -> JSON:
        """Close a modal."""
        await self._workspace.close_view(given["user"], given["view_id"])
        return {}

    async def shortcut(self, given: JSON) -> JSON:
        """Use a shortcut."""
        ack = await self._workspace.shortcut(
            given["user"], given["callback_id"], given.get("channel"), given.get("ts")
        )
        return asdict(ack)

    async def open_home(self, given: JSON) -> JSON:
        """Open the Home tab."""
        await self._workspace.open_home(given["user"])
        return {}

    async def dismiss(self, given: JSON) -> JSON:
        """Take a message away that only this person sees."""
        message = self._workspace.find(given["channel"], given["ts"])
        if message is not None and message.ephemeral_to == given["user"]:
            self._workspace.delete(message)
        return {}

    def _taking(
        self, step: Callable[[JSON], Awaitable[JSON]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            # Not for other web pages that are open in the same browser.
            if request.headers.get("origin") not in (None, self._workspace.settings.base_url):
                return JSONResponse({"error": "forbidden"}, status_code=403)
            try:
                given = await request.json()
                if given["user"] not in PEOPLE:
                    return JSONResponse({"error": "nobody of that id"}, status_code=400)
                return JSONResponse(await step(given))
            except (KeyError, ValueError, TypeError) as error:
                return JSONResponse({"error": f"{error}"}, status_code=400)

        return endpoint

    def _user(self, request: Request) -> str:
        user = request.query_params.get("user", PEOPLE[0])
        return user if user in PEOPLE else PEOPLE[0]

    def _channel(self, request: Request) -> str:
        user, channel = self._user(request), request.query_params.get("channel", "")
        known = self._workspace.channels.get(channel)
        return channel if known and self._workspace.sees(user, known) else ""

    def _html(self, name: str, **values: object) -> HTMLResponse:
        template = self._environment.get_template(name)
        return HTMLResponse(template.render(**values), headers={"cache-control": "no-store"})


async def _events(subscription: Subscription) -> AsyncIterator[str]:
    yield ": open\n\n"
    async for event in subscription:
        yield f"data: {json.dumps(asdict(event))}\n\n"


async def _health(_: Request) -> Response:
    return HTMLResponse("ok\n")


def _clock(ts: str) -> str:
    return datetime.fromtimestamp(float(ts), UTC).isoformat()


def _day(ts: str) -> str:
    return datetime.fromtimestamp(float(ts), UTC).date().isoformat()
