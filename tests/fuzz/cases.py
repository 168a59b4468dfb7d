"""How many cases a fuzz test tries, and the values that many of them share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.torture import many

T = TypeVar("T")

CANARY = "canary-7f3a-not-to-be-quoted"

ID = "07ce4078-bccc-4a42-b530-5f2653484a6a"


def cases(quick: int, thorough: int) -> settings:
    """Return settings for so many cases: the same ones each time, so that a failure repeats."""
    return settings(
        max_examples=many(quick, thorough),
        deadline=None,
        derandomize=True,
        database=None,
        print_blob=True,
        # Without "explain", which traces every line and takes minutes.
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
        ],
    )


class Loop:
    """One event loop for all cases of a file; a new one for each would cost more than the case."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def close(self) -> None:
        self._runner.close()


ACTIVE = [
    "<!channel>",
    "<!here|here>",
    "<!everyone>",
    "<!subteam^S0EVIL|@evil>",
    "<@U0EVIL>",
    "<@U0EVIL|evil>",
    "<#C0EVIL|evil>",
    "<https://evil.example|Click>",
    "<https://evil.example>",
    "<mailto:evil@evil.example|evil>",
    "<!date^1392734382^{date}^https://evil.example/|evil>",
    "&lt;!channel&gt;",
    "&amp;lt;!channel&amp;gt;",
    "&#60;!channel&#62;",
]
"""What would act in Slack: each must come out as plain letters."""

ODD = [
    *ACTIVE,
    "",
    " ",
    "\x00",
    "\ud800",
    "\udfff\ud800",
    "\u202e\u2066\u200f",
    "שלום עולם",
    "مرحبا",
    "🧨👩‍👩‍👧‍👦🏳️‍🌈",
    "e\u0301" * 50,
    "*_~`>:rocket:",
    "```",
    "a\r\nb\u2028c\u0085d",
    "%s%n{0}{secret}",
    "../../admin",
    "' OR 1=1 --",
    ID,
    ID.upper(),
    ID[:8],
    ID[:13],
    f"https://platform.beam.cloud/tasks/{ID}",
    "x" * 40_000,
    "<" * 40_000,
    "&" * 40_000,
    "🧨" * 20_000,
]

TEXT = st.one_of(
    st.sampled_from(ODD),
    st.text(max_size=60),
    st.text(
        st.characters(codec=None, categories=["Cc", "Cf", "Cs", "Zs", "Po", "So"]), max_size=20
    ),
)

SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 2**31, 2**63, 10**400]),
    st.floats(),
    TEXT,
)


def _nested(depth: int) -> Any:
    value: Any = []
    for turn in range(depth):
        value = [value] if turn % 2 else {"a": value}
    return value


JSON = st.one_of(
    SCALAR,
    st.recursive(
        SCALAR,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
        ),
        max_leaves=8,
    ),
    st.sampled_from([10, 90, 300]).map(_nested),
)
"""Anything that JSON can say, and some that it should not (NaN)."""


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside ``value``."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*at, key)
            yield from paths(inner, (*at, key))


@st.composite
def mutated(draw: st.DrawFn, originals: st.SearchStrategy[Any]) -> Any:
    """Draw a copy of a good value in which up to three parts are missing, wrong or strange."""
    value = json.loads(json.dumps(draw(originals)))
    for _ in range(draw(st.integers(0, 3))):
        known = list(paths(value))
        if not known:
            break
        path = draw(st.sampled_from(known))
        parent = value
        for key in path[:-1]:
            parent = parent[key]
        if draw(st.booleans()) and isinstance(parent, dict):
            del parent[path[-1]]
        else:
            parent[path[-1]] = draw(JSON)
    return value
