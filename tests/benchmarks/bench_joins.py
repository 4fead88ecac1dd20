"""An as-of join of events to bars: ``python -m tests.benchmarks.bench_joins``.

A million events, each with the last bar before it, of ten million minute bars of ten names: the bars by `ap.bars` as a
polars frame and Polars' own as-of join, against Polars alone over one plain file, from the file to the joined
frame. The join asks for order within a symbol alone: the bars are asked for one name after the other
(``order="symbol"``); and in the order of time, as `ap.bars` gives them unless told. The processors' seconds are
compared. Polars keeps the memory of the turn before, so Arrow may too.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars
import pyarrow as pa
import pyarrow.parquet as pq

import alphapulse_lib as ap
from alphapulse_lib.catalog import writer
from tests.benchmarks.made import MINUTE, catalog, instruments, unbroken
from tests.benchmarks.measured import paired, told

EVENTS, ROWS, NAMES = 1_000_000, 1_000_000, 10


def main() -> None:
    """Measure it and print the ratio."""
    with tempfile.TemporaryDirectory() as folder, catalog(Path(folder) / "catalog") as root:
        known, plain = instruments(NAMES), Path(folder) / "long.parquet"
        symbols, tables = [each.symbol for each in known], [unbroken(ROWS, number) for number in range(NAMES)]
        writer.write_instruments(root, known)
        for instrument, table in zip(known, tables, strict=True):
            writer.write_bars(root, instrument, MINUTE, table, "bench")
        named = [
            table.add_column(0, "symbol", pa.repeat(pa.scalar(name), len(table))).drop_columns(["available_at"])
            for name, table in zip(symbols, tables, strict=True)
        ]
        long = pa.concat_tables(named).sort_by([("ts", "ascending"), ("symbol", "ascending")])
        pq.write_table(long, plain, compression="zstd")
        events = happened(symbols, long["ts"][0].value, long["ts"][-1].value)
        del long, named, tables

        def joined(bars: polars.DataFrame) -> polars.DataFrame:
            return events.join_asof(bars, on="ts", by="symbol", check_sortedness=False)

        for order in ("symbol", "time"):
            ours = lambda order=order: joined(ap.bars(symbols, "1m", order=order, frame="polars"))  # noqa: E731
            theirs = lambda: joined(polars.read_parquet(plain))  # noqa: E731
            assert ours().equals(theirs())
            pair = paired(ours, theirs, turns=9, processor=True, keep=True)
            sides = f"ap.bars by {order}, joined / Polars alone"
            told("a million events to ten million bars", sides, pair, "at most 1.3")


def happened(symbols: list[str], first: int, last: int) -> polars.DataFrame:
    """Events at random moments, in order."""
    random = np.random.default_rng(1)
    ts = polars.Series(np.sort(random.integers(first, last, EVENTS))).cast(polars.Datetime("ns", "UTC"))
    return polars.DataFrame({"symbol": random.choice(symbols, EVENTS), "ts": ts})


if __name__ == "__main__":
    main()
