"""Each of these tests runs on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage.database import Database
from storage.migrate import migrate
from tests.databases import with_driver


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An empty database that has its schema, of the one kind and then of the other."""
    made = Database(with_driver(database_url))
    await migrate(made)
    yield made
    await made.close()
