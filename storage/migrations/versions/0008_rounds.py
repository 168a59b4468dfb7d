"""Whose turn it is among the workspaces, found by one search each."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the indexes; each has only rows that are due at some time."""
    for name, table, columns, due in (
        ("ix_channels_team_due", "channels", ["team_id", "due_at"], "due_at"),
        ("ix_channels_touched_at", "channels", ["touched_at"], "due_at"),
        ("ix_preferences_summary", "preferences", ["team_id", "summary_due_at"], "summary_due_at"),
        ("ix_preferences_digest", "preferences", ["team_id", "digest_due_at"], "digest_due_at"),
    ):
        some = sa.text(f"{due} IS NOT NULL")
        op.create_index(name, table, columns, sqlite_where=some, postgresql_where=some)
