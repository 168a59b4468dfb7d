"""Further copies of the bot beside that of a siege."""

from __future__ import annotations

from pathlib import Path

from tests.integration.siege import Siege
from tests.processes import Copy
from tests.stack import eventually

PROGRAM = ("-m", "tests.integration.quick_leases")


class Fleet:
    """A siege's bot and further copies beside it.

    Args:
        folder: for the logs.
        siege: the siege.
    """

    def __init__(self, folder: Path, siege: Siege) -> None:
        self._folder = folder
        self._siege = siege
        self.copies: list[Copy] = []

    def start(self, **changed: str) -> Copy:
        """Start one copy more; ``changed`` are settings of its own."""
        usual = self._siege.stack.environment.items()
        settings = {name: value for name, value in usual if name not in ("HOST", "PORT")}
        name = f"copy{len(self.copies)}"
        copy = Copy(self._folder, name, {**settings, **changed}, PROGRAM)
        self.copies.append(copy)
        return copy

    def see_all(self, count: int) -> None:
        """Wait until so many copies are alive and know it."""
        counted = "SELECT count(*) FROM copies"
        eventually(lambda: self._siege.stack.rows(counted)[0][0] == count, f"{count} copies", 60)

    def stop(self) -> None:
        """End the further copies."""
        for copy in self.copies:
            copy.stop()
