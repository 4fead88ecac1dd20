"""SQL over the catalog, against DuckDB alone on plain floats: ``python -m tests.benchmarks.bench_sql``.

Resampling: a million minute bars to hours, against the same query over one plain float64 Parquet file. The
processors' time is compared, so that other work on the machine changes the ratio little.
Pruning: a day of one name out of a thousand, against the same file by its path.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from alphapulse_lib.catalog import layout, reader, writer
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.query.sql import relation
from tests.benchmarks.made import AAA, MINUTE, minutes
from tests.benchmarks.measured import paired, told

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


def resampling(folder: Path) -> None:
    """A million bars to hours."""
    table = minutes(1_000_000)
    root, plain = folder / "catalog", folder / "plain.parquet"
    writer.write_instruments(root, [AAA])
    writer.write_bars(root, AAA, MINUTE, table, "bench")
    pq.write_table(table.drop_columns(["available_at"]), plain, compression="zstd", row_group_size=16_384)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"CREATE VIEW bars AS SELECT 'AAA' AS symbol, * REPLACE (ts::TIMESTAMPTZ AS ts) FROM '{plain}'")
    asked = lambda: connection.sql(RESAMPLED.format("bars")).to_arrow_table()  # noqa: E731
    for view in ("bars_1m", "exact.bars_1m"):
        ours = lambda view=view: relation(root, RESAMPLED.format(view)).to_arrow_table()  # noqa: E731
        assert ours().num_rows == asked().num_rows
        pair = paired(ours, asked, processor=True)
        told("resampling a million bars to hours", f"{view} / plain float64 Parquet", pair, "at most 1.8")


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
    pair = paired(
        lambda: relation(root, query).fetchall(),
        lambda: relation(root, DAY.format("bars_1m")).fetchall(),
        turns=3,
        processor=True,
    )
    told("an hour of one name of a thousand", "by symbol / of all names", pair, "under 1")


if __name__ == "__main__":
    main()
