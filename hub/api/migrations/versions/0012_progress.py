"""How far the backtest is that a firing runs now.

Revision 0012, after 0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0012", "0011"


def upgrade() -> None:
    """Add the column; of what is there nothing is known."""
    kind = sa.JSON().with_variant(sa.Text(), "sqlite")
    op.add_column("firings", sa.Column("progress", kind))
