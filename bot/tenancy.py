"""Whose workspaces and Beam accounts are served: one of each, or those that connect their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from aiohttp import ClientSession
from slack_sdk.web.async_client import AsyncWebClient

from bot.beam import BeamClient, RateLimiter
from bot.services.accounts import ManyAccounts, OneAccount, PatientAccounts
from bot.services.copies import Copies
from bot.services.leaving import Leaving
from bot.services.ports import Accounts, Clock
from bot.services.share import Budget, Unlimited
from bot.settings import Settings, plain
from bot.slack.client import SlackClient
from bot.slack.installed import InstalledWorkspaces
from bot.slack.oauth import Installing
from bot.slack.workspace import Workspace, Workspaces
from storage.accounts import AccountStore
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
        return Tenancy(workspace, OneAccount(beam), OneAccount(beam.patient()), beam.budget)
    vault = Vault(settings.encryption_keys)
    store = InstallationStore(database, vault)
    workspaces = InstalledWorkspaces(store, new_slack, clock)
    accounts = ManyAccounts(
        AccountStore(database, vault),
        lambda token: new_beam(settings, http, token, copies.part),
        clock,
    )
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
        accounts,
        installing,
        Leaving(database, store, clock, workspaces.changed),
    )


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
