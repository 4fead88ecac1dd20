"""The tables as they were when the revisions began; a database of before is made to be like it.

Revision 0001, the first one. Nothing here changes any more: it is what databases out there went through.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from hub.api.migrations.permanent import refusals

revision, down_revision = "0001", None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON().with_variant(sa.Text(), "sqlite")
_PERMANENT = ("runs", "strategies", "run_strategies", "run_trials")


def upgrade() -> None:
    """Make what is missing."""
    there = set(sa.inspect(op.get_bind()).get_table_names())
    for tables in (_comments, _ledger, _strategies, _schedules, _firings, _fetches, _others):
        tables()
    for name in _PERMANENT:
        if name not in there:
            for each in refusals(name, op.get_bind().dialect.name):
                op.execute(each)


def _table(name: str, *columns: Any, key: str = "sequence", **indices: list[str]) -> None:
    asked = sa.inspect(op.get_bind())
    if asked.has_table(name):
        known = {each["name"] for each in asked.get_columns(name)}
        for column in columns:
            if isinstance(column, sa.Column) and column.name not in known:
                op.add_column(name, column)
    else:
        op.create_table(name, *columns, sa.PrimaryKeyConstraint(key))
    for index, of in indices.items():
        op.create_index(index, name, of, if_not_exists=True)


def _text(name: str, length: int = 0, *, null: bool = False, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=null, **more)


def _json(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _JSON, nullable=null)


def _moment(name: str, *, null: bool = False, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=null, **more)


def _whole(name: str, *, null: bool = False, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=null, **more)


def _sequence(name: str = "sequence") -> sa.Column[Any]:
    return sa.Column(name, _NUMBER, autoincrement=True, nullable=False)


def _of_a_run() -> sa.Column[Any]:
    return sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False)


def _comments() -> None:
    _table(
        "comments",
        *(_sequence(), _text("id", 32), _text("target", 512), _text("parent", 32, null=True), _text("author", 255)),
        *(_text("body"), _text("html"), _json("mentions"), _moment("created_at"), _moment("edited_at", null=True)),
        *(_text("edited_by", 255, null=True), _moment("deleted_at", null=True)),
        sa.ForeignKeyConstraint(["parent"], ["comments.id"]),
        sa.UniqueConstraint("id"),
        comments_of_a_parent=["parent"],
        comments_of_a_target=["target", "sequence"],
    )
    _table(
        "comment_edits",
        *(_sequence(), _text("comment", 32), _text("body"), _moment("written_at"), _text("written_by", 255)),
        sa.ForeignKeyConstraint(["comment"], ["comments.id"]),
        ix_comment_edits_comment=["comment"],
    )
    _table(
        "comment_events",
        *(_sequence(), _text("comment", 32), _text("target", 512), _text("kind", 16)),
        sa.ForeignKeyConstraint(["comment"], ["comments.id"]),
    )


def _ledger() -> None:
    _table(
        "runs",
        *(_sequence(), _text("id", 32), _text("spec_id", 64), _text("family"), _text("strategy"), _text("status", 16)),
        *(_text("purpose", 16), _text("user", 255), _moment("started_at")),
        *(sa.Column("sharpe_per_period", sa.Float()), _text("record")),
        sa.UniqueConstraint("id"),
        ix_runs_spec_id=["spec_id"],
        runs_of_a_user=["user", "sequence"],
    )
    op.drop_index("runs_of_a_family", "runs", if_exists=True)  # of before `strategies` told the families


def _strategies() -> None:
    _table(
        "strategies",
        *(_sequence("place"), _text("key", 64), _text("family"), _text("run", 32)),
        sa.Column("shingles", sa.LargeBinary(), nullable=False),
        *(_text("similar_to", 32), sa.Column("similarity", sa.Float())),
        sa.UniqueConstraint("key"),
        key="place",
        strategies_of_a_family=["family"],
    )
    _table("run_strategies", _of_a_run(), _text("key", 64), ix_run_strategies_key=["key"])
    _table("run_trials", _of_a_run(), _text("trial", 64))


def _schedules() -> None:
    _table(
        "schedules",
        *(_sequence(), _text("id", 32), _text("owner", 255), _text("notebook"), _json("parameters")),
        *(_text("cron", 128), _text("timezone", 64), _text("catch_up", 8), _text("overlap", 8), _whole("timeout")),
        *(_text("output"), _moment("created_at"), _moment("changed_at"), _moment("paused_at", null=True)),
        *(_moment("deleted_at", null=True), _moment("decided_until"), _moment("next_at", null=True)),
        _text("dataset", 64, server_default=""),
        sa.UniqueConstraint("id"),
        ix_schedules_next_at=["next_at"],
        schedules_of_an_owner=["owner", "sequence"],
    )
    _table(
        "schedule_faults",
        *(_text("schedule", 32), _text("detail"), _moment("since"), _moment("again_at")),
        sa.ForeignKeyConstraint(["schedule"], ["schedules.id"]),
        key="schedule",
    )


def _firings() -> None:
    _table(
        "firings",
        *(_sequence(), _text("id", 32), _text("schedule", 32, null=True), _moment("slot", null=True)),
        *(_text("kind", 16), _text("owner", 255), _text("notebook"), _json("parameters"), _text("output")),
        *(_whole("timeout"), _text("state", 16), _text("detail"), _json("runs"), _whole("cells", null=True)),
        *(_whole("cells_done", null=True), _moment("created_at"), _moment("started_at", null=True)),
        *(_moment("ended_at", null=True), _moment("cancel_asked_at", null=True)),
        _text("dataset", 64, server_default=""),
        sa.ForeignKeyConstraint(["schedule"], ["schedules.id"]),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("schedule", "slot", name="one_firing_a_slot"),
        firings_in_a_state=["state", "schedule", "sequence"],
        firings_of_an_owner=["owner", "sequence"],
    )


def _fetches() -> None:
    _table(
        "fetches",
        *(_sequence(), _text("id", 32), _text("provider", 64), _text("dataset", 64), _json("asked")),
        *(_text("open_as", 64, null=True), _text("state", 16), _whole("calls"), _whole("calls_done"), _whole("parts")),
        *(_whole("parts_done"), _moment("rows"), sa.Column("seconds_left", sa.Float()), _json("imports")),
        *(_whole("tries"), _whole("turn", server_default="0"), _moment("line_at", server_default="0")),
        *(_json("error", null=True), _moment("created_at"), _moment("started_at", null=True)),
        *(_moment("ended_at", null=True), _moment("cancel_asked_at", null=True)),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("open_as"),
        fetches_in_a_state=["state", "sequence"],
    )
    _table(
        "ingests",
        *(_sequence(), _text("id", 32), _text("owner", 255), _text("fetch", 32), _text("firing", 32, null=True)),
        *(_moment("created_at"), _moment("cancelled_at", null=True)),
        sa.ForeignKeyConstraint(["fetch"], ["fetches.id"]),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("firing"),
        ingests_of_an_owner=["owner", "sequence"],
        ix_ingests_fetch=["fetch"],
    )


def _others() -> None:
    _table(
        "notifications",
        *(_sequence(), _text("user", 255), _text("kind", 32), _text("text"), _json("about"), _moment("created_at")),
        _moment("read_at", null=True),
        notifications_of_a_user=["user", "sequence"],
    )
    _table(
        "idempotency_keys",
        *(_sequence(), _text("user", 255), _text("key", 128), _text("request", 64), _whole("status", null=True)),
        *(_text("answer", null=True), _moment("created_at")),
        sa.UniqueConstraint("user", "key"),
        ix_idempotency_keys_created_at=["created_at"],
    )
    _table(
        "workers",
        *(_text("id", 32), _text("host", 255), _whole("process"), _moment("born"), _moment("seen_at")),
        key="id",
    )
