"""What exists, in which order it starts and stops, and the command line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import click
import httpx
import structlog
from aiohttp import ClientSession
from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from starlette.types import ASGIApp

from bot import log, runtime
from bot.beam import new_http_client
from bot.callbacks import BeamCallbacks
from bot.check import run_checks
from bot.metrics import Metrics
from bot.schedule import new_schedule
from bot.server import new_server
from bot.services import Services
from bot.services.cancel import Cancelling
from bot.services.copies import Copies, DatabaseClock
from bot.services.deliver import Deliverer
from bot.services.doors import Doors
from bot.services.habits import Habits
from bot.services.health import Health
from bot.services.hint import Hints
from bot.services.home import HomePages
from bot.services.look_up import LookUp
from bot.services.nudge import Nudger
from bot.services.policy import Policy
from bot.services.poll import Poller
from bot.services.ports import Clock
from bot.services.preferences import ChannelPreferences
from bot.services.previews import Previews
from bot.services.report import Reports
from bot.services.watch import Watching
from bot.settings import DatabaseSettings, Settings, SettingsError, plain
from bot.slack import new_app, register
from bot.slack.arrivals import Arrivals
from bot.slack.channels import SlackChannels
from bot.slack.connection import Connection, Rejected
from bot.slack.gate import Gate
from bot.slack.guard import Guard
from bot.slack.host import PublicHost
from bot.slack.manifest import EVENTS_PATH, build_manifest
from bot.slack.outbox import SlackCourier
from bot.slack.people import SlackPeople
from bot.slack.session import new_session
from bot.slack.socket import SocketMode
from bot.tasks.follow import Pace
from bot.tenancy import Tenancy, new_beam, new_tenancy
from bot.web import new_web
from storage.accounts import AccountStore
from storage.audit import AuditStore
from storage.backup import copy_database
from storage.cancels import CancelStore
from storage.copies import CopyStore
from storage.database import Database, StorageUnavailable
from storage.history import HistoryStore
from storage.home import HomeStore
from storage.installations import InstallationStore
from storage.migrate import SchemaTooNew, migrate
from storage.nudges import NudgeStore
from storage.outbox import Outbox
from storage.preferences import PreferenceStore
from storage.report import ReportStore
from storage.retention import Retention
from storage.seen import SeenStore
from storage.shown import ShownStore
from storage.tasks import TaskStore
from storage.timeline import TimelineStore
from storage.vault import Sealed, Vault, new_key
from storage.versions import Fit
from storage.watches import WatchStore

STOP_JOBS = STOP_TAKING = 1.0
STOP_REQUESTS, STOP_POLLS, STOP_SENDING = 2.5, 2.0, 3.0
"""Seconds that each may take when the bot stops: 10 altogether, with room to spare."""

STOP_ALL = 9.5
"""Seconds after which it ends as it is: a database that answers nothing is waited for no longer.
Whatever was in hand is taken up again after its lease, as after any other death."""

FAILED, MISCONFIGURED = 1, 78
"""Exit codes; the second (``EX_CONFIG`` of sysexits.h) means that to start again will not help."""

S = TypeVar("S", bound=DatabaseSettings)
T = TypeVar("T")

_log = structlog.get_logger("app")


def now() -> datetime:
    """Return the current time, aware and UTC."""
    return datetime.now(UTC)


class Bot:
    """Everything that runs in one process, put together in one place.

    Args:
        settings: what the environment asks for.
        database: the database, migrated.
        session: for requests to Slack.
        tenancy: whose workspaces and Beam accounts are served.
        copies: the copies of the bot on this database.
        clock: the current time, the same for all of them.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        session: ClientSession,
        tenancy: Tenancy,
        copies: Copies,
        clock: Clock,
    ) -> None:
        self._database, self._shares = database, tenancy.shares
        self._copies, self._clock = copies, clock
        self._metrics = Metrics()
        pace = Pace(settings.poll_interval, settings.poll_max_interval)
        self._tasks, watches = TaskStore(database), WatchStore(database)
        self._outbox, self._seen = Outbox(database), SeenStore(database)
        self._retention = Retention(database)
        workspace, accounts = tenancy.workspaces, tenancy.accounts
        people = SlackPeople(workspace, clock)
        courier = SlackCourier(workspace, people, clock)
        look_up = LookUp(accounts, self._tasks, watches, clock, pace, shares=tenancy.shares)
        habits = Habits(HistoryStore(database), clock)
        polls = LookUp(tenancy.polls, self._tasks, watches, clock, pace, habits, tenancy.shares)
        workspaces = Doors()
        deliverer = Deliverer(self._outbox, watches, courier, clock, self._metrics, workspaces)
        self._health = Health(
            database, self._tasks, self._outbox, clock, time.monotonic, self._metrics
        )
        policy = Policy(people, watches, settings.cancel_policy)
        reports = Reports(ReportStore(database), TimelineStore(database), clock)
        self._services = Services(
            look_up=look_up,
            watching=Watching(look_up, watches, deliverer, courier, clock),
            cancelling=Cancelling(
                accounts, look_up, CancelStore(database), policy, deliverer, clock
            ),
            policy=policy,
            accounts=tenancy.connected,
            preferences=ChannelPreferences(
                PreferenceStore(database),
                policy,
                deliverer,
                accounts,
                reports,
                clock,
            ),
            previews=Previews(look_up, ShownStore(database), clock),
            reports=reports,
            nudger=Nudger(NudgeStore(database), clock),
            home=HomePages(
                HomeStore(database), people, SlackChannels(workspace, clock), look_up, clock
            ),
            poller=Poller(
                polls, self._tasks, clock, self._metrics, pace, workspaces, shares=tenancy.shares
            ),
            deliverer=deliverer,
            clock=clock,
        )
        arrivals = Arrivals()
        self._guard = Guard(self._seen, policy, accounts, clock, self._metrics, arrivals=arrivals)
        app = new_app(workspace)
        host = PublicHost()
        register(app, self._services, self._guard, session, tenancy.leaving, host)
        events = handler = None
        if settings.slack_app_token is not None:
            handler = SocketMode(app, settings.slack_app_token.get_secret_value())
        elif settings.slack_signing_secret is not None:
            events = Gate(
                cast("ASGIApp", AsyncSlackRequestHandler(app, path=EVENTS_PATH)),
                settings.slack_signing_secret.get_secret_value(),
                self._seen,
                clock,
                lambda: workspace.known,
                self._metrics,
                arrivals,
                host=host,
            )
        self._connection = Connection(workspace, handler)
        self._installing = tenancy.installing
        self._schedule = new_schedule(
            self._poll,
            self._deliver,
            self._beat,
            self._resume,
            self._purge,
            self._renew,
            self._nudge,
            self._remind,
            poll_interval=settings.poll_interval,
        )
        self._parts = {
            "database": self._health.database,
            "poller": self._health.poller,
            "deliveries": self._health.deliveries,
            "slack": self._connection.down,
        }
        install = tenancy.installing.routes() if tenancy.installing else ()
        callbacks = None
        if tenancy.callback_key is not None:
            hints = Hints(self._tasks, self._seen, self._services.poller, clock)
            callbacks = BeamCallbacks(tenancy.callback_key, hints, clock, self._metrics.refused)
        self._web = new_server(new_web(events, self._parts, self._measure, callbacks, install))

    async def run(self, listener: socket.socket, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set.

        Args:
            listener: where HTTP is served.
            stop: ends the run.

        Raises:
            Rejected: Slack rejects a token.
        """
        await self._beat()
        serving = asyncio.create_task(self._web.serve(sockets=[listener]))
        self._services.poller.start()
        self._schedule.start()
        connecting = asyncio.create_task(self._connection.start())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({serving, connecting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if connecting.done() and not stop.is_set():
                connecting.result()
                _log.info("Beambot is running")
                await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            began = time.monotonic()
            connecting.cancel()
            stopping.cancel()
            await self._stop(serving)
            await asyncio.gather(serving, connecting, stopping, return_exceptions=True)
            _log.info("stopped", seconds=round(time.monotonic() - began, 2))

    async def _stop(self, serving: asyncio.Task[None]) -> None:
        """Take nothing new, then finish what is in hand, in the order in which it flows."""
        # What is acknowledged later than this would never be done.
        self._web.should_exit = True
        await asyncio.gather(
            self._connection.stop(),
            self._schedule.stop(STOP_JOBS),
            asyncio.wait({serving}, timeout=STOP_TAKING),
        )
        await self._guard.settle(STOP_REQUESTS)
        await self._services.poller.stop(STOP_POLLS)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._services.deliverer.stop(), STOP_SENDING)
        await self._copies.leave()

    async def _beat(self) -> None:
        await self._health.beat()
        await self._copies.beat()

    async def _poll(self) -> None:
        with _tolerant("poll"):
            await self._services.poller.tick()
            self._health.ticked("poll")

    async def _deliver(self) -> None:
        with _tolerant("deliver"):
            await self._services.deliverer.tick()
            self._health.ticked("deliver")

    async def _nudge(self) -> None:
        with _tolerant("nudge"):
            await self._services.nudger.tick()

    async def _resume(self) -> None:
        with _tolerant("resume"):
            await self._services.cancelling.resume()

    async def _renew(self) -> None:
        if self._installing is not None:
            with _tolerant("renew"):
                await self._installing.renew()

    async def _purge(self) -> None:
        with _tolerant("purge"):
            await self._seen.purge(self._clock())
            await self._outbox.purge(self._clock())
            await self._retention.purge(self._clock())

    async def _remind(self) -> None:
        with _tolerant("remind"):
            await self._services.preferences.tick()

    async def _measure(self) -> bytes:
        for name, check in self._parts.items():
            self._metrics.part(name, ready=await check() is None)
        for loop in ("poll", "deliver"):
            self._metrics.tick_age(loop, self._health.last_tick(loop))
        asked = self._shares.measure(self._clock())
        self._metrics.budget(
            rate=asked.rate, wanted=asked.wanted, short=asked.short, used=asked.used
        )
        return self._metrics.text()


@contextlib.contextmanager
def _tolerant(job: str) -> Iterator[None]:
    """Put a job off while the database cannot be used; ``/readyz`` and one log line say so."""
    try:
        yield
    except StorageUnavailable as error:
        _log.debug("put off", job=job, reason=error.reason)


@contextlib.asynccontextmanager
async def outside(
    settings: Settings,
) -> AsyncIterator[tuple[Database, ClientSession, httpx.AsyncClient]]:
    """Open what leads outside: the database, the session for Slack, the client for Beam."""
    database = Database(settings.database_url_async)
    http = new_http_client()
    try:
        async with new_session() as session:
            yield database, session, http
    finally:
        await http.aclose()
        await database.close()


async def run_bot(settings: Settings, listener: socket.socket) -> int:
    """Run the bot until SIGTERM or SIGINT; return the exit code."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def begin_to_stop() -> None:
        if not stop.is_set():
            stop.set()
            loop.call_later(STOP_ALL, _end)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, begin_to_stop)
    async with outside(settings) as (database, session, http):
        try:
            schema = await _unless(stop, migrate(database))
        except StorageUnavailable as error:
            return unusable(error)
        if schema is None:
            return 0
        if schema.fit is Fit.AHEAD:
            _log.warning("the schema is newer than this version", revision=schema.after)
        try:
            measured = None if database.is_sqlite else DatabaseClock()
            place = f"{socket.gethostname()} {listener.getsockname()}"
            copies, clock = Copies(CopyStore(database), place, measured), measured or now
            tenancy = new_tenancy(settings, database, session, http, clock, copies)
            bot = Bot(settings, database, session, tenancy, copies, clock)
            runtime.tune()
            await bot.run(listener, stop)
        except Rejected as error:
            return fail(str(error), MISCONFIGURED)
    return 0


def _end() -> None:
    """End now, whatever still waits for an answer."""
    _log.warning("ended with work in hand", seconds=STOP_ALL)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Return what ``work`` returns, or ``None`` if ``stop`` is set before."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        return working.result()
    working.cancel()
    await asyncio.wait({working})
    return None


async def print_checks(settings: Settings) -> int:
    """Print the checks as they come; return 0 if all hold."""
    holds = True
    async with outside(settings) as (database, session, http):
        beam = new_beam(settings, http, plain(settings.beam_token))
        async for result in run_checks(settings, database, beam, session):
            holds = holds and result.holds
            print(f"{'ok  ' if result.holds else 'FAIL'}  {result.what}: {result.said}", flush=True)
    return 0 if holds else 1


async def migrate_only(settings: DatabaseSettings) -> int:
    """Bring the schema up to date; return the exit code."""
    database = Database(settings.database_url_async)
    try:
        schema = await migrate(database)
    except StorageUnavailable as error:
        return unusable(error)
    finally:
        await database.close()
    if schema.fit is Fit.AHEAD:
        print(f"The schema ({schema.after}) is newer than this version of Beambot: left as it is.")
        return 0
    print(f"The schema is up to date: {schema.before or 'empty'} -> {schema.after}.")
    return 0


async def reseal(settings: DatabaseSettings) -> int:
    """Encrypt stored tokens with the newest key; return the exit code."""
    database, vault = Database(settings.database_url_async), Vault(settings.encryption_keys)
    try:
        installed = await InstallationStore(database, vault).reseal()
        connected = await AccountStore(database, vault).reseal()
    except Sealed:
        return fail("ENCRYPTION_KEY lacks the key of a stored token: add the old key at its end.")
    except StorageUnavailable as error:
        return unusable(error)
    finally:
        await database.close()
    print(f"Encrypted anew: {installed} installations, {connected} Beam accounts.")
    return 0


async def print_audit(settings: DatabaseSettings, since: datetime) -> int:
    """Print the trail of who did what; return the exit code."""
    database = Database(settings.database_url_async)
    try:
        for event in await AuditStore(database).since(since):
            print(json.dumps(event, ensure_ascii=False))
    except StorageUnavailable as error:
        return unusable(error)
    finally:
        await database.close()
    return 0


def unusable(error: StorageUnavailable) -> int:
    """Print why the database cannot be used; return the exit code."""
    code = MISCONFIGURED if isinstance(error, SchemaTooNew) else FAILED
    return fail(f"DATABASE_URL cannot be used: {error.reason}.", code)


def fail(line: str, code: int = FAILED) -> int:
    """Print what is wrong; return the exit code."""
    print(line, file=sys.stderr, flush=True)
    return code


def load_as(kind: type[S]) -> S:
    """Read settings and set logging up, or end with one line a bad value."""
    try:
        settings = kind.load(os.environ)
    except SettingsError as error:
        sys.exit(fail("\n".join(error.lines), MISCONFIGURED))
    redactor = log.configure(settings.log_level, settings.log_format)
    for secret in settings.secrets:
        redactor.hide(secret)
    return settings


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Run Beambot, from the environment. The commands do one thing and end."""
    if context.invoked_subcommand is not None:
        return
    settings = load_as(Settings)
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listener = socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        sys.exit(fail(f"HOST and PORT: cannot listen on {where} ({error.strerror or error})."))
    with listener:
        sys.exit(asyncio.run(run_bot(settings, listener)))


@main.command()
def check() -> None:
    """Check the configuration, both tokens, Slack scopes, the database and Beam."""
    sys.exit(asyncio.run(print_checks(load_as(Settings))))


@main.command()
@click.option(
    "--url", help="Where Slack reaches the bot over HTTP, such as https://bot.example.com"
)
def manifest(url: str | None) -> None:
    """Print the Slack app manifest as JSON: for Socket Mode, or for HTTP at --url."""
    try:
        print(json.dumps(build_manifest(url), indent=2))
    except ValueError as error:
        sys.exit(fail(f"--url: {error}"))


@main.command(name="migrate")
def migrate_command() -> None:
    """Bring the database schema up to date and end."""
    settings = load_as(DatabaseSettings)
    sys.exit(asyncio.run(migrate_only(settings)))


@main.command()
@click.argument("target", type=click.Path(path_type=Path))
def backup(target: Path) -> None:
    """Copy the database to the file TARGET, consistently, while the bot may be running."""
    settings = load_as(DatabaseSettings)
    source = settings.database_file
    if source is None:
        sys.exit(fail("DATABASE_URL is PostgreSQL: use pg_dump, which copies it while in use."))
    try:
        size = copy_database(source, target)
    except FileExistsError:
        sys.exit(fail(f"{target} exists already; name a new file."))
    except StorageUnavailable as error:
        sys.exit(fail(f"No backup was made: {error.reason}."))
    print(f"Copied {source} to {target}: {size} bytes, checked.")


@main.command()
def key() -> None:
    """Print a new key for ENCRYPTION_KEY."""
    print(new_key())


@main.command(name="rotate-keys")
def rotate_keys() -> None:
    """Encrypt every stored token anew with the first key of ENCRYPTION_KEY."""
    settings = load_as(DatabaseSettings)
    if not settings.encryption_keys:
        sys.exit(fail("ENCRYPTION_KEY is required: the new key, then the old ones."))
    sys.exit(asyncio.run(reseal(settings)))


@main.command()
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]),
    required=True,
    help="The first moment, UTC, such as 2026-01-31 or 2026-01-31T12:00:00",
)
def audit(since: datetime) -> None:
    """Print who did what since a time, oldest first, one JSON object a line."""
    sys.exit(asyncio.run(print_audit(load_as(DatabaseSettings), since.replace(tzinfo=UTC))))


if __name__ == "__main__":
    main()
