"""The records that services hand to whoever shows them."""

from bot.tasks.records import *  # noqa: F403
