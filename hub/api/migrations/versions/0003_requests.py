"""A firing and a request for data remember under which request's id they were asked for, so that logs can be followed.

Revision 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    """Add the column; what is there was asked for under none."""
    for name in ("firings", "ingests"):
        op.add_column(name, sa.Column("request", sa.Text(), nullable=False, server_default=""))
