"""What the benchmarks measure on: made by formula, the same each time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alphapulse_lib.catalog import schemas
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period

__all__ = ["AAA", "DAY", "MINUTE", "catalog", "days", "instruments", "minutes", "unbroken"]

MINUTE, DAY = Period(1, "m"), Period(1, "d")
_MINUTE = MINUTE.nanoseconds


def instruments(count: int) -> list[Instrument]:
    """So many names of one exchange."""
    return [Instrument(f"N{number:04}.XNAS") for number in range(count)]


AAA = Instrument("AAA.XNAS")


@contextmanager
def catalog(root: Path) -> Iterator[Path]:
    """A catalog of its own for whatever `ap` is asked inside of this."""
    before = {name: os.environ.get(name) for name in ("ALPHAPULSE_CATALOG", "ALPHAPULSE_HOME")}
    os.environ |= {"ALPHAPULSE_CATALOG": str(root), "ALPHAPULSE_HOME": str(root.parent / "home")}
    try:
        yield root
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def minutes(rows: int, name: int = 1) -> pa.Table:
    """The 390 minutes of each session of New York from 2006 on: a million are ten years and a few weeks."""
    known = sessions("XNAS")
    first = int(np.searchsorted(known.days, np.datetime64("2006-01-01")))
    chosen = known[first : first + rows // 200 + 1]
    both = zip(chosen.opens.tolist(), chosen.closes.tolist(), strict=True)
    return _walk(np.concatenate([np.arange(start, end, _MINUTE) + _MINUTE for start, end in both])[:rows], name)


def unbroken(rows: int, name: int) -> pa.Table:
    """A bar a minute, day and night, from 2006 on."""
    first = np.datetime64("2006-01-01", "ns").astype(np.int64)
    return _walk(first + np.arange(1, rows + 1) * _MINUTE, name)


def days(name: int, first: str, last: str) -> pa.Table:
    """The closes of all sessions from one day to before another."""
    known = sessions("XNAS")
    return _walk(known.closes[(known.days >= np.datetime64(first)) & (known.days < np.datetime64(last))], name)


def _walk(stamps: NDArray[np.int64], name: int) -> pa.Table:
    """A random walk in cents, as a vendor's file has it."""
    random, rows = np.random.default_rng(name), len(stamps)
    close = np.round(100 + np.abs(np.cumsum(random.normal(0, 0.02, rows))), 2)
    spread = np.round(random.random(rows) / 10, 2)
    figures = {"open": close, "high": np.round(close + spread, 2), "low": np.round(close - spread, 2), "close": close}
    volume = np.rint(np.exp(random.normal(9, 1.5, rows)))
    ts = pa.array(stamps).cast(schemas.TIME)
    return pa.table({"ts": ts, **figures, "volume": volume, "available_at": ts})
