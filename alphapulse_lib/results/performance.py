"""The statistics of a run: those of its returns, and those of its trading.

Equity of bars shorter than a session is taken at each session's last bar first, in the venue's own days, so that a
Sharpe ratio of minute bars and one of daily bars are the same thing: 252 returns a year (365 where a venue never
closes, 52 for weekly bars). Only the drawdown is of every bar.

What is risk-free is what a run's cash alone would have earned: its interest, and nothing where it is paid none.
"""

from __future__ import annotations

from math import nan
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alphapulse_lib.model import annual
from alphapulse_lib.model.instrument import venue
from alphapulse_lib.model.nights import EVENING, WEEKDAYS, days_end
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import RunSpec
from alphapulse_lib.results.equity import benchmark_curve, named_curve
from alphapulse_lib.results.overfit import minimum_track_record_length, probabilistic_sharpe_ratio
from alphapulse_lib.results.statistics import summary

__all__ = ["periods_per_year", "risk_free", "run_statistics", "session_ends", "session_returns"]

type Floats = NDArray[np.floating[Any]]

#: The share of a bar's volume up to which a fill is thought to leave the price alone.
_PARTICIPATION = 0.01
#: Bars of a curve that are looked at together, so that what is made of them does not grow with it.
_BLOCK = 65_536
#: What never closes.
_ALWAYS = "24/7"
#: Days of a year, as interest counts them (`alphapulse_lib.engine.cash`).
_INTEREST_YEAR = 360
#: Days from the Monday before the first of January 1970.
_MONDAY = 3


def run_statistics(
    spec: RunSpec,
    account: pa.Table,
    fills: pa.Table,
    trades: pa.Table,
    orders: pa.Table,
    marks: pa.Table,
    benchmark: pa.Table | None = None,
) -> dict[str, Any]:
    """All plain numbers of a finished run.

    Parameters
    ----------
    spec : RunSpec
        What was run.
    account, trades : pyarrow.Table
        Of `alphapulse_lib.results.equity.account` and `alphapulse_lib.results.trades.round_trips`.
    fills, marks : pyarrow.Table
        As they take them.
    orders : pyarrow.Table
        One row an order, with its ``status``.
    benchmark : pyarrow.Table, optional
        ``ts``, ``close`` of what the spec names.

    Returns
    -------
    dict of str to float or int
        What `alphapulse_lib.results.statistics.summary` gives, measured against the benchmark that the spec names, or
        against the run's own instruments, bought and held (`benchmark_curve`), and:
        ``end_equity``, ``total_return`` (of the starting cash), ``benchmark_return``, ``max_drawdown`` (of every bar),
        ``calmar`` (with it), ``probabilistic_sharpe``, ``minimum_track_record`` (periods), ``trades``, ``hit_rate``,
        ``profit_factor``, ``average_trade``, ``average_win``, ``average_loss``, ``expectancy`` (mean return of a round
        trip), ``participation`` (of the bars' volumes, the fills' share that a twentieth of them exceeds), ``capacity``
        (the cash with which it is one per cent), ``exposure`` (share of the bars with a position), ``gross_exposure``
        (mean value held over equity), ``max_gross_exposure``, ``turnover`` (a year: half of all that was traded, over
        the mean equity), ``commission``, ``fills``, ``orders``, ``orders_rejected``.
    """
    yearly = periods_per_year(spec)
    equity = account["equity"].to_numpy()
    moments = account["ts"].cast(pa.int64()).to_numpy()
    ends = session_ends(spec, moments)
    named, asked = benchmark is not None and benchmark.num_rows > 0, (marks, spec.cash, moments[ends])
    held = (named_curve(benchmark, *asked) if named else benchmark_curve(*asked))["equity"].to_numpy()
    returns, others = _returns(equity[ends], held, spec.cash)
    free = risk_free(spec, moments)
    found: dict[str, Any] = dict(summary(returns, others, yearly, free[len(free) - len(returns) :]))
    found["end_equity"] = float(equity[-1]) if len(equity) else spec.cash
    found["total_return"] = found["end_equity"] / spec.cash - 1
    found["benchmark_return"] = float(held[-1] / spec.cash - 1) if len(held) else nan
    found["max_drawdown"] = _deepest(equity, spec.cash) if len(equity) else nan
    found["calmar"] = found["cagr"] / -found["max_drawdown"] if found["max_drawdown"] < 0 else nan
    shape = (found["skewness"], found["kurtosis"])
    found["probabilistic_sharpe"] = probabilistic_sharpe_ratio(
        found["sharpe_per_period"], found["observations"], *shape
    )
    found["minimum_track_record"] = minimum_track_record_length(found["sharpe_per_period"], *shape)
    years = found["observations"] / yearly
    return found | _trading(fills, trades, orders) | _use_of_capital(account, fills, years) | _capacity(spec, fills)


def _deepest(equity: Floats, cash: float) -> float:
    """The maximum drawdown of a curve that begins with the starting cash."""
    peak, lowest = cash, 1.0
    for start in range(0, len(equity), _BLOCK):
        part = equity[start : start + _BLOCK]
        peaks = np.maximum(np.maximum.accumulate(part), peak)
        peak, lowest = float(peaks[-1]), float(np.minimum(lowest, (part / peaks).min()))
    return lowest - 1


def session_ends(spec: RunSpec, ts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The positions of the last bar of each session; of session bars of one calendar all positions.

    Parameters
    ----------
    spec : RunSpec
        Its period and the venues of its instruments decide what a session is: a day in the zone of the first one, of
        shorter bars that trade around the clock on weekdays one that begins at 17:00 the evening before. Bars of a
        session close at other times where calendars differ: then one value counts for all that close on one day, in
        one week or in one month.
    ts : array of int64, shape (T,)
        Nanoseconds of UTC, rising.
    """
    period, calendars = Period.parse(spec.period), _calendars(spec)
    if not len(ts) or (period.is_session and len(calendars) == 1):
        return np.arange(len(ts))
    evening = not period.is_session and WEEKDAYS in calendars and _ALWAYS not in calendars
    # A bar that closes as a day ends is the last one of it.
    later, zone = (EVENING if evening else 0) - 1, venue(spec.instruments[0].rpartition(".")[2]).timezone
    ends = []
    for start in range(0, len(ts), _BLOCK):
        spans = _spans(_local_days(ts[start : start + _BLOCK + 1] + later, zone), period)
        ends.append(start + np.flatnonzero(spans[1:] != spans[:-1]))
    return np.append(np.concatenate(ends), len(ts) - 1)


def _spans(days: NDArray[np.int64], period: Period) -> NDArray[np.int64]:
    """The number of the day, week or month of a period that each day lies in, as `Sessions.last_of` counts them."""
    if period.unit == "w":
        return (days + _MONDAY) // 7 // period.count
    if period.unit == "mo":
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return np.asarray(months // period.count, np.int64)
    return days


def _calendars(spec: RunSpec) -> set[str]:
    return {venue(each.rpartition(".")[2]).calendar for each in spec.instruments}


def session_returns(spec: RunSpec, account: pa.Table) -> Floats:
    """The return of each session, that of the first one on the starting cash, 0 once all was lost; shape (sessions,).

    All trials on the same data have as many, so they can be laid side by side.

    Parameters
    ----------
    spec : RunSpec
        What was run.
    account : pyarrow.Table
        Of `alphapulse_lib.results.equity.account`.
    """
    ends = session_ends(spec, account["ts"].cast(pa.int64()).to_numpy())
    return np.nan_to_num(_changes(np.concatenate(([spec.cash], account["equity"].to_numpy()[ends]))), nan=0.0)


def risk_free(spec: RunSpec, ts: NDArray[np.int64]) -> Floats:
    """What the cash alone would have earned in each session, by the run's own interest on cash; shape (sessions,).

    0 where no night was before its end, as in most first ones, and in all of a run that is paid no interest.

    Parameters
    ----------
    spec : RunSpec
        What was run.
    ts : array of int64, shape (T,)
        The closes of all its bars, nanoseconds of UTC, rising: interest is paid as a day with bars begins.

    Examples
    --------
    >>> from alphapulse_lib.model.run import Costs, StrategySource
    >>> paid = RunSpec(StrategySource("m:S", ""), ("GOOG.XNAS",), "1d", 0, 1, costs=Costs(interest_percent=3.6))
    >>> [round(each, 6) for each in risk_free(paid, np.array([21, 45, 117]) * 3_600 * 10**9).tolist()]
    [0.0, 0.0001, 0.0003]
    """
    ends = session_ends(spec, ts)
    rate = spec.costs.interest_percent / 100 / _INTEREST_YEAR
    if not rate or not len(ends):
        return np.zeros(len(ends))
    zone, before_midnight = days_end(venue(spec.instruments[0].rpartition(".")[2]), Period.parse(spec.period))
    later = ts + before_midnight
    # A bar that closes at midnight is of the day before, and the night's interest is there when it closes.
    days, begun = np.unique(_local_days(later - 1, zone)), _local_days(later[ends], zone)
    grown = np.cumprod(1 + rate * np.diff(days, prepend=days[:1]))[np.searchsorted(days, begun, side="right") - 1]
    return np.diff(grown, prepend=1.0) / np.concatenate(([1.0], grown[:-1]))


def periods_per_year(spec: RunSpec) -> float:
    """How many returns of a run make a year."""
    return annual.periods_per_year(spec.period, spec.instruments)


def _returns(equity: Floats, benchmark: Floats, cash: float) -> tuple[Floats, Floats]:
    """Simple returns of both curves. Their first values are the bases, unless money was made or lost by then."""
    if len(equity) and equity[0] != cash:
        equity, benchmark = np.concatenate(([cash], equity)), np.concatenate(([cash], benchmark))
    return _changes(equity), _changes(benchmark)


def _changes(path: Floats) -> Floats:
    with np.errstate(all="ignore"):
        changes = path[1:] / path[:-1] - 1
    # An account that was lost has no returns after that; of debts, losing more would look like a gain.
    lost = np.logical_or.accumulate(path[:-1] <= 0)
    return np.where(np.isfinite(changes) & ~lost, changes, nan)


def _trading(fills: pa.Table, trades: pa.Table, orders: pa.Table) -> dict[str, Any]:
    pnl = trades["pnl"].to_numpy()
    won, lost = float(pnl[pnl > 0].sum()), -float(pnl[pnl < 0].sum())
    return {
        "trades": len(pnl),
        "hit_rate": float((pnl > 0).mean()) if len(pnl) else nan,
        "profit_factor": won / lost if lost > 0 else nan,
        "average_trade": _mean(pnl),
        "average_win": _mean(pnl[pnl > 0]),
        "average_loss": _mean(pnl[pnl < 0]),
        "expectancy": _mean(trades["return"].to_numpy()),
        "commission": float(fills["commission"].to_numpy().sum()),
        "fills": fills.num_rows,
        "orders": orders.num_rows,
        "orders_rejected": pc.sum(pc.is_in(orders["status"], pa.array(["rejected", "denied"]))).as_py() or 0,
    }


def _use_of_capital(account: pa.Table, fills: pa.Table, years: float) -> dict[str, float]:
    equity, exposure = account["equity"].to_numpy(), account["exposure"].to_numpy()
    if not len(equity):
        return {"exposure": nan, "gross_exposure": nan, "max_gross_exposure": nan, "turnover": nan}
    traded = float((fills["quantity"].to_numpy() * fills["price"].to_numpy()).sum())
    mean = float(equity.mean())
    solvent = equity > 0
    leverage = exposure / equity if solvent.all() else exposure[solvent] / equity[solvent]
    return {
        "exposure": float((exposure > 0).mean()),
        "gross_exposure": float(leverage.mean()) if len(leverage) else nan,
        "max_gross_exposure": float(leverage.max()) if len(leverage) else nan,
        "turnover": traded / 2 / mean / years if years > 0 and mean > 0 else nan,
    }


def _capacity(spec: RunSpec, fills: pa.Table) -> dict[str, float]:
    """How much of the market the run was, and with how much cash it would be too much of it.

    ``participation``: of the fills' shares of the volume of the bar they happened in, the one that a twentieth exceeds.
    ``capacity``: the cash with which, all else in proportion, that share is one per cent. No law, but a scale: what a
    larger order does to the price is in no backtest.
    """
    quantity, volume = (
        fills[name].to_numpy() if name in fills.column_names else np.full(fills.num_rows, nan)
        for name in ("quantity", "bar_volume")
    )
    traded = volume > 0  # sources without volumes have zeros
    if not traded.any():
        return {"participation": nan, "capacity": nan}
    share = float(np.quantile(quantity[traded] / volume[traded], 0.95))
    return {"participation": share, "capacity": spec.cash * _PARTICIPATION / share}


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else nan


def _local_days(ts: NDArray[np.int64], timezone: str) -> NDArray[np.int64]:
    """The number of each moment's day in a zone, from offsets looked up once an hour."""
    import pandas as pd

    hour = 3_600_000_000_000
    hours = ts // hour
    starts = np.append(0, np.flatnonzero(hours[1:] != hours[:-1]) + 1)
    utc = hours[starts] * hour
    local = pd.DatetimeIndex(utc, tz="UTC").tz_convert(timezone).tz_localize(None).as_unit("ns").asi8
    offsets = np.repeat(local - utc, np.diff(np.append(starts, len(ts))))
    return np.asarray((ts + offsets) // (24 * hour))
