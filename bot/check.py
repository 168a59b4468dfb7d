"""What ``python app.py check`` looks at: one line each, with what to do about a failure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import ClientError, ClientSession
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.beam import BeamClient, BeamError, Unauthorized
from bot.settings import Settings, plain
from bot.slack.calls import error_code
from bot.slack.client import SlackClient
from bot.slack.manifest import SCOPES
from bot.tasks.accounts import CALLBACK_PATH
from storage.database import Database, StorageUnavailable
from storage.migrate import SchemaTooNew, find_standing, write_nothing
from storage.versions import Fit


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the check."""

    holds: bool
    what: str
    said: str


async def run_checks(
    settings: Settings, database: Database, beam: BeamClient, session: ClientSession
) -> AsyncIterator[Result]:
    """Check everything that a start needs, and yield each result as soon as it is known.

    Args:
        settings: read already, which is a check of its own.
        database: the database.
        beam: the Beam account.
        session: for requests to Slack.
    """
    mode = "Socket Mode" if settings.socket_mode else "HTTP"
    yield Result(True, "configuration", f"complete, Slack over {mode}")
    if settings.beam_callback_key is not None or settings.many_workspaces:
        yield _callbacks(settings)
    yield await _database(database)
    slack = SlackClient(base_url=settings.slack_api_url, session=session, retry_handlers=[])
    if settings.many_workspaces:
        yield await _slack(slack)
        if settings.slack_app_token is not None:
            yield await _app_token(slack, settings.slack_app_token.get_secret_value())
        yield await _beam_of_others(beam)
        return
    for result in await _bot_token(slack, plain(settings.slack_bot_token)):
        yield result
    if settings.slack_app_token is not None:
        yield await _app_token(slack, settings.slack_app_token.get_secret_value())
    yield await _beam(beam)


def _callbacks(settings: Settings) -> Result:
    what = "Beam callbacks"
    if not settings.many_workspaces:
        return Result(True, what, f"taken at {CALLBACK_PATH}, signed with BEAM_CALLBACK_KEY")
    if settings.beam_callback_key is None:
        return Result(True, what, f"taken at {CALLBACK_PATH}, signed with each account's own key")
    # It harms nothing, but whoever has set it waits for callbacks that are refused.
    text = (
        "BEAM_CALLBACK_KEY counts for no account here. Unset it, and give each account's signing"
        " key to /beam connect"
    )
    return Result(False, what, text)


async def _database(database: Database) -> Result:
    try:
        await write_nothing(database)
        schema = await find_standing(database)
    except SchemaTooNew as error:
        return Result(False, "database", f"cannot be used: {error.reason}")
    except StorageUnavailable as error:
        return Result(
            False,
            "database",
            f"cannot be used ({error.reason}). Check DATABASE_URL, the folder's rights and the"
            " space left",
        )
    match schema.fit:
        case Fit.BEHIND:
            said = "reachable; the start brings its schema up to date"
        case Fit.AHEAD:
            said = (
                f"up to date; its schema ({schema.at}) is newer than this version of Beambot,"
                " which works with it"
            )
        case _:
            said = "up to date"
    return Result(True, "database", said)


async def _bot_token(slack: AsyncWebClient, token: str) -> list[Result]:
    what = "Slack bot token"
    try:
        said = await slack.auth_test(token=token)
    except SlackApiError as error:
        return [
            Result(
                False,
                what,
                f"rejected ({error_code(error)}). Copy the Bot User OAuth Token from the app's"
                " page OAuth & Permissions into SLACK_BOT_TOKEN",
            )
        ]
    except (ClientError, SlackClientError, OSError, TimeoutError) as error:
        return [_unreachable(what, "Slack", error, "SLACK_API_URL")]
    results = [Result(True, what, f"works for the workspace {said.get('team')}")]
    headers = {name.lower(): value for name, value in said.headers.items()}
    granted = {scope.strip() for scope in str(headers.get("x-oauth-scopes", "")).split(",")}
    missing = [scope for scope in SCOPES if scope not in granted]
    if missing:
        text = (
            f"missing: {', '.join(missing)}. Update the app from `python app.py manifest` and"
            " install it again"
        )
        return [*results, Result(False, "Slack scopes", text)]
    return [*results, Result(True, "Slack scopes", f"all {len(SCOPES)} granted")]


async def _slack(slack: AsyncWebClient) -> Result:
    what = "Slack"
    try:
        await slack.api_test()
    except (SlackApiError, ClientError, SlackClientError, OSError, TimeoutError) as error:
        return _unreachable(what, "Slack", error, "SLACK_API_URL")
    return Result(True, what, "answers; workspaces install the bot at /slack/install")


async def _beam_of_others(beam: BeamClient) -> Result:
    what = "Beam"
    try:
        await beam.check()
    except Unauthorized:
        # Asked without a token: that it is missed shows that Beam is there.
        return Result(True, what, "answers; each workspace connects its own account")
    except BeamError as error:
        return _unreachable(what, "Beam", error, "BEAM_API_URL")
    return Result(False, what, "takes requests without a token. Check BEAM_API_URL")


async def _app_token(slack: AsyncWebClient, token: str) -> Result:
    what = "Slack app token"
    try:
        await slack.apps_connections_open(app_token=token)
    except SlackApiError as error:
        return Result(
            False,
            what,
            f"rejected ({error_code(error)}). Make one with the scope connections:write on the"
            " app's page Basic Information, put it into SLACK_APP_TOKEN, and see that Socket Mode"
            " is on",
        )
    except (ClientError, SlackClientError, OSError, TimeoutError) as error:
        return _unreachable(what, "Slack", error, "SLACK_API_URL")
    return Result(True, what, "works, Socket Mode is open")


async def _beam(beam: BeamClient) -> Result:
    what = "Beam"
    try:
        await beam.check()
    except Unauthorized:
        return Result(False, what, "rejects the token. Copy a valid one from Beam into BEAM_TOKEN")
    except BeamError as error:
        return _unreachable(what, "Beam", error, "BEAM_API_URL")
    return Result(True, what, "answers and accepts the token")


def _unreachable(what: str, whom: str, error: Exception, variable: str) -> Result:
    return Result(
        False,
        what,
        f"{whom} was not reached ({type(error).__name__}). Check {variable} and the network, or"
        " try again",
    )
