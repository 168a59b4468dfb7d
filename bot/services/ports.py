"""What services need from outside, small enough to fake by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.tasks import Task, TaskId
from bot.tasks.records import Card, CardView
from storage.codec import News

Clock = Callable[[], datetime]
"""The current time, aware and UTC."""


class Beam(Protocol):
    """One Beam account. Everything raised is a ``bot.beam.errors.BeamError``."""

    async def get(self, task_id: TaskId) -> Task:
        """Look a task up."""

    async def cancel(self, task_ids: Sequence[TaskId]) -> None:
        """Ask to stop tasks. That nothing is raised proves nothing."""


class Budget(Protocol):
    """The requests that may be sent to one Beam account."""

    used: int
    """Requests that were sent."""

    @property
    def rate(self) -> float:
        """Requests a second that are allowed now."""

    def allows(self, seconds: float) -> float:
        """Return how many requests the next ``seconds`` have room for."""


class AccountClient(Beam, Protocol):
    """A Beam account whose token can be checked."""

    @property
    def budget(self) -> Budget:
        """What may be sent to it, by everybody who has its token."""

    def patient(self) -> Beam:
        """Return a way to the same account that lets everybody else go first."""

    async def check(self) -> None:
        """Return if Beam is reachable and takes the token."""


class Accounts(Protocol):
    """The Beam accounts of every workspace."""

    who_renews: str
    """Who must do what where Beam rejects a token, as a sentence."""

    async def of(self, team_id: str, channel_id: str) -> str:
        """Return the name of the account that a channel uses."""

    async def client(self, team_id: str, account: str) -> Beam:
        """Return the way to an account.

        Raises:
            bot.beam.errors.NotConnected: the workspace has no such account.
        """


class DeliveryError(Exception):
    """Slack did not take a message.

    Args:
        code: Slack's name for the reason, or ours; no payload, no token.
        retry_after: seconds to wait before the next attempt, where Slack said so.
    """

    def __init__(self, code: str, *, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class TryLater(DeliveryError):
    """Certainly not taken; may be taken later."""


class OutcomeUnknown(DeliveryError):
    """Perhaps taken: the answer was lost."""


class ChannelClosed(DeliveryError):
    """The channel is gone, archived, or the bot is not in it."""


class WorkspaceClosed(DeliveryError):
    """The workspace's token is revoked or lacks a scope."""


class NeverDeliverable(DeliveryError):
    """No repetition cures it: a limit is broken, or Slack refuses what it is."""


class CardGone(NeverDeliverable):
    """The message to edit was deleted, or may be edited no more."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be posted: a card, or news told in words."""

    team_id: str
    channel_id: str
    thread_ts: str | None
    view: CardView | None
    """The card, or the card that the news belongs to."""
    news: News | None
    broadcast: bool
    key: str
    """Our own id of the message, by which it can be found again."""
    created_at: datetime
    before: datetime | None = None
    """When it must not be sent any more: another copy may be sending it then."""


class Courier(Protocol):
    """Sends to one or many Slack workspaces. Everything raised is a :class:`DeliveryError`."""

    async def post(self, message: Outgoing) -> str:
        """Post a message; return its ``ts``."""

    async def find(self, message: Outgoing) -> str | None:
        """Return the ``ts`` of a message that an earlier attempt may have posted."""

    async def edit(self, view: CardView) -> None:
        """Show a card as it is now."""

    async def amend(self, message: Outgoing, ts: str) -> None:
        """Show a message that was posted as ``ts`` as it is now."""

    async def permalink(self, card: Card) -> str | None:
        """Return a link to a card's message, ``None`` if Slack gives none."""

    async def open_dm(self, team_id: str, user_id: str) -> str:
        """Return the channel id of the direct messages between the bot and a person."""


class Meter(Protocol):
    """Where services count what they do."""

    def polled(self, result: str) -> None:
        """Count a look at a task by its result."""

    def behind(self, seconds: float) -> None:
        """Note how late a look came."""

    def transitions(self, count: int) -> None:
        """Count recorded changes of status."""

    def delivered(self, kind: str, result: str) -> None:
        """Count an attempt to deliver by kind and result."""

    def database(self, *, up: bool) -> None:
        """Note whether the database can be used."""

    def stored(self, *, watched: int, overdue: float, oldest_owed: float) -> None:
        """Note how many tasks are polled, and the worst delays in seconds."""

    def failed(self, where: str) -> None:
        """Count a failure that nobody foresaw, which is logged."""


@dataclass(frozen=True, slots=True)
class Person:
    """What Slack says of a person, as far as a policy needs it."""

    id: str
    admin: bool
    guest: bool
    stranger: bool
    """From another workspace (Slack Connect)."""
    name: str = ""
    """What to call them; empty if Slack does not say."""
    time_zone: str = "UTC"
    """Theirs, as the IANA database calls it."""


class Channels(Protocol):
    """Which channels are open to whom."""

    async def open_to(self, team_id: str, person: Person) -> frozenset[str]:
        """Return the public channels that somebody may look into.

        Raises:
            bot.errors.SlackUnavailable: Slack does not say.
        """


class People(Protocol):
    """Who is who in a workspace."""

    async def person(self, team_id: str, user_id: str) -> Person:
        """Look a person up.

        Raises:
            bot.errors.SlackUnavailable: Slack does not say.
        """
