"""A bare Bolt app in the server that the product uses: it acknowledges a command, no more."""

from __future__ import annotations

import os

import uvicorn
from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bench.http1 import parse_port


async def authorize() -> AuthorizeResult:
    """Say who the bot is without asking Slack, as the product does."""
    return AuthorizeResult(
        enterprise_id=None, team_id="T1", bot_token="xoxb-bench", bot_id="B1", bot_user_id="UBOT"
    )


def main() -> None:
    """Serve until SIGTERM."""
    app = AsyncApp(signing_secret=os.environ["SLACK_SIGNING_SECRET"], authorize=authorize)

    @app.command("/beam")
    async def acknowledge(ack: AsyncAck) -> None:
        await ack()

    served = AsyncSlackRequestHandler(app, path="/slack/events")
    uvicorn.run(
        served,
        host="127.0.0.1",
        port=parse_port(__doc__ or ""),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
    )


if __name__ == "__main__":
    main()
