"""Fixtures that several folders share."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import torture
from tests.databases import database_url, new_url, postgresql_server
from tests.stack import Stack

__all__ = ["database_url", "new_url", "postgresql_server"]

# How long a case takes says how busy the machine is, not whether the bot is right.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

_LOG_LINE = re.compile(r"(\x1b\[[0-9;]*m)*\d{4}-\d\d-\d\d|\{|\s*$")
"""How lines of the bot's log begin, on a console or as JSON; and empty ones."""


_LONG = ("tests/integration/", "tests/e2e/", "tests/demo/", "tests/fuzz/")
"""Folders whose files take longest, and for the most part wait for real processes."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run one process more than there are cores: many tests wait."""
    return min(os.cpu_count() or 1, 8) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of a file that asks how hard to try: `make torture` runs those.

    And begin with what takes longest, so that no process is left alone with it at the end.
    """
    for item in items:
        names = vars(getattr(item, "module", torture))
        if item.get_closest_marker("torture") is None and (
            names.get("many") is torture.many or "TORTURE" in names
        ):
            item.add_marker(pytest.mark.torture)
    items.sort(key=lambda item: not (item.nodeid.startswith(_LONG) or tries_harder(item)))


def tries_harder(item: pytest.Item) -> bool:
    """Tell whether a test is one of `make torture`."""
    return item.get_closest_marker("torture") is not None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what the tests of `make torture` printed: the figures of docs/reliability.md."""
    if not torture.TORTURE:
        return
    terminalreporter.section("figures")
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        lines = [line for line in report.capstdout.splitlines() if not _LOG_LINE.match(line)]
        if lines and report.when == "call":
            terminalreporter.line(report.nodeid)
            for line in lines:
                terminalreporter.line(f"    {line}")


@pytest.fixture(scope="module", params=["socket", "http"])
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """All three programs, over Socket Mode and then over signed HTTP; each file has its own."""
    made = Stack(tmp_path_factory.mktemp(request.param), http=request.param == "http")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def socket_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All three programs over Socket Mode; each file has its own."""
    made = Stack(tmp_path_factory.mktemp("own"), http=False)
    yield made
    made.stop()
