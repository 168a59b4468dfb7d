"""Due tasks are found by account too, so that one account's backlog hides nobody else's."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put a wider index in the place of the one by time alone."""
    op.create_index(
        "ix_tasks_due",
        "tasks",
        ["next_check_at", "team_id", "account"],
        sqlite_where=sa.text("next_check_at NOT NULL"),
    )
    op.drop_index("ix_tasks_next_check_at", "tasks")
