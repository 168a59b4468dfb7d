"""What the promises need: when a channel was touched, whence a message came, a heartbeat."""

import sqlalchemy as sa
from alembic import op

from storage.tables import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, empty: what was written before has no value for them."""
    op.add_column("channels", sa.Column("touched_at", UtcDateTime(), nullable=True))
    op.add_column("deliveries", sa.Column("trace", sa.String(length=16), nullable=True))
    op.add_column("cancels", sa.Column("card_id", sa.Integer(), nullable=True))
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("beat_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_heartbeats"),
    )
