"""How the interpreter itself is set for a program that runs for months and answers within 3 s."""

from __future__ import annotations

import gc
import sys

THRESHOLDS = (20_000, 20, 50)
"""Objects made, and younger collections, until the next collection of each generation. Python's
700 has it look through the same long-lived objects all the time: answers from Beam are many small
dictionaries."""

TURN = 0.001
"""Seconds after which a thread that computes lets another one have its turn. The database has a
thread of its own, and at Python's 5 ms each of its rows may wait that long for the loop."""


def tune() -> None:
    """Set the interpreter for this program, once everything that lives as long as it is made.

    What exists now is never looked through again: it is never garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    sys.setswitchinterval(TURN)
