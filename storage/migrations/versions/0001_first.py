"""The first schema."""

import sqlalchemy as sa
from alembic import op

from storage.tables import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "cancel_questions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("team_id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("channel_id", sa.String(length=32), nullable=False),
        sa.Column("actor_id", sa.String(length=32), nullable=False),
        sa.Column("task_ids", sa.Text(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_cancel_questions")),
    )
    op.create_table(
        "cancels",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("team_id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("actor_id", sa.String(length=32), nullable=False),
        sa.Column("channel_id", sa.String(length=32), nullable=False),
        sa.Column("via", sa.String(length=16), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("before", sa.String(length=64), nullable=True),
        sa.Column("after", sa.String(length=64), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=("pk_cancels")),
    )
    op.create_index(
        "ix_cancels_channel", "cancels", ["team_id", "channel_id", "asked_at"], unique=False
    )
    op.create_index("ix_cancels_task", "cancels", ["team_id", "account", "task_id"], unique=False)
    op.create_table(
        "cards",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("team_id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("channel_id", sa.String(length=32), nullable=False),
        sa.Column("thread_ts", sa.String(length=32), nullable=True),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("owner_id", sa.String(length=32), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("ts", sa.String(length=32), nullable=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("refused", sa.String(length=64), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_cards")),
    )
    op.create_index(
        "ix_cards_stale",
        "cards",
        ["team_id", "channel_id"],
        unique=False,
        sqlite_where=sa.text("wanted > shown"),
        postgresql_where=sa.text("wanted > shown"),
    )
    op.create_index(
        "ix_cards_team_id_channel_id_ts", "cards", ["team_id", "channel_id", "ts"], unique=False
    )
    op.create_table(
        "channels",
        sa.Column("team_id", sa.String(length=32), nullable=False),
        sa.Column("channel_id", sa.String(length=32), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("next_post_at", UtcDateTime(), nullable=True),
        sa.Column("next_edit_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("team_id", "channel_id", name=("pk_channels")),
    )
    op.create_index(
        "ix_channels_due_at",
        "channels",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at NOT NULL"),
    )
    op.create_table(
        "requests_seen",
        sa.Column("team_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "key", name=("pk_requests_seen")),
    )
    op.create_index(("ix_requests_seen_seen_at"), "requests_seen", ["seen_at"], unique=False)
    op.create_table(
        "tasks",
        sa.Column("team_id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("known_at", UtcDateTime(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("next_check_at", UtcDateTime(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", UtcDateTime(), nullable=True),
        sa.Column("trouble", sa.String(length=16), nullable=True),
        sa.Column("rechecks", sa.Integer(), nullable=False),
        sa.Column("cancelled_by", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("team_id", "account", "task_id", name=("pk_tasks")),
    )
    op.create_index(
        "ix_tasks_next_check_at",
        "tasks",
        ["next_check_at"],
        unique=False,
        sqlite_where=sa.text("next_check_at NOT NULL"),
    )
    op.create_table(
        "transitions",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("team_id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("old", sa.String(length=64), nullable=False),
        sa.Column("new", sa.String(length=64), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("waited_ms", sa.Integer(), nullable=True),
        sa.Column("ran_ms", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=("pk_transitions")),
        sa.UniqueConstraint(
            "team_id",
            "account",
            "task_id",
            "seq",
            name=("uq_transitions_team_id_account_task_id_seq"),
        ),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("team_id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("channel_id", sa.String(length=32), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("dedupe", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=64), nullable=True),
        sa.Column("ts", sa.String(length=32), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=("fk_deliveries_card_id")),
        sa.PrimaryKeyConstraint("id", name=("pk_deliveries")),
        sa.UniqueConstraint("dedupe", name=("uq_deliveries_dedupe")),
    )
    op.create_index(("ix_deliveries_card_id"), "deliveries", ["card_id"], unique=False)
    op.create_index(
        "ix_deliveries_owed",
        "deliveries",
        ["team_id", "channel_id", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('owed', 'sending')"),
        postgresql_where=sa.text("state IN ('owed', 'sending')"),
    )
    op.create_table(
        "watches",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("team_id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("channel_id", sa.String(length=32), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.String(length=32), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("end_reason", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=("fk_watches_card_id")),
        sa.PrimaryKeyConstraint("id", name=("pk_watches")),
    )
    op.create_index(("ix_watches_card_id"), "watches", ["card_id"], unique=False)
    op.create_index("ix_watches_task", "watches", ["team_id", "account", "task_id"], unique=False)
    op.create_index(
        "uq_watches_active",
        "watches",
        ["team_id", "account", "channel_id", "task_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    # ### end Alembic commands ###
