"""A process that reads a catalog without pause, and knows the only two answers that each question may have.

``python watching_reader.py ANSWERS``, where ``ANSWERS/<question>.before.arrow`` and ``.after.arrow`` are what was
written by `keep`. It takes the root to watch as a line, reads until the next line, and tells as JSON how often it read,
how often each answer came, and every answer that was neither.
"""

from __future__ import annotations

import json
import select
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.feather as feather

from alphapulse_lib.catalog import actions, datasets, reader, schemas
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.model.window import Window
from alphapulse_lib.query.sql import relation

type Question = Callable[[Path], pa.Table]

#: A day after all that the files tell of, and before the catalogs of a test are made.
PAST = 1_650_000_000_000_000_000
_REPLACED = ("don't know what type", "Prefetch registered for bytes outside file")
_ASIDE = ("available_at", "recorded_at", "import_id")


def questions(recorded: int) -> Iterator[tuple[str, Question]]:
    """What is asked, by name; ``recorded`` is when the catalog's first state was whole."""
    for symbol in ("ACME", "BOLT", "CORE", "DELTA"):
        for period, years in (("1d", [None]), ("1m", [2019, 2020] if symbol == "ACME" else [])):
            for year in years:
                named = f"{symbol}-{period}-{year or 'all'}"
                for moment, asked in (("now", {}), ("past", {"as_of": PAST}), ("held", {"recorded_as_of": recorded})):
                    yield f"{named}-{moment}", _bars(f"{symbol}.XNAS", period, year, asked)
        sql = f"SELECT ts, close, volume FROM bars_1d WHERE symbol = '{symbol}' ORDER BY ts"
        yield f"{symbol}-sql", lambda root, sql=sql: relation(Roots(root), sql).to_arrow_table()
    for moment, asked in (("now", {}), ("held", {"recorded_as_of": recorded})):
        yield f"actions-{moment}", lambda root, asked=asked: _facts(actions.read(root, **asked))
        for year in (2019, 2020):
            yield (
                f"articles-{year}-{moment}",
                lambda root, year=year, asked=asked: _facts(datasets.read(root, "articles", _year(year), **asked)),
            )
    yield "instruments", lambda root: pa.table({"id": [each.id for each in Index(root).instruments()]})


def _bars(instrument: str, period: str, year: int | None, asked: dict[str, int]) -> Question:
    window = _year(year) if year else Window()
    return lambda root: reader.bar_table(root, instrument, period, window, **asked)


def _facts(table: pa.Table) -> pa.Table:
    return table.drop_columns(list(_ASIDE))


def _year(year: int) -> Window:
    first, after = (pa.scalar(f"{each}-01-01 00:00Z").cast(schemas.TIME).value for each in (year, year + 1))
    return Window(first, after - 1)


def keep(folder: Path, root: Path, state: str, recorded: int) -> None:
    """Keep a catalog's answers as one of the two states."""
    folder.mkdir(exist_ok=True)
    (folder / "recorded").write_text(str(recorded))
    for name, question in questions(recorded):
        feather.write_feather(question(root), folder / f"{name}.{state}.arrow", "uncompressed")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(folder: Path) -> None:
    asked = dict(questions(int((folder / "recorded").read_text())))
    allowed = {
        name: [feather.read_table(folder / f"{name}.{state}.arrow") for state in ("before", "after")] for name in asked
    }
    say("ready")
    while root := sys.stdin.readline().strip():
        seen, wrong = Counter[str](), list[str]()
        while not select.select([sys.stdin], [], [], 0.02)[0]:
            for name, question in asked.items():
                try:
                    answer = question(Path(root))
                    which = [answer.equals(each) for each in allowed[name]]
                    seen["both" if all(which) else "before" if which[0] else "after" if which[1] else "wrong"] += 1
                    if not any(which):
                        wrong.append(f"{name}: {answer.num_rows} rows that are neither before nor after")
                except duckdb.Error as refused:
                    # DuckDB opens a file for its footer and again for its rows, and refuses one replaced in between.
                    seen["refused by DuckDB"] += 1
                    if not any(each in str(refused) for each in _REPLACED):
                        wrong.append(f"{name}: {refused}")
                except AlphaPulseError as refused:
                    wrong.append(f"{name}: {refused}")
        sys.stdin.readline()
        say(json.dumps({"reads": seen.total(), **seen, "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
