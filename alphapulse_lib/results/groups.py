"""A run's numbers by year, by month, by symbol and by side, and its drawdowns one by one: what `Run.by` returns."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.model.instrument import venue
from alphapulse_lib.model.run import RunSpec
from alphapulse_lib.results import breakdown
from alphapulse_lib.results.equity import account
from alphapulse_lib.results.equity import by_symbol as rows_of_each
from alphapulse_lib.results.performance import periods_per_year, risk_free
from alphapulse_lib.results.statistics import summary

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GROUPS", "by_period", "by_side", "by_symbol", "drawdowns"]

#: What a run can be taken apart by.
GROUPS = ("year", "month", "symbol", "side")

_OF_A_PERIOD = ("return", "benchmark", "volatility", "sharpe", "max_drawdown", "trades", "hit_rate", "pnl")


def by_period(
    spec: RunSpec,
    equity: pd.Series[float],
    benchmark: pd.Series[float],
    trades: pd.DataFrame,
    every: Literal["year", "month"],
) -> pd.DataFrame:
    """The returns of each year or month of the exchange's calendar, and the round trips that ended in it.

    Parameters
    ----------
    spec : RunSpec
        Its cash is the base of the first return; its instruments' venue tells the zone.
    equity, benchmark : pandas.Series
        Indexed by time.
    trades : pandas.DataFrame
        Round trips.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``year`` or ``month`` (periods): ``return``, ``benchmark``, ``volatility`` and ``sharpe`` (a year's),
        ``max_drawdown`` (of every bar, from the peak within the period, its start included), ``trades``, ``hit_rate``,
        ``pnl``.
        Numbers of returns are ``nan`` after all was lost (`alphapulse_lib.results.breakdown.until_lost`).
    """
    import pandas as pd

    unit, zone = {"year": "Y", "month": "M"}[every], venue(spec.instruments[0].rpartition(".")[2]).timezone
    mine = breakdown.until_lost(breakdown.by_session(spec, equity))
    theirs = benchmark.reindex(equity.index).ffill().reindex(mine.index)
    of_session = _periods(mine.index, zone, unit)
    free = risk_free(spec, breakdown.nanoseconds(equity.index))
    # Of each bar, the period that its session belongs to.
    of_bar = of_session[np.searchsorted(breakdown.nanoseconds(mine.index), breakdown.nanoseconds(equity.index))]
    of_trade = _periods(pd.DatetimeIndex(trades["exit_ts"]), zone, unit)
    rows: dict[Any, tuple[float, ...]] = {}
    start, before = spec.cash, spec.cash
    for label, part in mine.groupby(of_session):
        ended = trades[of_trade == label]
        other = theirs[part.index].to_numpy(np.float64)
        changes = _changes(start, part.to_numpy(np.float64))
        # As in the run's own statistics: its first value is no return but the base of one, where it is the cash.
        skip = int(not rows and len(changes) > 1 and part.iloc[0] == spec.cash)
        earned = free[of_session == label][skip:]
        found = summary(changes[skip:], periods_per_year=periods_per_year(spec), risk_free=earned)
        deepest = float(breakdown.drawdown(np.append(start, equity[of_bar == label].to_numpy(np.float64))).min())
        of_returns = [*(found[name] for name in ("total_return", "volatility", "sharpe")), deepest]
        whole, *rest = of_returns if np.isfinite(changes).any() else [nan] * len(of_returns)
        rows[label] = (
            whole,
            other[-1] / before - 1 if before else nan,
            *rest,
            len(ended),
            float((ended["pnl"] > 0).mean()) if len(ended) else nan,
            float(ended["pnl"].sum()),
        )
        start, before = float(part.iloc[-1]), float(other[-1])
    index = pd.PeriodIndex(list(rows), freq=unit, name=every) if rows else of_session[:0].rename(every)
    frame = pd.DataFrame(list(rows.values()), columns=list(_OF_A_PERIOD), index=index)
    return frame.astype({"trades": "int64"})


def by_symbol(fills: pa.Table, marks: pa.Table, flows: pa.Table, trades: pd.DataFrame) -> pd.DataFrame:
    """What each symbol brought, what is still held of it included.

    Parameters
    ----------
    fills, marks, flows : pyarrow.Table
        As in `alphapulse_lib.results.equity.account`; flows that belong to no symbol are left out.
    trades : pandas.DataFrame
        Round trips.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``symbol``, the best first: ``pnl`` (of fills and flows, net of costs, what is held at its last
        close), ``paid`` (its dividends and other flows), ``commission``, ``slippage``, ``traded`` (value bought and
        sold), ``fills``, ``trades``, ``hit_rate``, ``profit_factor``.
    """
    import pandas as pd

    rows = {}
    filled, marked, flowed = (rows_of_each(table) for table in (fills, marks, flows))
    results = {symbol: each.to_numpy(np.float64) for symbol, each in trades.groupby("symbol", observed=True)["pnl"]}
    for symbol in marks["symbol"].unique().to_pylist():
        own = filled.get(symbol, fills.slice(0, 0))
        ended = results.get(symbol, np.empty(0))
        paid = flowed.get(symbol, flows.slice(0, 0))
        curve = account(own, marked[symbol], 0.0, paid)["equity"]
        won, lost = ended[ended > 0].sum(), -ended[ended < 0].sum()
        rows[symbol] = {
            "pnl": curve[-1].as_py(),
            "paid": _sum(paid["amount"]),
            "commission": _sum(own["commission"]),
            "slippage": _sum(own["slippage"]),
            "traded": _sum(pc.multiply(own["quantity"], own["price"])),
            "fills": own.num_rows,
            "trades": len(ended),
            "hit_rate": float((ended > 0).mean()) if len(ended) else nan,
            "profit_factor": won / lost if lost > 0 else nan,
        }
    columns = ["pnl", "paid", "commission", "slippage", "traded", "fills", "trades", "hit_rate", "profit_factor"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    frame.index.name = "symbol"
    return frame.sort_values("pnl", ascending=False, kind="stable")


def by_side(trades: pd.DataFrame) -> pd.DataFrame:
    """Long and short round trips; indexed by ``side``, with the columns of `alphapulse_lib.results.breakdown.sides`."""
    import pandas as pd

    columns = ["side", "trades", "hit_rate", "pnl", "best", "worst", "return", "held"]
    frame = pd.DataFrame([row for row in breakdown.sides(trades) if row["side"] != "all"], columns=columns)
    frame["held"] = pd.to_timedelta(frame["held"], unit="ns")
    return frame.set_index("side")


def drawdowns(curve: pd.Series[float], start: float) -> pd.DataFrame:
    """Every stretch below a former peak, the deepest first.

    Parameters
    ----------
    curve : pandas.Series
        Equity indexed by time.
    start : float
        The equity before the first value: a peak too, at the first value's time.

    Returns
    -------
    pandas.DataFrame
        ``depth`` (below zero), ``peak``, ``trough`` and ``recovered`` (times; ``NaT`` where it lasts to the end),
        ``fall`` and ``length`` (values from the peak to the trough, and below the peak).
    """
    import pandas as pd

    values = np.concatenate(([start], curve.to_numpy(np.float64)))
    times = curve.index[:1].append(curve.index)
    below = np.concatenate(([False], breakdown.drawdown(values)[1:] < -1e-12))
    edges = np.flatnonzero(np.diff(below, prepend=False, append=False))
    first, end = edges[::2], edges[1::2]
    trough = np.array([at + values[at:to].argmin() for at, to in zip(first.tolist(), end.tolist(), strict=True)], int)
    frame = pd.DataFrame(
        {
            "depth": values[trough] / values[first - 1] - 1,
            "peak": times[first - 1],
            "trough": times[trough],
            "recovered": pd.Series(times[np.minimum(end, len(values) - 1)]).where(end < len(values)),
            "fall": trough - first + 1,
            "length": end - first,
        }
    )
    return frame.sort_values("depth", kind="stable", ignore_index=True)


def _periods(times: Any, zone: str, unit: str) -> Any:
    return breakdown.closed_in(times, zone).to_period(unit)


def _changes(start: float, values: Any) -> Any:
    """Returns; ``nan`` where there is none."""
    path = np.concatenate(([start], values))
    with np.errstate(all="ignore"):
        changes = path[1:] / path[:-1] - 1
    return np.where(np.isfinite(changes), changes, nan)


def _sum(column: pa.ChunkedArray) -> float:
    return float(pc.sum(column).as_py() or 0.0)
