"""Whose workspaces and Beam accounts are served: one of each, or those that connect their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

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
from bot.services.share import Budget, Unlimited
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
    budget: Budget
    """What may be sent to Beam in all."""
    callback_key: KeyOf | None
    """With whose key a callback is to be signed; ``None`` where none are taken."""
    connected: ManyAccounts | None = None
    installing: Installing | None = None
    leaving: Leaving | None = None


def new_beam(
    settings: Settings,
    http: httpx.AsyncClient,
    token: str,
    part: Callable[[], float] = lambda: 1.0,
) -> BeamClient:
    """Return a client of the account of a token, with a budget of its own.

    Args:
        settings: the environment.
        http: for requests to Beam.
        token: the account's.
        part: what part of the account's budget is this copy's.
    """
    limiter = RateLimiter(settings.beam_rate_limit, time.monotonic, part=part)
    return BeamClient(http, base_url=settings.beam_api_url, token=token, limiter=limiter)


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
    if not settings.many_workspaces:
        beam = new_beam(settings, http, plain(settings.beam_token), copies.part)
        workspace = Workspace(new_slack(plain(settings.slack_bot_token)))
        return Tenancy(
            workspace,
            OneAccount(beam),
            OneAccount(beam.patient()),
            beam.budget,
            _one_key(settings, workspace),
        )
    vault = Vault(settings.encryption_keys)
    store = InstallationStore(database, vault)
    workspaces = InstalledWorkspaces(store, new_slack, clock)
    callback_keys = CallbackKeys(CallbackKeyStore(database), vault, clock)
    accounts = ManyAccounts(
        AccountStore(database, vault),
        lambda token: new_beam(settings, http, token, copies.part),
        clock,
        callback_keys,
    )

    def left(owner_id: str) -> None:
        workspaces.changed(owner_id)
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
        # Each account has a budget of its own.
        Unlimited(),
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
