"""Home shows each person what they may see, what needs attention first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.beam.errors import Unavailable
from bot.tasks import Status, TaskId
from bot.tasks.home import Concern, HomePage
from bot.tasks.records import Place, Trouble, WatchPage
from storage.home import MOST_CONCERNS, ROWS
from tests.bot.services.world import A, B, World

ANA = Place("T1", "UANA", "UANA")
OMAR = Place("T1", "UOMAR", "UOMAR")
GUEST = Place("T1", "UGUEST", "UGUEST")


class Homes:
    """A world with Homes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pages = world.home
        world.slack.public = {"CPUBLIC", "COTHER"}
        world.slack.guest_channels = {"COTHER"}

    async def watch(self, who: Place, channel: str, *ids: TaskId, status: str = "RUNNING") -> None:
        for task_id in ids:
            if task_id not in self.world.beam.tasks:
                self.world.beam.put(task_id, status)
        await self.world.watching.watch(replace(who, channel_id=channel), ids)

    async def home(self, who: Place, mine: int = 1, others: int = 1) -> HomePage:
        return await self.pages.page(who, mine, others)


@pytest.fixture
async def homes(database_url: str) -> AsyncIterator[Homes]:
    world = World(database_url)
    await world.open()
    yield Homes(world)
    await world.close()


def ids(count: int) -> list[TaskId]:
    return [TaskId(f"07ce4078-bccc-4a42-b530-{number:012d}") for number in range(count)]


def tasks(page: WatchPage) -> list[TaskId]:
    return [known.task.id for row in page.rows for known in row.members]


async def test_a_first_visit_is_empty(homes: Homes) -> None:
    assert (await homes.home(ANA)).empty


async def test_own_watches_and_those_of_public_channels_are_told_apart(homes: Homes) -> None:
    await homes.watch(ANA, "CPUBLIC", A)
    await homes.watch(OMAR, "CPUBLIC", B)
    page = await homes.home(ANA)
    assert (tasks(page.mine), tasks(page.others)) == ([A], [B])
    assert page.counts.running == 2
    assert page.counts.waiting == 0


async def test_a_private_channel_is_shown_to_who_watches_in_it_and_to_nobody_else(
    homes: Homes,
) -> None:
    await homes.watch(ANA, "CPRIVATE", A)
    await homes.watch(ANA, "DANA", B)
    for who in (OMAR, GUEST):
        page = await homes.home(who)
        assert page.empty
        assert page.counts.flying == 0
    page = await homes.home(ANA)
    assert tasks(page.mine) == [B, A]
    card = page.mine.rows[0].card.id
    assert await homes.pages.row(ANA, card) is not None
    assert await homes.pages.row(OMAR, card) is None


async def test_failures_in_private_channels_stay_private_too(homes: Homes) -> None:
    await homes.watch(ANA, "CPRIVATE", A)
    homes.world.beam.tasks[A] = replace(
        homes.world.beam.tasks[A], status=Status("FAILED"), function="train"
    )
    await homes.world.turn()
    page = await homes.home(ANA)
    assert [(one.concern, one.known.task.id) for one in page.attention] == [(Concern.FAILED, A)]
    assert page.counts.failed == 1
    page = await homes.home(OMAR)
    assert page.attention == ()
    assert page.counts.failed == 0


async def test_guests_see_the_channels_that_they_are_in(homes: Homes) -> None:
    await homes.watch(OMAR, "CPUBLIC", A)
    await homes.watch(OMAR, "COTHER", B)
    assert tasks((await homes.home(GUEST)).others) == [B]


async def test_where_slack_does_not_say_what_is_public_nothing_of_others_is_shown(
    homes: Homes,
) -> None:
    await homes.watch(OMAR, "CPUBLIC", A)
    await homes.watch(ANA, "CPUBLIC", B)
    homes.world.slack.channels_unknown = True
    page = await homes.home(ANA)
    assert (tasks(page.mine), page.others.total, page.channels_known) == ([B], 0, False)


async def test_a_task_in_two_channels_counts_once(homes: Homes) -> None:
    await homes.watch(ANA, "CPUBLIC", A)
    await homes.watch(ANA, "COTHER", A)
    assert (await homes.home(ANA)).counts.running == 1


async def test_what_failed_comes_before_what_is_stale_and_what_waits_long(homes: Homes) -> None:
    failing, stale, waiting, young = ids(4)
    beam, clock = homes.world.beam, homes.world.clock
    await homes.watch(OMAR, "CPUBLIC", failing, A)
    await homes.watch(ANA, "CPUBLIC", stale)
    for task_id in (waiting, young):
        beam.put(task_id, "PENDING")
        beam.tasks[task_id] = replace(beam.tasks[task_id], started_at=None)
    beam.tasks[waiting] = replace(beam.tasks[waiting], created_at=clock() - timedelta(minutes=11))
    await homes.watch(ANA, "CPUBLIC", waiting, young)
    beam.tasks[failing] = replace(beam.tasks[failing], status=Status("TIMEOUT"), function="f")
    await homes.world.turn()
    real = beam.get

    async def get(task_id: TaskId) -> object:
        if task_id == stale:
            raise Unavailable("down")
        return await real(task_id)

    beam.get = get  # type: ignore[method-assign, assignment]
    for _ in range(3):
        await homes.world.turn(30)
    page = await homes.home(ANA)
    assert [(one.concern, one.known.task.id) for one in page.attention] == [
        (Concern.FAILED, failing),
        (Concern.STALE, stale),
        (Concern.WAITING, waiting),
    ]
    assert (page.counts.failed, page.counts.stale, page.counts.waiting) == (1, 1, 2)


async def test_a_failure_is_forgotten_after_a_day_and_ones_own_come_first(homes: Homes) -> None:
    beam = homes.world.beam
    many = ids(MOST_CONCERNS + 2)
    await homes.watch(OMAR, "CPUBLIC", *many)
    await homes.watch(ANA, "CPUBLIC", A)
    for task_id in (A, *many):
        beam.tasks[task_id] = replace(
            beam.tasks[task_id], status=Status("ERROR"), function="f", ended_at=homes.world.clock()
        )
    await homes.world.turn()
    page = await homes.home(ANA)
    assert page.attention[0].known.task.id == A
    assert len(page.attention) == MOST_CONCERNS
    assert page.counts.failed == len(many) + 1
    homes.world.clock.advance(24 * 3600 + 1)
    page = await homes.home(ANA)
    assert (page.attention, page.counts.failed) == ((), 0)


async def test_lists_are_paged_each_by_itself_and_pages_beyond_the_end_are_the_last(
    homes: Homes,
) -> None:
    many = ids(ROWS + 1)
    for task_id in many:
        await homes.watch(ANA, "CPUBLIC", task_id)
    await homes.watch(OMAR, "CPUBLIC", A)
    first = await homes.home(ANA)
    assert (first.mine.page, first.mine.pages, first.mine.total) == (1, 2, ROWS + 1)
    assert tasks(first.mine) == many[::-1][:ROWS]
    last = await homes.home(ANA, mine=99)
    assert (tasks(last.mine), tasks(last.others)) == (many[:1], [A])


async def test_refresh_asks_beam_and_says_if_it_does_not_answer(homes: Homes) -> None:
    await homes.watch(ANA, "CPUBLIC", A)
    page = await homes.home(ANA)
    assert await homes.pages.refresh(ANA, page) is None
    homes.world.beam.put(A, "COMPLETE")
    await homes.pages.refresh(ANA, page)
    assert (await homes.home(ANA)).mine.total == 0
    await homes.watch(ANA, "CPUBLIC", B)
    page = await homes.home(ANA)
    homes.world.beam.broken = Unavailable("down")
    assert await homes.pages.refresh(ANA, page) is Trouble.UNREACHABLE
