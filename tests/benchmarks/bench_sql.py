"""SQL over the catalog, against DuckDB alone on plain floats: ``python -m tests.benchmarks.bench_sql``.

Resampling: a million minute bars to hours, against the same query over one plain float64 Parquet file. Aim: at most
1.8. The processor's time is measured, so that other work on the machine changes the ratio little. The
views in doubles pay for DuckDB's conversion of each 128-bit decimal; those in ``exact`` do not.
Pruning: a day of one name out of a thousand, against the same file by its path.
"""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from alphapulse_lib.catalog import layout, reader, writer
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.query.sql import relation
from tests.benchmarks.bench_catalog import AAA, MINUTE, ROWS, minutes

RESAMPLED = """
    SELECT symbol, date_trunc('hour', ts) AS hour, first(open ORDER BY ts) AS open, max(high) AS high,
        min(low) AS low, last(close ORDER BY ts) AS close, sum(volume) AS volume
    FROM {} GROUP BY ALL"""
DAY = "SELECT sum(close), count(*) FROM {} WHERE ts BETWEEN '2016-01-01 12:00' AND '2016-01-01 13:00'"


def main() -> None:
    """Measure all and print the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        resampling(Path(folder))
        pruning(Path(folder) / "thousand")
    told("peak memory", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


def resampling(folder: Path) -> None:
    """A million bars to hours."""
    table = minutes(ROWS)
    root, plain = folder / "catalog", folder / "plain.parquet"
    writer.write_instruments(root, [AAA])
    writer.write_bars(root, AAA, MINUTE, table, "bench")
    pq.write_table(table.drop_columns(["available_at"]), plain, compression="zstd", row_group_size=16_384)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"CREATE VIEW bars AS SELECT 'AAA' AS symbol, * REPLACE (ts::TIMESTAMPTZ AS ts) FROM '{plain}'")
    floats = fastest(lambda: connection.sql(RESAMPLED.format("bars")))
    for view in ("bars_1m", "exact.bars_1m"):
        ours = fastest(lambda view=view: relation(root, RESAMPLED.format(view)))
        told("resampling a million bars to hours", f"{view} / plain float64 Parquet = {ours / floats:.2f} (aim: 1.8)")


def pruning(root: Path) -> None:
    """An hour of one name of a thousand."""
    known = [Instrument(f"N{number:04}.XNAS") for number in range(1000)]
    writer.write_instruments(root, known)
    writer.write_bars(root, known[0], MINUTE, minutes(2000), "bench")
    [source] = reader.bar_files(root, known[0].id, MINUTE)
    for each in known[1:]:
        place = layout.bars_folder(root, MINUTE.bar_type(each.id))
        place.mkdir()
        shutil.copy(source, place / source.name)
    query = f"{DAY.format('bars_1m')} AND symbol = 'N0500'"
    named = fastest(lambda: relation(root, query))
    whole = fastest(lambda: relation(root, DAY.format("bars_1m")))
    told("an hour of one name of a thousand", f"by symbol / of all names = {named / whole:.2f}")


def fastest(asked: Callable[[], duckdb.DuckDBPyRelation], turns: int = 5) -> float:
    """The processor's seconds of the best of several turns."""
    return min(timed(asked) for _ in range(turns))


def timed(asked: Callable[[], duckdb.DuckDBPyRelation]) -> float:
    """The processor's seconds of one turn, its views made anew."""
    start = process_time()
    table: pa.Table = asked().to_arrow_table()
    assert table.num_rows
    return process_time() - start


def told(what: str, figure: str) -> None:
    """One line a figure."""
    sys.stdout.write(f"{what}: {figure}\n")


if __name__ == "__main__":
    main()
