"""`make bench`: every part of the bench in one run, as one table."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from bench.stage import ROOT, Row
from bench.table import keep, machine, markdown

PARTS = ("checks", "policy", "news", "acks", "idle", "growth")


def main(arguments: list[str]) -> int:
    """Run the parts that are named, or all; ``quick`` takes less time, ``keep`` updates the docs.

    Each part is a program of its own: one's memory and caches are not another's.
    """
    flags = [one for one in arguments if one in ("quick", "keep")]
    named = [one for one in arguments if one not in flags]
    unknown = [one for one in named if one not in PARTS]
    if unknown:
        print(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    failed = False
    started = machine()
    for part in named or PARTS:
        began = time.monotonic()
        print(f"{part} ...", file=sys.stderr, end=" ", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", f"bench.{part}", *flags],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            check=False,
        )
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
        if done.returncode:
            failed = True
        else:
            rows += [Row(**row) for row in json.loads(done.stdout)]
    text = markdown(rows, started)
    print(text)
    if "keep" in flags and not failed and not named:
        keep(text)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
