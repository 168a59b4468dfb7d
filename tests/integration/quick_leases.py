"""The bot with leases of seconds instead of a minute: what a killed copy held is free again soon.

Nothing else differs from `python app.py`. With the real leases every kill would hold up for a
minute whatever was in hand, and few of many kills in a row would find anything to break.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import app
from bot import schedule
from bot.services import cancel, copies, deliver, poll
from bot.slack import installed
from storage import copies as stored
from storage import installations


def shorten() -> None:
    """Set the leases of this process to what the environment asks for, or to a second.

    Only when asked: whoever imports this module, as tests do, keeps the real ones.
    """
    deliver.LEASE = poll.LEASE = timedelta(seconds=float(os.environ.get("TEST_LEASE", "1")))
    cancel.ABANDONED = timedelta(seconds=8)
    schedule.RESUME_EVERY = schedule.RENEW_EVERY = 1.0
    schedule.BEAT_EVERY, copies.KNOWN_AFTER = 0.5, 1.0
    stored.LIVE_FOR = vars(copies)["LIVE_FOR"] = timedelta(seconds=2)
    installations.RENEWAL_LASTS = timedelta(seconds=1)
    installed.KEPT = timedelta(seconds=2)


if __name__ == "__main__":
    shorten()
    app.main()
