"""Reading bars into frames, against the plain libraries under it: ``python -m tests.benchmarks.bench_reading``.

One instrument: a million minute bars by `ap.bars`, against ``pyarrow.parquet.read_table`` of the same numbers in one
plain file of floats, and of the catalog's own files, into the same kind of frame. A month of ten years of minutes, as
a part of the whole's time. A universe: daily closes of 1,200 names over two years by `ap.prices`, against reading one
long plain Parquet file of them and pivoting it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq

import alphapulse_lib as ap
from alphapulse_lib.catalog import reader, writer
from tests.benchmarks.made import AAA, DAY, MINUTE, catalog, days, instruments, minutes, unbroken
from tests.benchmarks.measured import paired, told

NAMES = 1200
FRAMES: dict[str, Callable[[pa.Table], Any]] = {
    "arrow": lambda table: table,
    "pandas": lambda table: table.to_pandas(),
    "polars": polars.from_arrow,
}
MONTH = ("2011-05-01", "2011-05-31")


def main() -> None:
    """Measure all and print the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        one_instrument(Path(folder))
        a_month(Path(folder))
        a_universe(Path(folder))


def one_instrument(folder: Path) -> None:
    """A million bars of one name."""
    table, plain = minutes(1_000_000), folder / "plain.parquet"
    with catalog(folder / "one") as root:
        writer.write_instruments(root, [AAA])
        writer.write_bars(root, AAA, MINUTE, table, "bench")
        pq.write_table(table.drop_columns(["available_at"]), plain, compression="zstd", row_group_size=16_384)
        files = reader.bar_files(root, AAA.id, MINUTE)
        for frame, kind in FRAMES.items():
            asked = lambda frame=frame: ap.bars("AAA", "1m", frame=frame)  # noqa: E731
            assert len(asked()) == table.num_rows
            for baseline, paths in (("plain floats", [plain]), ("the same files", files)):
                read = lambda kind=kind, paths=paths: kind(pa.concat_tables(map(pq.read_table, paths)))  # noqa: E731
                pair = paired(asked, read, turns=3 if paths == files else 9)
                told("a million minute bars", f"ap.bars into {frame} / read_table of {baseline}", pair, "at most 1.3")


def a_month(folder: Path) -> None:
    """A month of ten years: of the sessions' minutes, and of minutes day and night."""
    with catalog(folder / "month") as root:
        for named, table in (("sessions", minutes(1_000_000)), ("day and night", unbroken(5_256_000, 1))):
            writer.write_instruments(root, [AAA])
            writer.write_bars(root, AAA, MINUTE, table, named)
            for frame in FRAMES:
                month = lambda frame=frame: ap.bars("AAA", "1m", *MONTH, frame=frame)  # noqa: E731
                years = lambda frame=frame: ap.bars("AAA", "1m", frame=frame)  # noqa: E731
                pair = paired(month, years, turns=15)
                told(f"ten years of minutes, {named}", f"a month / all, into {frame}", pair, "under 0.05")
            writer.remove_import(root, named)


def a_universe(folder: Path) -> None:
    """Daily closes of many names over two years, side by side."""
    known, plain = instruments(NAMES), folder / "long.parquet"
    symbols, tables = [each.symbol for each in known], [days(each, "2018-01-01", "2020-01-01") for each in range(NAMES)]
    with catalog(folder / "many") as root:
        writer.write_instruments(root, known)
        for instrument, table in zip(known, tables, strict=True):
            writer.write_bars(root, instrument, DAY, table, "bench")
        named = [
            table.add_column(0, "symbol", pa.repeat(pa.scalar(name), len(table)))
            for name, table in zip(symbols, tables, strict=True)
        ]
        pq.write_table(pa.concat_tables(named).drop_columns(["available_at"]), plain, compression="zstd")

        def pivoted() -> pd.DataFrame:
            long = pq.read_table(plain, columns=["symbol", "ts", "close"]).to_pandas()
            return long.pivot(index="ts", columns="symbol", values="close")

        pd.testing.assert_frame_equal(ap.prices(symbols), pivoted(), check_index_type=False, check_column_type=False)
        pair = paired(lambda: ap.prices(symbols), pivoted)
        told(f"two years' closes of {NAMES} names", "ap.prices / one long file, pivoted", pair, "at most 3")


if __name__ == "__main__":
    main()
