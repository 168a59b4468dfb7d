"""One workspace tries every route there is against what another one has, and gets nothing of it."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from aiohttp import ClientSession
from slack_bolt.async_app import AsyncApp

from bot.services import Services
from bot.services.leaving import Leaving
from bot.slack import register
from bot.slack.blocks.help import VERBS
from bot.slack.guard import Guard
from tests.callbacks import signed
from tests.grid import Person, Team
from tests.integration.test_many_workspaces import BEAM_A, BEAM_B, LONG, World, world
from tests.stack import JSON, eventually

__all__ = ["world"]

SECRET = "alphasecret"
KEY_A, KEY_B = "sk_canary-alphas-key", "sk_canary-omegas-key"
THEIRS = ("watches", "cards", "cancels", "cancel_questions", "preferences", "beam_accounts")


class Anything:
    """Stands for whatever a route is made of; it is only listed here, never run."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self


class Routes:
    """Lists what is registered, in the place of a Bolt app."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def __getattr__(self, kind: str) -> Any:
        def add(which: str | re.Pattern[str]) -> Any:
            self.found.setdefault(kind, []).append(_name(which))
            return lambda listener: listener

        return add


def _name(which: str | re.Pattern[str]) -> str:
    if isinstance(which, str):
        return which
    plain = which.pattern.removeprefix("^").removesuffix(r"(?:\.\d+)?$").replace("\\", "")
    return "nobody.knows" if plain == ".*" else plain


def routes() -> dict[str, list[str]]:
    """Return every route by its kind, as `bot/slack/__init__.py` registers them."""
    listed, anything = Routes(), Anything()
    register(
        cast("AsyncApp", listed),
        cast("Services", anything),
        cast("Guard", anything),
        cast("ClientSession", anything),
        cast("Leaving", anything),
    )
    return listed.found


def test_every_kind_of_route_is_one_that_is_tried() -> None:
    found = routes()
    assert set(found) == {"command", "event", "shortcut", "view", "action"}
    assert {"task.cancel", "group.cancel", "home.cancel", "cancel.confirm"} <= set(found["action"])
    assert set(found["event"]) <= set(EVENTS)
    assert len(found["action"]) > 30


EVENTS: dict[str, JSON] = {
    "app_mention": {"channel_type": "channel"},
    "message": {"channel_type": "im"},
    "link_shared": {},
    "app_home_opened": {"tab": "home"},
    "app_uninstalled": {},
    "tokens_revoked": {"tokens": {"bot": ["U1"]}},
    "team_access_revoked": {"team_ids": ["TALPHA"]},
}


def test_no_route_leads_to_what_another_workspace_has(world: World) -> None:
    mine, other = world.new_team("ALPHA"), world.new_team("OMEGA")
    for team, token, key in ((mine, BEAM_A, KEY_A), (other, BEAM_B, KEY_B)):
        world.install(team)
        assert "is connected" in json.dumps(world.connect(team, token, key=key))
    tasks = [start(world) for _ in range(3)]
    owner = world.person(mine)
    owner.ask(f"watch {tasks[0]}")
    owner.ask(f"watch {tasks[1]} {tasks[2]}")
    assert SECRET in json.dumps(owner.command(f"cancel {tasks[1]} {tasks[2]}"))
    there = "SELECT count(*) FROM deliveries WHERE team_id = 'TALPHA' AND state = 'sent'"
    eventually(lambda: world.rows(there)[0][0] == 2, "both cards")
    before, said = snapshot(world), len(world.grid.made("chat.postMessage", mine.id))
    values = [*tasks[:1], *ids_of(world)]

    thief = world.person(other)
    for channel in (other.channels[0], mine.channels[0]):
        by_command(thief, tasks, channel)
        by_event(thief, tasks, channel, mine)
        by_modal(thief, tasks, channel, values)
    for number, action in enumerate(routes()["action"]):
        for value in values:
            channel = (other, mine)[number % 2].channels[0]
            view: JSON | None = None
            if action.startswith("home."):
                view = {"type": "home", "private_metadata": "[1, 1]", "blocks": []}
            thief.press(action, value, channel, view=view)
    by_callback(world, tasks)
    for kind in ("tokens_revoked", "app_uninstalled"):
        settle(world)
        thief.event(kind, **EVENTS[kind])
    settle(world)

    heard = [one.given for one in world.grid.calls if one.team_id == other.id]
    heard += [one for one in world.grid.answers if one["team"] == other.id]
    assert len(heard) > 100
    for one in heard:
        for word in (SECRET, mine.admin, f"Name of {mine.id}"):
            assert word not in json.dumps(one), one
    assert snapshot(world) == before
    assert len(world.grid.made("chat.postMessage", mine.id)) == said
    assert [one for one in world.beams.log(BEAM_A) if one["method"] == "DELETE"] == []
    assert all(one["simulation"]["status"] == "RUNNING" for one in alive(world, tasks))
    hints = "SELECT count(*) FROM requests_seen WHERE key LIKE 'hint:%'"
    assert world.rows(hints) == [(0,)]
    # The same is taken of whom it belongs to; a key is not found in what was said or kept.
    assert call_back(world, "workspace=TALPHA&account=main", tasks[0], KEY_A) == 204
    assert world.rows(hints) == [(1,)]
    assert not [one for one in world.grid.calls if KEY_A in json.dumps(one.given)]
    assert KEY_A not in json.dumps(world.grid.answers)
    # What was tried is not refused to whom it belongs.
    assert SECRET in json.dumps(owner.command(f"status {tasks[0]}"))


def start(world: World) -> str:
    given = {"name": SECRET, "handler": f"app:{SECRET}", "life": [list(step) for step in LONG]}
    rows = world.beams._control(BEAM_A, "tasks", given)
    return str(rows[0]["id"])


def alive(world: World, tasks: list[str]) -> list[JSON]:
    return [world.beams._control(BEAM_A, f"tasks/{task}", {}) for task in tasks]


def snapshot(world: World) -> dict[str, list[Any]]:
    """Return what the first workspace has, but for when its cards were last drawn."""
    found: dict[str, list[Any]] = {}
    for table in THEIRS:
        rows = world.rows(f"SELECT * FROM {table} WHERE team_id = 'TALPHA'")  # noqa: S608  # ours
        found[table] = [row[:6] if table == "cards" else row for row in rows]
    found["installations"] = world.rows("SELECT token FROM installations WHERE owner_id = 'TALPHA'")
    assert found["watches"]
    assert found["cancel_questions"]
    return found


def ids_of(world: World) -> list[str]:
    """Return what buttons carry of the first workspace's cards and questions."""
    cards = world.rows("SELECT id FROM cards WHERE team_id = 'TALPHA'")
    questions = world.rows("SELECT id FROM cancel_questions WHERE team_id = 'TALPHA'")
    return [*(str(one) for (one,) in [*cards, *questions]), "cancel:1"]


def by_command(thief: Person, tasks: list[str], channel: str) -> None:
    for verb in [*(verb.name for verb in VERBS), ""]:
        for rest in ("", tasks[0], tasks[0][:8], " ".join(tasks[1:]), "all"):
            thief.ask(f"{verb} {rest}".strip(), channel)


def by_event(thief: Person, tasks: list[str], channel: str, mine: Team) -> None:
    link = {"domain": "platform.beam.cloud", "url": f"https://platform.beam.cloud/tasks/{tasks[0]}"}
    for kind, rest in EVENTS.items():
        if kind in ("app_uninstalled", "tokens_revoked"):
            continue
        for number, text in enumerate((f"status {tasks[0]}", f"cancel {tasks[0]}", "list")):
            where = f"D{thief.user}" if kind == "message" else channel
            ts = f"{number}.{kind}{channel}"
            thief.event(
                kind, user=thief.user, channel=where, ts=ts, message_ts=ts, text=text,
                links=[link], **rest,
            )  # fmt: skip
    assert mine.id != thief._team.id


def by_modal(thief: Person, tasks: list[str], channel: str, values: list[str]) -> None:
    for shortcut in routes()["shortcut"]:
        for kind in ("shortcut", "message_action"):
            message = {"ts": "1.1", "text": " ".join(tasks)}
            key = thief._key()
            thief.interact(
                kind, key, callback_id=shortcut, channel={"id": channel}, message=message
            )
    for view in routes()["view"]:
        metadata = json.dumps({"channel": channel, "keys": values, "thread_ts": "1.1"})
        for element in ("ids", "value", "reason"):
            shown = {"type": "modal", "callback_id": view, "private_metadata": metadata}
            block = {element: {"type": "plain_text_input", "value": tasks[0]}}
            where = {"channel": {"type": "conversations_select", "selected_conversation": channel}}
            thief.submit(shown, {element: block, "tasks": block, "channel": where})


def by_callback(world: World, tasks: list[str]) -> None:
    """Sign with the thief's own key; its own address is good, but not for another's tasks."""
    own, theirs = "workspace=TOMEGA&account=main", "workspace=TALPHA&account=main"
    for task in tasks:
        assert call_back(world, own, task, KEY_B) == 204
        for query in (theirs, f"{own}&{theirs}", f"{theirs}&{own}", "", theirs.lower()):
            assert call_back(world, query, task, KEY_B) == 401


def call_back(world: World, query: str, task: str, key: str) -> int:
    body, headers = signed(task, key)
    url = f"{world.bot.url}/beam/callback?{query}"
    return world.bot.client.post(url, content=body, headers=headers).status_code


def settle(world: World) -> None:
    """Wait until the bot has done all that it was asked for."""
    quiet = 0

    def done() -> bool:
        nonlocal quiet
        text = world.bot.client.get(f"{world.bot.url}/metrics").text
        now = sum(
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.startswith("beambot_requests")
        )
        counts.append(now)
        quiet = quiet + 1 if len(counts) > 1 and counts[-2] == now else 0
        return quiet >= 20

    counts: list[float] = []
    eventually(done, "nothing more is under way", 60)
