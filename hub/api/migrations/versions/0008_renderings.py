"""Notebooks as pages, that were made to be shared.

Revision 0008, after 0007.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0008", "0007"


def upgrade() -> None:
    """Add the table; the pages themselves are files."""
    op.create_table(
        "renderings",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("id", sa.String(16), nullable=False, unique=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("notebook", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("renderings_of_an_owner", "renderings", ["owner", "sequence"])
