"""Writing bars: ``python -m tests.benchmarks.bench_writing``.

Column-wise: a million minute bars into the catalog, against NautilusTrader's own ``write_bars`` of Bar objects made of
the same columns. Ingest: 20 years of daily bars of 200 names by `ap.ingest` from a folder of CSV files, judged, merged
and recorded, against pyarrow reading each file and writing its rows as Parquet without any check. The processors'
seconds are compared: other work on the machine changes that ratio little.
"""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from nautilus_trader.model import Bar, BarType, Price, Quantity
from nautilus_trader.persistence import ParquetDataCatalog

import alphapulse_lib as ap
from alphapulse_lib.catalog import schemas, writer
from tests.benchmarks.made import AAA, MINUTE, catalog, days, instruments, minutes
from tests.benchmarks.measured import paired, told


def main() -> None:
    """Measure both and print the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        columns(Path(folder))
        files(Path(folder))


def columns(folder: Path) -> None:
    """A million bars out of memory."""
    table, number = minutes(1_000_000), itertools.count()
    pair = paired(
        lambda: write_objects(folder / f"objects{next(number)}", table),
        lambda: writer.write_bars(folder / f"ours{next(number)}", AAA, MINUTE, table, "bench"),
        turns=3,
        processor=True,
    )
    told("writing a million bars", "through NautilusTrader's objects / column-wise", pair, "at least 8")


def write_objects(root: Path, table: pa.Table) -> None:
    """The way of NautilusTrader's tutorials: an object a bar, then its catalog."""
    root.mkdir(parents=True)
    kind = BarType.from_str(MINUTE.bar_type(AAA.id))
    stamps = table["ts"].cast(pa.int64()).to_numpy()
    figures = [table[name].to_numpy() for name in schemas.FIGURES]
    made = [
        Bar(kind, Price(o, 4), Price(h, 4), Price(low, 4), Price(c, 4), Quantity(v, 0), ts, ts)
        for o, h, low, c, v, ts in zip(*(column.tolist() for column in (*figures, stamps)), strict=True)
    ]
    ParquetDataCatalog(str(root)).write_bars(made)


def files(folder: Path) -> None:
    """A folder of 200 names' files."""
    source, number = folder / "source", itertools.count()
    source.mkdir()
    known = instruments(200)
    for at, each in enumerate(known):
        table = days(at, "2000-01-01", "2020-01-01").drop_columns(["available_at"])
        dated = table.set_column(0, "date", table["ts"].cast(pa.date32()))
        pa.csv.write_csv(dated, source / f"{each.symbol}.csv")

    def ingested() -> None:
        with catalog(folder / f"catalog{next(number)}"):
            report = ap.ingest("files", source, "1d", venue="XNAS", stamps="session")
            assert report.written == len(dated) * len(known), report

    def plain() -> None:
        place = folder / f"plain{next(number)}"
        place.mkdir()
        for path in sorted(source.iterdir()):
            pq.write_table(pa.csv.read_csv(path), place / f"{path.stem}.parquet", compression="zstd")

    pair = paired(ingested, plain, turns=3, processor=True)
    told("20 years of 200 names from CSV files", "ap.ingest / pyarrow without a check", pair, "at most 4")


if __name__ == "__main__":
    main()
