"""`make scale`: what so many workspaces cost, and which limit is met first."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from bench.scale.day import simulate
from bench.scale.limits import limits
from bench.scale.measured import measure
from bench.scale.model import add_arguments, model_of
from bench.scale.needs import needs
from bench.scale.page import page
from bench.stage import ROOT
from bench.table import keep, machine
from bot import log

PAGE = ROOT / "docs" / "scale.md"
ONE = 20
"""Days of which a single workspace's are made: one day says little."""


def main(arguments: list[str]) -> int:
    """Measure, simulate, and print the tables; ``keep`` puts them into docs/scale.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("keep", nargs="?", choices=["keep"], help="put the tables into the docs")
    parser.add_argument(
        "--workspaces", default="1,100,10000", help="how many, with commas between", metavar="N"
    )
    parser.add_argument("--exact", type=int, default=100, help="simulated one by one at most")
    parser.add_argument("--seed", type=int, default=1, help="of all dice")
    parser.add_argument("--tries", type=int, default=100, help="repetitions of what is measured")
    add_arguments(parser)
    given = parser.parse_args(arguments)
    model = model_of(given)
    counts = [int(one) for one in given.workspaces.split(",")]
    started = machine()
    # As the product logs, to where it costs the writing alone.
    with Path(os.devnull).open("w") as nowhere:
        log.configure("info", "json", nowhere)
        measured = asyncio.run(measure(given.tries))
    found = []
    for count in counts:
        print(f"simulating {count:,} ...", file=sys.stderr)
        days = simulate(
            model, count, seed=given.seed, days=ONE if count == 1 else 1, exact=given.exact
        )
        found.append(needs(model, measured, count, days))
    text = page(model, measured, found, limits(model, found))
    text += f"\n\nMachine at the start: {started}.  \nAt the end: {machine()}."
    print(text)
    if given.keep:
        keep(text, PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
