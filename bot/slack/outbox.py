"""Sending to Slack: what is rendered how, and what each of Slack's errors means."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from typing import Any

import structlog

from bot.errors import SlackUnavailable
from bot.services.ports import (
    Clock,
    DeliveryError,
    NeverDeliverable,
    OutcomeUnknown,
    Outgoing,
    People,
    TryLater,
    WorkspaceClosed,
)
from bot.slack.blocks.announcements import (
    channel_closed,
    gone_notice,
    transition_reply,
)
from bot.slack.blocks.cancel_report import cancel_result
from bot.slack.blocks.group_card import FAILURES_SHOWN, group_card
from bot.slack.blocks.group_news import group_news
from bot.slack.blocks.message import Message, without_charts
from bot.slack.blocks.nudge import nudge_message
from bot.slack.blocks.quiet import quiet_summary
from bot.slack.blocks.report import digest_message
from bot.slack.blocks.task_card import CardButtons, task_card
from bot.slack.calls import call
from bot.slack.workspace import Workspace, Workspaces
from bot.tasks import TaskId
from bot.tasks.records import (
    CancelReport,
    Card,
    CardKind,
    CardView,
    ClosedNews,
    GoneNews,
    GroupNews,
    NudgeNews,
    SummaryNews,
    TransitionNews,
)
from bot.tasks.report import Digest
from storage.codec import News

EVENT_TYPE = "beambot_delivery"
"""Of the metadata that carries our own id of a message."""

_BAD_BLOCKS = ("invalid_blocks", "msg_blocks_too_long")
POST_WAIT = 3.0
"""Seconds to wait for an answer's turn in a channel; a longer wait is left to the outbox."""
_LINKS_MOST = 2_000
_FIND_PAGE = 100

_log = structlog.get_logger(__name__)


class _Refused(Exception):
    """Slack takes no such blocks; the message may do without them."""


class SlackCourier:
    """Sends cards and news. Everything raised is a :class:`DeliveryError`.

    Args:
        workspaces: their clients must not retry by themselves, which doubles posts.
        people: who is called what.
        clock: the current time.
    """

    def __init__(self, workspaces: Workspaces, people: People, clock: Clock) -> None:
        self._workspaces = workspaces
        self._people = people
        self._clock = clock
        self._links: OrderedDict[tuple[str, str, str], str] = OrderedDict()

    async def post(self, message: Outgoing) -> str:
        """Post a message; return its ``ts``."""
        shown = await self._render(message)
        rest: dict[str, Any] = {
            "channel": message.channel_id,
            "text": shown.text,
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": message.key}},
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if message.thread_ts is not None:
            rest |= {"thread_ts": message.thread_ts, "reply_broadcast": message.broadcast}
        # An answer to somebody may have gone there just now.
        workspace = await self._workspace(message.team_id)
        pace = workspace.pace
        if wait := await pace.turn(message.channel_id, most=POST_WAIT):
            raise TryLater("paced", retry_after=wait)
        self._check_lease(message)
        try:
            answer = await self._say(workspace, "chat.postMessage", rest, shown)
        except TryLater as error:
            pace.hold(message.channel_id, error.retry_after or 0.0)
            raise
        ts = answer.get("ts")
        if not isinstance(ts, str):
            raise OutcomeUnknown("no_ts")
        return ts

    async def find(self, message: Outgoing) -> str | None:
        """Return the ``ts`` of a message that an earlier attempt may have posted.

        Only direct messages can be read with the scopes that the bot asks for; where nothing can
        be read nothing is found, and the message is posted again.
        """
        oldest = f"{message.created_at.timestamp() - 60:.6f}"
        asked: dict[str, Any] = {
            "channel": message.channel_id,
            "oldest": oldest,
            "limit": _FIND_PAGE,
            "include_all_metadata": "true",
        }
        method = "conversations.history"
        if message.thread_ts is not None:
            method, asked = "conversations.replies", {**asked, "ts": message.thread_ts}
        try:
            if not message.channel_id.startswith(("C", "D", "G")):
                # Messages to a person's id are in the direct messages with them.
                asked["channel"] = await self.open_dm(message.team_id, message.channel_id)
            answer = await self._call(message.team_id, method, asked, read=True)
        except WorkspaceClosed as error:
            if error.code != "missing_scope":
                raise
            return None
        except NeverDeliverable as error:
            # Nothing can be read here, now or later: the message must not wait for that.
            _log.info("not looked for", channel=message.channel_id, reason=error.code)
            return None
        messages = answer.get("messages")
        for found in messages if isinstance(messages, list) else []:
            if _key(found) == message.key and isinstance(found.get("ts"), str):
                return str(found["ts"])
        return None

    async def edit(self, view: CardView) -> None:
        """Show a card as it is now."""
        shown = await self._card(view)
        target = {"channel": view.card.channel_id, "ts": view.card.ts, "text": shown.text}
        workspace = await self._workspace(view.card.team_id)
        await self._say(workspace, "chat.update", target, shown)

    async def amend(self, message: Outgoing, ts: str) -> None:
        """Show a message that was posted as ``ts`` as it is now."""
        shown = await self._render(message)
        target = {"channel": message.channel_id, "ts": ts, "text": shown.text}
        workspace = await self._workspace(message.team_id)
        self._check_lease(message)
        await self._say(workspace, "chat.update", target, shown)

    def _check_lease(self, message: Outgoing) -> None:
        if message.before is not None and self._clock() >= message.before:
            # This copy was paused, cut off, or waited for long: another may be sending it.
            raise TryLater("lease_over")

    async def _say(
        self, workspace: Workspace, method: str, rest: dict[str, Any], shown: Message
    ) -> dict[str, Any]:
        # Charts are not taken everywhere; what they show is said elsewhere in the message.
        bare = without_charts(shown.blocks)
        if len(bare) < len(shown.blocks):
            with contextlib.suppress(_Refused):
                return await self._try(workspace, method, rest, shown.blocks)
        with contextlib.suppress(_Refused):
            return await self._try(workspace, method, rest, bare)
        # Certainly not taken. Plain words are worth more than nothing.
        # An edit that leaves blocks out would leave the old ones standing.
        return await call(workspace.client, method, {**rest, "blocks": []})

    async def _try(
        self, workspace: Workspace, method: str, rest: dict[str, Any], blocks: list[dict[str, Any]]
    ) -> dict[str, Any]:
        try:
            return await call(workspace.client, method, {**rest, "blocks": blocks})
        except NeverDeliverable as error:
            if not error.code.startswith(_BAD_BLOCKS):
                raise
            _log.error("Slack refuses our blocks", reason=error.code, method=method)
            raise _Refused from error

    async def permalink(self, card: Card) -> str | None:
        """Return a link to a card's message, ``None`` if Slack gives none."""
        return None if card.ts is None else await self._link(card.team_id, card.channel_id, card.ts)

    async def _link(self, team_id: str, channel_id: str, ts: str) -> str | None:
        key = (team_id, channel_id, ts)
        if key in self._links:
            return self._links[key]
        asked = {"channel": channel_id, "message_ts": ts}
        try:
            answer = await self._call(team_id, "chat.getPermalink", asked, read=True)
        except DeliveryError as error:
            # A list without a link is better than no list.
            _log.info("no link", channel=channel_id, reason=error.code)
            return None
        link = answer.get("permalink")
        if not isinstance(link, str):
            return None
        self._links[key] = link
        if len(self._links) > _LINKS_MOST:
            self._links.popitem(last=False)
        return self._links[key]

    async def open_dm(self, team_id: str, user_id: str) -> str:
        """Return the channel id of the direct messages between the bot and a person."""
        answer = await self._call(team_id, "conversations.open", {"users": user_id})
        channel = answer.get("channel")
        if not isinstance(channel, dict) or not isinstance(channel.get("id"), str):
            raise OutcomeUnknown("no_channel")
        return str(channel["id"])

    async def _workspace(self, team_id: str) -> Workspace:
        workspace = await self._workspaces.get(team_id)
        if workspace is None:
            raise WorkspaceClosed("not_installed")
        return workspace

    async def _call(
        self, team_id: str, method: str, arguments: dict[str, Any], *, read: bool = False
    ) -> dict[str, Any]:
        workspace = await self._workspace(team_id)
        return await call(workspace.client, method, arguments, read=read)

    async def _render(self, message: Outgoing) -> Message:
        if isinstance(message.news, NudgeNews) and message.view is not None:
            return nudge_message(message.news, owner=await self._owner(message.view.card))
        if isinstance(message.news, SummaryNews):
            workspace = await self._workspace(message.team_id)
            links = [
                workspace.message_url(message.channel_id, line.ts, line.thread_ts)
                for line in message.news.lines
            ]
            return quiet_summary(message.news, links)
        if message.news is not None:
            return render_news(message.news)
        if message.view is None:
            raise NeverDeliverable("nothing_to_say")
        return await self._card(message.view)

    async def _card(self, view: CardView) -> Message:
        now = self._clock()
        if view.card.kind is CardKind.GROUP:
            links = await self._replies(view)
            return group_card(view, now, links=links, owner=await self._owner(view.card))
        if not view.members:
            raise NeverDeliverable("no_task")
        return task_card(
            view.members[0],
            now=now,
            buttons=CardButtons.in_channel(watching=view.watching),
            owner_id=view.card.owner_id,
            owner=await self._owner(view.card),
            level=view.card.level,
            usual=view.usual,
            muted_until=view.muted_until,
        )

    async def _owner(self, card: Card) -> str:
        try:
            return (await self._people.person(card.team_id, card.owner_id)).name
        except SlackUnavailable as error:
            # A dialog without a name is better than no card.
            _log.info("no name", user=card.owner_id, reason=error.text)
            return ""

    async def _replies(self, view: CardView) -> dict[TaskId, str]:
        bad = [known.task.id for known in view.members if known.task.status.bad]
        links: dict[TaskId, str] = {}
        for task_id in bad[:FAILURES_SHOWN]:
            if task_id not in view.replies:
                continue
            link = await self._link(view.card.team_id, view.card.channel_id, view.replies[task_id])
            if link is None:
                # Slack is slow or refuses: the card must not wait for the others too.
                break
            links[task_id] = link
        return links


def _key(message: Any) -> str | None:
    """Return our own id of a message, as its metadata carries it."""
    metadata = message.get("metadata") if isinstance(message, dict) else None
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
        return None
    payload = metadata.get("event_payload")
    key = payload.get("key") if isinstance(payload, dict) else None
    return key if isinstance(key, str) else None


def render_news(news: News) -> Message:
    """Return news in words."""
    match news:
        case TransitionNews():
            return transition_reply(news)
        case GroupNews():
            return group_news(news)
        case GoneNews():
            return gone_notice(news)
        case ClosedNews():
            return channel_closed(news)
        case CancelReport():
            return cancel_result(news)
        case NudgeNews():
            return nudge_message(news)
        case SummaryNews():
            return quiet_summary(news)
        case Digest():
            return digest_message(news)
    raise NeverDeliverable("nothing_to_say")
