"""Ratios of the catalog against the plain libraries under it: ``python -m tests.benchmarks.bench_catalog``.

Reading: a million minute bars into a pandas frame, against a plain pyarrow read of the same files. Aim: at most 1.5.
Writing: a million minute bars column-wise, against NautilusTrader's own ``write_bars`` of Bar objects made from the
same columns. Aim: at least 5 times faster.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from nautilus_trader.model import Bar, BarType, Price, Quantity
from nautilus_trader.persistence import ParquetDataCatalog

from alphapulse_lib.catalog import reader, schemas, writer
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.query.bars import bars

ROWS = 1_000_000
AAA = Instrument("AAA.XNAS")
MINUTE = Period(1, "m")


def main() -> None:
    """Measure both and print the ratios."""
    table = minutes(ROWS)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "ours", Path(folder) / "theirs"
        writing = fastest(lambda turn: writer.write_bars(ours / str(turn), AAA, MINUTE, table, "bench"), turns=3)
        through_objects = fastest(lambda turn: write_objects(theirs / str(turn), table), turns=1)
        told(
            "writing a million bars", "through Nautilus objects / column-wise", through_objects / writing, "at least 5"
        )

        root = ours / "0"
        files = reader.bar_files(root, AAA.id, MINUTE)
        plain, framed = alternating(
            lambda: [pq.read_table(path) for path in files], lambda: bars(root, [AAA], MINUTE).to_pandas()
        )
        told("reading a million bars", "into a frame / plain pyarrow", framed / plain, "at most 1.5")


def minutes(rows: int) -> pa.Table:
    """A random walk, one bar a minute, over two calendar years."""
    random = np.random.default_rng(1)
    first = np.datetime64("2016-01-01", "ns").astype(np.int64)
    ts = pa.array(first + np.arange(1, rows + 1) * MINUTE.nanoseconds).cast(schemas.TIME)
    close = np.round(100 + np.cumsum(random.normal(0, 0.01, rows)), 2)
    spread = np.round(random.random(rows) / 10, 2)
    volume = random.integers(1, 1_000_000, rows).astype(float)
    columns = {"open": close, "high": close + spread, "low": close - spread, "close": close, "volume": volume}
    return pa.table({"ts": ts, **columns, "available_at": ts})


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


def fastest(work: Callable[[int], object], turns: int) -> float:
    """The best of several turns, in seconds."""
    return min(timed(lambda turn=turn: work(turn)) for turn in range(turns))


def alternating(first: Callable[[], object], second: Callable[[], object], turns: int = 7) -> tuple[float, float]:
    """The best of several turns of each, taken in turns, so that a busy moment hits both."""
    pairs = [(timed(first), timed(second)) for _ in range(turns)]
    return min(each[0] for each in pairs), min(each[1] for each in pairs)


def timed(work: Callable[[], object]) -> float:
    """How long it takes, in seconds."""
    start = perf_counter()
    work()
    return perf_counter() - start


def told(what: str, ratio_of: str, ratio: float, aim: str) -> None:
    """One line a ratio."""
    sys.stdout.write(f"{what}: {ratio_of} = {ratio:.2f} (aim: {aim})\n")


if __name__ == "__main__":
    main()
