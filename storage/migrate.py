"""Bringing the schema up to date while copies use it, safely from several of them at once."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

import structlog
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select, text

from storage.database import Database, StorageUnavailable, is_locked
from storage.versions import Fit, Standing, config, note_at, note_needs, standing

_LOCK = 0x6265616D626F74
"""The number of the advisory lock: "beambot" in hexadecimal."""

TABLE_PATIENCE = 2.0
"""Seconds that a migration waits for a table in PostgreSQL. Whoever comes after it waits behind it
and gives up after ``BUSY_TIMEOUT``: one who reads for minutes (a backup) must not stop them all."""

PATIENCE = 60.0
"""Seconds for which a migration that is kept from a table, or the file, is tried again."""

PAUSE = 0.5
"""Seconds between two attempts, in which those who waited behind it get on."""

_log = structlog.get_logger(__name__)


class SchemaTooNew(StorageUnavailable):
    """A newer version has migrated the database so far that this one would fail on it."""

    def __init__(self, found: Standing) -> None:
        super().__init__(
            f"its schema ({found.at}) is for versions of Beambot that know revision {found.needs},"
            " which this one does not; start a newer version"
        )


class Migrated(NamedTuple):
    """The revision before and after, and how the schema now fits this version of the program."""

    before: str | None
    after: str | None
    fit: Fit


async def migrate(database: Database) -> Migrated:
    """Bring the schema up to date; leave one alone that a newer version has brought further.

    The whole upgrade is one transaction, in SQLite the only one that writes, in PostgreSQL under a
    lock: a second process waits for it and then finds nothing to do. May be cancelled.

    Raises:
        SchemaTooNew: this version of the program would fail on it.
        StorageUnavailable: the database cannot be opened or written, or somebody keeps a table
            locked.
    """
    folder = await asyncio.to_thread(lambda: ScriptDirectory.from_config(config()))
    deadline, waited = time.monotonic() + PATIENCE, False
    while True:
        try:
            done = await database.write(lambda tx: _upgrade(tx, folder))
        except StorageUnavailable as error:
            if not is_locked(error):
                raise
            if time.monotonic() > deadline:
                raise StorageUnavailable(
                    "another program, such as a backup, keeps a table locked; start again once it"
                    " has ended"
                ) from error
            done = None
        if done is not None:
            return done
        if not waited:
            _log.info("waiting to migrate: the schema is locked")
        waited = True
        await asyncio.sleep(PAUSE)


def _upgrade(tx: Connection, folder: ScriptDirectory) -> Migrated | None:
    """Upgrade, unless another copy is just doing that."""
    if tx.dialect.name != "sqlite":
        # Not waited for in the database: a statement there cannot be cancelled from here.
        if not tx.execute(select(func.pg_try_advisory_xact_lock(_LOCK))).scalar_one():
            return None
        # An index over a large table takes its time.
        tx.execute(text("SET LOCAL statement_timeout = 0"))
        tx.execute(text(f"SET LOCAL lock_timeout = {int(TABLE_PATIENCE * 1000)}"))
    found = standing(tx, folder)
    if found.fit is Fit.TOO_NEW:
        raise SchemaTooNew(found)
    if found.fit is Fit.AHEAD:
        return Migrated(found.at, found.at, found.fit)
    if found.at is not None:
        note_at(tx, folder, found.at)
    command.upgrade(config(tx), "head")
    note_needs(tx, folder)
    return Migrated(found.at, standing(tx, folder).at, Fit.CURRENT)


async def write_nothing(database: Database) -> None:
    """Make sure that the database may be written, and leave nothing behind.

    Raises:
        StorageUnavailable: it may not.
    """

    def work(tx: Connection) -> None:
        tx.execute(text("CREATE TABLE beambot_may_write (id INTEGER)"))
        tx.execute(text("DROP TABLE beambot_may_write"))

    await database.write(work)


async def find_standing(database: Database) -> Standing:
    """Return what the database says about its schema.

    Raises:
        SchemaTooNew: this version of the program would fail on it.
        StorageUnavailable: it cannot be read.
    """
    folder = await asyncio.to_thread(lambda: ScriptDirectory.from_config(config()))
    found = await database.read(lambda tx: standing(tx, folder))
    if found.fit is Fit.TOO_NEW:
        raise SchemaTooNew(found)
    return found
