"""Buttons: one function for each thing that a button does."""

from __future__ import annotations

from dataclasses import replace

from bot.errors import BadRequest
from bot.services import Services
from bot.slack.blocks import errors
from bot.slack.blocks.elements import context
from bot.slack.blocks.group_card import headline
from bot.slack.blocks.lists import cancel_dismissed
from bot.slack.blocks.message import Message
from bot.slack.blocks.nudge import nudge_message
from bot.slack.blocks.task_card import CardButtons, task_cards
from bot.slack.commands import Commands
from bot.slack.guard import Turn
from bot.tasks import TaskId, parse_task_id
from bot.tasks.records import CancelOutcome, CardView
from bot.tasks.report import Window

_OLD = "This button is from an older version of Beambot. Look the task up again to get a new one."

_UNCERTAIN = {CancelOutcome.UNCONFIRMED, CancelOutcome.NOT_ASKED}
"""Outcomes after which one may want to try again."""


class Actions:
    """What the buttons do.

    Args:
        services: the use cases.
        commands: the verbs, which some buttons run.
    """

    def __init__(self, services: Services, commands: Commands) -> None:
        self._services = services
        self._commands = commands

    async def cancel_task(self, turn: Turn) -> None:
        """Cancel one task; the report goes to the card's thread if there is one."""
        task_id = _task_id(turn)
        view = await self._clicked_card(turn)
        place = replace(turn.place, account=view.card.account) if view else turn.place
        report = await self._services.cancelling.cancel(
            place, [task_id], via="button", card_id=view.card.id if view else None
        )
        await self._commands.report(turn.place, turn.answer, report)
        if view is None:
            await self._show_again(turn, task_id)
        elif not report.changed_something:
            await self._services.watching.refresh(turn.place, view)

    async def refresh_task(self, turn: Turn) -> None:
        """Show a card as it is now."""
        view = await self._clicked_card(turn)
        if view is not None:
            await self._services.watching.refresh(turn.place, view)
        else:
            await self._show_again(turn, _task_id(turn))

    async def nothing(self, turn: Turn) -> None:
        """Do nothing: a link that was opened is told to us like any other click."""

    async def watch_task(self, turn: Turn) -> None:
        """Watch the task of a card in this channel."""
        task_id = _task_id(turn)
        await self._commands.watch(turn.place, turn.answer, [task_id], None)
        if await self._clicked_card(turn) is None:
            await self._show_again(turn, task_id)

    async def unwatch_task(self, turn: Turn) -> None:
        """Stop watching the task of a card; a watched card then says so itself."""
        task_id = _task_id(turn)
        ended = await self._services.watching.unwatch(turn.place, [task_id])
        if not ended:
            await turn.answer.private(errors.nothing_to_unwatch())
        if await self._clicked_card(turn) is None:
            await self._show_again(turn, task_id)

    async def share_task(self, turn: Turn) -> None:
        """Show the channel a card that only the caller saw."""
        lookup = await self._services.look_up.look(turn.place, [_task_id(turn)])
        if lookup.failed:
            return await turn.answer.private(errors.failures(lookup.failed))
        watching = bool(lookup.watched)
        cards = [(known, CardButtons.in_channel(watching=watching)) for known in lookup.found]
        for message in task_cards(cards, now=self._services.clock()):
            await turn.answer.public(_shared_by(message, turn.place.user_id))
        return None

    async def show_details(self, turn: Turn) -> None:
        """Show the whole card of one row."""
        await self._commands.status(turn, [_task_id(turn)])

    async def refresh_group(self, turn: Turn) -> None:
        """Show a group's card as it is now."""
        await self._services.watching.refresh(turn.place, await self._group(turn))

    async def unwatch_group(self, turn: Turn) -> None:
        """Stop watching all tasks of a group."""
        view = await self._group(turn)
        ended = await self._services.watching.unwatch(turn.place, None, card_id=view.card.id)
        if not ended:
            await turn.answer.private(errors.nothing_to_unwatch())

    async def cancel_group(self, turn: Turn) -> None:
        """Cancel what of a group is not over yet."""
        view = await self._group(turn)
        ids = [known.task.id for known in view.members if not known.task.status.final]
        if not ids:
            now = f"All tasks of this group are over: {headline(view.members)}."
            await turn.answer.private(errors.error_message(now))
            await self._services.watching.refresh(turn.place, view)
            return
        place = replace(turn.place, account=view.card.account)
        report = await self._services.cancelling.cancel(
            place, ids, via="button", card_id=view.card.id
        )
        await self._commands.report(turn.place, turn.answer, report)
        if not report.changed_something:
            await self._services.watching.refresh(turn.place, view)

    async def turn_page(self, turn: Turn) -> None:
        """Show another page of the list in its place."""
        page = int(turn.text) if turn.text.isascii() and turn.text.isdecimal() else 1
        await self._commands.show_list(turn, min(page, 9_999), instead=True)

    async def turn_history(self, turn: Turn) -> None:
        """Show another page of a history in its place."""
        *which, last = turn.text.split() or [""]
        page = min(int(last), 9_999) if last.isascii() and last.isdecimal() else 1
        if which:
            task_id = parse_task_id(which[0])
            if task_id is None:
                raise BadRequest(_OLD)
            return await self._commands.task_history(turn, task_id, page, instead=True)
        return await self._commands.channel_history(turn, page, instead=True)

    async def change_window(self, turn: Turn) -> None:
        """Show statistics of another time in their place."""
        window = next((one for one in Window if one == turn.text), Window.WEEK)
        await self._commands.stats(turn, window, instead=True)

    async def show_stats(self, turn: Turn) -> None:
        """Show the statistics of a digest's time, only to who asks."""
        window = next((one for one in Window if one == turn.text), Window.WEEK)
        await self._commands.stats(turn, window)

    async def cancel_nudged(self, turn: Turn) -> None:
        """Cancel the task of a nudge; the report goes to the thread, the button goes away."""
        task_id, ts = _task_id(turn), turn.message_ts
        news = await self._services.nudger.told(turn.place, task_id, ts) if ts else None
        if news is None:
            raise BadRequest(_OLD)
        place = replace(turn.place, account=news.account)
        report = await self._services.cancelling.cancel(
            place, [task_id], via="button", card_id=news.card_id
        )
        await self._commands.report(turn.place, turn.answer, report)
        if all(one.outcome not in _UNCERTAIN for one in report.results):
            await turn.answer.replace(nudge_message(replace(news.news, over=True)))

    async def confirm_cancel(self, turn: Turn) -> None:
        """Cancel the tasks of a question."""
        report = await self._services.cancelling.answer(turn.place, turn.text)
        # Only now is it sure that the question was this person's to answer.
        await turn.answer.remove()
        await self._commands.report(turn.place, turn.answer, report)

    async def dismiss_cancel(self, turn: Turn) -> None:
        """Answer a question with no."""
        if not await self._services.cancelling.dismiss(turn.place, turn.text) and turn.message_ts:
            raise BadRequest(
                "Only the person who was asked can answer this, and only once. Type"
                " `/beam cancel` to be asked yourself."
            )
        await turn.answer.replace(cancel_dismissed())

    async def run_help(self, turn: Turn) -> None:
        """Run what a button of the help says."""
        await self._commands.run(turn)

    async def unknown(self, turn: Turn) -> None:
        """Say that nobody knows a button any more."""
        raise BadRequest(_OLD)

    async def _clicked_card(self, turn: Turn) -> CardView | None:
        if turn.message_ts is None:
            return None
        return await self._services.watching.card_at(turn.place, turn.message_ts)

    async def _group(self, turn: Turn) -> CardView:
        # By the message that was clicked on, never by the number in the button: that could be
        # a card of another channel.
        view = await self._clicked_card(turn)
        if view is None:
            raise BadRequest("This card is not kept any more. Watch the tasks again to get one.")
        return view

    async def _show_again(self, turn: Turn, task_id: TaskId) -> None:
        lookup = await self._services.look_up.look(turn.place, [task_id])
        messages = self._commands.cards(lookup, private=turn.message_ts is None)
        if messages:
            await turn.answer.replace(messages[0])


def _task_id(turn: Turn) -> TaskId:
    task_id = parse_task_id(turn.text)
    if task_id is None:
        raise BadRequest(_OLD)
    return task_id


def _shared_by(message: Message, user_id: str) -> Message:
    return Message(
        f"Shared by <@{user_id}>: {message.text}",
        [*message.blocks, context(f"Shared by <@{user_id}>")],
    )
