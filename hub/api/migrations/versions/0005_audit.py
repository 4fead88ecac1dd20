"""The audit log, which the database itself keeps from being changed.

Revision 0005, after 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.api.migrations.permanent import refusals

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    """Add the table, and what refuses to change or delete a row of it."""
    sequence = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit",
        sa.Column("sequence", sequence, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON().with_variant(sa.Text(), "sqlite"), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
    )
    op.create_index("audit_of_somebody", "audit", ["who", "sequence"])
    op.create_index("audit_of_an_action", "audit", ["action", "sequence"])
    for each in refusals("audit", op.get_bind().dialect.name, "the audit log changes nothing"):
        op.execute(each)
