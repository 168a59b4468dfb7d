"""How hard the tests try: quickly in `make test`, thoroughly in `make torture`."""

from __future__ import annotations

import os

TORTURE = bool(os.environ.get("TORTURE"))


def many(quick: int, thorough: int) -> int:
    """Return how often to try: ``thorough`` times in `make torture`, else ``quick``."""
    return thorough if TORTURE else quick
