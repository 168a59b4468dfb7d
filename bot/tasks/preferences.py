"""What a channel wants to hear, how, and when it wants to hear nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.tasks.status import Level

UNTIL_UNMUTED = datetime(9999, 12, 31, tzinfo=UTC)
"""The end of a mute that somebody must end."""

MORNING = time(9)
"""When a mute until tomorrow ends, and when a digest comes."""

_MONDAY = 0


class Whom(StrEnum):
    """Whom a failure mentions."""

    ASKER = "asker"
    """Whoever asked for the watch."""
    PEOPLE = "people"
    GROUP = "group"
    NOBODY = "nobody"
    """Nobody, and nobody of a success either."""


@dataclass(frozen=True, slots=True)
class Mention:
    """Whom a failure mentions."""

    whom: Whom = Whom.ASKER
    ids: tuple[str, ...] = ()
    """Slack's ids of the people, or of the user group."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When nothing is told, every day: minutes after midnight. It may span midnight."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Manner:
    """How changes of a card are told."""

    threads: bool = True
    """In the card's thread; else in the channel."""
    broadcast: bool = True
    """Whether an end that is told in a thread is shown in the channel too."""


IN_THREADS = Manner()
"""The manner of a channel that chose nothing."""


class Mute(StrEnum):
    """For how long to mute."""

    KEEP = "keep"
    """As it is."""
    OFF = "off"
    HOUR = "hour"
    TOMORROW = "tomorrow"
    FOREVER = "forever"
    """Until somebody unmutes it."""

    def until(self, now: datetime, time_zone: str, kept: datetime | None) -> datetime | None:
        """Return when the mute ends.

        Args:
            now: the current time.
            time_zone: of the person who mutes.
            kept: when the mute that is there ends.
        """
        match self:
            case Mute.KEEP:
                return kept
            case Mute.HOUR:
                return now + timedelta(hours=1)
            case Mute.TOMORROW:
                zone = zone_of(time_zone)
                return _at(now.astimezone(zone).date() + timedelta(days=1), MORNING, zone)
            case Mute.FOREVER:
                return UNTIL_UNMUTED
        return None


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a channel wants to hear; the defaults are those of a channel that chose nothing."""

    level: Level = Level.ALL
    manner: Manner = IN_THREADS
    mention: Mention = Mention()
    muted_until: datetime | None = None
    quiet: QuietHours | None = None
    time_zone: str | None = None
    """Of the quiet hours and of the digest."""
    digest: bool = False

    def silent_until(self, now: datetime) -> datetime | None:
        """Return until when nothing is told, ``None`` if there is no silence now.

        A mute that ends within quiet hours ends with them, and the other way round.
        """
        end = now
        # Each round moves past a mute or a night; touching quiet hours could go on for ever.
        for _ in range(4):
            muted = self.muted_until if self.muted_until and self.muted_until > end else end
            later = muted if muted == UNTIL_UNMUTED else self._quiet_until(muted) or muted
            if later == end:
                break
            end = later
        return end if end > now else None

    def muted(self, now: datetime) -> datetime | None:
        """Return when the mute ends, ``None`` if there is none now."""
        return self.muted_until if self.muted_until and self.muted_until > now else None

    def without_expired_mute(self, now: datetime) -> Preferences:
        """Return the same without a mute that is over."""
        return replace(self, muted_until=self.muted(now))

    def next_digest(self, now: datetime) -> datetime | None:
        """Return when the next weekly digest is due: Monday morning in the channel's time zone."""
        if not self.digest:
            return None
        zone = zone_of(self.time_zone)
        today = now.astimezone(zone).date()
        monday = today + timedelta(days=(_MONDAY - today.weekday()) % 7)
        due = _at(monday, MORNING, zone)
        return due if due > now else _at(monday + timedelta(days=7), MORNING, zone)

    def digest_week(self, at: datetime) -> tuple[datetime, datetime]:
        """Return the week that a digest tells of which is told at ``at``, late or not."""
        zone = zone_of(self.time_zone)
        today = at.astimezone(zone).date()
        monday = today - timedelta(days=(today.weekday() - _MONDAY) % 7)
        if _at(monday, MORNING, zone) > at:
            monday -= timedelta(days=7)
        return _at(monday - timedelta(days=7), MORNING, zone), _at(monday, MORNING, zone)

    def _quiet_until(self, at: datetime) -> datetime | None:
        if self.quiet is None or self.quiet.start == self.quiet.end:
            return None
        zone = zone_of(self.time_zone)
        today = at.astimezone(zone).date()
        over_midnight = self.quiet.start > self.quiet.end
        # By the clock on the wall: a night in which clocks are moved is longer or shorter.
        for first in (today - timedelta(days=1), today):
            last = first + timedelta(days=1) if over_midnight else first
            start = _at(first, _time(self.quiet.start), zone)
            end = _at(last, _time(self.quiet.end), zone)
            if start <= at < end:
                return end
        return None


def zone_of(name: str | None) -> ZoneInfo:
    """Return a time zone; one that this machine does not know is UTC."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def is_zone(name: str) -> bool:
    """Tell whether this machine knows a time zone of that name."""
    return zone_of(name).key == name


def _at(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def _time(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)
