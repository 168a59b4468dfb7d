"""Under which host the bot is reached from outside, as Slack's own requests say."""

from __future__ import annotations

import re

# With no port, a top-level domain of letters, and none that only an inner network knows.
_PUBLIC = re.compile(
    r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    r"(?!local\Z|internal\Z|localdomain\Z|localhost\Z|lan\Z|home\Z)[a-z]{2,63}",
    re.ASCII,
)


class PublicHost:
    """Remembers the host of the last request that Slack has signed.

    The bot is not told its own address. Anybody can send any ``Host`` header, and what people
    paste from here is where Beam sends their results, so only Slack is believed: what it signs goes
    to the address that whoever runs the bot has given it. A proxy may put an inner name in its
    place; what does not look like a public name is not believed either.
    """

    def __init__(self) -> None:
        self._host: str | None = None

    def heard(self, header: bytes) -> None:
        """Take the ``Host`` header of a request whose signature is right."""
        host = header.decode("latin-1").lower()
        self._host = host if _PUBLIC.fullmatch(host) else None

    @property
    def url(self) -> str | None:
        """Where the bot is reached, such as ``https://bot.example.com``; ``None`` if not known."""
        return f"https://{self._host}" if self._host else None
