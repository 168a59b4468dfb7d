"""The arrows of docs/architecture.md: nothing below imports anything above it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# What each part may import of ours, itself aside.
ALLOWED = {
    "bot.tasks": set(),
    "bot.errors": set(),
    "bot.log": set(),
    "bot.retry_after": set(),
    "bot.settings": set(),
    "bot.beam": {"bot.tasks", "bot.retry_after"},
    "storage": {"bot.tasks"},
    "bot.services": {"bot.tasks", "bot.beam", "bot.errors", "bot.log", "bot.settings", "storage"},
    "bot.slack.blocks": {"bot.tasks"},
    "bot.slack": {
        "bot.tasks",
        "bot.errors",
        "bot.inbound",
        "bot.log",
        "bot.retry_after",
        "bot.services",
        "storage",
    },
    "bot.inbound": set(),
    "bot.callbacks": {"bot.beam", "bot.inbound", "bot.services", "storage"},
    "bot.metrics": set(),
    "bot.runtime": set(),
    "bot.tenancy": {
        "bot.beam",
        "bot.callbacks",
        "bot.services",
        "bot.settings",
        "bot.slack",
        "bot.tasks",
        "storage",
    },
    "bot.schedule": set(),
    "bot.server": set(),
    "bot.web": {"bot.slack", "bot.tasks"},
    "bot.check": {"bot.beam", "bot.settings", "bot.slack", "bot.tasks", "storage"},
    "demo": set(),
    "demo.gallery": {"bot.errors", "bot.slack.blocks", "bot.tasks", "demo"},
}
# Libraries that a part must not know, beside those of the parts that it may not import.
FOREIGN = {
    "bot.tasks": {"httpx", "aiohttp", "sqlalchemy", "slack_bolt", "slack_sdk"},
    "bot.services": {"httpx", "aiohttp", "sqlalchemy", "slack_bolt", "slack_sdk"},
    "bot.slack.blocks": {"slack_bolt", "slack_sdk", "sqlalchemy", "httpx"},
    "bot.slack": {"sqlalchemy", "httpx"},
    "bot.beam": {"sqlalchemy", "slack_bolt", "slack_sdk"},
    "storage": {"httpx", "slack_bolt", "slack_sdk"},
}


def part_of(module: str) -> str | None:
    """Return the part that a module of ours belongs to: the longest name that fits."""
    fits = [part for part in ALLOWED if module == part or module.startswith(part + ".")]
    return max(fits, key=len, default=None)


def modules() -> Iterator[tuple[str, Path]]:
    for top in ("bot", "storage", "demo"):
        for path in sorted((ROOT / top).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize(("module", "path"), [*modules()], ids=[name for name, _ in modules()])
def test_a_module_imports_only_what_is_below_it(module: str, path: Path) -> None:
    part = part_of(module)
    if part is None:
        assert module == "bot"
        return
    for name in imported(path):
        assert name.split(".")[0] not in FOREIGN.get(part, set()), name
        assert name.split(".")[0] not in ("app", "tests"), name
        target = part_of(name)
        if name.split(".")[0] in ("bot", "storage", "demo") and target != part:
            below = ALLOWED[part] | ({"bot.slack.blocks"} if part == "bot.slack" else set())
            assert target in below, f"{module} imports {name}"
