"""Databases of earlier versions, dumped by those versions themselves, become those of this one; nothing is lost."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from postgres import PostgreSQL
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from alphapulse_lib.errors import HubError
from alphapulse_lib.settings import Settings
from hub.api import app
from hub.api.database import METADATA, opened
from hub.api.migrations import FOLDER, HEAD
from hub.api.schedules.schema import SCHEDULES, Schedule
from hub.api.schedules.store import ScheduleStore
from hub.worker import fetches, presence
from tests.resources.sight import ALL_SEEING

SCHEMAS = Path(__file__).parents[2] / "resources" / "schemas"
#: Every table is one of these modules'.
assert app and fetches and presence
WORDS = {"skip": "none", "last": "latest", "all": "all"}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    server = PostgreSQL().start()
    yield server
    server.remove()


@pytest.fixture(params=sorted(path.name for path in SCHEMAS.glob("*.sql")))
def chosen(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """The settings of a database as an earlier version left it."""
    dump = SCHEMAS / request.param
    if ".sqlite" in request.param:
        held = Settings(home=tmp_path)
        (tmp_path / "api").mkdir()
        with sqlite3.connect(tmp_path / "api" / "api.sqlite") as connection:
            connection.executescript(dump.read_text())
        return held
    held = request.getfixturevalue("server").settings(tmp_path, f"m{uuid4().hex[:12]}")
    url = held.api_database.replace("+psycopg", "")
    subprocess.run(["psql", url, "-v", "ON_ERROR_STOP=1", "-qf", dump], check=True, capture_output=True)
    return held


def plain(chosen: Settings) -> Engine:
    return create_engine(chosen.api_database_url)


def rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for table in sorted(set(inspect(connection).get_table_names()) - {"alembic_version"}):
        order = inspect(connection).get_pk_constraint(table)["constrained_columns"][0]
        held = connection.execute(text(f"SELECT * FROM {table} ORDER BY {order}")).mappings()
        found[table] = [dict(row) for row in held]
    return found


def triggers(connection: Connection) -> set[tuple[str, ...]]:
    where = (
        "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'"
        if connection.dialect.name == "sqlite"
        else "SELECT relname, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE NOT tgisinternal"
    )
    return {tuple(row) for row in connection.execute(text(where))}


def test_the_tables_become_those_of_this_version_and_every_row_stays(chosen: Settings):
    with plain(chosen).begin() as connection:
        before = rows(connection)
        assert inspect(connection).get_table_names().count("alembic_version") == 0
    assert [len(before[each]) for each in ("schedules", "comments", "comment_events")] == [4, 1, 1]
    with opened(chosen).begin() as connection:
        after = rows(connection)
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [HEAD]
        made = triggers(connection)
    for row in before["schedules"]:
        row["catch_up"] = WORDS[row["catch_up"]]
        row.setdefault("dataset", "")
    assert {table: after[table] for table in before} == before
    assert {table for table, held in after.items() if held} == {table for table, held in before.items() if held}
    assert after.keys() == METADATA.tables.keys()
    permanent = {"runs", "strategies", "run_strategies", "run_trials", "run_lengths", "audit"}
    assert {table for table, _ in made} == permanent
    assert len(made) == (3 if chosen.api_database_url.startswith("sqlite") else 2) * len(permanent)


def test_a_new_database_is_what_an_old_one_becomes(chosen: Settings, request: pytest.FixtureRequest, tmp_path: Path):
    new = Settings(home=tmp_path / "new")
    if not chosen.api_database_url.startswith("sqlite"):
        new = request.getfixturevalue("server").settings(tmp_path / "new", f"n{uuid4().hex[:12]}")
    shapes = []
    for each in (chosen, new):
        with opened(each).begin() as connection:
            asked = inspect(connection)
            names = sorted(asked.get_table_names())
            columns = {
                name: {(c["name"], str(c["type"]), c["nullable"]) for c in asked.get_columns(name)} for name in names
            }
            indices = {
                name: {(i["name"], *i["column_names"], i["unique"]) for i in asked.get_indexes(name)} for name in names
            }
            shapes.append((names, columns, indices, triggers(connection)))
    assert shapes[0] == shapes[1]


def test_the_schedules_of_before_fire_as_they_did(chosen: Settings):
    engine = opened(chosen)
    held = [each for _, each in ScheduleStore(engine, ALL_SEEING).page("ada", 50, None)]
    assert all(isinstance(each, Schedule) and not each.fault for each in held)
    assert {each.notebook: each.catch_up for each in held} == {
        "skip.ipynb": "none",
        "last.ipynb": "latest",
        "all.ipynb": "all",
    }
    assert {each.overlap for each in held} == {"skip"}, "the other column's word of the same letters stays"
    engine.dispose()


def test_many_processes_find_an_old_database_at_once(chosen: Settings):
    with ThreadPoolExecutor(6) as together:
        engines = list(together.map(opened, [chosen] * 6))
    with engines[0].begin() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [HEAD]
        words = connection.execute(SCHEDULES.select()).mappings().all()
    assert sorted(row["catch_up"] for row in words) == ["all", "latest", "latest", "none"]
    for each in engines:
        each.dispose()


def test_what_fails_in_the_middle_leaves_the_database_as_it_was(chosen: Settings):
    refuse = (
        "CREATE TRIGGER stuck BEFORE UPDATE ON schedules BEGIN SELECT RAISE(ABORT, 'stuck'); END"
        if chosen.api_database_url.startswith("sqlite")
        else "ALTER TABLE schedules ADD CONSTRAINT stuck CHECK (catch_up IN ('skip', 'last', 'all'))"
    )
    with plain(chosen).begin() as connection:
        before, tables = rows(connection), inspect(connection).get_table_names()
        connection.execute(text(refuse))
    with pytest.raises(DBAPIError, match="stuck"):
        opened(chosen)
    with plain(chosen).begin() as connection:
        assert rows(connection) == before
        assert sorted(inspect(connection).get_table_names()) == sorted(tables)
        on = "" if connection.dialect.name == "sqlite" else "ALTER TABLE schedules DROP CONSTRAINT stuck"
        connection.execute(text(on or "DROP TRIGGER stuck"))
    opened(chosen).dispose()


def test_a_database_of_a_newer_version_is_refused_by_name(tmp_path: Path):
    chosen = Settings(home=tmp_path)
    with opened(chosen).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(HubError, match=f"revision 9999; this version of AlphaPulse knows those up to {HEAD}"):
        opened(chosen)


def test_the_newest_revision_is_the_one_that_is_named():
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]
