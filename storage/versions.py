"""How far the schema is, and which copies of the program may run on it.

Two tables say so, and copies of several releases read them side by side:

- ``schema_version`` is Alembic's own table by another name: the revision that the schema is at.
- ``alembic_version`` holds the oldest revision that code must know to run on it. It was Alembic's
  table up to revision 0005, and code from then looks nowhere else: it finds a revision that it
  knows, and so starts beside newer copies, until a migration takes away what it uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

AT, NEEDS = "schema_version", "alembic_version"

_FOLDER = Path(__file__).parent / "migrations"


class Fit(StrEnum):
    """How a schema and this version of the program fit together."""

    CURRENT = "current"
    BEHIND = "behind"
    """Migrations are due."""
    AHEAD = "ahead"
    """A newer version has migrated it, and took away nothing that this one uses."""
    TOO_NEW = "too new"
    """A newer version has migrated it, and this one would fail on it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a database says about its schema; nothing, if it is empty."""

    at: str | None
    needs: str | None
    fit: Fit


def config(connection: Connection | None = None, folder: Path = _FOLDER) -> Config:
    """Return Alembic's configuration.

    Args:
        connection: where migrations are to run.
        folder: where they are.
    """
    made = Config()
    # Alembic's options are interpolated with %: a folder's name must not be.
    made.set_main_option("script_location", str(folder).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def known(scripts: ScriptDirectory) -> list[str]:
    """Return the revisions that this version of the program knows, oldest first."""
    return [one.revision for one in scripts.walk_revisions()][::-1]


def needed(scripts: ScriptDirectory) -> str:
    """Return the oldest revision that code must know on a schema that is up to date.

    A migration that takes something away says which: ``needs``.
    """
    said = (getattr(one.module, "needs", None) for one in scripts.walk_revisions())
    return next(str(revision) for revision in said if revision is not None)


def standing(tx: Connection, scripts: ScriptDirectory) -> Standing:
    """Return what the database says about its schema."""
    needs = _context(tx, NEEDS).get_current_revision()
    # Code up to revision 0005 has migrated it last.
    at = _context(tx, AT).get_current_revision() or needs
    revisions = known(scripts)
    if at is None or at in revisions[:-1]:
        fit = Fit.BEHIND
    elif at == revisions[-1]:
        fit = Fit.CURRENT
    else:
        fit = Fit.AHEAD if needs in revisions else Fit.TOO_NEW
    return Standing(at, needs, fit)


def note_at(tx: Connection, scripts: ScriptDirectory, revision: str) -> None:
    """Write down the revision that the schema is at."""
    _context(tx, AT).stamp(scripts, revision)


def note_needs(tx: Connection, scripts: ScriptDirectory) -> None:
    """Write down what code must know, on a schema that is up to date."""
    _context(tx, NEEDS).stamp(scripts, needed(scripts))


def _context(tx: Connection, table: str) -> MigrationContext:
    return MigrationContext.configure(tx, opts={"version_table": table})
