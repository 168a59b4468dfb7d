"""The words of ``/beam``, of mentions and of direct messages: one function a verb."""

from __future__ import annotations

from collections.abc import Sequence

from bot.errors import BadRequest
from bot.services import Services
from bot.slack.answer import Answer
from bot.slack.blocks import errors
from bot.slack.blocks.cancel_report import cancel_result
from bot.slack.blocks.help import help_message, unknown_verb, you_are_welcome
from bot.slack.blocks.history import channel_history, task_history
from bot.slack.blocks.lists import cancel_question, watch_list
from bot.slack.blocks.message import Message
from bot.slack.blocks.report import stats_message
from bot.slack.blocks.task_card import (
    FULL_CARDS,
    CardButtons,
    compact_cards,
    task_cards,
)
from bot.slack.connecting import Connecting
from bot.slack.guard import Turn
from bot.slack.settings import Settings
from bot.slack.words import Words, parse
from bot.tasks import Level, TaskId
from bot.tasks.records import CancelReport, Lookup, Place
from bot.tasks.report import Window

MOST_TASKS = 50
"""Tasks that one command takes."""


class Commands:
    """What the verbs do. Every method answers by ``turn.answer``.

    Args:
        services: the use cases.
        settings: the dialog with a channel's settings.
        connecting: the dialogs with Beam accounts.
    """

    def __init__(self, services: Services, settings: Settings, connecting: Connecting) -> None:
        self._services = services
        self._connecting = connecting
        self._settings = settings

    async def run(self, turn: Turn) -> None:
        """Do what ``turn.text`` says."""
        words = parse(turn.text)
        connects = self._services.accounts is not None
        if words.verb is None:
            return await turn.answer.private(
                unknown_verb(words.unknown, words.suggestion, connects=connects)
            )
        if words.thanks:
            return await turn.answer.private(you_are_welcome())
        if words.verb == "help" and not turn.text.strip() and turn.body.get("files"):
            return await turn.answer.private(errors.cannot_read_files())
        if words.verb == "help":
            return await turn.answer.private(help_message(words.topic, connects=connects))
        if words.verb == "connect":
            return await self._connecting.ask(turn)
        if words.verb == "disconnect":
            return await self._connecting.ask_which(turn)
        if words.verb == "settings":
            return await self._settings.ask(turn)
        if words.verb == "list":
            return await self.show_list(turn, words.page)
        if words.verb == "stats":
            return await self.stats(turn, words.window)
        if words.verb == "history" and not words.ids and not words.prefixes and not words.broken:
            return await self.channel_history(turn, words.page)
        if words.verb == "unwatch" and words.everything:
            return await self.unwatch(turn, None)
        ids = await self._ids(turn, words)
        if ids is None:
            return None
        match words.verb:
            case "status":
                await self.status(turn, ids)
            case "watch":
                await self.watch(turn.place, turn.answer, ids, words.level, direct=words.me)
            case "unwatch":
                await self.unwatch(turn, ids)
            case "cancel":
                await self.cancel(turn, ids, words.reason)
            case "history":
                for task_id in ids[:FULL_CARDS]:
                    await self.task_history(turn, task_id)
            case verb:
                raise LookupError(f"no function for the verb {verb}")
        return None

    async def status(self, turn: Turn, ids: Sequence[TaskId]) -> None:
        """Show tasks as they are now."""
        lookup = await self._services.look_up.look(turn.place, ids)
        for message in self.cards(lookup):
            await turn.answer.private(message)

    async def show_list(self, turn: Turn, page: int, *, instead: bool = False) -> None:
        """Show a page of what is watched here, ``instead`` of the page that was clicked on."""
        found = watch_list(
            await self._services.watching.page(turn.place, page), self._services.clock()
        )
        await (turn.answer.replace(found) if instead else turn.answer.private(found))

    async def stats(self, turn: Turn, window: Window, *, instead: bool = False) -> None:
        """Show how tasks ended, ``instead`` of the message that was clicked on."""
        found = stats_message(await self._services.reports.stats(turn.place, window), window)
        await (turn.answer.replace(found) if instead else turn.answer.private(found))

    async def channel_history(self, turn: Turn, page: int, *, instead: bool = False) -> None:
        """Show what happened lately in this channel."""
        found = channel_history(await self._services.reports.of_channel(turn.place, page))
        await (turn.answer.replace(found) if instead else turn.answer.private(found))

    async def task_history(
        self, turn: Turn, task_id: TaskId, page: int = 1, *, instead: bool = False
    ) -> None:
        """Show what happened to a task."""
        history = await self._services.reports.of_task(turn.place, task_id, page)
        found = task_history(task_id, history, self._services.clock())
        await (turn.answer.replace(found) if instead else turn.answer.private(found))

    async def watch(
        self,
        place: Place,
        answer: Answer,
        ids: Sequence[TaskId],
        level: Level | None,
        *,
        direct: bool = False,
    ) -> None:
        """Watch tasks, and say what needs saying beside the card in the channel."""
        watching = self._services.watching
        done = await watching.watch(place, ids, level, direct=direct)
        if done.already:
            links = [await watching.link(card) for card in done.already_cards[:1]]
            names = await watching.names(place, [watch.task_id for watch in done.already])
            await answer.private(errors.already_watched(names, links[0] if links else None))
        if done.failed:
            await answer.private(errors.failures(done.failed))
        if done.new_card and direct:
            names = [known.task.label for known in done.new_card.members]
            await answer.private(errors.watching_elsewhere(names))
        if not done.posted:
            await answer.private(errors.not_posted_yet())

    async def unwatch(self, turn: Turn, ids: Sequence[TaskId] | None) -> None:
        """End watches of this channel, and name them."""
        ended = await self._services.watching.unwatch(turn.place, ids)
        names = await self._services.watching.names(
            turn.place, list(dict.fromkeys(watch.task_id for watch in ended))
        )
        await turn.answer.private(errors.unwatched(names))

    async def cancel(self, turn: Turn, ids: Sequence[TaskId], reason: str | None) -> None:
        """Cancel one task at once; ask first about several."""
        cancelling = self._services.cancelling
        if len(ids) == 1:
            report = await cancelling.cancel(turn.place, ids, via=turn.via, reason=reason)
            return await self.report(turn.place, turn.answer, report)
        question = await cancelling.ask(turn.place, ids, reason)
        lookup = await self._services.look_up.look(turn.place, ids)
        if lookup.found:
            await turn.answer.private(
                cancel_question(lookup.found, request_id=question, now=self._services.clock())
            )
        if lookup.failed:
            await turn.answer.private(errors.failures(lookup.failed))
        return None

    async def report(self, place: Place, answer: Answer, report: CancelReport) -> None:
        """Say what a cancel did where the channel is not told, or cannot be."""
        if not report.changed_something:
            await answer.private(cancel_result(report))
        elif not await self._services.cancelling.told(place, report):
            await answer.public(cancel_result(report))

    def cards(self, lookup: Lookup, *, private: bool = True) -> list[Message]:
        """Return what a look-up found as messages: full cards for a few, short ones for many."""
        buttons = CardButtons.looked_up if private else _in_channel
        now = self._services.clock()
        messages: list[Message] = []
        if len(lookup.found) > FULL_CARDS:
            messages = compact_cards(lookup.found, now)
        elif lookup.found:
            messages = task_cards(
                [
                    (known, buttons(watched=known.task.id in lookup.watched))
                    for known in lookup.found
                ],
                now=now,
                usual=lookup.usual,
            )
        if lookup.failed:
            messages.append(errors.failures(lookup.failed))
        return messages

    async def _ids(self, turn: Turn, words: Words) -> list[TaskId] | None:
        """Return the tasks that were named; where they are not clear, say so and return none."""
        if words.broken is not None:
            await turn.answer.private(errors.bad_id(words.broken))
            return None
        ids = list(words.ids)
        for prefix in words.prefixes:
            found = await self._services.watching.find(turn.place, prefix)
            if len(found) > 1:
                await turn.answer.private(errors.ambiguous_prefix(prefix, found))
                return None
            if not found:
                await turn.answer.private(errors.unknown_prefix(prefix))
                return None
            ids += found
        ids = list(dict.fromkeys(ids))
        if len(ids) > MOST_TASKS:
            await turn.answer.private(errors.too_many(len(ids), MOST_TASKS))
            return None
        if not ids:
            if words.verb is None:
                raise BadRequest("This names no task. Paste its id, or a link that holds it.")
            await turn.answer.private(errors.missing_task(words.verb))
            return None
        return ids


def _in_channel(*, watched: bool) -> CardButtons:
    return CardButtons.in_channel(watching=watched)
