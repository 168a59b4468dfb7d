"""What is usual of a function, what a channel wants to hear, and why somebody cancelled."""

import sqlalchemy as sa
from alembic import op

from storage.tables import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and columns, empty: history begins now."""
    op.add_column("tasks", sa.Column("nudge_at", UtcDateTime(), nullable=True))
    op.create_index(
        "ix_tasks_nudge_at", "tasks", ["nudge_at"], sqlite_where=sa.text("nudge_at NOT NULL")
    )
    op.add_column("cancels", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("cancels", sa.Column("ran_ms", sa.BigInteger(), nullable=True))
    if op.get_bind().dialect.name != "sqlite":
        # An SQLite integer is as long as it must be; elsewhere 25 days did not fit.
        for name in ("waited_ms", "ran_ms"):
            op.alter_column("transitions", name, type_=sa.BigInteger())
    op.create_table(
        "runs",
        sa.Column("team_id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("function", sa.String(length=300), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("waited_ms", sa.BigInteger(), nullable=True),
        sa.Column("ran_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "account", "task_id", name="pk_runs"),
    )
    op.create_index("ix_runs_function", "runs", ["team_id", "account", "function", "ended_at"])
    op.create_index("ix_runs_ended", "runs", ["team_id", "account", "ended_at"])
    op.create_table(
        "preferences",
        sa.Column("team_id", sa.String(length=32), nullable=False),
        sa.Column("channel_id", sa.String(length=32), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("threads", sa.Boolean(), nullable=False),
        sa.Column("broadcast", sa.Boolean(), nullable=False),
        sa.Column("mention", sa.Text(), nullable=True),
        sa.Column("muted_until", UtcDateTime(), nullable=True),
        sa.Column("quiet_from", sa.Integer(), nullable=True),
        sa.Column("quiet_to", sa.Integer(), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=True),
        sa.Column("summary_since", UtcDateTime(), nullable=True),
        sa.Column("summary_due_at", UtcDateTime(), nullable=True),
        sa.Column("digest", sa.Boolean(), nullable=False),
        sa.Column("digest_due_at", UtcDateTime(), nullable=True),
        sa.Column("changed_by", sa.String(length=32), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "channel_id", name="pk_preferences"),
    )
    op.create_index("ix_preferences_summary_due_at", "preferences", ["summary_due_at"])
    op.create_index("ix_preferences_digest_due_at", "preferences", ["digest_due_at"])
