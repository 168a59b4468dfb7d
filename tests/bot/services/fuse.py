"""Where a process may die: every point at which it waits for the database, Slack or Beam."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from storage.database import Database

T = TypeVar("T")


class Fuse:
    """Counts the points at which a process may die, and stops the world at one of them."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.points: list[str] = []
        self.blown = asyncio.Event()

    async def around(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Run ``work``, with a point before and a point after it."""
        await self._point(f"before {name}")
        result = await work()
        await self._point(f"after {name}")
        return result

    async def _point(self, name: str) -> None:
        if not self.blown.is_set():
            self.points.append(name)
            if len(self.points) == self.at:
                self.blown.set()
        if self.blown.is_set():
            await asyncio.Future()


class UnsyncedDatabase(Database):
    """A database that does not wait for the disk.

    Where the process dies and not the machine, what was handed to the system is kept; to wait
    for the disk at each of tens of thousands of commits would prove nothing.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        if not self.is_sqlite:
            return

        @event.listens_for(self.engine.sync_engine, "connect")
        def unsynced(connection: Any, _record: object) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA synchronous=OFF")
            cursor.close()


class FusedDatabase(UnsyncedDatabase):
    """Can die around every transaction; one that is cut off in the middle leaves nothing."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.fuse = Fuse()

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self.fuse.around("read", lambda: super(FusedDatabase, self).read(work))

    async def write(self, work: Callable[[Connection], T]) -> T:
        return await self.fuse.around("write", lambda: super(FusedDatabase, self).write(work))


class InlineDatabase(FusedDatabase):
    """Runs each transaction at once, in the thread of the loop.

    Ten thousand sequences are told in a fraction of the time that way, and the same sequence
    always goes the same way.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._inline = create_engine(
            url.replace("+aiosqlite", ""),
            poolclass=StaticPool,
            connect_args={"check_same_thread": False},
        )

        @event.listens_for(self._inline, "connect")
        def as_usual(connection: Any, _record: object) -> None:
            connection.isolation_level = None
            for pragma in ("journal_mode=WAL", "synchronous=OFF", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(self._inline, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    async def _transact(self, work: Callable[[Connection], T], *, write: bool) -> T:
        with self._inline.begin() as connection:
            return work(connection)

    async def close(self) -> None:
        self._inline.dispose()
        await super().close()
