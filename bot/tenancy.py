"""Whose workspaces and Beam accounts are served: one of each, or those that connect their own."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

import httpx
from aiohttp import ClientSession
from slack_sdk.web.async_client import AsyncWebClient

from bot.beam import BeamClient, RateLimiter
from bot.callbacks import KeyOf
from bot.services.accounts import ManyAccounts, OneAccount, PatientAccounts
from bot.services.callback_keys import AccountKey, CallbackKeys
from bot.services.copies import Copies
from bot.services.leaving import Leaving
from bot.services.ports import Accounts, Clock
from bot.services.share import Shares
from bot.settings import Settings, plain
from bot.slack.client import SlackClient
from bot.slack.installed import InstalledWorkspaces
from bot.slack.oauth import Installing
from bot.slack.workspace import Workspace, Workspaces
from bot.tasks.records import DEFAULT_ACCOUNT
from storage.accounts import AccountStore
from storage.callback_keys import CallbackKeyStore
from storage.database import Database
from storage.installations import InstallationStore
from storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Tenancy:
    """Everything that differs between one workspace and many."""

    workspaces: Workspaces
    accounts: Accounts
    """For what people ask for."""
    polls: Accounts
    """The same accounts, for what lets people go first."""
    shares: Shares
    """How each account's budget is shared by its tasks."""
    callback_key: KeyOf | None
    """With whose key a callback is to be signed; ``None`` where none are taken."""
    connected: ManyAccounts | None = None
    installing: Installing | None = None
    leaving: Leaving | None = None


def new_beam(
    settings: Settings,
    http: httpx.AsyncClient,
    token: str,
    limiter: RateLimiter | None = None,
) -> BeamClient:
    """Return a client of the account of a token.

    Args:
        settings: the environment.
        http: for requests to Beam.
        token: the account's.
        limiter: the account's budget; one of its own if not given.
    """
    limiter = limiter or RateLimiter(settings.beam_rate_limit, time.monotonic)
    return BeamClient(http, base_url=settings.beam_api_url, token=token, limiter=limiter)


class Budgets:
    """A budget for each token: workspaces that connect the same one share it.

    Args:
        rate: requests a second at most, for each.
        part: what part of them is this copy's.
    """

    def __init__(self, rate: float, part: Callable[[], float]) -> None:
        self._rate = rate
        self._part = part
        self._limiters: WeakValueDictionary[bytes, RateLimiter] = WeakValueDictionary()

    def new(self) -> RateLimiter:
        """Return the budget of a token that nobody else uses."""
        return RateLimiter(self._rate, time.monotonic, part=self._part)

    def of(self, token: str) -> RateLimiter:
        """Return the budget of a token, for as long as somebody uses it."""
        name = hashlib.sha256(token.encode()).digest()
        limiter = self._limiters.get(name)
        if limiter is None:
            limiter = self._limiters[name] = self.new()
        return limiter


def new_tenancy(
    settings: Settings,
    database: Database,
    session: ClientSession,
    http: httpx.AsyncClient,
    clock: Clock,
    copies: Copies,
) -> Tenancy:
    """Return what the environment asks for.

    Args:
        settings: the environment.
        database: where installations and accounts are kept.
        session: for requests to Slack.
        http: for requests to Beam.
        clock: the current time.
        copies: with whom the budget of requests to Beam is shared.
    """
    new_slack = _slack_clients(settings, session)
    budgets = Budgets(settings.beam_rate_limit, copies.part)
    if not settings.many_workspaces:
        beam = new_beam(settings, http, plain(settings.beam_token), budgets.new())
        workspace = Workspace(new_slack(plain(settings.slack_bot_token)))
        return Tenancy(
            workspace,
            OneAccount(beam),
            OneAccount(beam.patient()),
            Shares(lambda *_: beam.budget),
            _one_key(settings, workspace),
        )
    vault = Vault(settings.encryption_keys)
    store = InstallationStore(database, vault)
    workspaces = InstalledWorkspaces(store, new_slack, clock)
    callback_keys = CallbackKeys(CallbackKeyStore(database), vault, clock)
    accounts = ManyAccounts(
        AccountStore(database, vault),
        lambda token: new_beam(settings, http, token, budgets.of(token)),
        clock,
        callback_keys,
        budgets.new(),
    )

    def left(owner_id: str) -> None:
        workspaces.changed(owner_id)
        accounts.changed(owner_id)
        callback_keys.changed()

    installing = Installing(
        plain(settings.slack_client_id),
        plain(settings.slack_client_secret),
        settings.slack_api_url,
        store,
        workspaces.client,
        clock,
        workspaces.changed,
    )
    return Tenancy(
        workspaces,
        accounts,
        PatientAccounts(accounts),
        Shares(accounts.budget),
        callback_keys.of,
        accounts,
        installing,
        Leaving(database, store, clock, left),
    )


def _one_key(settings: Settings, workspace: Workspace) -> KeyOf | None:
    key = plain(settings.beam_callback_key)

    async def of(_: bytes) -> AccountKey:
        # Before Slack has said which workspace it is, nothing is watched there.
        team_id = workspace.identity.team_id if workspace.known else ""
        return AccountKey(team_id, DEFAULT_ACCOUNT, key)

    return of if key else None


def _slack_clients(
    settings: Settings, session: ClientSession
) -> Callable[[str | None], AsyncWebClient]:
    def new(token: str | None) -> AsyncWebClient:
        return SlackClient(
            token=token,
            base_url=settings.slack_api_url,
            session=session,
            # The SDK sends again after a lost connection, and Slack then shows it twice.
            retry_handlers=[],
        )

    return new
