"""Why somebody wants to cancel, kept with the question whether to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Copies from before this revision were never meant to run beside later ones.
needs = "0005"


def upgrade() -> None:
    """Add the column, empty."""
    op.add_column("cancel_questions", sa.Column("reason", sa.Text(), nullable=True))
