"""Fixtures that several folders share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import database_url, new_url, postgresql_server
from tests.stack import Stack

__all__ = ["database_url", "new_url", "postgresql_server"]


@pytest.fixture(scope="session", params=["socket", "http"])
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """All three programs, over Socket Mode and then over signed HTTP."""
    made = Stack(_folder(tmp_path_factory, request.param), http=request.param == "http")
    yield made
    made.stop()


@pytest.fixture(scope="session")
def socket_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All three programs over Socket Mode, for what takes them down and up again."""
    made = Stack(_folder(tmp_path_factory, "own"), http=False)
    yield made
    made.stop()


def _folder(factory: pytest.TempPathFactory, name: str) -> Path:
    return factory.mktemp(name)
