"""The schema. Every row belongs to a workspace (``team_id``) and a Beam account."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python; refuses naive times, which would silently mean another time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time cannot be stored")
        return value.astimezone(UTC).replace(tzinfo=None if dialect.name == "sqlite" else UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _some(name: str, *columns: str, where: str) -> Index:
    """Return an index of the rows that have a value in the column ``where``."""
    some = text(f"{where} IS NOT NULL")
    return Index(name, *columns, sqlite_where=some, postgresql_where=some)


tasks = Table(
    "tasks",
    metadata,
    Column("team_id", String(32), primary_key=True),
    Column("account", String(64), primary_key=True),
    Column("task_id", String(36), primary_key=True),
    Column("status", String(64), nullable=False),
    Column("payload", Text, nullable=False),
    Column("known_at", UtcDateTime, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("next_check_at", UtcDateTime),
    Column("attempt", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    Column("failing_since", UtcDateTime),
    Column("trouble", String(16)),
    Column("rechecks", Integer, nullable=False, default=0),
    Column("cancelled_by", String(32)),
    # When it may be worth a word that it takes longer than usual.
    Column("nudge_at", UtcDateTime),
    # What is due is found by its time alone, however much is watched; and with the account beside
    # it, what is due of the others is found behind one that has much due.
    Index(
        "ix_tasks_due",
        "next_check_at",
        "team_id",
        "account",
        sqlite_where=text("next_check_at NOT NULL"),
    ),
    Index("ix_tasks_nudge_at", "nudge_at", sqlite_where=text("nudge_at NOT NULL")),
)

transitions = Table(
    "transitions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("team_id", String(32), nullable=False),
    Column("account", String(64), nullable=False),
    Column("task_id", String(36), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("old", String(64), nullable=False),
    Column("new", String(64), nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("waited_ms", BigInteger),
    Column("ran_ms", BigInteger),
    UniqueConstraint("team_id", "account", "task_id", "seq"),
)

# How tasks ended, one row a task: what is usual of a function is learned from these.
runs = Table(
    "runs",
    metadata,
    Column("team_id", String(32), primary_key=True),
    Column("account", String(64), primary_key=True),
    Column("task_id", String(36), primary_key=True),
    Column("function", String(300), nullable=False),
    Column("status", String(64), nullable=False),
    Column("waited_ms", BigInteger),
    Column("ran_ms", BigInteger),
    Column("ended_at", UtcDateTime, nullable=False),
    Index("ix_runs_function", "team_id", "account", "function", "ended_at"),
    Index("ix_runs_ended", "team_id", "account", "ended_at"),
)

# What a channel wants to hear, where that is not the default.
preferences = Table(
    "preferences",
    metadata,
    Column("team_id", String(32), primary_key=True),
    Column("channel_id", String(32), primary_key=True),
    Column("level", String(16), nullable=False),
    Column("threads", Boolean, nullable=False),
    Column("broadcast", Boolean, nullable=False),
    # Whom to mention of a failure, as JSON; null for whoever asked for the watch.
    Column("mention", Text),
    Column("muted_until", UtcDateTime),
    # Quiet hours: minutes after midnight in the time zone.
    Column("quiet_from", Integer),
    Column("quiet_to", Integer),
    Column("time_zone", String(64)),
    Column("summary_since", UtcDateTime),
    Column("summary_due_at", UtcDateTime, index=True),
    Column("digest", Boolean, nullable=False),
    Column("digest_due_at", UtcDateTime, index=True),
    Column("changed_by", String(32), nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    _some("ix_preferences_summary", "team_id", "summary_due_at", where="summary_due_at"),
    _some("ix_preferences_digest", "team_id", "digest_due_at", where="digest_due_at"),
)

cards = Table(
    "cards",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("team_id", String(32), nullable=False),
    Column("account", String(64), nullable=False),
    Column("channel_id", String(32), nullable=False),
    Column("thread_ts", String(32)),
    Column("kind", String(8), nullable=False),
    Column("owner_id", String(32), nullable=False),
    Column("level", String(16), nullable=False),
    Column("ts", String(32)),
    Column("wanted", Integer, nullable=False, default=1),
    Column("shown", Integer, nullable=False, default=0),
    Column("refused", String(64)),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_cards_team_id_channel_id_ts", "team_id", "channel_id", "ts"),
    # Cards whose message lags behind are few; finding them must not read all cards.
    Index(
        "ix_cards_stale",
        "team_id",
        "channel_id",
        sqlite_where=text("wanted > shown"),
        postgresql_where=text("wanted > shown"),
    ),
)

watches = Table(
    "watches",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("team_id", String(32), nullable=False),
    Column("account", String(64), nullable=False),
    Column("channel_id", String(32), nullable=False),
    Column("task_id", String(36), nullable=False),
    Column("card_id", ForeignKey("cards.id"), nullable=False, index=True),
    Column("owner_id", String(32), nullable=False),
    Column("level", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("end_reason", String(16)),
    Index("ix_watches_task", "team_id", "account", "task_id"),
    Index(
        "uq_watches_active",
        "team_id",
        "account",
        "channel_id",
        "task_id",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("team_id", String(32), nullable=False),
    Column("account", String(64), nullable=False),
    Column("channel_id", String(32), nullable=False),
    Column("card_id", ForeignKey("cards.id"), index=True),
    Column("kind", String(16), nullable=False),
    Column("data", Text, nullable=False),
    Column("dedupe", String(128), nullable=False, unique=True),
    Column("state", String(8), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("error", String(64)),
    Column("ts", String(32)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    # The id of the request or the poll that caused it, which is also in the log.
    Column("trace", String(16)),
    Index(
        "ix_deliveries_owed",
        "team_id",
        "channel_id",
        "id",
        sqlite_where=text("state IN ('owed', 'sending')"),
        postgresql_where=text("state IN ('owed', 'sending')"),
    ),
)

channels = Table(
    "channels",
    metadata,
    Column("team_id", String(32), primary_key=True),
    Column("channel_id", String(32), primary_key=True),
    Column("due_at", UtcDateTime),
    Column("lease_until", UtcDateTime),
    Column("attempt", Integer, nullable=False, default=0),
    Column("next_post_at", UtcDateTime),
    Column("next_edit_at", UtcDateTime),
    # When this row's times were written. If that lies ahead, the clock was set back since.
    Column("touched_at", UtcDateTime),
    Index("ix_channels_due_at", "due_at", sqlite_where=text("due_at NOT NULL")),
    # Whose turn it is among the workspaces (storage/rounds.py), and whether the clock was set back.
    _some("ix_channels_team_due", "team_id", "due_at", where="due_at"),
    _some("ix_channels_touched_at", "touched_at", where="due_at"),
)

cancels = Table(
    "cancels",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("team_id", String(32), nullable=False),
    Column("account", String(64), nullable=False),
    Column("task_id", String(36), nullable=False),
    Column("actor_id", String(32), nullable=False),
    Column("channel_id", String(32), nullable=False),
    Column("via", String(16), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("before", String(64)),
    Column("after", String(64)),
    Column("outcome", String(16)),
    Column("settled_at", UtcDateTime),
    Column("card_id", Integer),
    Column("reason", Text),
    Column("ran_ms", BigInteger),
    Index("ix_cancels_task", "team_id", "account", "task_id"),
    Index("ix_cancels_channel", "team_id", "channel_id", "asked_at"),
)

cancel_questions = Table(
    "cancel_questions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("team_id", String(32), nullable=False),
    Column("account", String(64), nullable=False),
    Column("channel_id", String(32), nullable=False),
    Column("actor_id", String(32), nullable=False),
    Column("task_ids", Text, nullable=False),
    Column("reason", Text),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("answered", Boolean, nullable=False, default=False),
)

requests_seen = Table(
    "requests_seen",
    metadata,
    Column("team_id", String(32), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False, index=True),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("beat_at", UtcDateTime, nullable=False),
)

# Where the bot is installed: by a workspace, or by an organisation for all of its workspaces.
installations = Table(
    "installations",
    metadata,
    # The workspace's id, or the organisation's.
    Column("owner_id", String(32), primary_key=True),
    Column("org_wide", Boolean, nullable=False),
    Column("name", String(300), nullable=False),
    Column("url", String(300), nullable=False),
    Column("app_id", String(32)),
    Column("bot_id", String(32), nullable=False),
    Column("bot_user_id", String(32), nullable=False),
    Column("scopes", Text, nullable=False),
    # Tokens are encrypted, here and in beam_accounts.
    Column("token", Text, nullable=False),
    Column("refresh_token", Text),
    Column("expires_at", UtcDateTime),
    Column("installed_by", String(32), nullable=False),
    Column("installed_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

org_teams = Table(
    "org_teams",
    metadata,
    Column("team_id", String(32), primary_key=True),
    Column("org_id", String(32), nullable=False, index=True),
    Column("seen_at", UtcDateTime, nullable=False),
)

oauth_states = Table(
    "oauth_states",
    metadata,
    Column("state", String(64), primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False),
)

beam_accounts = Table(
    "beam_accounts",
    metadata,
    Column("team_id", String(32), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("token", Text, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("connected_by", String(32), nullable=False),
    Column("connected_at", UtcDateTime, nullable=False),
    # Encrypted; where it is empty, Beam does not call back.
    Column("callback_key", Text),
)

# Channels that chose another account than the workspace's default.
channel_accounts = Table(
    "channel_accounts",
    metadata,
    Column("team_id", String(32), primary_key=True),
    Column("channel_id", String(32), primary_key=True),
    Column("account", String(64), nullable=False),
)

copies = Table(
    "copies",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("beat_at", UtcDateTime, nullable=False),
)

# Who changed what, beside cancels, which have a table of their own.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("team_id", String(32), nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("actor_id", String(32), nullable=False),
    Column("action", String(32), nullable=False),
    Column("details", Text, nullable=False),
)
