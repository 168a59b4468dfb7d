"""The Home tab: what opening it and its buttons do, and how it is published."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from dataclasses import replace
from weakref import WeakValueDictionary

from bot.errors import BadRequest, SlackUnavailable
from bot.services import Services
from bot.services.ports import Clock, DeliveryError
from bot.slack.blocks.cancel_report import cancel_result
from bot.slack.blocks.home import help_modal, home_view, problem_view
from bot.slack.blocks.message import JSON, Message
from bot.slack.blocks.modals import watch_modal
from bot.slack.calls import call, patiently
from bot.slack.guard import Turn
from bot.slack.parts import Body, part, text
from bot.slack.shortcuts import FROM_HOME, Shortcuts
from bot.slack.workspace import Workspace
from bot.tasks import TaskId, parse_task_id
from bot.tasks.home import HomePage
from bot.tasks.records import Card, Place, Trouble, WatchPage, WatchRow

_KEPT = 500
"""People whose Home is remembered, to be shown when it cannot be read."""

_CHANGED = ":information_source: That is not watched any more. This is how things are now."
_OLD = "This button is from an older version of Beambot. Press Refresh."
_DOWN = {
    Trouble.UNAUTHORIZED: (
        ":warning: Beam rejects our token. Whoever gave it to Beambot must renew it. What is shown"
        " is what was last known."
    ),
}
_NO_BEAM = ":warning: Beam does not answer just now. What is shown is what was last known."


_Who = tuple[str, str]
"""A workspace and a person."""


class HomeTab:
    """Publishes Homes, and remembers what each person saw last.

    Args:
        clock: the current time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: OrderedDict[tuple[str, str], HomePage] = OrderedDict()

    async def show(self, workspace: Workspace, page: HomePage, notice: str = "") -> None:
        """Publish a page."""
        key = (workspace.identity.team_id, page.user_id)
        self._last[key] = page
        self._last.move_to_end(key)
        if len(self._last) > _KEPT:
            self._last.popitem(last=False)
        view = home_view(page, self._clock(), notice=notice)
        await self._publish(workspace, page.user_id, view)

    async def complain(self, workspace: Workspace, user_id: str, text: str) -> None:
        """Publish what is wrong, above what this person saw last."""
        page = self._last.get((workspace.identity.team_id, user_id))
        view = home_view(page, self._clock(), notice=text) if page else problem_view(text)
        await self._publish(workspace, user_id, view)

    async def _publish(self, workspace: Workspace, user_id: str, view: JSON) -> None:
        arguments = {"user_id": user_id, "view": view}
        try:
            # It may happen twice: the second shows what the first does.
            await patiently(lambda: call(workspace.client, "views.publish", arguments), repeat=True)
        except DeliveryError as error:
            raise SlackUnavailable(
                f"Slack did not take Home ({error.code}). Open it again in a minute."
            ) from error


class HomeAnswer:
    """Answers on Home, where nothing can be said to one person but what it shows.

    Args:
        tab: publishes.
        workspace: where.
        user_id: whose Home it is.
    """

    def __init__(self, tab: HomeTab, workspace: Workspace, user_id: str) -> None:
        self._tab = tab
        self._workspace = workspace
        self._user_id = user_id

    async def private(self, message: Message) -> None:
        """Show a sentence on top."""
        await self._tab.complain(self._workspace, self._user_id, _first_text(message))

    async def public(self, message: Message) -> None:
        """Show a sentence on top: Home is one person's."""
        await self.private(message)

    async def replace(self, message: Message) -> None:
        """Show a sentence on top."""
        await self.private(message)

    async def remove(self) -> None:
        """Take nothing away: what was clicked on is drawn anew."""


class Home:
    """What the Home tab and its buttons do.

    Args:
        services: the use cases.
        tab: publishes.
        shortcuts: open dialogs.
    """

    def __init__(self, services: Services, tab: HomeTab, shortcuts: Shortcuts) -> None:
        self._services = services
        self._tab = tab
        self._shortcuts = shortcuts
        self._turns: WeakValueDictionary[_Who, asyncio.Lock] = WeakValueDictionary()
        self._waiting: set[_Who] = set()

    async def open(self, turn: Turn) -> None:
        """Publish Home anew when somebody opens it; of many at once, one waits for all."""
        who = _who(turn)
        if who in self._waiting:
            return
        self._waiting.add(who)
        async with self._turn_of(who):
            self._waiting.discard(who)
            await self._show(turn, (1, 1))

    async def refresh(self, turn: Turn) -> None:
        """Ask Beam about what is shown, and show it anew."""
        pages = _pages(turn.body)
        page = await self._services.home.page(turn.place, *pages)
        trouble = await self._services.home.refresh(turn.place, page)
        await self._show_in_turn(turn, pages, _DOWN.get(trouble, _NO_BEAM) if trouble else "")

    async def turn_page(self, turn: Turn) -> None:
        """Show another page of one of the lists."""
        await self._show_in_turn(turn, _numbers(turn.text))

    async def unwatch(self, turn: Turn) -> None:
        """End the watches of a row."""
        row, _ = await self._clicked(turn)
        ended = []
        if row is not None and row.owner_id == turn.place.user_id:
            place = _place_of(row.card, turn.place)
            ended = await self._services.watching.unwatch(place, None, card_id=row.card.id)
        await self._show_in_turn(turn, _pages(turn.body), "" if ended else _CHANGED)

    async def cancel(self, turn: Turn) -> None:
        """Cancel what of a row is not over; the report goes to the card's thread, and here."""
        row, task_id = await self._clicked(turn)
        if row is None:
            return await self._show_in_turn(turn, _pages(turn.body), _CHANGED)
        ids = [task_id] if task_id else _flying(row)
        report = await self._services.cancelling.cancel(
            _place_of(row.card, turn.place),
            ids or [known.task.id for known in row.members],
            via="home",
            card_id=row.card.id,
        )
        notice = _first_text(cancel_result(report))
        return await self._show_in_turn(turn, _pages(turn.body), notice)

    async def ask_for_task(self, turn: Turn) -> None:
        """Open the dialog that watches a task."""
        await self._shortcuts.open(turn, watch_modal(None, metadata=FROM_HOME))

    async def show_help(self, turn: Turn) -> None:
        """Open the help."""
        await self._shortcuts.open(turn, help_modal(connects=self._services.accounts is not None))

    async def opened(self, turn: Turn) -> None:
        """Do nothing: the link has opened by itself, but Slack tells of it."""

    async def watch(self, turn: Turn) -> None:
        """Watch the tasks of a dialog that was sent; show it where that was opened on Home."""
        await self._shortcuts.watch(turn)
        if turn.body["view"].get("private_metadata") == FROM_HOME:
            await self._show_in_turn(turn, (1, 1))

    async def _clicked(self, turn: Turn) -> tuple[WatchRow | None, TaskId | None]:
        card_id, _, task = turn.text.partition(":")
        if not re.fullmatch("[0-9]{1,15}", card_id, re.ASCII):
            raise BadRequest(_OLD)
        # Looked up with the eyes of whoever clicked: the button says only which row it was.
        row = await self._services.home.row(turn.place, int(card_id))
        task_id = parse_task_id(task)
        if row is not None and task_id not in {None, *(m.task.id for m in row.members)}:
            return None, None
        return row, task_id

    async def _show_in_turn(self, turn: Turn, pages: tuple[int, int], notice: str = "") -> None:
        async with self._turn_of(_who(turn)):
            await self._show(turn, pages, notice)

    async def _show(self, turn: Turn, pages: tuple[int, int], notice: str = "") -> None:
        page = await self._services.home.page(turn.place, *pages)
        await self._tab.show(turn.workspace, _linked(turn.workspace, page), notice)

    def _turn_of(self, who: _Who) -> asyncio.Lock:
        return self._turns.setdefault(who, asyncio.Lock())


def _who(turn: Turn) -> _Who:
    return turn.place.team_id, turn.place.user_id


def _linked(workspace: Workspace, page: HomePage) -> HomePage:
    def link(card: Card) -> str | None:
        return workspace.message_url(card.channel_id, card.ts, card.thread_ts)

    def linked(rows: WatchPage) -> WatchPage:
        shown = tuple(replace(row, permalink=link(row.card)) for row in rows.rows)
        return replace(rows, rows=shown)

    attention = tuple(replace(one, permalink=link(one.card)) for one in page.attention)
    return replace(page, attention=attention, mine=linked(page.mine), others=linked(page.others))


def _place_of(card: Card, place: Place) -> Place:
    return replace(
        place, channel_id=card.channel_id, thread_ts=card.thread_ts, account=card.account
    )


def _flying(row: WatchRow) -> list[TaskId]:
    return [known.task.id for known in row.members if not known.task.status.final]


def _pages(body: Body) -> tuple[int, int]:
    return _numbers(text(part(body, "view", {}), "private_metadata"))


def _numbers(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,4}),([0-9]{1,4})", text, re.ASCII)
    return (int(found[1]), int(found[2])) if found else (1, 1)


def _first_text(message: Message) -> str:
    """Return what a message says in its first block, which is the whole of short ones."""
    first = message.blocks[0].get("text") if message.blocks else None
    return str(first["text"]) if isinstance(first, dict) else message.text
