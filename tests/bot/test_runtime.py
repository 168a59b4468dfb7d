"""What lives as long as the program is not looked through again for garbage."""

from __future__ import annotations

import json
import subprocess
import sys

ASK = """
import gc, json, sys
from bot import runtime
kept = [[number] for number in range(5_000)]
before = gc.get_freeze_count()
runtime.tune()
waste = []
waste.append(waste)
del waste
print(json.dumps({
    "frozen": gc.get_freeze_count() - before,
    "enabled": gc.isenabled(),
    "collected": gc.collect(),
    "turn": sys.getswitchinterval(),
}))
"""


def test_what_is_there_is_frozen_and_what_comes_later_is_still_collected() -> None:
    # In a process of its own: what is frozen stays so.
    done = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, timeout=60, check=True
    )
    said = json.loads(done.stdout)
    assert said["frozen"] > 5_000
    assert said["enabled"]
    assert said["collected"] >= 1
    assert said["turn"] < 0.005
