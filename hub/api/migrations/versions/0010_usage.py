"""What people's servers use.

Revision 0010, after 0009.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0010", "0009"


def upgrade() -> None:
    """Add the table."""
    sequence = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "usage",
        sa.Column("sequence", sequence, primary_key=True, autoincrement=True),
        sa.Column("user", sa.String(255), nullable=False),
        sa.Column("server", sa.String(255), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("kernels", "terminals", "jobs")),
        sa.Column("processors", sa.Float(), nullable=False),
        sa.Column("memory", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger()) for name in ("memory_limit", "disk", "disk_limit")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("active_at", "told_at")),
        sa.UniqueConstraint("user", "server"),
    )
