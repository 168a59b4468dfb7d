"""The key that Beam signs an account's callbacks with."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty."""
    op.add_column("beam_accounts", sa.Column("callback_key", sa.Text(), nullable=True))
