"""What forgets nothing is not replaced either: SQLite deletes for ``INSERT OR REPLACE`` without asking the triggers.

Revision 0006, after 0005. PostgreSQL knows no such statement.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.api.migrations.permanent import not_replaced

revision, down_revision = "0006", "0005"

#: By whether a row that is there may be told again, as programs do that got no answer.
_PERMANENT = {"audit": True, "runs": True, "strategies": False, "run_strategies": False, "run_trials": False}


def upgrade() -> None:
    """Add what keeps rows from being replaced."""
    if op.get_bind().dialect.name != "sqlite":
        return
    asked = sa.inspect(op.get_bind())
    for name, told_twice in _PERMANENT.items():
        keys = [asked.get_pk_constraint(name)["constrained_columns"]]
        keys += [each["column_names"] for each in asked.get_unique_constraints(name)]
        keys += [[str(c) for c in each["column_names"]] for each in asked.get_indexes(name) if each["unique"]]
        op.execute(not_replaced(name, keys, told_twice=told_twice))
