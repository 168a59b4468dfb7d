"""Bringing the schema up to date, safely from several processes at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from storage.database import Database, StorageUnavailable

_LOCK = 0x6265616D626F74
"""The number of the advisory lock: "beambot" in hexadecimal."""

_FOLDER = Path(__file__).parent / "migrations"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    # Alembic's options are interpolated with %: a folder's name must not be.
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


async def migrate(database: Database) -> tuple[str | None, str | None]:
    """Bring the schema up to date; return the revision before and after.

    The whole upgrade is one transaction, in SQLite the only one that writes, in PostgreSQL under a
    lock: a second process waits for it and then finds nothing to do.

    Raises:
        StorageUnavailable: the database cannot be opened or written, or a newer version of the
            program has migrated it further than this one knows.
    """

    def work(tx: Connection) -> tuple[str | None, str | None]:
        if tx.dialect.name != "sqlite":
            tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        before = MigrationContext.configure(tx).get_current_revision()
        try:
            command.upgrade(_config(tx), "head")
        except CommandError as error:
            raise StorageUnavailable(
                f"its schema ({before}) is newer than this version of Beambot"
            ) from error
        return before, MigrationContext.configure(tx).get_current_revision()

    return await database.write(work)


async def write_nothing(database: Database) -> None:
    """Make sure that the database may be written, and leave nothing behind.

    Raises:
        StorageUnavailable: it may not.
    """

    def work(tx: Connection) -> None:
        tx.execute(text("CREATE TABLE beambot_may_write (id INTEGER)"))
        tx.execute(text("DROP TABLE beambot_may_write"))

    await database.write(work)


async def is_current(database: Database) -> bool:
    """Tell whether the schema is the one that this version of the program needs."""
    head = await asyncio.to_thread(
        lambda: ScriptDirectory.from_config(_config()).get_current_head()
    )
    current = await database.read(lambda tx: MigrationContext.configure(tx).get_current_revision())
    return current == head
