"""The Home tab over real sockets: shown, pressed, refused, and while Beam is down."""

from __future__ import annotations

import json
from typing import Any

from tests.stack import ANA, EVE, GUS, INFERENCE, OMAR, OPS, Stack, eventually

JSON = dict[str, Any]


def open_home(stack: Stack, user: str, *words: str, without: str = "\0") -> JSON:
    """Open Home, and again until it holds all words: what was asked for takes a moment."""

    def opened() -> JSON | None:
        old = home_hash(stack, user)
        assert stack.control("home", user=user)["status"] == 200
        eventually(lambda: home_hash(stack, user) != old, f"the Home of {user} is drawn anew")
        return home_of(stack, user, *words, without=without)

    return eventually(opened, f"{words} on the Home of {user}")


def see_home(stack: Stack, user: str, *words: str, without: str = "\0") -> JSON:
    """Wait until Home holds all words without being opened again."""
    shown = f"{words} on the Home of {user}"
    return eventually(lambda: home_of(stack, user, *words, without=without), shown)


def home_hash(stack: Stack, user: str) -> str:
    state = stack.client.get(f"{stack.slack}/_control/state").json()
    return str((state["homes"].get(user) or {}).get("hash"))


def home_of(stack: Stack, user: str, *words: str, without: str) -> JSON | None:
    state = stack.client.get(f"{stack.slack}/_control/state").json()
    home: JSON = state["homes"].get(user) or {}
    text = json.dumps(home)
    fits = all(word in text for word in words) and without not in text
    return home if home and fits else None


def button(home: JSON, action: str, words: str) -> JSON:
    """Return a button of the row that holds the words."""
    blocks = home["blocks"]
    rows = [n for n, block in enumerate(blocks) if words in json.dumps(block.get("text"))]
    for number in rows:
        for element in blocks[number + 1].get("elements", ()):
            if element["action_id"].startswith(action):
                return {"action_id": element["action_id"]}
    raise AssertionError(f"no {action} for {words}")


def press(stack: Stack, user: str, home: JSON, where: JSON) -> None:
    told = stack.control("act", user=user, view_id=home["id"], **where)
    assert told["status"] == 200, told


def test_ones_own_watch_is_opened_unwatched_and_told_as_it_is_now(socket_stack: Stack) -> None:
    stack, task = socket_stack, socket_stack.task()
    stack.command(f"watch {task}", channel=INFERENCE)
    card = stack.see(task, "Watched by", channel=INFERENCE)
    home = open_home(stack, ANA, "My watches", task, "running")
    link = f"/archives/{INFERENCE}/p{card['ts'].replace('.', '')}"
    assert link in json.dumps(home)
    unwatch = button(home, "home.unwatch", task)
    press(stack, ANA, home, unwatch)
    see_home(stack, ANA, without=task)
    stack.see(task, "task.watch", channel=INFERENCE, edited=True)
    stack.command(f"watch {task}", channel=INFERENCE)
    home = open_home(stack, ANA, task)
    stack.command(f"unwatch {task}", channel=INFERENCE)
    press(stack, ANA, home, button(home, "home.unwatch", task))
    see_home(stack, ANA, "not watched any more", without=f"`{task}`")


def test_a_cancel_on_home_is_told_in_the_thread_and_on_home(socket_stack: Stack) -> None:
    stack, task = socket_stack, socket_stack.task()
    stack.command(f"watch {task}", channel=INFERENCE)
    card = stack.see(task, "Watched by", channel=INFERENCE)
    home = open_home(stack, OMAR, "In public channels", task)
    where = button(home, "home.cancel", task)
    press(stack, OMAR, home, where)
    stack.see(task, f"<@{OMAR}> asked to cancel", channel=INFERENCE, thread_ts=card["ts"])
    see_home(stack, OMAR, f"<@{OMAR}> asked to cancel", "*cancelled*")


def test_a_click_on_what_has_ended_says_how(socket_stack: Stack) -> None:
    stack, task = socket_stack, socket_stack.task((0, "RUNNING"), (600, "COMPLETE"))
    stack.command(f"watch {task}", channel=INFERENCE)
    home = open_home(stack, ANA, task)
    where = button(home, "home.cancel", task)
    stack.become(task, "COMPLETE")
    stack.see(task, "COMPLETE", channel=INFERENCE, broadcast=True)
    press(stack, ANA, home, where)
    see_home(stack, ANA, "already ended", "COMPLETE")


def test_what_failed_comes_first(socket_stack: Stack) -> None:
    stack, task = socket_stack, socket_stack.task()
    stack.command(f"watch {task}", channel=INFERENCE)
    stack.see(task, "Watched by", channel=INFERENCE)
    stack.become(task, "FAILED")
    stack.see(task, "FAILED", channel=INFERENCE, broadcast=True)
    open_home(stack, ANA, "Needs attention", task)
    open_home(stack, OMAR, "Needs attention", task)


def test_private_channels_stay_private_and_guests_see_their_own(socket_stack: Stack) -> None:
    stack = socket_stack
    private, public, seen = (stack.task() for _ in range(3))
    stack.command(f"watch {private}", channel=OPS)
    stack.command(f"watch {public}", channel=INFERENCE)
    stack.command(f"watch {seen}")
    open_home(stack, ANA, private, public, seen)
    open_home(stack, OMAR, public, seen, without=private)
    home = open_home(stack, GUS, seen, without=public)
    press(stack, GUS, home, button(home, "home.cancel", seen))
    see_home(stack, GUS, "Guests may not cancel", seen)
    open_home(stack, EVE, "You are here from another workspace", without="home.cancel")


def test_dialogs_open_from_home_and_home_shows_what_they_did(socket_stack: Stack) -> None:
    stack, task = socket_stack, socket_stack.task()
    home = open_home(stack, OMAR, "home.watch")

    def modal() -> JSON | None:
        state = stack.client.get(f"{stack.slack}/_control/state").json()
        return next(iter(state["views"].values()), None)

    press(stack, OMAR, home, {"action_id": "home.help"})
    view = eventually(modal)
    assert "/beam watch" in json.dumps(view)
    stack.control("close", user=OMAR, view_id=view["id"])
    press(stack, OMAR, home, {"action_id": "home.watch"})
    view = eventually(modal)
    given = {"tasks": {"ids": task}, "channel": {"channel": INFERENCE}}
    assert stack.control("submit", user=OMAR, view_id=view["id"], values=given)["status"] == 200
    see_home(stack, OMAR, "My watches", task)


def test_while_beam_is_down_home_says_so_and_shows_what_was_known(socket_stack: Stack) -> None:
    stack, task = socket_stack, socket_stack.task()
    stack.command(f"watch {task}", channel=INFERENCE)
    home = open_home(stack, ANA, task)
    faults = f"{stack.beam}/_control/faults"
    stack.client.post(faults, json={"kind": "500"}).raise_for_status()
    press(stack, ANA, home, {"action_id": "home.refresh"})
    see_home(stack, ANA, "does not answer", task)
    stack.client.delete(faults).raise_for_status()
    press(stack, ANA, home, {"action_id": "home.refresh"})
    see_home(stack, ANA, task, without="does not answer just now")
