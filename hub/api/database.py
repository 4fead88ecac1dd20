"""The API's own database: SQLite beside the hub, or PostgreSQL; the same tables and the same queries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Dialect, Engine, MetaData, Text, TypeDecorator, create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.types import TypeEngine

from alphapulse_lib.settings import Settings

__all__ = ["METADATA", "StoredJson", "opened"]

#: Every table of the API registers here.
METADATA = MetaData()
#: The lock under which one process at a time makes the tables: the API and its workers start together.
_MAKING = 0x416C7068


class StoredJson(TypeDecorator[Any]):
    """JSON in a column that a hand may have damaged: ``None`` where it cannot be read, so that the row still can be.

    PostgreSQL lets in nothing else than JSON; SQLite keeps whatever it is given.
    """

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text in SQLite, where SQLAlchemy's own type would refuse the whole row."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else JSON())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """What is stored."""
        return json.dumps(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """What is read."""
        if dialect.name != "sqlite":
            return value
        try:
            return json.loads(value)
        except (ValueError, TypeError, RecursionError):
            return None


def opened(chosen: Settings) -> Engine:
    """The database that the settings name, with its tables made where they are missing."""
    url = make_url(chosen.api_database_url)
    if url.get_backend_name() != "sqlite":
        engine = create_engine(url, pool_pre_ping=True)
    else:
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        engine = create_engine(url, connect_args={"timeout": 30})
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    with engine.execution_options(writes=True).begin() as connection:
        if url.get_backend_name() == "postgresql":  # SQLite's lock is taken already
            connection.execute(select(func.pg_advisory_xact_lock(_MAKING)))
        METADATA.create_all(connection)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    """Readers that do not wait for a writer; foreign keys; transactions that SQLAlchemy begins, not the driver."""
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any) -> None:
    # A transaction that reads first and then writes fails when another one wrote between: take the lock at once where
    # the caller says it will write.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
