"""The simulation of many workspaces keeps the product's rules, and the docs have its tables."""

from __future__ import annotations

import asyncio
import random
from argparse import ArgumentParser
from dataclasses import fields, replace
from pathlib import Path

import pytest

from bench.scale.costs import STEPS, Cost, Running
from bench.scale.day import simulate
from bench.scale.held import Held
from bench.scale.kept import KEPT, Table, bytes_a_row
from bench.scale.limits import limits
from bench.scale.lives import functions, requests
from bench.scale.load import Days
from bench.scale.measured import Measured
from bench.scale.model import Model, Size, add_arguments, model_of, sizes
from bench.scale.needs import needs
from bench.scale.page import page
from bench.seed import url_of
from bench.table import BEGIN, END
from bot.services.deliver import EDIT_PACE, POST_PACE
from bot.tasks import Status, Task, TaskId

DOCS = Path(__file__).parents[2] / "docs" / "scale.md"
SMALL = replace(Model(), watched=(10.0, 30.0, 100.0), spread=0.0, group=6.0)
BUSY = replace(
    Model(),
    watched=(1_200.0,) * 3,
    channels=(1.0,) * 3,
    peak=40.0,
    grouped=0.0,
    run_median=20.0,
)
"""One channel that is told far more at its busiest than Slack takes."""
COST = Cost(cpu=0.01, writes=2.0, rows=3.0, transaction=0.002)


def measured() -> Measured:
    """Return unit costs that nobody measured."""
    steps, tables = dict.fromkeys(STEPS, COST), dict.fromkeys(KEPT, Table(10, 100.0))
    return Measured(steps, steps, Running(COST, 100.0, 0.02), tables, tables, Held(4e3, 7e3))


def test_the_same_seed_gives_the_same_day_and_another_seed_another_one() -> None:
    once, again, other = (simulate(SMALL, 5, seed=seed) for seed in (1, 1, 2))
    assert once == again
    assert once != other


def test_twice_the_workspaces_are_about_twice_the_polls() -> None:
    few, many = (simulate(SMALL, count).mean("checks") for count in (20, 40))
    assert 1.6 < many / few < 2.4


def test_a_sample_stands_for_all() -> None:
    all_of_them = simulate(SMALL, 100, exact=100)
    sample = simulate(SMALL, 100, exact=40)
    for name in ("checks", "posts", "edits"):
        assert sample.mean(name) == pytest.approx(all_of_them.mean(name), rel=0.25)
    assert sum(one.weight for one in sizes(Model(), 10_000)) == pytest.approx(10_000)
    whole = sum(one.weight * one.watched for one in sizes(Model(), 10_000))
    assert whole == pytest.approx(10_000 * (0.8 * 20 + 0.18 * 200 + 0.02 * 3_000), rel=0.05)


def test_no_channel_is_sent_more_than_its_pace_and_what_waits_is_told_later() -> None:
    day = simulate(BUSY, 1)
    posts = 60 / POST_PACE.total_seconds()
    assert 0.8 * posts < day.worst("channel posts") <= posts
    assert day.worst("late") > 1


def test_no_channel_sees_more_edits_than_its_pace_and_what_lies_between_is_skipped() -> None:
    day = simulate(replace(BUSY, grouped=1.0, group=25.0), 1)
    edits = 60 / EDIT_PACE.total_seconds()
    assert 0.8 * edits < day.worst("channel edits") <= edits + 1
    assert day.mean("edits") < 0.8 * day.mean("found")


def test_no_account_is_asked_more_than_its_budget_and_intervals_are_stretched_instead() -> None:
    model = replace(BUSY, watched=(200.0,) * 3, channels=(40.0,) * 3, run_median=900.0)
    free, short = simulate(model, 1), simulate(replace(model, beam_limit=0.5), 1)
    assert short.worst("account") <= 30 + 1 < free.worst("account")
    assert free.worst("stretch") == 1.0 < short.worst("stretch")
    assert short.mean("checks") < free.mean("checks")
    # Without that, looks would wait for twice as long.
    assert short.worst("look late") < 100
    # Nothing is lost, only later: some are over before the first question's turn has come.
    assert 0.9 * short.rows("tasks") < short.rows("runs") <= short.rows("tasks")
    assert free.rows("runs") == free.rows("tasks") == short.rows("tasks")


def test_every_task_is_seen_to_its_end_and_told() -> None:
    model = replace(SMALL, failed=0.0, retried=0.0, grouped=0.0)
    day = simulate(model, 1)
    tasks = day.rows("tasks")
    assert day.rows("runs") == tasks
    # A card for each, and at least its end.
    assert day.rows("cards") == tasks
    assert 2 * tasks <= day.rows("deliveries") == tasks + day.rows("transitions")


def test_groups_need_fewer_messages() -> None:
    alone, together = (simulate(replace(SMALL, grouped=part), 20) for part in (0.0, 0.9))
    assert together.mean("posts") < 0.6 * alone.mean("posts")


def test_requests_are_drawn_as_the_model_says() -> None:
    size = Size(0, "medium", 1.0, 2_000, 3, 4, 5)
    dice = random.Random(4)
    drawn = requests(Model(), size, functions(Model(), size, dice), dice)
    assert sum(len(one.lives) for one in drawn) == 2_000
    grouped = sum(len(one.lives) for one in drawn if len(one.lives) > 1)
    assert grouped / 2_000 == pytest.approx(Model().grouped, abs=0.12)
    day = [one.at for one in drawn]
    busy = sum(13 * 3_600 <= at < 15 * 3_600 for at in day) / len(day)
    assert busy / (2 / 24) == pytest.approx(Model().peak, rel=0.25)


def test_every_assumption_can_be_changed_from_the_command_line() -> None:
    parser = ArgumentParser()
    add_arguments(parser)
    assert model_of(parser.parse_args([])) == Model()
    given = ["--watched", "1,2,3", "--beam-limit", "7"]
    assert model_of(parser.parse_args(given)) == replace(
        Model(), watched=(1.0, 2.0, 3.0), beam_limit=7.0
    )


def test_more_workspaces_need_more_of_everything() -> None:
    few, many = (needs(SMALL, measured(), count, simulate(SMALL, count)) for count in (4, 40))
    for what in ("cores", "rows_kept", "memory", "egress", "writes", "writer"):
        assert getattr(many, what) > getattr(few, what), what
    assert sum(many.dollars(SMALL).values()) > sum(few.dollars(SMALL).values())
    # What is kept is what a day adds, for as many days as it is kept.
    assert few.rows_kept > 180 * few.days.rows("tasks")


def test_copies_are_added_before_one_is_too_busy() -> None:
    day = Days((simulate(SMALL, 4).loads[0],))
    cheap, dear = (
        needs(
            SMALL,
            replace(measured(), sqlite=dict.fromkeys(STEPS, replace(COST, cpu=cpu))),
            4,
            day,
        )
        for cpu in (0.001, 1.0)
    )
    assert cheap.copies == 1 < dear.copies
    assert dear.cores / dear.copies <= SMALL.use


async def test_rows_are_measured_on_a_database_that_the_product_filled(tmp_path: Path) -> None:
    file = tmp_path / "rows.db"
    task = Task(TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a"), Status("PENDING"), function="f")
    taken = await asyncio.wait_for(bytes_a_row(url_of(file), file, task, 40), 60)
    assert {name: one.rows for name, one in taken.items()} == {
        "deliveries": 120,
        "watches": 40,
        "cards": 40,
        "tasks": 40,
        "transitions": 80,
        "runs": 40,
        "requests_seen": 40,
    }
    # Rows of other tables fit into pages that are there in any case.
    assert taken["deliveries"].bytes_a_row > 200
    assert taken["tasks"].bytes_a_row > 200


def test_the_documentation_has_the_tables_that_the_command_prints() -> None:
    kept = DOCS.read_text().partition(BEGIN)[2].partition(END)[0]
    counts = (1, 100, 10_000)
    found = [needs(SMALL, measured(), count, simulate(SMALL, 1)) for count in counts]
    printed = page(SMALL, measured(), found, limits(SMALL, found))
    assert _form(kept) == _form(printed)
    for one in fields(Model):
        assert f"`--{one.name.replace('_', '-')}`" in kept


def _form(text: str) -> list[str]:
    """Return headings, the heads of tables, and what each row is about."""
    lines = text.splitlines()
    form = [line for line in lines if line.startswith("### ")]
    for number, line in enumerate(lines):
        if line.startswith("| ---"):
            form.append(lines[number - 1])
        elif line.startswith("| "):
            form.append(line.split("|")[1].strip())
    return form
