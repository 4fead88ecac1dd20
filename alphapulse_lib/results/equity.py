"""The account marked to market, computed after a run from its fills and the closes, column by column.

Fills and marks are as traded. A split shows as a step of a mark's ``ratio``: how many shares one share of the window's
first day has become, so a 2:1 split takes it from 1 to 2. Holdings are kept in shares of the first day and the money
is exact on both sides of a split.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["account", "benchmark_curve", "by_symbol", "equity_curve", "fill_ratios", "named_curve"]

type Floats = NDArray[np.float64]
type Integers = NDArray[np.int64]

_TIME = pa.timestamp("ns", "UTC")


def account(fills: pa.Table, marks: pa.Table, cash: float, flows: pa.Table | None = None) -> pa.Table:
    """The account at every mark.

    Parameters
    ----------
    fills : pyarrow.Table
        ``ts`` (ns, UTC), ``symbol``, ``side`` (``"buy"`` or ``"sell"``), ``quantity``, ``price``, ``commission``; as
        traded, in the order of their times.
    marks : pyarrow.Table
        ``ts`` (ns, UTC; each symbol's in rising order), ``symbol``, ``close`` as traded, and ``ratio`` where there
        are splits.
    cash : float
        The starting cash, before the first fill.
    flows : pyarrow.Table, optional
        Money that moved without an order: ``ts`` (ns, UTC) and ``amount``, above zero where it came in.

    Returns
    -------
    pyarrow.Table
        ``ts`` (each moment at which anything was marked, rising), ``equity``, ``cash``, ``exposure`` (the sum of the
        values of all holdings without their signs). A symbol that has no mark at a moment keeps its last one; a fill
        or a flow counts from the first mark at or after it, one after the last mark from the last mark.
    """
    series = {symbol: _rising(rows) for symbol, rows in by_symbol(marks).items()}
    moments = _union([ts for ts, _, _ in series.values()])
    money = np.zeros(len(moments))
    value = np.zeros(len(moments))
    exposure = np.zeros(len(moments))
    # Every array here is as long as the run: each is made once, and worked on where it is.
    for symbol, rows in by_symbol(fills).items():
        if symbol not in series or not len(moments):
            continue
        at = _integers(rows, "ts")
        signed = _signed(rows)
        spent = signed * _floats(rows, "price") + _floats(rows, "commission")
        where = np.minimum(np.searchsorted(moments, at), len(moments) - 1)
        np.subtract.at(money, where, spent)
        held = np.zeros(len(moments))
        np.add.at(held, where, signed / _ratios_at(at, *series[symbol]))
        np.cumsum(held, out=held)
        # Sums of fractions leave dust where the position is flat.
        held[(held < 1e-9) & (held > -1e-9)] = 0.0
        held *= _carried(moments, *series[symbol])
        value += held
        exposure += np.abs(held, out=held)
    if flows is not None and len(moments):
        where = np.minimum(np.searchsorted(moments, _integers(flows, "ts")), len(moments) - 1)
        np.add.at(money, where, _floats(flows, "amount"))
    np.cumsum(money, out=money)
    money += cash
    value += money
    return pa.table(
        {"ts": pa.array(moments, pa.int64()).cast(_TIME), "equity": value, "cash": money, "exposure": exposure}
    )


def equity_curve(fills: pa.Table, marks: pa.Table, cash: float) -> Any:
    """The equity at every mark.

    Parameters
    ----------
    fills, marks, cash
        As in `account`.

    Returns
    -------
    pandas.Series
        Named ``equity``, in the account's currency, indexed by ``ts`` (UTC).
    """
    frame = account(fills, marks, cash).to_pandas()
    return frame.set_index("ts")["equity"]


def benchmark_curve(marks: pa.Table, cash: float, moments: Integers | None = None) -> pa.Table:
    """The same cash in the same instruments, bought in equal parts at their first closes and held, without costs.

    Parameters
    ----------
    marks, cash
        As in `account`.
    moments : array of int64, optional
        When it is asked for, rising; at every mark unless told.

    Returns
    -------
    pyarrow.Table
        ``ts``, ``equity``; the part of a symbol that is not marked yet stays cash. Splits are accounted for, and what
        the run paid for a share (``distributed`` of the marks, and ``left`` when it was delisted) is kept in cash.
    """
    series = list(by_symbol(marks).values())
    moments = _union([_integers(rows, "ts") for rows in series]) if moments is None else moments
    total = np.zeros(len(moments))
    for rows in series:
        ts, close, ratio = _rising(rows)
        path = _carried(moments, ts, close, ratio)
        first = close[0] * (1.0 if ratio is None else ratio[0])
        if "left" in rows.column_names and rows["left"][-1].is_valid:
            # As of a flow: what was paid after the last moment counts from that one.
            gone = min(_integers(rows.slice(rows.num_rows - 1), "left_at")[0], moments[-1])
            path = np.where(moments >= gone, rows["left"][-1].as_py(), path)
        if "distributed" in rows.column_names:
            paid = np.cumsum(_floats(rows, "distributed"))
            path = path + _carried(moments, ts, paid, None)
        bought = (moments >= ts[0]) & (first > 0)
        total += np.divide(path, first, out=np.ones(len(moments)), where=bought) * (cash / len(series))
    return pa.table({"ts": pa.array(moments, pa.int64()).cast(_TIME), "equity": total})


def named_curve(closes: pa.Table, marks: pa.Table, cash: float, moments: Integers | None = None) -> pa.Table:
    """The same cash in a benchmark of its own, bought at its last close by the first mark and held, without costs.

    Parameters
    ----------
    closes : pyarrow.Table
        ``ts`` (ns, UTC, rising; the first at or before the first mark), ``close`` with distributions reinvested.
    marks, cash, moments
        As in `benchmark_curve`.

    Returns
    -------
    pyarrow.Table
        ``ts``, ``equity``: at each moment the last close by then.
    """
    stamps = [_integers(rows, "ts") for rows in by_symbol(marks).values()]
    moments = _union(stamps) if moments is None else moments
    at, close = _integers(closes, "ts"), _floats(closes, "close")
    path = close[np.searchsorted(at, moments, side="right") - 1]
    first = min((int(each[0]) for each in stamps if len(each)), default=0)
    worth = path / close[np.searchsorted(at, first, side="right") - 1] * cash if len(path) else path
    return pa.table({"ts": pa.array(moments, pa.int64()).cast(_TIME), "equity": worth})


def fill_ratios(fills: pa.Table, marks: pa.Table) -> Floats:
    """Of each fill, how many shares one share of the window's first day had become; shape (number of fills,).

    A fill belongs to the first mark at or after it: the close of the bar in which it happened.
    """
    ratios = np.ones(fills.num_rows)
    if "ratio" not in marks.column_names or not fills.num_rows:
        return ratios
    series = {symbol: _rising(rows) for symbol, rows in by_symbol(marks).items()}
    symbols = np.asarray(fills["symbol"].to_pylist())
    at = _integers(fills, "ts")
    for symbol in set(symbols.tolist()) & set(series):
        mine = symbols == symbol
        ratios[mine] = _ratios_at(at[mine], *series[symbol])
    return ratios


def by_symbol(table: pa.Table) -> dict[str, pa.Table]:
    """The rows of each symbol that has any, in their order; not those of no symbol."""
    if not table.num_rows:
        return {}
    symbols = pc.dictionary_encode(table["symbol"]).combine_chunks()
    names = symbols.dictionary.to_pylist()
    codes = symbols.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    held = np.unique(codes)  # the dictionary of rows that were filtered has all names still
    if len(held) == 1 and held[0] >= 0:
        return {names[held[0]]: table}
    # Taken once and cut, not once for each symbol: a portfolio has hundreds, and a million rows.
    if (codes[1:] < codes[:-1]).any():
        order = np.argsort(codes, kind="stable")
        table, codes = table.take(order), codes[order]
    starts, ends = np.searchsorted(codes, held), np.searchsorted(codes, held, side="right")
    return {
        names[code]: table.slice(start, end - start)
        for code, start, end in zip(held.tolist(), starts.tolist(), ends.tolist(), strict=True)
        if code >= 0
    }


def _rising(rows: pa.Table) -> tuple[Integers, Floats, Floats | None]:
    """Times, closes and ratios of one symbol's marks; no ratios where nothing was split."""
    ratio = _floats(rows, "ratio") if "ratio" in rows.column_names else None
    return _integers(rows, "ts"), _floats(rows, "close"), ratio


def _union(times: list[Integers]) -> Integers:
    if len(times) == 1:
        return times[0]
    return np.unique(np.concatenate(times)) if times else np.empty(0, np.int64)


def _ratios_at(at: Integers, ts: Integers, _close: Floats, ratio: Floats | None) -> Floats | float:
    return 1.0 if ratio is None else ratio[np.minimum(np.searchsorted(ts, at), len(ts) - 1)]


def _carried(moments: Integers, ts: Integers, close: Floats, ratio: Floats | None) -> Floats:
    """The value of one share of the first day at each moment; 0 before the first mark."""
    if moments is ts:
        return close if ratio is None else close * ratio
    where = np.searchsorted(ts, moments, side="right") - 1
    at = np.maximum(where, 0)
    worth = close[at] if ratio is None else close[at] * ratio[at]
    return np.where(where >= 0, worth, 0.0)


def _signed(rows: pa.Table) -> Floats:
    bought = pc.equal(rows["side"], "buy").to_numpy()
    return np.where(bought, 1.0, -1.0) * _floats(rows, "quantity")


def _floats(rows: pa.Table, name: str) -> Floats:
    return np.asarray(rows[name].cast(pa.float64()).to_numpy(), np.float64)


def _integers(rows: pa.Table, name: str) -> Integers:
    return np.asarray(rows[name].cast(pa.int64()).to_numpy(), np.int64)
