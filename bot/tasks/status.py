"""What a task's status means: known or not, in flight or final, good or bad.

Beam's documentation says ``FAILED`` where its open-source core says ``ERROR``
(beam-cloud/beta9, ``pkg/types/backend.go``); both are failures and each is shown as received.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic_core import CoreSchema, core_schema

_IN_FLIGHT = frozenset({"PENDING", "RUNNING", "RETRY"})
_FAILED = frozenset({"FAILED", "ERROR"})
FINAL_STATUSES = frozenset({"COMPLETE", "CANCELLED", "TIMEOUT", "EXPIRED"}) | _FAILED
"""Statuses after which a task does not run on, though the status itself may be corrected."""


class Status(str):
    """A task's status exactly as Beam sent it, with what it means.

    A status that nobody knows is kept as it is. It is neither final nor in flight as far as
    anyone can tell, so it is polled on and never announced as an end.
    """

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """Let records that hold a status be stored as JSON and read back."""
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())

    @property
    def known(self) -> bool:
        """Whether Beam's documentation or source names this status."""
        return self in FINAL_STATUSES or self in _IN_FLIGHT

    @property
    def final(self) -> bool:
        """Whether the task is over (a late worker report may still correct how it ended)."""
        return self in FINAL_STATUSES

    @property
    def in_flight(self) -> bool:
        """Whether the task waits or runs, so that a cancel makes sense."""
        return self in _IN_FLIGHT

    @property
    def failed(self) -> bool:
        """Whether the task ended in error."""
        return self in _FAILED

    @property
    def bad(self) -> bool:
        """Whether the task ended in any way that its owner did not want."""
        return self.final and self not in ("COMPLETE", "CANCELLED")

    @property
    def may_be_corrected(self) -> bool:
        """Whether a late report may still overwrite this end with COMPLETE (beta9 EndTask)."""
        return self.final and self != "COMPLETE"


class Level(StrEnum):
    """Which status changes a watch tells about."""

    ALL = "all"
    FINAL = "final"
    FAILURES = "failures"

    def wants(self, new: Status) -> bool:
        """Tell whether a watch of this level asks for a change to ``new``."""
        if self is Level.ALL:
            return True
        if self is Level.FINAL:
            return new.final
        return new.bad
