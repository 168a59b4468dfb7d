"""When a channel wants to hear nothing, by the clock on its wall."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tasks.preferences import UNTIL_UNMUTED, Mute, Preferences, QuietHours, zone_of

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Preferences(quiet=QuietHours(22 * 60, 7 * 60), time_zone="Europe/Berlin")


def berlin(*at: int) -> datetime:
    return datetime(*at, tzinfo=BERLIN).astimezone(UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("at", "until"),
    [
        (berlin(2026, 6, 1, 21, 59), None),
        (berlin(2026, 6, 1, 22, 0), berlin(2026, 6, 2, 7, 0)),
        (berlin(2026, 6, 2, 6, 59), berlin(2026, 6, 2, 7, 0)),
        (berlin(2026, 6, 2, 7, 0), None),
    ],
)
def test_a_night_spans_midnight(at: datetime, until: datetime | None) -> None:
    assert NIGHT.silent_until(at) == until


def test_the_nights_in_which_clocks_are_moved_are_an_hour_shorter_and_longer() -> None:
    for evening, hours in ((berlin(2026, 3, 28, 22, 0), 8), (berlin(2026, 10, 24, 22, 0), 10)):
        until = NIGHT.silent_until(evening)
        assert until is not None
        assert until - evening == timedelta(hours=hours)
        assert until.astimezone(BERLIN).hour == 7


def test_a_mute_that_ends_at_night_ends_in_the_morning() -> None:
    muted = Preferences(
        quiet=NIGHT.quiet, time_zone=NIGHT.time_zone, muted_until=berlin(2026, 6, 2, 3, 0)
    )
    assert muted.silent_until(berlin(2026, 6, 1, 18, 0)) == berlin(2026, 6, 2, 7, 0)
    assert Preferences(muted_until=UNTIL_UNMUTED).silent_until(berlin(2026, 6, 1)) == UNTIL_UNMUTED


@given(
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "No/Such", "UTC"]),
    st.integers(0, 365 * 24 * 60),
)
def test_silence_ends_within_a_day_and_is_over_then(
    start: int, end: int, zone: str, minute: int
) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    quiet = Preferences(quiet=QuietHours(start, end), time_zone=zone)
    until = quiet.silent_until(at)
    if until is not None:
        assert at < until <= at + timedelta(hours=26)
        assert quiet.silent_until(until) is None
    if start == end:
        assert until is None


def test_how_long_a_mute_lasts() -> None:
    now = berlin(2026, 3, 28, 20, 0)
    assert Mute.HOUR.until(now, "Europe/Berlin", None) == now + timedelta(hours=1)
    assert Mute.TOMORROW.until(now, "Europe/Berlin", None) == berlin(2026, 3, 29, 9, 0)
    assert Mute.OFF.until(now, "UTC", now) is None
    assert Mute.KEEP.until(now, "UTC", now) == now
    assert Mute.FOREVER.until(now, "UTC", None) == UNTIL_UNMUTED


def test_a_digest_comes_on_monday_at_nine_by_the_clock_on_the_wall() -> None:
    weekly = Preferences(digest=True, time_zone="Europe/Berlin")
    assert weekly.next_digest(berlin(2026, 3, 29, 12, 0)) == berlin(2026, 3, 30, 9, 0)
    assert weekly.next_digest(berlin(2026, 3, 30, 8, 59)) == berlin(2026, 3, 30, 9, 0)
    assert weekly.next_digest(berlin(2026, 3, 30, 9, 0)) == berlin(2026, 4, 6, 9, 0)
    # Told late, because of a mute, it tells of the same week.
    for at in (berlin(2026, 3, 30, 9, 0), berlin(2026, 4, 6, 8, 59)):
        assert weekly.digest_week(at) == (berlin(2026, 3, 23, 9, 0), berlin(2026, 3, 30, 9, 0))
    assert Preferences(time_zone="UTC").next_digest(berlin(2026, 3, 30)) is None


def test_a_zone_that_this_machine_does_not_know_is_utc() -> None:
    for name in (None, "", "No/Such", "../etc/passwd", "\0", "x" * 300):
        assert zone_of(name).key == "UTC"
