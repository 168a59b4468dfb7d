"""The header ``Retry-After``: how long a server asks to be left alone, whatever stands in it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after(value: str | None) -> float | None:
    """Return the header in seconds, never below 0; ``None`` if it says nothing of use.

    Args:
        value: a number (fractions happen) or a date (RFC 9110, 10.2.3), or junk.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
            seconds = (
                moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)
            ).total_seconds()
        except (ValueError, OverflowError):
            # A date with an absurd year or offset overflows.
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
