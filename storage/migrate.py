"""Bringing the schema up to date, safely from several processes at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from storage.database import Database

_FOLDER = Path(__file__).parent / "migrations"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    # Alembic's options are interpolated with %: a folder's name must not be.
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


async def migrate(database: Database) -> tuple[str | None, str | None]:
    """Bring the schema up to date; return the revision before and after.

    The whole upgrade is one ``BEGIN IMMEDIATE`` transaction: a second process waits for it and
    then finds nothing to do.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be opened or written.
    """

    def work(tx: Connection) -> tuple[str | None, str | None]:
        before = MigrationContext.configure(tx).get_current_revision()
        command.upgrade(_config(tx), "head")
        return before, MigrationContext.configure(tx).get_current_revision()

    return await database.write(work)


async def is_current(database: Database) -> bool:
    """Tell whether the schema is the one that this version of the program needs."""
    head = await asyncio.to_thread(
        lambda: ScriptDirectory.from_config(_config()).get_current_head()
    )
    current = await database.read(lambda tx: MigrationContext.configure(tx).get_current_revision())
    return current == head
