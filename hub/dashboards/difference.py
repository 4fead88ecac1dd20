"""Where two runs begin to differ: in what was asked of them, in their source, and fill by fill."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from alphapulse_lib.views import numbers

__all__ = ["Fills", "Line", "fills", "first_line", "lines", "told"]

#: Lines shown before the first difference, and from there on.
_BEFORE, _AFTER = 3, 20
_NONE = "\N{EM DASH}"
_COLUMNS = ["ts", "symbol", "side", "quantity", "price"]

#: One fill: when, in nanoseconds since 1970, the symbol, the side, how many, at what price.
type Fill = tuple[int, str, str, float, float]
type Fills = list[Fill]


@dataclass(frozen=True)
class Line:
    """The fills of the same number of two runs, as text."""

    number: int
    one: str
    other: str

    @property
    def differs(self) -> bool:
        """Whether they are not the same."""
        return self.one != self.other


def fills(path: Path) -> Fills | None:
    """The fills in a run's file, in their order; None where they cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=_COLUMNS)
        ts = table["ts"].cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
        rest = (table[name].to_pylist() for name in _COLUMNS[1:])
        return list(zip(ts.to_pylist(), *rest, strict=True))
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        return None


def lines(one: Fills, other: Fills, zone: str) -> list[Line]:
    """The fills of two runs side by side around the first difference; none where there is none."""
    first = next((at for at, (a, b) in enumerate(zip_longest(one, other)) if a != b), None)
    if first is None:
        return []
    start, end = max(first - _BEFORE, 0), first + _AFTER
    held = zip_longest(one[start:end], other[start:end])
    return [Line(start + at, told(a, zone), told(b, zone)) for at, (a, b) in enumerate(held, 1)]


def told(fill: Any, zone: str) -> str:
    """A fill in words, to its last decimal."""
    if fill is None:
        return _NONE
    ts, symbol, side, quantity, price = fill
    moment = numbers.day(ts, zone, "%Y-%m-%d %H:%M:%S %Z")
    return f"{moment} {side} {numbers.count(quantity)} {symbol} at {numbers.price(price, 8)}"


def first_line(one: str, other: str) -> tuple[int, str, str] | None:
    """The number of the first line in which two texts differ, with both lines; none where they are the same."""
    pairs = zip_longest(one.splitlines(), other.splitlines())
    found = next(((at, a, b) for at, (a, b) in enumerate(pairs, 1) if a != b), None)
    if found is None:
        return None
    number, a, b = found
    return number, _NONE if a is None else a, _NONE if b is None else b
