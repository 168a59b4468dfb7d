"""Everything that Slack can ask of Beambot, on one page."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from aiohttp import ClientSession
from slack_bolt.async_app import AsyncApp, AsyncBoltContext
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from bot.services import Services
from bot.services.leaving import Leaving
from bot.slack.actions import Actions
from bot.slack.blocks.accounts import CONNECT
from bot.slack.commands import Commands
from bot.slack.connecting import Connecting, check_connect
from bot.slack.departure import departures
from bot.slack.dialogs import Dialogs, check_reason
from bot.slack.guard import RECEIVED, WORKSPACE, Guard, Reader, Turn
from bot.slack.home import Home, HomeTab
from bot.slack.host import PublicHost
from bot.slack.links import Links
from bot.slack.manifest import COMMAND, WATCH_IN_MESSAGE, WATCH_TASK
from bot.slack.payloads import Payloads
from bot.slack.settings import Settings, check_settings
from bot.slack.shortcuts import Shortcuts, check_submission
from bot.slack.workspace import Workspaces
from storage.database import StorageUnavailable

_log = structlog.get_logger(__name__)


def new_app(workspaces: Workspaces) -> AsyncApp:
    """Return a Bolt app that verifies nothing: the gate in front of it does, before it parses."""

    async def authorize(
        context: AsyncBoltContext, team_id: str | None, enterprise_id: str | None
    ) -> AuthorizeResult | None:
        # A function of its own: Bolt would fill in the `self` of a method.
        try:
            workspace = await workspaces.get(team_id or enterprise_id or "", enterprise_id)
        except StorageUnavailable as error:
            _log.error("no workspace looked up", reason=error.reason)
            return None
        if workspace is None:
            _log.warning("request of a workspace that has not installed the bot")
            return None
        context[WORKSPACE] = workspace
        return await workspace.authorize()

    # Bolt reads SLACK_BOT_TOKEN by itself and warns that it does not use it.
    logger = logging.getLogger("slack_bolt")
    logger.setLevel(logging.ERROR)
    app = AsyncApp(
        logger=logger,
        client=workspaces.client,
        authorize=authorize,  # type: ignore[arg-type]  # None is taken for "not installed here"
        request_verification_enabled=False,
        # Slack's own words for it would be shown to people who cannot do anything about it.
        user_facing_authorize_error_message=workspaces.unknown,
    )

    async def received(
        context: AsyncBoltContext,
        next: Callable[[], Awaitable[None]],  # noqa: A002  # Bolt's name
    ) -> None:
        context[RECEIVED] = time.monotonic()
        await next()

    async def stumbled(error: Exception) -> BoltResponse:
        # Bolt takes the form of a payload for granted. Nothing of ours gets here: see the guard.
        _log.error("request not understood", status=400, exc_info=error)
        return BoltResponse(status=400, body="")

    app.middleware(received)
    app.error(stumbled)
    return app


def register(
    app: AsyncApp,
    services: Services,
    guard: Guard,
    session: ClientSession,
    leaving: Leaving | None = None,
    host: PublicHost | None = None,
) -> None:
    """Connect every command, event, button, shortcut and modal with what it does.

    Args:
        app: the Bolt app.
        services: the use cases.
        guard: stands around every handler.
        session: sends the answers.
        leaving: forgets workspaces that remove the bot, where there may be many.
        host: where the bot is reached, as far as it is known.
    """
    tab = HomeTab(services.clock)

    def read(method: Callable[[Payloads, Mapping[str, Any]], Turn | None]) -> Reader:
        return lambda body, workspace: method(Payloads(workspace, session, tab), body)

    settings, connecting = Settings(services), Connecting(services, host or PublicHost())
    commands = Commands(services, settings, connecting)
    actions = Actions(services, commands)
    shortcuts = Shortcuts(commands)
    links = Links(services)
    home = Home(services, tab, shortcuts)
    dialogs = Dialogs(services)

    app.command(COMMAND)(guard.listener(read(Payloads.command), commands.run))

    app.event("app_mention")(guard.listener(read(Payloads.mention), commands.run))
    app.event("message")(guard.listener(read(Payloads.direct), commands.run))
    app.event("link_shared")(guard.listener(read(Payloads.link), links.show))
    app.event("app_home_opened")(guard.listener(read(Payloads.home), home.open))

    for event, listener in departures(leaving).items():
        app.event(event)(listener)

    app.shortcut(WATCH_TASK)(guard.listener(read(Payloads.shortcut), shortcuts.ask_for_task))
    app.shortcut(WATCH_IN_MESSAGE)(
        guard.listener(read(Payloads.shortcut), shortcuts.ask_about_message)
    )
    for callback_id in ("watch.submit", "watch_message.submit"):
        app.view(callback_id)(
            guard.submission(read(Payloads.submission), check_submission, home.watch)
        )
    app.view("cancel.reason.submit")(
        guard.submission(read(Payloads.submission), check_reason, dialogs.keep_reason)
    )
    app.view(CONNECT)(
        guard.submission(read(Payloads.submission), check_connect, connecting.connect)
    )

    app.view("settings.submit")(
        guard.submission(read(Payloads.submission), check_settings, settings.save)
    )

    for action_id, handler in {
        "home.watch": home.ask_for_task,
        "home.refresh": home.refresh,
        "home.help": home.show_help,
        "home.open": home.opened,
        "home.unwatch": home.unwatch,
        "home.cancel": home.cancel,
        "home.own.newer": home.turn_page,
        "home.own.older": home.turn_page,
        "home.others.newer": home.turn_page,
        "home.others.older": home.turn_page,
    }.items():
        app.action(_numbered(action_id))(guard.listener(read(Payloads.home_click), handler))

    for action_id, handler in {
        "account.open": connecting.ask,
        "account.disconnect": connecting.disconnect,
        "account.remove_key": connecting.remove_key,
        "task.cancel": actions.cancel_task,
        "task.refresh": actions.refresh_task,
        "task.links": actions.refresh_task,
        "task.text": dialogs.show_text,
        "output.open": actions.nothing,
        "task.watch": actions.watch_task,
        "task.unwatch": actions.unwatch_task,
        "task.share": actions.share_task,
        "task.details": actions.show_details,
        "group.refresh": actions.refresh_group,
        "group.unwatch": actions.unwatch_group,
        "group.cancel": actions.cancel_group,
        "list.page.previous": actions.turn_page,
        "list.page.next": actions.turn_page,
        "history.page.newer": actions.turn_history,
        "history.page.older": actions.turn_history,
        "stats.window": actions.change_window,
        "stats.show": actions.show_stats,
        "nudge.cancel": actions.cancel_nudged,
        "cancel.confirm": actions.confirm_cancel,
        "cancel.reason": dialogs.ask_reason,
        "cancel.dismiss": actions.dismiss_cancel,
        "settings.open": settings.ask,
        "settings.unmute": settings.unmute,
        "help.run": actions.run_help,
        "help.run.all": actions.run_help,
    }.items():
        app.action(_numbered(action_id))(guard.listener(read(Payloads.click), handler))
    app.action(re.compile(".*"))(guard.listener(read(Payloads.click), actions.unknown))


def _numbered(action_id: str) -> re.Pattern[str]:
    # A number follows where one message has several such buttons.
    return re.compile(rf"^{re.escape(action_id)}(?:\.\d+)?$")
