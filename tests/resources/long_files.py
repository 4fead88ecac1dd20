"""Files of any length, written block by block: minute bars of one name, daily bars of many by time, trades."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

__all__ = ["days_by_time", "minutes", "trades"]

_BLOCK = 100_000
_MINUTE = 60_000_000_000


def minutes(path: Path, rows: int) -> Path:
    """A name that trades round the clock: minute bars from 2010 on, their closes in UTC."""
    first = np.datetime64("2010-01-01T00:01", "ns").astype(np.int64)
    return _written(path, (_minutes(first, at, min(_BLOCK, rows - at)) for at in range(0, rows, _BLOCK)))


def days_by_time(path: Path, names: int, days: int, before: int = 0) -> Path:
    """Daily bars of many names, all of one day together: no name's rows lie side by side; the last ``days`` before the
    last ``before`` ones.
    """
    from alphapulse_lib.catalog.sessions import sessions

    dates = sessions("XNYS").days[-days - before - 400 : -before - 400]
    step = max(1, _BLOCK // names)
    return _written(path, (_days(dates[at : at + step], names) for at in range(0, days, step)))


def trades(path: Path, rows: int, every: int = 100_000_000) -> Path:
    """Trades of one name, one every so many nanoseconds from 2015 on, in UTC."""
    first = np.datetime64("2015-01-01", "ns").astype(np.int64)
    return _written(path, (_trades(first, every, at, min(_BLOCK, rows - at)) for at in range(0, rows, _BLOCK)))


def _minutes(first: int, at: int, count: int) -> pa.Table:
    stamps = first + np.arange(at, at + count) * _MINUTE
    return pa.table({"ts": pa.array(stamps).cast(pa.timestamp("ns", "UTC")), **_walk(at, count)})


def _days(dates: np.ndarray, names: int) -> pa.Table:
    count = len(dates) * names
    symbol = np.char.add("N", np.arange(names).astype(str))
    columns = {"date": pa.array(np.repeat(dates, names)), "symbol": pa.array(np.tile(symbol, len(dates)))}
    return pa.table(columns | _walk(int(dates[0].astype(int)), count))


def _trades(first: int, every: int, at: int, count: int) -> pa.Table:
    stamps = first + np.arange(at, at + count) * every
    made = _walk(at, count)
    ids = pa.array(np.arange(at, at + count)).cast(pa.string())
    times = pa.array(stamps).cast(pa.timestamp("ns", "UTC"))
    return pa.table({"ts": times, "price": made["close"], "size": made["volume"], "id": ids})


def _walk(seed: int, count: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    close = np.round(100 + np.abs(np.cumsum(random.normal(0, 0.01, count))), 2)
    spread = np.round(random.random(count) / 10, 2)
    volume = random.integers(1, 1_000_000, count)
    return {"open": close, "high": close + spread, "low": close - spread, "close": close, "volume": volume}


def _written(path: Path, blocks: Iterator[pa.Table]) -> Path:
    first = next(blocks)
    text = path.suffix == ".csv"
    with (pacsv.CSVWriter if text else pq.ParquetWriter)(path, first.schema) as writer:
        writer.write_table(first)
        for each in blocks:
            writer.write_table(each)
    return path
