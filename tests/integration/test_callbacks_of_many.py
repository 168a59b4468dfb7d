"""Callbacks of many workspaces on the real process: each account has a key of its own."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.callbacks import signed
from tests.grid import Call, Team
from tests.integration.test_many_workspaces import (
    BEAM_A,
    BEAM_B,
    LONG,
    World,
    filled,
    new_world,
    posts_about,
    text_of,
)
from tests.stack import JSON, eventually
from tests.torture import many

FAR = 60.0
"""Seconds to the next poll."""
KEY, NEW_KEY = "sk_canary-one", "sk_canary-two"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A bot that polls once a minute, and has a key of its own that counts for nobody."""
    slow = {"POLL_INTERVAL": str(FAR), "POLL_MAX_INTERVAL": str(FAR)}
    folder = tmp_path_factory.mktemp("called")
    with new_world(folder, **slow, BEAM_CALLBACK_KEY="sk_canary-operators") as made:
        yield made


def new_team(world: World, name: str, key: str = "") -> tuple[Team, str]:
    """Install the bot and connect an account; return also what was said of that."""
    team = world.new_team(name)
    world.install(team)
    said = text_of(*world.connect(team, BEAM_A, key=key))
    assert "is connected" in said
    return team, said


def address(team: Team, account: str = "main") -> str:
    return f"workspace={team.id}&account={account}"


def call_back(
    world: World, query: str, task: str, key: str, at: float | None = None
) -> httpx.Response:
    body, headers = signed(task, key, at)
    url = f"{world.bot.url}/beam/callback?{query}"
    return world.bot.client.post(url, content=body, headers=headers)


def watched(world: World, team: Team, token: str = BEAM_A) -> str:
    """Have a task watched; return its id once its card is there."""
    task = world.beams.start(token, *LONG)
    world.person(team).ask(f"watch {task}")
    eventually(lambda: posts_about(world, team, task), "a card")
    return task


def asked(world: World, task: str, token: str = BEAM_A) -> int:
    return sum(task in json.dumps(one) for one in world.beams.log(token) if one["method"] == "GET")


def end_of(world: World, team: Team, task: str) -> Call | None:
    told = [one for one in posts_about(world, team, task) if one.given.get("reply_broadcast")]
    return told[0] if told else None


def test_an_end_is_told_within_about_a_second_of_its_callback(world: World) -> None:
    team, said = new_team(world, "FAST", KEY)
    assert f"/beam/callback?{address(team)}".replace("&", "&amp;") in said
    took = []
    for _ in range(many(3, 30)):
        task = watched(world, team)
        # A channel takes one post a second, and has just had the card.
        posted = max(one.at for one in posts_about(world, team, task))
        eventually(lambda at=posted: time.time() - at > 1.2, "the channel's pace")  # type: ignore[misc]
        world.beams.become(BEAM_A, task, "COMPLETE")
        began = time.time()
        assert call_back(world, address(team), task, KEY).status_code == 204
        end = eventually(lambda t=task: end_of(world, team, t), "the end is told", FAR / 4)  # type: ignore[misc]
        took.append(end.at - began)
    print(
        f"{len(took)} ends told {statistics.median(took):.2f} s after their callbacks, the slowest"
        f" {max(took):.2f} s, {FAR:.0f} s before the next poll"
    )


def test_tasks_that_end_together_with_the_same_result_are_all_looked_at(world: World) -> None:
    team, _ = new_team(world, "TOGETHER", KEY)
    tasks = [watched(world, team) for _ in range(3)]
    before = [asked(world, task) for task in tasks]
    at = time.time()
    for _ in range(2):
        for task in tasks:
            # Id and status are not signed: all of these have the same signature.
            assert call_back(world, address(team), task, KEY, at).status_code == 204
    eventually(
        lambda: [asked(world, task) for task in tasks] == [count + 1 for count in before],
        "each is looked at once",
        FAR / 4,
    )


def test_all_that_is_not_signed_with_the_accounts_key_looks_the_same(world: World) -> None:
    mine, _ = new_team(world, "MINE", KEY)
    other, _ = new_team(world, "OTHER", NEW_KEY)
    world.connect(mine, BEAM_B, "keyless")
    task = watched(world, mine)
    before, noted = asked(world, task), world.rows("SELECT count(*) FROM requests_seen")
    tries = [
        ("a wrong key", address(mine), "guessed"),
        ("another workspace's key", address(mine), NEW_KEY),
        ("another workspace's name", address(other), KEY),
        ("an account without a key", address(mine, "keyless"), KEY),
        ("an account without a key, empty", address(mine, "keyless"), ""),
        ("an unknown account", address(mine, "nothere"), KEY),
        ("an unknown workspace", address(Team("TNOWHERE", ())), KEY),
        ("no name, the operator's key", "", "sk_canary-operators"),
        ("no name", "", KEY),
        ("both", f"{address(mine)}&{address(other)}", KEY),
    ]
    said = {what: call_back(world, query, task, key) for what, query, key in tries}
    shapes = {
        what: (one.status_code, one.content, sorted(one.headers.keys()))
        for what, one in said.items()
    }
    assert set(map(str, shapes.values())) == {str((401, b"", shapes["a wrong key"][2]))}, shapes
    assert world.rows("SELECT count(*) FROM requests_seen") == noted
    assert asked(world, task) == before
    long = world.bot.client.post(
        f"{world.bot.url}/beam/callback?{address(mine)}", content=b"x" * 1_000_001
    )
    assert long.status_code == 413


def test_a_callback_that_is_repeated_or_of_a_task_nobody_watches_costs_nothing(
    world: World,
) -> None:
    team, _ = new_team(world, "REPEAT", KEY)
    task, at = watched(world, team), time.time()
    before = asked(world, task)
    stranger = "00000000-0000-4000-8000-000000000000"
    hints = "SELECT count(*) FROM requests_seen WHERE team_id = 'TREPEAT' AND key LIKE 'hint:%'"
    for _ in range(5):
        assert call_back(world, address(team), task, KEY, at).status_code == 204
        assert call_back(world, address(team), stranger, KEY, at).status_code == 204
    eventually(lambda: asked(world, task) == before + 1, "it is looked at once", FAR / 4)
    assert world.rows(hints) == [(1,)]
    assert asked(world, stranger) == 0


def test_a_key_is_kept_replaced_removed_and_deleted_with_its_account(world: World) -> None:
    team, said = new_team(world, "KEYS")
    admin, member = world.person(team), world.person(team, team.member)
    task = watched(world, team)

    def taken(key: str) -> bool:
        return call_back(world, address(team), task, key).status_code == 204

    assert "callback" not in said
    assert not taken(KEY)
    world.connect(team, BEAM_A, key=KEY)
    assert taken(KEY)
    # Left empty, it stays; what it is for is shown again, the key never.
    assert "/beam/callback?" in text_of(*world.connect(team, BEAM_A))
    assert taken(KEY)
    modal = world.grid.made("views.open", team.id)
    admin.ask("connect")
    shown = eventually(lambda: world.grid.made("views.open", team.id)[len(modal) :], "a modal")[0]
    assert address(team) in json.dumps(shown.given)
    world.connect(team, BEAM_A, key=NEW_KEY)
    assert (taken(KEY), taken(NEW_KEY)) == (False, True)
    assert "admins" in text_of(*member.answers(member.press("account.remove_key", "main")))
    assert taken(NEW_KEY)
    (question,) = admin.command("disconnect")
    assert "account.remove_key" in text_of(question)
    assert "is deleted" in text_of(*admin.answers(admin.press("account.remove_key", "main")))
    assert not taken(NEW_KEY)
    assert "no signing key" in text_of(*admin.answers(admin.press("account.remove_key", "main")))
    world.connect(team, BEAM_A, key=KEY)
    admin.answers(admin.press("account.disconnect", "main"))
    assert not taken(KEY)
    world.connect(team, BEAM_A)
    assert not taken(KEY)
    world.connect(team, BEAM_A, key=KEY)
    assert taken(KEY)
    admin.event("app_uninstalled")
    eventually(lambda: not taken(KEY), "the workspace is forgotten")
    assert world.rows("SELECT count(*) FROM beam_accounts WHERE team_id = 'TKEYS'") == [(0,)]


def test_the_line_to_paste_names_the_host_that_slack_knows_and_none_that_it_does_not(
    world: World,
) -> None:
    team, said = new_team(world, "HOST", KEY)
    assert "https://<your Beambot host>/beam/callback?" in said
    admin, stranger = world.person(team), httpx.Client(trust_env=False)
    for host in ("beambot.example.com", ""):
        admin.host = host
        evil = stranger.get(f"{world.bot.url}/slack/install", headers={"host": "evil.example.com"})
        forged = stranger.post(
            f"{world.bot.url}/slack/events", headers={"host": "evil.example.com"}, content=b"{}"
        )
        assert (evil.status_code, forged.status_code) == (200, 401)
        before = len(world.grid.made("views.open", team.id))
        admin.ask("connect")
        made = eventually(lambda n=before: world.grid.made("views.open", team.id)[n:], "a modal")  # type: ignore[misc]
        line = made[0].given["view"]["blocks"][-1]["elements"][0]["elements"][0]["text"]
        shown = host or "<your Beambot host>"
        assert line == (f'@function(callback_url="https://{shown}/beam/callback?{address(team)}")')


def test_what_is_no_key_is_not_kept(world: World) -> None:
    team, _ = new_team(world, "TYPO")
    admin = world.person(team)
    view: JSON = world.grid.made("views.open", team.id)[-1].given["view"]
    for key in ("sk_with a space", "short", "ключ-ключ-ключ", BEAM_A):
        said = admin.submit(view, filled("main", BEAM_A, key))
        assert said["response_action"] == "errors"
        assert set(said["errors"]) == {"callback_key"}


def test_no_key_was_logged_or_said(world: World) -> None:
    # Last: after everything else here has happened, at the level that says most.
    heard = json.dumps([one.given for one in world.grid.calls]) + json.dumps(world.grid.answers)
    kept = str(world.rows("SELECT * FROM beam_accounts")) + str(world.rows("SELECT * FROM audit"))
    for place in (world.bot.log, heard, kept):
        assert len(place) > 1_000
        assert [line for line in place.splitlines() if "canary" in line] == []
