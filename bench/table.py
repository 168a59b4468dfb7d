"""The table of the bench: as text, and in the documentation."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.stage import ROOT, Row

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


def machine() -> str:
    """Return what it ran on, and how busy that was."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        model = names[0] if names else model
    load = " ".join(f"{one:.2f}" for one in os.getloadavg())
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, Python"
        f" {platform.python_version()}, load average {load}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    )


def markdown(rows: Sequence[Row], started: str) -> str:
    """Return the table."""
    lines = [
        "| what | Beambot | compared with | ratio or result | reach for | |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.what} | {row.ours} | {row.other} | {row.ratio} | {row.target} |"
        f" {'yes' if row.met else '**no**'} |"
        for row in rows
    ]
    notes = [f"- {row.what}: {row.note}" for row in rows if row.note]
    return "\n".join(
        [*lines, "", *notes, "", f"Machine at the start: {started}.  ", f"At the end: {machine()}."]
    )


def keep(text: str, page: Path = PAGE) -> None:
    """Put the table into the documentation, between its marks.

    Raises:
        ValueError: the page has no place for it.
    """
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for the table")
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
