"""The locked requirements: complete, exact, hashed, and nothing in them of where they came from."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKED = ("requirements.txt", "demo/requirements.txt", "requirements-dev.txt")
OURS = {"app", "bot", "storage"}
# Needed without an import: SQLAlchemy's drivers by their names, uvicorn's parser.
UNSEEN = {"aiosqlite", "psycopg", "httptools"}


def plain(name: str) -> str:
    """Return a distribution's name as locks write it: lower case, dashes, no extras, no version."""
    name = re.split(r"[\s\[<>=!~;]", name, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for(file: str) -> set[str]:
    """Return the names that an .in file asks for."""
    lines = (ROOT / file).read_text().splitlines()
    return {plain(line) for line in lines if line and line[0] not in "#-"}


def pins(file: str) -> dict[str, str]:
    """Return the pinned version of each distribution in a locked file."""
    lines = (ROOT / file).read_text().splitlines()
    found = [re.match(r"([^\s=]+)==([^\s;\\]+)", line) for line in lines]
    return {plain(match[1]): match[2] for match in found if match}


def imported() -> set[str]:
    """Return the distributions that the bot imports, by the names of those installed."""
    paths = [ROOT / "app.py", *(ROOT / "bot").rglob("*.py"), *(ROOT / "storage").rglob("*.py")]
    modules = set()
    for node in (node for path in paths for node in ast.walk(ast.parse(path.read_text()))):
        if isinstance(node, ast.Import):
            modules |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module.split(".")[0])
    owners = packages_distributions()
    return {plain(owners[name][0]) for name in modules - OURS - sys.stdlib_module_names}


def test_what_the_bot_imports_is_asked_for_by_name_and_nothing_else_is() -> None:
    assert asked_for("requirements.in") == imported() | UNSEEN


@pytest.mark.parametrize("file", LOCKED)
def test_what_is_asked_for_is_locked(file: str) -> None:
    assert asked_for(file.replace(".txt", ".in")) <= set(pins(file))


@pytest.mark.parametrize("file", LOCKED)
def test_every_locked_line_is_an_exact_version_with_hashes(file: str) -> None:
    text = re.sub(r"^\s*#.*\n", "", (ROOT / file).read_text(), flags=re.MULTILINE)
    entries = text.replace("\\\n", " ").splitlines()
    assert entries
    for entry in entries:
        assert re.fullmatch(
            r"[a-z0-9-]+(\[[a-z,]+\])?==[0-9][\w.]*( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+",
            entry.strip(),
        ), entry[:200]


@pytest.mark.parametrize("file", LOCKED)
def test_a_lock_names_no_address_and_no_place_on_somebodys_disk(file: str) -> None:
    for line in (ROOT / file).read_text().splitlines():
        assert not re.search(r"://|index|(^|[\s@=])[/~]", line), line


def test_the_locks_agree_on_every_version() -> None:
    for file in LOCKED[1:]:
        runtime = pins(LOCKED[0]) | pins(LOCKED[1])
        both = runtime.keys() & pins(file).keys()
        assert {name: pins(file)[name] for name in both} == {name: runtime[name] for name in both}
