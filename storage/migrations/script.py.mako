"""${message}"""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None

# Only where this takes something away: the oldest revision that running copies must know,
# as in `needs = "0005"`; docs/architecture.md, "Migrations".


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
