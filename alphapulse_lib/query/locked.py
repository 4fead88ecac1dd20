"""SQL for whoever is not trusted with the machine: a service's callers.

The query runs in a process of its own, with an environment of its own that holds no secret. It sees the catalog's views
and nothing else: no other file, no extension, no setting. When it takes too long it is killed; when it needs too much
memory, or answers with too many rows, it is refused. Whatever it does to its process, the caller's lives on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from alphapulse_lib import errors
from alphapulse_lib.catalog import objects, storage
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import AlphaPulseError, QueryError
from alphapulse_lib.location import ObjectPath, location

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["Limits", "answer"]

_MEGABYTE = 1024 * 1024
#: What Python and its libraries need before any query.
_GROUND = 768 * _MEGABYTE
_REFUSED = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """What a query may use.

    Attributes
    ----------
    seconds : float
        From its start to its answer's last row.
    memory : int
        Megabytes, for DuckDB. Nothing is spilled to the disk.
    rows : int
        Of the answer.
    answer : int
        Megabytes of the answer.
    """

    seconds: float = 30.0
    memory: int = 512
    rows: int = 100_000
    answer: int = 64


def answer(
    roots: Roots | PurePath,
    sql: str,
    as_of: int | None = None,
    recorded_as_of: int | None = None,
    limits: Limits | None = None,
) -> pa.Table:
    """What a query answers. The views, and further arguments, are those of `sql.relation`.

    Raises
    ------
    QueryError
        DuckDB refuses the query, it reaches for what is locked, or a limit is met; the message says which.
    CatalogEmpty, CatalogDamaged
        See `sql.relation`.
    """
    import pyarrow as pa

    roots, limits = Roots.of(roots), limits or Limits()
    asked = {
        "team": storage.address(roots.team),
        "personal": storage.address(roots.personal) if roots.personal else None,
        # Told, not left in the environment: no query can ask for it.
        "store": objects.environment() if any(isinstance(root, ObjectPath) for _, root in roots.all) else {},
        "sql": sql,
        "as_of": as_of,
        "recorded_as_of": recorded_as_of,
        "limits": [limits.seconds, limits.memory, limits.rows, limits.answer],
    }
    try:
        ended = subprocess.run(
            [sys.executable, "-I", "-m", "alphapulse_lib.query.locked"],
            input=json.dumps(asked).encode(),
            capture_output=True,
            timeout=limits.seconds,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise QueryError(
            f"The query took longer than {limits.seconds:g} seconds and was stopped.",
            "Ask for fewer symbols or a shorter window of ts.",
        ) from None
    if ended.returncode == 0:
        with pa.ipc.open_stream(ended.stdout) as stream:
            return stream.read_all()
    raise _refusal(ended.returncode, ended.stderr, limits)


def _refusal(code: int, told: bytes, limits: Limits) -> AlphaPulseError:
    """The child's own error; where it died without a word, that."""
    if code == _REFUSED:
        refusal = json.loads(told.splitlines()[-1])
        kind: type[AlphaPulseError] = getattr(errors, refusal["kind"])
        return kind(refusal["message"], refusal["hint"])
    return QueryError(
        f"The query's process died (exit {code}), most likely as it needed more than {limits.memory} MB.",
        "Ask for fewer symbols or a shorter window of ts.",
    )


def _main() -> int:
    """The child: a request on its standard input, Arrow's stream on its standard output."""
    asked = json.loads(sys.stdin.buffer.read())
    limits = Limits(*asked["limits"])
    _limit_process(limits)
    objects.give(asked["store"])
    roots = Roots(location(asked["team"]), location(asked["personal"]) if asked["personal"] else None)
    try:
        _answer(roots, asked, limits)
    except AlphaPulseError as refused:
        _say(type(refused).__name__, refused.message, refused.hint)
        return _REFUSED
    except MemoryError:
        _say("QueryError", f"The query needs more than {limits.memory} MB.", "Ask for less.")
        return _REFUSED
    return 0


def _say(kind: str, message: str, hint: str) -> None:
    sys.stderr.write(json.dumps({"kind": kind, "message": message, "hint": hint}) + "\n")


def _limit_process(limits: Limits) -> None:
    """The kernel's own limits, for what DuckDB does not count: memory, files written."""
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    most = limits.memory * _MEGABYTE + limits.answer * _MEGABYTE + _GROUND
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(roots: Roots, asked: dict[str, Any], limits: Limits) -> None:
    import duckdb
    import pyarrow as pa

    from alphapulse_lib.catalog import sql_files
    from alphapulse_lib.query import sql, tables

    roots.require()
    connection = duckdb.connect()
    connection.execute(sql.SETTINGS)
    sql_files.register(connection, [root for _, root in roots.all])
    read, damaged = tables.make(connection, roots, asked["as_of"], asked["recorded_as_of"], asked["sql"])
    _lock(connection, read, limits)
    try:
        reader = sql.answered(connection, asked["sql"], damaged).to_arrow_reader(10_000)
        rows = size = 0
        with pa.ipc.new_stream(sys.stdout.buffer, reader.schema) as stream:
            for batch in reader:
                rows, size = rows + batch.num_rows, size + batch.nbytes
                if rows > limits.rows or size > limits.answer * _MEGABYTE:
                    raise QueryError(
                        f"The answer has more than {limits.rows:,} rows, or {limits.answer} MB.",
                        "Aggregate it, or ask for a shorter window of ts; `LIMIT` cuts it.",
                    )
                stream.write_batch(batch)
    except duckdb.Error as refused:
        raise sql.refusal(roots, refused, sql.views_told(connection), damaged) from None


def _lock(connection: duckdb.DuckDBPyConnection, read: list[PurePath], limits: Limits) -> None:
    """The views' own files and nothing else; no setting can be changed from here on."""
    files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in read)
    connection.execute(f"""
        SET autoinstall_known_extensions = false;
        SET autoload_known_extensions = false;
        SET allow_community_extensions = false;
        SET allow_unsigned_extensions = false;
        SET memory_limit = '{limits.memory}MB';
        SET temp_directory = '';
        SET threads = 2;
        SET allowed_paths = [{files}];
        SET enable_external_access = false;
        SET lock_configuration = true;
        """)


if __name__ == "__main__":
    sys.exit(_main())
