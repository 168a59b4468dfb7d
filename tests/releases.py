"""The bot's code of other releases: those that were, as they were kept, and one yet to come."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from alembic.script import ScriptDirectory

from storage.versions import config, known
from tests.stack import ROOT

KEPT = sorted((ROOT / "tests" / "released").glob("*.zip"))
"""What `make released` made, oldest first."""

UNMEASURED = {"COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}
"""Settings under which coverage leaves the lines of another release alone."""

YET_TO_COME = '''"""Everything that a migration may do while copies of the release before run."""

import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tasks", sa.Column("later", sa.Text(), nullable=True))
    op.add_column(
        "deliveries", sa.Column("urgency", sa.Integer(), nullable=False, server_default="0")
    )
    op.create_index("ix_deliveries_urgency", "deliveries", ["urgency"])
    op.create_table("laters", sa.Column("id", sa.Integer(), primary_key=True))
'''


def unpack(kept: Path, folder: Path) -> Path:
    """Return where the code of a release was put."""
    code = folder / kept.stem
    with zipfile.ZipFile(kept) as archive:
        archive.extractall(code)
    return code


def next_release(folder: Path, migration: str = YET_TO_COME) -> Path:
    """Return today's code with a further migration; ``{head}`` in it is today's last one."""
    code = folder / "next"
    skipped = shutil.ignore_patterns("__pycache__")
    for name in ("bot", "storage"):
        shutil.copytree(ROOT / name, code / name, ignore=skipped)
    shutil.copy(ROOT / "app.py", code)
    head = known(ScriptDirectory.from_config(config()))[-1]
    versions = code / "storage" / "migrations" / "versions"
    (versions / "next.py").write_text(migration.replace("{head}", head))
    return code
