"""Home is published in turn, remembers what was shown, and never guesses what is public."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from slack_sdk.errors import SlackApiError

from bot.errors import SlackUnavailable
from bot.services import Services
from bot.services.ports import Person
from bot.slack.blocks.elements import said
from bot.slack.channels import SlackChannels
from bot.slack.guard import Turn
from bot.slack.home import Home, HomeAnswer, HomeTab
from bot.slack.shortcuts import Shortcuts
from bot.slack.workspace import Identity, Workspace
from bot.tasks.home import Counts, HomePage
from bot.tasks.records import Place, WatchPage
from tests.bot.slack.blocks.test_home import RUNNING, row

JSON = dict[str, Any]
ANA, GUEST = Person("UANA", False, False, False), Person("UGUEST", False, True, False)


class Client:
    """Takes views and lists channels; ``refuses`` is Slack's error instead."""

    def __init__(self) -> None:
        self.views: list[JSON] = []
        self.asked: list[JSON] = []
        self.refuses: str | None = None
        self.pages = [["C1", "C2"], ["C3"]]

    async def api_call(self, method: str, **given: Any) -> SimpleNamespace:
        await asyncio.sleep(0)
        self._answer()
        if method == "views.publish":
            self.views.append(given["json"]["view"])
            return SimpleNamespace(data={})
        assert method == "users.conversations"
        asked = dict(given["params"])
        self.asked.append(asked)
        number = int(asked.get("cursor") or 0)
        more = str(number + 1) if number + 1 < len(self.pages) else ""
        listed = [{"id": one, "is_private": one == "C2"} for one in self.pages[number]]
        return SimpleNamespace(
            data={"channels": listed, "response_metadata": {"next_cursor": more}}
        )

    def _answer(self) -> None:
        if self.refuses:
            raise SlackApiError("no", {"error": self.refuses})  # type: ignore[no-untyped-call]


class Clock:
    """The time, moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def workspace_of(client: Client) -> Workspace:
    workspace = Workspace(cast("Any", client), None, Identity("T1", "Acme", "", "B1", "U0BOT"))
    workspace.message_url = lambda *_: None  # type: ignore[method-assign]
    return workspace


class Pages:
    """Counts how often a Home is read; reading takes a turn of the loop."""

    def __init__(self) -> None:
        self.read = 0

    async def page(self, place: Place, mine: int, others: int) -> HomePage:
        self.read += 1
        number = self.read
        await asyncio.sleep(0)
        rows = WatchPage((row(RUNNING),), 1, 1, number)
        return HomePage(place.user_id, Clock().now, Counts(), (), rows, WatchPage((), 1, 1, 0))


def made() -> tuple[Client, Home, HomeTab, Pages]:
    client, clock, pages = Client(), Clock(), Pages()
    tab = HomeTab(clock)
    services = cast("Services", type("S", (), {"home": pages}))
    return client, Home(services, tab, cast("Shortcuts", None)), tab, pages


def opening(client: Client, tab: HomeTab, user: str = "UANA") -> Turn:
    workspace = workspace_of(client)
    answer = HomeAnswer(tab, workspace, user)
    return Turn(Place("T1", user, user), "", "home", answer, {}, workspace, "k")


async def test_many_openings_at_once_are_two_publications_a_person() -> None:
    client, home, tab, pages = made()
    await asyncio.gather(*(home.open(opening(client, tab)) for _ in range(30)))
    assert pages.read == len(client.views) <= 2
    await asyncio.gather(*(home.open(opening(client, tab, f"U{n}")) for n in range(5)))
    assert pages.read == len(client.views) <= 7


async def test_what_is_wrong_is_shown_above_what_was_known() -> None:
    client, home, tab, _ = made()
    answer = HomeAnswer(tab, workspace_of(client), "UANA")
    await answer.private(said(":warning: The database is away."))
    assert "database is away" in json.dumps(client.views[-1])
    assert RUNNING.task.id not in json.dumps(client.views[-1])
    await home.open(opening(client, tab))
    await answer.private(said(":warning: The database is away."))
    shown = json.dumps(client.views[-1])
    assert shown.index("database is away") < shown.index(RUNNING.task.id)
    await HomeAnswer(tab, workspace_of(client), "UOTHER").private(
        said(":warning: The database is away.")
    )
    assert RUNNING.task.id not in json.dumps(client.views[-1])


async def test_a_home_that_slack_refuses_is_told_as_such() -> None:
    client, home, tab, _ = made()
    client.refuses = "internal_error"
    with pytest.raises(SlackUnavailable):
        await home.open(opening(client, tab))
    client.refuses = None
    await home.open(opening(client, tab))
    assert client.views


async def test_public_channels_are_asked_once_in_a_while_and_guests_for_themselves() -> None:
    client, clock = Client(), Clock()
    channels = SlackChannels(Workspace(cast("Any", client)), clock)
    assert await channels.open_to("T1", ANA) == {"C1", "C3"}
    assert await channels.open_to("T1", ANA) == {"C1", "C3"}
    assert len(client.asked) == 2
    assert all("user" not in asked for asked in client.asked)
    # Without it the token of an organisation means none of its workspaces.
    assert {asked["team_id"] for asked in client.asked} == {"T1"}
    await channels.open_to("T1", GUEST)
    assert {asked.get("user") for asked in client.asked[2:]} == {"UGUEST"}
    clock.now += timedelta(minutes=6)
    client.refuses = "missing_scope"
    with pytest.raises(SlackUnavailable):
        await channels.open_to("T1", ANA)
