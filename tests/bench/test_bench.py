"""The parts of the bench run and say what they measured; how long they take is nobody's concern."""

from __future__ import annotations

import asyncio

from bench import policy, steps
from bench.product import now, product
from bench.profile import WORDS, word
from bench.seed import new_ids, sample, seed
from bench.stage import Row, Stage, call, stage
from bench.table import markdown
from storage.tasks import TaskStore


def test_the_simulation_is_the_same_each_time() -> None:
    tasks = policy.lives(50)
    once, again = (policy.simulate(tasks, policy.product(history=True)) for _ in range(2))
    assert once == again
    assert once.requests >= 1
    assert once.late >= 0


def test_the_simulated_beam_is_polled_by_the_product_itself() -> None:
    ids = new_ids(40)

    async def poll(servers: Stage) -> int:
        async with product(servers) as made:
            await seed(made.database, ids, like=sample(servers))
            servers.flip(ids[:5], "COMPLETE")
            made.poller.start()
            await made.poller.tick()
            await made.poller.settle()
            await made.poller.stop(5)
            return (await TaskStore(made.database).counts(now()))[0]

    with stage() as servers:
        assert asyncio.run(poll(servers)) == 35
        assert call(f"{servers.beam}/_control/state")["asked"] == 41


def test_a_row_that_misses_its_target_says_so() -> None:
    row = Row("a thing", "1", "2", "0.5", "at least 0.8", met=False, note="why")
    text = markdown([row], "a machine")
    assert "| a thing | 1 | 2 | 0.5 | at least 0.8 | **no** |" in text
    assert "- a thing: why" in text


def test_the_profile_has_a_word_for_everything_of_ours() -> None:
    for file in ("/x/bot/beam/models.py", "/x/storage/tasks.py", "/x/bot/services/poll.py"):
        assert word(file, "f") in WORDS


def test_every_step_of_a_check_is_measured_and_none_is_free() -> None:
    costs = asyncio.run(steps.measure(checks=60, rounds=1))
    assert set(costs) == set(steps.WORDS)
    assert min(costs.values()) > 0
