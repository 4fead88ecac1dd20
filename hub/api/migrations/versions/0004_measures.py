"""What the workers measure, for Prometheus to read at the API: budgets of providers, gaps of the catalog.

Revision 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "measures",
        sa.Column("worker", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("label", sa.String(64), primary_key=True),
        sa.Column("value", sa.Float(53), nullable=False),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
    )
