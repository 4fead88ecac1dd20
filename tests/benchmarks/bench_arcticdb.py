"""The catalog side by side with ArcticDB: ``python -m tests.benchmarks.bench_arcticdb``.

The same million minute bars of one name, and two years of daily bars of 1,200 names. Each side does it its own way:
`ap.bars`, `ap.prices`, `ap.sql` and the catalog's writer here, ArcticDB's library over its embedded store (LMDB) there,
each in a process of its own, the turns of the two interleaved round by round. ArcticDB wants an older pandas than this
project, so its half (`arcticdb_side`) runs in an environment that uv makes for it: this needs the network once.
"""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import alphapulse_lib as ap
from alphapulse_lib.catalog import writer
from tests.benchmarks.bench_sql import RESAMPLED
from tests.benchmarks.made import AAA, DAY, MINUTE, catalog, days, instruments, minutes
from tests.benchmarks.measured import spent

#: Seconds by the clock, and of the processors.
type Turn = tuple[float, float]

ARCTICDB = "arcticdb==6.28.2"
NAMES, ROUNDS, TURNS = 1200, 2, 3
TOLD = {
    "write": "write a million minute bars",
    "read": "read them all into pandas",
    "month": "read a month of them",
    "universe": f"closes of {NAMES} names side by side",
    "resample": "resample the million to hours",
}


def main() -> None:
    """Measure both and print the table."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        plain, long, symbols = laid_out(folder)
        with catalog(folder / "catalog") as root:
            ways = ours(folder, plain, symbols)
            turns: dict[str, list[tuple[Turn, Turn]]] = {name: [] for name in TOLD}
            for number in range(ROUNDS):
                theirs = arctic(plain, long, folder / f"arctic{number}")
                for name, way in ways.items():
                    way()
                    mine = [(each.seconds, each.processor) for each in (spent(way) for _ in range(TURNS))]
                    turns[name].append((middle(mine), middle(theirs["seconds"][name])))
            size = sum(each.stat().st_size for each in root.rglob("*.parquet"))
        sys.stdout.write(
            f"| | AlphaPulse | ArcticDB {theirs['version']} | ArcticDB / AlphaPulse: clock | processors |\n"
            "|---|---|---|---|---|\n"
        )
        for name, what in TOLD.items():
            mine, other = (statistics.median(pair[side][0] for pair in turns[name]) for side in (0, 1))
            clock, busy = (statistics.median(b[at] / a[at] for a, b in turns[name]) for at in (0, 1))
            sys.stdout.write(
                f"| {what} | {mine * 1000:,.0f} ms | {other * 1000:,.0f} ms | {clock:.1f} | {busy:.1f} |\n"
            )
        disk = theirs["bytes"]
        sys.stdout.write(f"| on the disk | {size / 1e6:,.0f} MB | {disk / 1e6:,.0f} MB | {disk / size:.1f} | |\n")


def middle(turns: Sequence[Turn]) -> Turn:
    """The median of each figure."""
    seconds, busy = zip(*turns, strict=True)
    return statistics.median(seconds), statistics.median(busy)


def laid_out(folder: Path) -> tuple[Path, Path, list[str]]:
    """What both sides read: two plain files; and the names."""
    plain, long = folder / "plain.parquet", folder / "long.parquet"
    pq.write_table(minutes(1_000_000).drop_columns(["available_at"]), plain)
    known = instruments(NAMES)
    tables = [days(number, "2018-01-01", "2020-01-01") for number in range(NAMES)]
    with catalog(folder / "catalog") as root:
        writer.write_instruments(root, [AAA, *known])
        writer.write_bars(root, AAA, MINUTE, minutes(1_000_000), "bench")
        for instrument, table in zip(known, tables, strict=True):
            writer.write_bars(root, instrument, DAY, table, "bench")
    named = [
        table.add_column(0, "symbol", pa.repeat(pa.scalar(each.symbol), len(table)))
        for each, table in zip(known, tables, strict=True)
    ]
    pq.write_table(pa.concat_tables(named).drop_columns(["available_at"]), long)
    return plain, long, [each.symbol for each in known]


def ours(folder: Path, plain: Path, symbols: list[str]) -> dict[str, Callable[[], object]]:
    """Our way of each."""
    number, table = itertools.count(), pq.read_table(plain)
    table = table.append_column("available_at", table["ts"])
    return {
        "write": lambda: writer.write_bars(folder / f"written{next(number)}", AAA, MINUTE, table, "bench"),
        "read": lambda: ap.bars("AAA", "1m"),
        "month": lambda: ap.bars("AAA", "1m", "2011-05-01", "2011-05-31"),
        "universe": lambda: ap.prices(symbols),
        "resample": lambda: ap.sql(RESAMPLED.format("bars_1m")).df(),
    }


def arctic(plain: Path, long: Path, folder: Path) -> dict[str, Any]:
    """ArcticDB's turns."""
    script = Path(__file__).with_name("arcticdb_side.py")
    command = ["-m", "uv", "run", "--isolated", "--no-project", "--python", f"{sys.base_prefix}/bin/python3"]
    wanted = [part for each in (ARCTICDB, "pandas<3", "pyarrow") for part in ("--with", each)]
    told = subprocess.run(
        [sys.executable, *command, *wanted, "python", script, plain, long, folder, str(TURNS)],
        check=True,
        stdout=subprocess.PIPE,
    )
    answer: dict[str, Any] = json.loads(told.stdout)
    return answer


if __name__ == "__main__":
    main()
