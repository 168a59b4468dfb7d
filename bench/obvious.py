"""The bot that a user would write instead: slack-bolt, stock httpx, one ORM session a row.

It is what the first page of each library's documentation leads to, and it works: with a token
`python -m bench.obvious` is a bot. It has no crash safety, no pacing and no limit to requests;
the traps that would stop it under load (a session held over a request, SQLite's and httpx's
short timeouts) are avoided.
"""

from __future__ import annotations

import asyncio
import os
import re
from datetime import UTC, datetime

import httpx
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

FINAL = {"COMPLETE", "FAILED", "ERROR", "CANCELLED", "TIMEOUT", "EXPIRED"}


class Base(DeclarativeBase):
    """The base of the tables."""


class Watch(Base):
    """A task that a channel watches."""

    __tablename__ = "watches"

    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[str]
    channel: Mapped[str]
    status: Mapped[str] = mapped_column(default="PENDING")
    checked_at: Mapped[datetime | None]


Sessions = async_sessionmaker[AsyncSession]


async def open_database(url: str) -> Sessions:
    """Make the tables; return the sessions."""
    engine = create_async_engine(url, connect_args={"timeout": 60})
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    return async_sessionmaker(engine, expire_on_commit=False)


async def check(
    http: httpx.AsyncClient, slack: AsyncWebClient, sessions: Sessions, watch: Watch
) -> None:
    """Look at one task; tell its channel if its status changed."""
    response = await http.get(f"/task/{watch.task_id}/")
    response.raise_for_status()
    task = response.json()
    async with sessions() as session:
        session.add(watch)
        watch.checked_at = datetime.now(UTC)
        old, watch.status = watch.status, task["status"]
        await session.commit()
    if old != watch.status:
        text = f"{watch.task_id}: {old} -> {watch.status}"
        await slack.chat_postMessage(channel=watch.channel, text=text)


async def poll_once(http: httpx.AsyncClient, slack: AsyncWebClient, sessions: Sessions) -> None:
    """Look at every watched task, all at once."""
    async with sessions() as session:
        watches = (await session.scalars(select(Watch).where(Watch.status.not_in(FINAL)))).all()
    await asyncio.gather(*(check(http, slack, sessions, watch) for watch in watches))


async def poll(http: httpx.AsyncClient, slack: AsyncWebClient, sessions: Sessions) -> None:
    """Look at every watched task every five seconds."""
    while True:
        await poll_once(http, slack, sessions)
        await asyncio.sleep(5)


def new_client(base_url: str, token: str) -> httpx.AsyncClient:
    """Return httpx's client as it comes."""
    return httpx.AsyncClient(
        base_url=base_url,
        headers={"Authorization": f"Bearer {token}"},
        timeout=httpx.Timeout(10, pool=None),
    )


async def main() -> None:
    """Run the bot."""
    app = AsyncApp(token=os.environ["SLACK_BOT_TOKEN"])
    sessions = await open_database("sqlite+aiosqlite:///obvious.db")
    http = new_client("https://api.beam.cloud/v2", os.environ["BEAM_TOKEN"])

    @app.command("/beam")
    async def watch(ack: AsyncAck, respond: AsyncRespond, command: dict[str, str]) -> None:
        await ack()
        ids = re.findall(r"[0-9a-f-]{36}", command["text"])
        async with sessions() as session:
            session.add_all(Watch(task_id=one, channel=command["channel_id"]) for one in ids)
            await session.commit()
        await respond(f"Watching {len(ids)} tasks.")

    polling = asyncio.create_task(poll(http, app.client, sessions))
    try:
        await AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).start_async()  # type: ignore[no-untyped-call]
    finally:
        polling.cancel()


if __name__ == "__main__":
    asyncio.run(main())
