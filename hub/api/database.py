"""The API's own database: SQLite beside the hub, or PostgreSQL; the same tables and the same queries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Connection,
    Dialect,
    Engine,
    MetaData,
    Text,
    TypeDecorator,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.types import TypeEngine

from alphapulse_lib.settings import Settings
from hub.api.migrations import migrate

__all__ = ["METADATA", "StoredJson", "opened", "reading", "writing"]

#: Every table of the API registers here.
METADATA = MetaData()
#: The lock under which one process at a time makes the tables: the API and its workers start together.
_MAKING = 0x416C7068
#: Connections of one process: each request that is at work needs one, and the server works on forty at once.
_MOST = 48
#: PostgreSQL: after how long who waits for another's lock is told to come again, and after how long the locks of a
#: process that died without a word are let go.
_PATIENCE = ("SET lock_timeout = '30s'", "SET idle_in_transaction_session_timeout = '60s'")

_CURRENT: ContextVar[Connection | None] = ContextVar("transaction", default=None)


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
    """The database that the settings name, its tables as this version needs them."""
    url = make_url(chosen.api_database_url)
    more: dict[str, Any] = {"max_overflow": _MOST - 5}  # beside the five that stay open
    if url.get_backend_name() == "postgresql":
        engine = create_engine(url, pool_pre_ping=True, **more)
        event.listen(engine, "connect", _be_patient)
    elif url.get_backend_name() != "sqlite":
        engine = create_engine(url, pool_pre_ping=True, **more)
    else:
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        engine = create_engine(url, connect_args={"timeout": 30}, **more)
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    with writing(engine) as connection:
        if url.get_backend_name() == "postgresql":  # SQLite's lock is taken already
            connection.execute(select(func.pg_advisory_xact_lock(_MAKING)))
        migrate(connection)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads; inside of one that writes, a part of it, which sees what that one wrote."""
    outer = _CURRENT.get()
    if outer is not None:
        yield outer
        return
    with engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes; inside of another one, a part of it: both happen or neither does."""
    outer = _CURRENT.get()
    if outer is not None:
        yield outer
        return
    with engine.execution_options(writes=True).begin() as connection:
        joined = _CURRENT.set(connection)
        try:
            yield connection
        finally:
            _CURRENT.reset(joined)


def _be_patient(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        for each in _PATIENCE:
            cursor.execute(each)
    connection.commit()


def _prepare(connection: Any, _record: Any) -> None:
    """Readers that do not wait for a writer; foreign keys; transactions that SQLAlchemy begins, not the driver."""
    connection.isolation_level = None
    connection.text_factory = lambda text: text.decode("utf-8", "replace")  # a damaged byte damages one row
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any) -> None:
    # A transaction that reads first and then writes fails when another one wrote between: take the lock at once where
    # the caller says it will write.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
