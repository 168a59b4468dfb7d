"""A consistent copy of the database while it is in use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from storage.database import StorageUnavailable


def copy_database(source: Path, target: Path) -> int:
    """Copy an SQLite database as of one moment, and check the copy; return its size in bytes.

    SQLite's own online backup (https://www.sqlite.org/backup.html) reads a snapshot: writers go
    on meanwhile. A plain copy of the file would miss what is still in its write-ahead log. The
    copy appears under its name only once it is whole.

    Args:
        source: the database.
        target: where the copy goes; it must not exist.

    Raises:
        FileExistsError: there is something at ``target``.
        StorageUnavailable: the database cannot be read, or the copy not written.
    """
    if not source.is_file():
        raise StorageUnavailable(f"there is no database at {source}")
    if target.exists():
        raise FileExistsError(str(target))
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as live,
            closing(sqlite3.connect(part)) as copy,
        ):
            # All pages in one step: between steps a writer would make it start anew.
            live.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            (said,) = copy.execute("PRAGMA integrity_check").fetchone()
            if said != "ok":
                raise StorageUnavailable(f"the copy is not sound: {said}")
        size = part.stat().st_size
        part.rename(target)
    except (sqlite3.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise StorageUnavailable(str(error)) from error
    return size
