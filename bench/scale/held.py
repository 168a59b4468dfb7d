"""What a workspace and a function take in memory, measured on real objects."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Collection
from dataclasses import dataclass, replace

import httpx

from bench.product import now
from bench.scale.kept import unsafe
from bench.seed import TEAM, new_ids
from bot.beam import BeamClient, RateLimiter, new_http_client
from bot.services.accounts import ManyAccounts
from bot.services.callback_keys import CallbackKeys
from bot.services.habits import Habits
from bot.slack.client import SlackClient
from bot.slack.installed import InstalledWorkspaces
from bot.slack.session import new_session
from bot.tasks import Status, Task
from bot.tasks.usual import RUNS_KEPT, Usual
from bot.tenancy import Budgets
from storage.accounts import AccountStore
from storage.callback_keys import CallbackKeyStore
from storage.history import HistoryStore
from storage.installations import Installation, InstallationStore
from storage.migrate import migrate
from storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes of memory."""

    workspace: float
    """A workspace with one Beam account: its installation, its clients, the account's budget."""
    function: float
    """What is usual of a function."""


async def held(url: str, count: int) -> Held:
    """Install the bot in workspaces and use each once; return what that holds in memory.

    Args:
        url: an empty database.
        count: how many workspaces, and functions.
    """
    database = unsafe(url)
    vault = Vault(["bench"])
    installations, connected = InstallationStore(database, vault), AccountStore(database, vault)
    http = new_http_client()
    try:
        await migrate(database)
        for number in range(count):
            await installations.save(_installation(f"T{number:09d}"), now())
            await connected.connect(
                f"T{number:09d}", "default", f"token-{number:050d}", "U1", now(), default=True
            )
        async with new_session() as session:
            workspaces = InstalledWorkspaces(
                installations, lambda token: SlackClient(token=token, session=session), now
            )
            keys, budgets = (
                CallbackKeys(CallbackKeyStore(database), vault, now),
                Budgets(50, _whole),
            )
            accounts = ManyAccounts(
                connected,
                lambda token: _beam(http, token, budgets.of(token)),
                now,
                keys,
                budgets.new(),
            )
            await workspaces.get("T000000000")
            await accounts.client("T000000000", "default")
            gc.collect()
            tracemalloc.start()
            for number in range(1, count):
                found = await workspaces.get(f"T{number:09d}")
                assert found is not None
                (await accounts.client(f"T{number:09d}", "default")).patient()
            of_workspaces = _traced() / (count - 1)
            habits = Habits(_Runs(database), now)
            example = Task(new_ids(1)[0], Status("RUNNING"))
            functions = [replace(example, function=f"app.py:f{one}") for one in range(count)]
            before = _traced()
            await habits.learn((TEAM, "default", one) for one in functions)
            of_functions = (_traced() - before) / count
    finally:
        tracemalloc.stop()
        await http.aclose()
        await database.close()
    return Held(of_workspaces, of_functions)


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _whole() -> float:
    return 1.0


def _beam(http: httpx.AsyncClient, token: str, limiter: RateLimiter) -> BeamClient:
    return BeamClient(http, base_url="http://127.0.0.1:1", token=token, limiter=limiter)


def _installation(team_id: str) -> Installation:
    return Installation(
        owner_id=team_id,
        org_wide=False,
        name=f"Workspace {team_id}",
        url=f"https://{team_id.lower()}.slack.com/",
        app_id="A0123456789",
        bot_id="B0123456789",
        bot_user_id="U0123456789",
        scopes="app_mentions:read,channels:read,chat:write,commands,im:history,im:write,users:read",
        token=f"xoxb-{team_id}-{team_id * 4}",
        refresh_token=None,
        expires_at=None,
        installed_by="U1",
        installed_at=now(),
    )


class _Runs(HistoryStore):
    """A history in which every function has as many runs as are looked at."""

    async def usual(
        self, team_id: str, account: str, functions: Collection[str]
    ) -> dict[str, Usual]:
        """Return runs that differ."""
        return {
            name: Usual(
                tuple(100 + one / 7 for one in range(RUNS_KEPT)),
                tuple(5 + one / 7 for one in range(RUNS_KEPT)),
            )
            for name in functions
        }
