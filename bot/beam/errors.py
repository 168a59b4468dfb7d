"""What can go wrong when Beam is asked: one tree, and nothing else leaves the client.

No message here contains a token or anything of the payload, so each may be logged as it is.
"""

from __future__ import annotations


class BeamError(Exception):
    """Beam did not do what it was asked.

    Args:
        message: what happened, for the log.
        retry_after: seconds that Beam asked to wait, where it said so.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TaskNotFound(BeamError):
    """404: no such task, or one of another account; Beam does not tell which."""


class Unauthorized(BeamError):
    """401 or 403: Beam does not accept the token."""


class NotConnected(Unauthorized):
    """The workspace has connected no such account, so there is no token to ask with."""


class RateLimited(BeamError):
    """429: too many requests."""


class Unavailable(BeamError):
    """No usable answer: 5xx, a timeout, a connection that broke, or a redirect.

    Whether a request that ended so was carried out is unknown.
    """


class BadAnswer(BeamError):
    """An answer that says nothing about the task: HTML, junk, too long, or of another task."""
