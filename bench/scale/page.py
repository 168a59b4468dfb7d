"""The tables, as they are printed and kept in docs/scale.md."""

from __future__ import annotations

from collections.abc import Sequence

from bench.scale.costs import STEPS
from bench.scale.kept import KEPT
from bench.scale.limits import Limit, first
from bench.scale.measured import Measured
from bench.scale.model import Model, assumptions
from bench.scale.needs import IDLE_WRITES, Needs

WORDS = {
    "watch": "watching a task, with the card's first post",
    "check": "a look that finds nothing new, in batches",
    "found": "a look that finds a change",
    "message": "a reply and an edit of the card",
}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(model: Model, measured: Measured, found: list[Needs], all_of: list[Limit]) -> str:
    """Return all tables, each under its heading."""
    counts = [f"{one.count:,}" for one in found]
    parts = [
        ("Assumptions", table(("option", "value", "meaning"), assumptions(model))),
        ("Measured: one of each", _costs(measured)),
        ("Measured: rows and memory", _rows(measured)),
        ("Simulated: what happens", table(("a second", *_twice(counts)), _load(found))),
        ("Worked out: machines and money", table(("", *counts), _machines(model, found))),
        (
            "Worked out: how near the limits are, at the peak",
            table(
                ("limit", "allowed", *counts, "reached with", "what happens there"),
                _limits(all_of, found),
            ),
        ),
    ]
    return "\n\n".join(f"### {title}\n\n{text}" for title, text in parts)


def _twice(counts: list[str]) -> list[str]:
    return [f"{count}, {when}" for count in counts for when in ("mean", "peak")]


def _costs(measured: Measured) -> str:
    rows = []
    for step in STEPS:
        one, other = measured.sqlite[step], measured.postgresql[step]
        rows.append(
            [
                WORDS[step],
                _milliseconds(one.cpu),
                f"{one.writes:.2g}",
                f"{one.rows:.2g}",
                _milliseconds(one.transaction),
                _milliseconds(other.cpu),
                _milliseconds(other.transaction),
                _milliseconds(other.server),
            ]
        )
    command = measured.running.command
    cells = [_milliseconds(command.cpu), f"{command.writes:.2g}", f"{command.rows:.2g}"]
    rows.append(["`/beam status`, in the real process", *cells, *["-"] * 4])
    idle = [f"{measured.running.idle:.1%} of a core", f"{IDLE_WRITES:.2g}"]
    rows.append(["a second of an idle copy", *idle, *["-"] * 5])
    head = ["", "processor", "writing transactions", "rows written", "a transaction, SQLite"]
    head += ["processor, PostgreSQL", "a transaction, PostgreSQL", "the server's processor"]
    return table(head, rows)


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms"


def _rows(measured: Measured) -> str:
    rows = [
        (
            f"a row of `{name}`",
            f"{kept.total_seconds() / 86_400:.3g} days",
            f"{measured.sqlite_bytes[name].bytes_a_row:.0f} bytes",
            f"{measured.postgresql_bytes[name].bytes_a_row:.0f} bytes",
        )
        for name, kept in KEPT.items()
    ]
    memory = f"{measured.running.memory:.0f} MB"
    rows += [
        ("memory of the process", "-", memory, memory),
        *(
            (what, "-", f"{size / 1000:.1f} kB", f"{size / 1000:.1f} kB")
            for what, size in (
                ("memory of a workspace and its Beam account", measured.held.workspace),
                ("memory of what is usual of a function", measured.held.function),
            )
        ),
    ]
    return table(("", "kept", "SQLite", "PostgreSQL"), rows)


def _load(found: list[Needs]) -> list[list[str]]:
    names = {
        "checks": "looks of the poller",
        "found": "of these, changes",
        "beam": "requests to Beam",
        "posts": "messages",
        "edits": "edits",
        "requests": "requests from people",
    }
    rows = [
        [words, *(_said(value) for one in found for value in _both(one, name))]
        for name, words in names.items()
    ]
    polled = ((one.days.mean("watched"), one.days.peak("watched")) for one in found)
    rows.append(["tasks polled at once", *(f"{value:,.0f}" for two in polled for value in two)])
    for words, values in (
        ("rows written", [one.rows_written for one in found]),
        ("writing transactions", [one.writes for one in found]),
    ):
        rows.append([words, *(_said(value) for two in values for value in two)])
    return rows


def _both(one: Needs, name: str) -> tuple[float, float]:
    return one.days.mean(name), one.days.peak(name)


def _said(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.2g}"


def _machines(model: Model, found: list[Needs]) -> list[list[str]]:
    dollars = [one.dollars(model) for one in found]
    rows = [
        ["processor of all copies at the peak, cores", *(f"{one.cores:.2f}" for one in found)],
        ["copies, and to spare", *(f"{one.copies} + {one.spare}" for one in found)],
        ["memory of a copy, MB", *(f"{one.memory:.0f}" for one in found)],
        ["database", *("PostgreSQL" if one.postgresql else "SQLite" for one in found)],
        ["its cores", *(str(one.database_cores) if one.postgresql else "-" for one in found)],
        ["of these in use at the peak, with PostgreSQL", *(f"{one.server:.2f}" for one in found)],
        ["rows kept", *(f"{one.rows_kept:,.0f}" for one in found)],
        ["disk, GB, SQLite", *(f"{one.disk['SQLite']:,.2f}" for one in found)],
        ["disk, GB, PostgreSQL", *(f"{one.disk['PostgreSQL']:,.2f}" for one in found)],
        ["sent out, GB a month", *(f"{one.egress:,.2f}" for one in found)],
    ]
    rows += [
        [f"{what}, $ a month", *(f"{one[what]:,.2f}" for one in dollars)] for what in dollars[0]
    ]
    whole = [sum(one.values()) for one in dollars]
    rows.append(["**all, $ a month**", *(f"**{value:,.2f}**" for value in whole)])
    each = [value / one.count for value, one in zip(whole, found, strict=True)]
    return [*rows, ["a workspace, $ a month", *(f"{value:.3f}" for value in each)]]


def _limits(all_of: list[Limit], found: list[Needs]) -> list[list[str]]:
    heads = [first(all_of, place).what for place in range(len(found))]
    counts = [one.count for one in found]
    rows = []
    for one in all_of:
        cells = []
        for place, load in enumerate(one.loads):
            cell = f"{_said(load)} ({one.share(place):.0%})"
            cells.append(f"**{cell}**" if one.what == heads[place] else cell)
        rows.append([one.what, f"{one.most:,g}", *cells, one.reached(counts), one.then])
    return rows
