"""Turns are shared so that few workspaces have many and each has one."""

from __future__ import annotations

import random

from bot.services.turns import AT_ONCE, OF_ONE, Turns


def take(turns: Turns, *waiting: str) -> dict[str, int]:
    """Give out all that may be given; return how many each got."""
    got: dict[str, int] = dict.fromkeys(waiting, 0)
    while wanted := turns.share(waiting):
        for team_id, count in wanted.items():
            got[team_id] += count
            for _ in range(count):
                turns.begin(team_id)
    return got


def test_one_workspace_alone_has_as_many_as_one_may() -> None:
    turns = Turns()
    assert take(turns, "T1") == {"T1": OF_ONE}
    assert turns.full() == {"T1"}
    assert turns.free == AT_ONCE - OF_ONE


def test_crowded_workspaces_have_about_the_same_each_and_leave_something() -> None:
    for count in (2, 3, 5, 10, 20, 40):
        turns = Turns()
        got = take(turns, *(f"T{number}" for number in range(count)))
        assert max(got.values()) - min(got.values()) <= 2
        assert turns.free >= 1
        # Whoever comes now need not wait until one of them is done.
        assert take(turns, "new")["new"] >= 1


def test_whoever_came_first_does_not_keep_what_others_want() -> None:
    turns = Turns(8, 8)
    assert take(turns, "T1") == {"T1": 4}
    assert take(turns, "T1", "T2") == {"T1": 0, "T2": 2}
    for _ in range(4):
        turns.end("T1")
    assert take(turns, "T1", "T2") == {"T1": 3, "T2": 1}


def test_never_more_are_given_than_there_are() -> None:
    chance = random.Random(5)
    for _ in range(50):
        turns, held = Turns(chance.randint(1, 20), chance.randint(1, 8)), list[str]()
        for _ in range(40):
            waiting = [f"T{number}" for number in range(10) if chance.random() < 0.5]
            before = turns.free
            for team_id, count in turns.share(waiting).items():
                held += [team_id] * count
                for _ in range(count):
                    turns.begin(team_id)
            assert before == 0 or not waiting or turns.free < before or held
            assert turns.free >= 0
            chance.shuffle(held)
            for _ in range(chance.randint(0, len(held))):
                turns.end(held.pop())
        for team_id in held:
            turns.end(team_id)
        assert not turns.full()


def test_some_of_those_that_hold_nothing_get_the_last_turn() -> None:
    turns = Turns(3, 3)
    for team_id in ("T1", "T1"):
        turns.begin(team_id)
    assert turns.share(["T1", "T2", "T3"]) == {"T2": 1}
    turns.begin("T2")
    assert turns.share(["T3"]) == {}
    assert turns.full() == {"T1", "T2"}
