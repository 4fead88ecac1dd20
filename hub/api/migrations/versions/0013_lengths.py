"""Of how many returns each run's Sharpe ratio is: ratios of unlike lengths are compared in their standard errors.

Revision 0013, after 0012. `hub.api.ledger.strategies` fills it, as runs come.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.api.migrations.permanent import not_replaced, refusals

revision, down_revision = "0013", "0012"


def upgrade() -> None:
    """Add the table, which forgets and changes nothing."""
    op.create_table(
        "run_lengths",
        sa.Column("sequence", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("observations", sa.BigInteger(), nullable=False),
    )
    dialect = op.get_bind().dialect.name
    for each in refusals("run_lengths", dialect):
        op.execute(each)
    if dialect == "sqlite":
        op.execute(not_replaced("run_lengths", [["sequence"]], told_twice=False))
