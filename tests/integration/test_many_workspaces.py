"""Many workspaces on the real process: installed by OAuth, each with Beam accounts of its own."""

from __future__ import annotations

import html
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from storage.vault import new_key
from tests.grid import (
    CLIENT_ID,
    CLIENT_SECRET,
    SIGNING_SECRET,
    Beams,
    Call,
    Grid,
    Person,
    Team,
    serving,
)
from tests.processes import Copy, command
from tests.stack import JSON, eventually

BEAM_A, BEAM_B, BEAM_NEW = "beam-canary-a", "beam-canary-b", "beam-canary-new"
LONG = ((0.0, "RUNNING"), (600.0, "COMPLETE"))


@dataclass
class World:
    """The bot, the workspaces and the accounts."""

    grid: Grid
    beams: Beams
    bot: Copy
    file: Path

    def new_team(self, name: str, org_id: str | None = None) -> Team:
        team = Team(f"T{name}", (f"C{name}1", f"C{name}2"), org_id)
        self.grid.teams[team.id] = team
        return team

    def person(self, team: Team, user: str = "") -> Person:
        return Person(self.grid, self.bot.url, team, user)

    def install(self, team: Team) -> None:
        """Install the bot as an admin does in a browser."""
        with browser(self) as one:
            state = begin(one)
            said = finish(one, state, self.grid.new_code(team.id))
        assert said.status_code == 200, said.text
        assert "Thank you" in said.text or "success" in said.text.lower()

    def connect(self, team: Team, token: str, name: str = "main", key: str = "") -> list[JSON]:
        """Connect a Beam account as an admin does; return what was said after."""
        owner, person = team.org_id or team.id, self.person(team)
        views = len(self.grid.made("views.open", owner))
        posts = len(self.grid.made("chat.postMessage", owner))
        person.ask("connect")
        view = eventually(lambda: self.grid.made("views.open", owner)[views:], "a modal")[0]
        assert person.submit(view.given["view"], filled(name, token, key)) == {}
        made = eventually(lambda: self.grid.made("chat.postMessage", owner)[posts:], "an answer")
        return [one.given for one in made]

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.file, timeout=60)) as connection:
            return connection.execute(query).fetchall()


def filled(name: str, token: str, key: str = "") -> JSON:
    fields = {"name": name, "token": token, "callback_key": key}
    return {
        block: {"value": {"type": "plain_text_input", "value": text}}
        for block, text in fields.items()
    }


def browser(world: World) -> httpx.Client:
    return httpx.Client(base_url=world.bot.url, trust_env=False, timeout=60)


def begin(one: httpx.Client) -> str:
    """Begin an installation; return its state. The browser keeps the cookie."""
    page = one.get("/slack/install")
    assert page.status_code == 200
    link = re.search(r'"(http[^"]*/oauth/v2/authorize[^"]*)"', html.unescape(page.text))
    assert link, page.text
    query = parse_qs(urlsplit(link[1]).query)
    assert query["client_id"] == [CLIENT_ID]
    assert "chat:write" in query["scope"][0].split(",")
    return query["state"][0]


def finish(
    one: httpx.Client, state: str, code: str, *, cookie: str | None = None
) -> httpx.Response:
    """Come back from Slack. The cookie is for HTTPS only, so the test carries it."""
    cookie = state if cookie is None else cookie
    return one.get(
        "/slack/oauth_redirect",
        params={"state": state, "code": code},
        headers={"cookie": f"slack-app-oauth-state={cookie}"} if cookie else {},
    )


@contextmanager
def new_world(folder: Path, **more: str) -> Iterator[World]:
    """Start a bot for many workspaces; more settings go before the usual ones."""
    with ExitStack() as stack:
        grid, beams = Grid({}), Beams(BEAM_A, BEAM_B, BEAM_NEW)
        grid.url = stack.enter_context(serving(grid.app()))
        beams.url = stack.enter_context(serving(beams))
        file = folder / "beambot.db"
        settings = {
            "SLACK_CLIENT_ID": CLIENT_ID,
            "SLACK_CLIENT_SECRET": CLIENT_SECRET,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "SLACK_API_URL": f"{grid.url}/api/",
            "BEAM_API_URL": f"{beams.url}/v2",
            "ENCRYPTION_KEY": new_key(),
            "DATABASE_URL": f"sqlite:///{file}",
            "POLL_INTERVAL": "0.2",
            "POLL_MAX_INTERVAL": "1",
            "LOG_LEVEL": "debug",
            **more,
        }
        bot = Copy(folder, "bot", settings, ("-m", "tests.integration.quick_leases"))
        try:
            bot.see_ready()
            yield World(grid, beams, bot, file)
        finally:
            bot.stop()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with new_world(tmp_path_factory.mktemp("many")) as made:
        yield made


def text_of(*answers: JSON) -> str:
    return json.dumps(answers)


def test_a_workspace_that_has_not_installed_the_bot_gets_nothing(world: World) -> None:
    team = world.new_team("NOBODY")
    person = world.person(team)
    assert "not installed here" in text_of(*person.command("list"))
    assert not [one for one in world.grid.calls if one.team_id == team.id]


def test_it_is_installed_with_a_state_that_is_good_once_and_in_one_browser(world: World) -> None:
    team = world.new_team("STATE")
    with browser(world) as one:
        state = begin(one)
        assert finish(one, state, world.grid.new_code(team.id), cookie="").status_code == 400
        assert finish(one, state, world.grid.new_code(team.id), cookie="other").status_code == 400
        assert finish(one, "guessed", world.grid.new_code(team.id)).status_code == 401
        assert finish(one, state, "no-code").status_code == 401
        assert finish(one, state, world.grid.new_code(team.id)).status_code == 401
        state = begin(one)
        assert world.rows("SELECT count(*) FROM installations WHERE owner_id = 'TSTATE'") == [(0,)]
        said = finish(one, state, world.grid.new_code(team.id))
        assert said.status_code == 200, said.text
        assert finish(one, state, world.grid.new_code(team.id)).status_code == 401
    assert team.installs == 1
    kept = str(world.rows("SELECT * FROM installations WHERE owner_id = 'TSTATE'"))
    assert "Name of TSTATE" in kept
    assert "canary" not in kept


def test_commands_of_two_workspaces_are_answered_with_the_token_of_each(world: World) -> None:
    one, two = world.new_team("ONE"), world.new_team("TWO")
    for team in (one, two):
        world.install(team)
    for team, other in ((one, two), (two, one)):
        said = text_of(*world.person(team).command("list"))
        assert "connect" in said or "watched" in said
        world.person(team).event("app_home_opened", user=team.admin, tab="home", channel="D1")
        shown = eventually(lambda t=team: world.grid.made("views.publish", t.id), "a Home")  # type: ignore[misc]
        assert shown[-1].given["user_id"] == team.admin
        assert other.id not in json.dumps(shown[-1].given)


def test_an_account_is_checked_kept_encrypted_used_and_disconnected(world: World) -> None:
    team = world.new_team("ACCOUNT")
    world.install(team)
    task = world.beams.start(BEAM_A, *LONG)
    person = world.person(team)
    assert "/beam connect" in text_of(*person.command("help"))
    assert "/beam connect" in text_of(*person.command("frobnicate"))
    assert "/beam connect" in text_of(*person.command(f"status {task}"))
    member = world.person(team, team.member)
    assert "admins" in text_of(*member.command("connect"))
    assert "not accept" in text_of(*world.connect(team, "beam-canary-unknown"))
    assert "is connected" in text_of(*world.connect(team, BEAM_A))
    kept = str(world.rows("SELECT * FROM beam_accounts"))
    assert "main" in kept
    assert "canary" not in kept
    member.ask(f"watch {task}")
    card = eventually(lambda: posts_about(world, team, task), "a card")[0]
    assert card.given["channel"] == team.channels[0]
    world.beams.become(BEAM_A, task, "COMPLETE")
    eventually(lambda: len(posts_about(world, team, task)) > 1, "the news")
    running = world.beams.start(BEAM_A, *LONG)
    member.ask(f"watch {running}")
    eventually(lambda: posts_about(world, team, running), "a card")
    (question,) = person.command("disconnect")
    assert "main" in text_of(question)
    assert "admins" in text_of(*member.answers(member.press("account.disconnect", "main")))
    said = text_of(*person.answers(person.press("account.disconnect", "main")))
    assert "1 watch ended" in said
    assert world.rows("SELECT count(*) FROM beam_accounts WHERE team_id = 'TACCOUNT'") == [(0,)]
    assert "/beam connect" in text_of(*person.command(f"status {running}"))


def posts_about(world: World, team: Team, task: str) -> list[Call]:
    made = world.grid.made("chat.postMessage", team.id)
    return [one for one in made if task in json.dumps(one.given) or task[:8] in str(one.given)]


def test_an_organisation_installs_it_for_all_its_workspaces(world: World) -> None:
    org = Team("EORG", ())
    world.grid.teams[org.id] = org
    first, second = world.new_team("ORGA", org.id), world.new_team("ORGB", org.id)
    world.install(org)
    for team in (first, second):
        assert text_of(*world.person(team).command("help"))
    assert "is connected" in text_of(*world.connect(first, BEAM_A))
    task = world.beams.start(BEAM_A, *LONG)
    world.person(first).ask(f"watch {task}")
    posted = eventually(lambda: posts_about(world, org, task), "a card")
    assert posted[0].given["channel"] == first.channels[0]
    # What one workspace of it has connected is not the other's.
    assert "/beam connect" in text_of(*world.person(second).command(f"status {task}"))
    world.person(org).event("app_uninstalled")
    eventually(
        lambda: world.rows("SELECT count(*) FROM watches WHERE team_id = 'TORGA'") == [(0,)],
        "everything of its workspaces is forgotten",
    )
    assert "not installed here" in text_of(*world.person(first).command("list"))


def test_whoever_removes_it_is_forgotten_but_for_the_trail(world: World) -> None:
    team = world.new_team("LEAVES")
    world.install(team)
    world.connect(team, BEAM_A)
    task = world.beams.start(BEAM_A, *LONG)
    world.person(team).ask(f"watch {task}")
    eventually(lambda: posts_about(world, team, task), "a card")
    world.grid.revoke(team.id)
    world.person(team).event("app_uninstalled")
    tables = ("watches", "tasks", "cards", "beam_accounts", "channels", "deliveries")
    for table in tables:
        query = f"SELECT count(*) FROM {table} WHERE team_id = 'TLEAVES'"  # noqa: S608  # our own
        eventually(lambda q=query: world.rows(q) == [(0,)], table)  # type: ignore[misc]
    gone = "SELECT count(*) FROM installations WHERE owner_id = 'TLEAVES'"
    eventually(lambda: world.rows(gone) == [(0,)], "the installation")
    trail = world.rows("SELECT action FROM audit WHERE team_id = 'TLEAVES' ORDER BY id")
    assert [action for (action,) in trail if action != "watch"][-1] == "workspace.forget"


def test_a_token_taken_back_stops_everything_until_it_is_installed_again(world: World) -> None:
    team = world.new_team("REVOKED")
    world.install(team)
    world.connect(team, BEAM_A)
    task = world.beams.start(BEAM_A, *LONG)
    world.person(team).ask(f"watch {task}")
    eventually(lambda: posts_about(world, team, task), "a card")
    world.grid.revoke(team.id)
    world.person(team).event("tokens_revoked", tokens={"oauth": ["U1"], "bot": []})
    here = "SELECT count(*) FROM installations WHERE owner_id = 'TREVOKED'"
    assert world.rows(here) == [(1,)]
    world.person(team).event("tokens_revoked", tokens={"bot": ["UTREVOKEDBOT"]})
    eventually(lambda: world.rows(here) == [(0,)], "the token is forgotten")
    active = "SELECT count(*) FROM watches WHERE team_id = 'TREVOKED' AND ended_at IS NULL"
    assert world.rows(active) == [(1,)]
    told = len(posts_about(world, team, task))
    world.beams.become(BEAM_A, task, "COMPLETE")
    eventually(lambda: world.rows(active) == [(0,)], "the end is seen")
    world.install(team)
    eventually(lambda: len(posts_about(world, team, task)) > told, "the news", 30)


def test_a_token_is_renewed_before_its_end_and_used(world: World) -> None:
    team = world.new_team("ROTATES")
    world.grid.rotates = True
    try:
        world.install(team)
        first = team.token
        eventually(lambda: team.installs == 2, "it is renewed", 30)
    finally:
        world.grid.rotates = False
    # Slack's old token is void a while after the new one is out.
    eventually(lambda: "token renewed" in world.bot.log, "it is kept")
    del world.grid.tokens[first]
    eventually(lambda: world.person(team).command("help"), "an answer")
    person = world.person(team)
    person.event("app_home_opened", user=team.admin, tab="home", channel="D1")
    eventually(lambda: world.grid.made("views.publish", team.id), "a Home")
    assert team.installs == 2


def test_the_check_holds_without_a_token_of_anybody(world: World) -> None:
    done = command(world.bot.settings, "check")
    assert done.returncode == 0, done.stdout
    assert "workspaces install the bot at /slack/install" in done.stdout
    assert "each workspace connects its own account" in done.stdout
    assert "signed with each account's own key" in done.stdout
    useless = command({**world.bot.settings, "BEAM_CALLBACK_KEY": "sk_canary-key"}, "check")
    assert useless.returncode == 1
    assert "FAIL  Beam callbacks: BEAM_CALLBACK_KEY counts for no account" in useless.stdout
    assert "canary" not in useless.stdout + useless.stderr


def test_keys_are_changed_while_it_runs(world: World) -> None:
    team = world.new_team("KEYS")
    world.install(team)
    world.connect(team, BEAM_A)
    old = world.bot.settings["ENCRYPTION_KEY"]
    new = new_key()
    before = world.rows("SELECT token FROM installations WHERE owner_id = 'TKEYS'")
    done = command({**world.bot.settings, "ENCRYPTION_KEY": new}, "rotate-keys")
    assert done.returncode == 1
    assert "add the old key" in done.stderr
    assert world.rows("SELECT token FROM installations WHERE owner_id = 'TKEYS'") == before
    done = command({**world.bot.settings, "ENCRYPTION_KEY": f"{new},{old}"}, "rotate-keys")
    assert done.returncode == 0, done.stderr
    after = world.rows("SELECT token FROM installations WHERE owner_id = 'TKEYS'")
    assert after != before
    # Back, for the bot that runs with the old key.
    done = command({**world.bot.settings, "ENCRYPTION_KEY": f"{old},{new}"}, "rotate-keys")
    assert done.returncode == 0, done.stderr
    assert text_of(*world.person(team).command("help"))


def test_the_trail_can_be_taken_out(world: World) -> None:
    done = command(world.bot.settings, "audit", "--since", "2020-01-01")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"account.connect", "workspace.forget"} <= {event["action"] for event in events}
    assert "canary" not in done.stdout


def test_nothing_secret_was_logged(world: World) -> None:
    # Last: after everything else here has happened, at the level that says most.
    assert len(world.bot.log) > 1_000
    for secret in ("canary", world.bot.settings["ENCRYPTION_KEY"]):
        lines = [line for line in world.bot.log.splitlines() if secret in line]
        assert lines == []
