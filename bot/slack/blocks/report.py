"""What became of tasks over some time: counts, percentiles and a chart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.slack.blocks.chart import bar_chart
from bot.slack.blocks.elements import actions, button, context, listed, said, section
from bot.slack.blocks.message import JSON, MAX_TEXT, Message, count, cut, duration, safe
from bot.slack.blocks.words import IN_SUM, sign
from bot.tasks.report import Digest, FunctionReport, Slice, Stats, Window

_NAME = 60
_DAY = timedelta(days=1)


def stats_message(stats: Stats, window: Window) -> Message:
    """Return how the tasks of a workspace ended, with buttons for other times.

    Args:
        stats: the figures.
        window: how far back they look.
    """
    others = actions(
        *(
            button(
                f"Show {other.words}",
                "stats.window",
                other.value,
                spoken=f"Show the last {other.words}",
            )
            for other in Window
            if other is not window
        )
    )
    if not stats.total:
        return said(
            f"No task that Beambot watched has ended in the last {window.words}, so there are no"
            " figures yet. They grow with what is watched.",
            *others,
        )
    head = f"{count(stats.total, 'task')} ended in the last {window.words}"
    small = (
        "Counted are tasks that Beambot watched in any channel. p50: half of the complete tasks"
        " took no longer. p95: 19 of 20 took no longer."
    )
    if stats.capped:
        small += f" There were more; these are the latest {stats.total}."
    text = "\n".join([f"{head}: {_outcomes(stats)}.", *_spoken(stats)])
    blocks = [
        section(f"*{head}*\n{_outcomes(stats, signs=True)}"),
        _chart(stats, f"Tasks ended, last {window.words}"),
        section(_bars(stats)),
        *_functions(stats),
        context(small),
        *others,
    ]
    return Message(cut(text, MAX_TEXT), blocks)


def digest_message(digest: Digest) -> Message:
    """Return a channel's week: how its tasks ended, against the week before."""
    stats = digest.stats
    period = f"{_day(stats.since)} to {_day(stats.until)}"
    if not stats.total:
        return said(
            f":calendar: *Your week in Beam, {period}:* no task that this channel watches ended."
        )
    head = f"{count(stats.total, 'task')} ended"
    before = (
        f"The week before: {digest.total_before}, {digest.bad_before} of them badly."
        if digest.total_before
        else ""
    )
    cancels = (
        f"{count(digest.cancels, 'task')} cancelled from this channel." if digest.cancels else ""
    )
    more = " ".join(line for line in (before, cancels) if line)
    text = "\n".join(
        line
        for line in (f"Your week in Beam: {head}: {_outcomes(stats)}.", more, *_spoken(stats))
        if line
    )
    top = [f":calendar: *Your week in Beam, {period}: {head}*", _outcomes(stats, signs=True), more]
    blocks = [
        section("\n".join(line for line in top if line)),
        _chart(stats, "Tasks ended, by day"),
        section(_bars(stats)),
        *_functions(stats),
        context("Counted are tasks that this channel watched."),
        *actions(button("Show all channels", "stats.show", Window.WEEK.value)),
    ]
    return Message(cut(text, MAX_TEXT), blocks)


def _outcomes(stats: Stats, *, signs: bool = False) -> str:
    order = list(IN_SUM)
    known = sorted(stats.outcomes, key=lambda status: order.index(status))
    said = [
        f"{f'{sign(status)} ' if signs else ''}{stats.outcomes[status]} {IN_SUM[status]}"
        for status in known
    ]
    return (" · " if signs else ", ").join(said)


def _chart(stats: Stats, title: str) -> JSON:
    marks = [_mark(one, stats) for one in stats.slices]
    series = {
        "Complete": [one.complete for one in stats.slices],
        "Ended badly": [one.bad for one in stats.slices],
        "Cancelled": [one.other for one in stats.slices],
    }
    # What never happened needs no colour.
    shown = {name: values for name, values in series.items() if any(values)}
    return bar_chart(title, marks, shown, x_label="Beginning at (UTC)", y_label="Tasks")


def _bars(stats: Stats) -> str:
    """Return the chart in words, which reads well everywhere: numbers first, then the bar."""
    most = max(one.total for one in stats.slices)
    lines = []
    for one in stats.slices:
        bad = f", {one.bad} badly" if one.bad else ""
        cells = f" {'▓' * max(1, round(10 * one.total / most))}" if one.total else ""
        lines.append(f"{_moment(one, stats)}: {one.total}{bad}{cells}")
    return "\n".join(["*Ended, by when*", *lines])


def _functions(stats: Stats) -> list[JSON]:
    made = []
    for title, found, line in (
        ("Slowest", stats.slowest, _times),
        ("Failing most", stats.failing, _failing),
        ("Busiest", stats.busiest, _busy),
    ):
        # With one function there is nothing to rank but that.
        if found and not (title == "Busiest" and stats.functions == 1):
            lines = [line(one) for one in found]
            made.append(section(listed(f"*{title}*", lines, len(lines), len(lines))))
    if stats.functions > len(stats.busiest):
        made.append(context(f"{count(stats.functions, 'function')} in all"))
    return made


def _times(one: FunctionReport) -> str:
    said = [f"• *{_name(one)}*"]
    if one.ran is not None:
        said.append(f"runs {duration(one.ran.p50)} (p50), {duration(one.ran.p95)} (p95)")
    if one.waited is not None:
        said.append(f"waits {duration(one.waited.p50)} (p50), {duration(one.waited.p95)} (p95)")
    return " · ".join(said)


def _failing(one: FunctionReport) -> str:
    return f"• *{_name(one)}* · {one.bad} of {one.total} ended badly ({_percent(one)} %)"


def _busy(one: FunctionReport) -> str:
    bad = f", {one.bad} ended badly" if one.bad else ""
    ran = f" · runs {duration(one.ran.p50)} (p50)" if one.ran else ""
    return f"• *{_name(one)}* · {count(one.total, 'task')}{bad}{ran}"


def _spoken(stats: Stats) -> list[str]:
    """Return what is shown of functions, for notifications and screen readers."""
    said = []
    for title, found, line in (
        ("Slowest", stats.slowest, _times),
        ("Failing most", stats.failing, _failing),
    ):
        if found:
            lines = (line(one).removeprefix("• ").replace(" · ", ", ") for one in found)
            said.append(f"{title}: {'; '.join(lines)}.")
    return said


def _name(one: FunctionReport) -> str:
    return safe(one.name, _NAME) or "…"


def _percent(one: FunctionReport) -> int:
    # Never 0 where something failed, nor 100 where something did not.
    share = round(100 * one.bad / one.total)
    return 100 if one.bad == one.total else min(max(share, 1), 99)


def _step(stats: Stats) -> timedelta:
    return (stats.until - stats.since) / max(1, len(stats.slices))


def _mark(one: Slice, stats: Stats) -> str:
    return f"{one.since.astimezone(UTC):%H:%M}" if _step(stats) < _DAY else _day(one.since)


def _moment(one: Slice, stats: Stats) -> str:
    """Return the beginning of a slice as Slack shows it in the reader's own time zone."""
    form = "{time}" if _step(stats) < _DAY else "{date_short}"
    return f"<!date^{int(one.since.timestamp())}^{form}|{_mark(one, stats)} UTC>"


def _day(when: datetime) -> str:
    when = when.astimezone(UTC)
    return f"{when.day} {when:%b}"
