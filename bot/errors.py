"""What a user may be told. Everything else is logged under an id and only the id is shown.

Beam's own errors are another tree (``bot.beam.errors``); services translate them here, once.
"""

from __future__ import annotations


class UserError(Exception):
    """A plain sentence for the person who asked: what is wrong and what to do.

    Args:
        text: shown as it is, already free of tokens, tracebacks and payloads.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class BadRequest(UserError):
    """The words of a command do not make sense."""


class UnknownTask(UserError):
    """Beam does not know the id, or it belongs to another account."""


class NotAllowed(UserError):
    """The policy does not let this person do that."""


class BeamUnavailable(UserError):
    """Beam did not answer, or not in a way that says anything."""


class SlackRefused(UserError):
    """Slack would not take the message: the bot is not in the channel, or it is closed."""


class SlackUnavailable(UserError):
    """Slack could not be reached or would not answer now."""


class BotUnavailable(UserError):
    """Beambot itself cannot do its work now."""


class TooBusy(UserError):
    """This workspace asks for more than it may at once."""
