"""Which missed slots are made up for is told in three words of one kind: `latest`, `all`, `none`.

Revision 0002, after 0001. Until then two of them were `last` and `skip`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"

_SCHEDULES = sa.table("schedules", sa.column("catch_up", sa.String()))


def upgrade() -> None:
    """Rename what is stored; what is none of the words stays, and is told as a fault of its schedule."""
    for before, after in (("last", "latest"), ("skip", "none")):
        renamed = sa.update(_SCHEDULES).where(_SCHEDULES.c.catch_up == before).values(catch_up=after)
        op.execute(renamed)
