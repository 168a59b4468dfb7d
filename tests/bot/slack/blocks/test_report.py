"""Statistics and digests say the same with and without a chart, whatever functions are called."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack.blocks.message import CHART, LimitBroken, Message, check, without_charts
from bot.slack.blocks.report import digest_message, stats_message
from bot.tasks import Status
from bot.tasks.report import Digest, FunctionReport, Slice, Spread, Stats, Window
from bot.tasks.status import FINAL_STATUSES
from demo.workspace.blockkit import message_problems
from tests.bot.slack.blocks.test_limits import TEXT, fine, formatted

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SPREAD = st.one_of(
    st.none(),
    st.builds(
        Spread,
        st.integers(0, 10**9).map(lambda ms: timedelta(milliseconds=ms)),
        st.integers(0, 10**9).map(lambda ms: timedelta(milliseconds=ms)),
    ),
)
NAMES = st.one_of(TEXT, st.just("x" * 300), st.just("مرحبا" * 60), st.just("🧨" * 300))
FUNCTION = st.builds(
    FunctionReport, NAMES, st.integers(1, 10**6), st.just(1), ran=SPREAD, waited=SPREAD
)
FUNCTIONS = st.lists(FUNCTION, max_size=5).map(tuple)


def stats(
    window: Window,
    outcomes: Mapping[str, int],
    functions: tuple[FunctionReport, ...] = (),
    total: int = 0,
) -> Stats:
    since, number = NOW - window.length, window.slices
    slices = [Slice(since + window.length * place / number) for place in range(number)]
    slices[-1] = Slice(slices[-1].since, *_kinds(outcomes))
    named = {Status(name): number for name, number in outcomes.items()}
    return Stats(
        since,
        NOW,
        named,
        total or len(functions),
        functions,
        functions,
        functions,
        tuple(slices),
    )


def _kinds(outcomes: Mapping[str, int]) -> tuple[int, int, int]:
    complete, cancelled = outcomes.get("COMPLETE", 0), outcomes.get("CANCELLED", 0)
    return complete, sum(outcomes.values()) - complete - cancelled, cancelled


def shown(message: Message) -> str:
    return "\n".join(formatted(message.blocks))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(Window),
    st.dictionaries(st.sampled_from(sorted(FINAL_STATUSES)), st.integers(1, 10**7), min_size=1),
    FUNCTIONS,
)
def test_slack_takes_statistics_and_digests_of_anything(
    window: Window, outcomes: dict[str, int], functions: tuple[FunctionReport, ...]
) -> None:
    found = stats(window, outcomes, functions, total=9_999)
    for message in (stats_message(found, window), digest_message(Digest("C1", found, 7, 3, 2))):
        fine(message)
        assert message_problems(message.blocks) == []
        assert sum(block["type"] == CHART for block in message.blocks) == 1


def test_all_that_a_chart_shows_is_said_in_words_too() -> None:
    found = stats(Window.WEEK, {"COMPLETE": 30, "FAILED": 3, "CANCELLED": 1})
    words = shown(Message("-", without_charts(stats_message(found, Window.WEEK).blocks)))
    assert "34 tasks ended in the last 7 days" in words
    assert ":white_check_mark: 30 complete · :x: 3 failed · :no_entry_sign: 1 cancelled" in words
    assert f"|30 Jan UTC>: 34, 3 badly {'▓' * 10}" in words
    assert words.count("UTC>: 0") == 6


def test_functions_are_told_with_their_percentiles_and_how_many_failed() -> None:
    minute = timedelta(minutes=1)
    one = FunctionReport("app:train", 34, 3, Spread(minute * 3, minute * 9), Spread(minute, minute))
    message = stats_message(stats(Window.DAY, {"COMPLETE": 31, "FAILED": 3}, (one,)), Window.DAY)
    assert "*app:train* · runs 3 min (p50), 9 min (p95) · waits 1 min (p50), 1 min (p95)" in shown(
        message
    )
    assert "*app:train* · 3 of 34 ended badly (9 %)" in shown(message)
    assert "*app:train*, 3 of 34 ended badly (9 %)" in message.text


@pytest.mark.parametrize(("bad", "total", "percent"), [(1, 10_000, 1), (9_999, 10_000, 99)])
def test_a_share_is_never_rounded_to_none_or_all(bad: int, total: int, percent: int) -> None:
    one = FunctionReport("f", total, bad)
    words = shown(stats_message(stats(Window.DAY, {"FAILED": bad}, (one,)), Window.DAY))
    assert f"({percent} %)" in words


@pytest.mark.parametrize("window", Window)
def test_without_a_task_there_is_a_sentence_and_other_times_to_choose(window: Window) -> None:
    message = stats_message(stats(window, {}), window)
    check(message)
    assert f"in the last {window.words}" in message.text
    values = [item["value"] for item in message.blocks[-1]["elements"]]
    assert values == [other.value for other in Window if other is not window]
    empty = digest_message(Digest("C1", stats(window, {})))
    check(empty)
    assert "no task that this channel watches ended" in empty.text


def test_a_digest_compares_with_the_week_before() -> None:
    found = stats(Window.WEEK, {"COMPLETE": 30})
    message = digest_message(Digest("C1", found, 12, 4, 1))
    assert "The week before: 12, 4 of them badly. 1 task cancelled from this channel." in (
        message.text
    )
    assert "24 Jan to 31 Jan: 30 tasks ended" in shown(message)


def test_a_broken_chart_is_noticed() -> None:
    message = stats_message(stats(Window.WEEK, {"COMPLETE": 1}), Window.WEEK)
    chart = next(block for block in message.blocks if block["type"] == CHART)
    chart["chart"]["axis_config"]["categories"][0] = "x" * 21
    with pytest.raises(LimitBroken):
        check(message)
    assert message_problems(message.blocks) != []
