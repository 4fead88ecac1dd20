"""A run taken apart: by month, over time, by cost and by side. What tearsheets and figures are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alphapulse_lib.model.run import RunSpec
from alphapulse_lib.results.performance import periods_per_year, session_ends
from alphapulse_lib.results.statistics import excess

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Costs",
    "closed_in",
    "costs",
    "drawdown",
    "monthly_returns",
    "nanoseconds",
    "rolling",
    "sides",
    "until_lost",
    "yearly_turnover",
]

type Floats = NDArray[np.floating[Any]]
type Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Costs:
    """Where the money went, in the account's currency; what was paid is zero or less.

    Attributes
    ----------
    gross : float
        What the fills would have made at the convention's prices.
    slippage, spread, impact : float
        What the modelled slippage took: in basis points, as half the spread, and by moving the market.
    commission, fees : float
        What the broker took, and what exchange, clearing and regulators did.
    borrow : float
        What borrowed shares cost.
    interest : float
        What cash brought, or cost where it was borrowed.
    distributed : float
        What holdings were paid, shorts charged.
    net : float
        End equity less starting cash.
    """

    gross: float
    slippage: float
    commission: float
    net: float
    spread: float = 0.0
    impact: float = 0.0
    fees: float = 0.0
    borrow: float = 0.0
    interest: float = 0.0
    distributed: float = 0.0

    @property
    def paid(self) -> float:
        """What trading and borrowing took, zero or less; interest received is none of it."""
        return (
            self.slippage
            + self.spread
            + self.impact
            + self.commission
            + self.fees
            + self.borrow
            + min(self.interest, 0)
        )


def drawdown(equity: Floats, start: float = -inf) -> Floats:
    """How far below its highest value until then each value lies, as a share: zero or less; shape (T,).

    What was there before the first value, ``start``, counts among them where it is told.

    Examples
    --------
    >>> drawdown(np.array([100.0, 120.0, 90.0])).tolist(), drawdown(np.array([90.0]), 120.0).tolist()
    ([0.0, 0.0, -0.25], [-0.25])
    """
    return equity / np.maximum(np.maximum.accumulate(equity), start) - 1 if len(equity) else equity


def by_session(spec: RunSpec, curve: pd.Series[float]) -> pd.Series[float]:
    """The last value of each session with its time, as `alphapulse_lib.results.performance` takes them."""
    return curve.iloc[session_ends(spec, nanoseconds(curve.index))]


def until_lost(curve: pd.Series[float]) -> pd.Series[float]:
    """The curve up to the value at which all was lost, that one included; ``nan`` after it.

    Debts have no returns: one that doubles would look like a gain.

    Examples
    --------
    >>> import pandas as pd
    >>> until_lost(pd.Series([2.0, -1.0, -2.0, 1.0])).tolist()
    [2.0, -1.0, nan, nan]
    """
    lost = (curve <= 0).cummax().shift(fill_value=False)
    return curve.mask(lost)


def nanoseconds(times: Any) -> Integers:
    """An index or a column of times as nanoseconds since 1970, UTC."""
    import pandas as pd

    return np.asarray(pd.DatetimeIndex(times).as_unit("ns").asi8)


def closed_in(times: Any, timezone: str) -> Any:
    """The local times by which it is told what days, months and years closes and fills lie in.

    What is of midnight is of the day that ends then, as all daily bars are of what never closes.

    Examples
    --------
    >>> import pandas as pd
    >>> closed_in(pd.DatetimeIndex(["2024-02-01"], tz="UTC").as_unit("ns"), "UTC").to_period("M")[0]
    Period('2024-01', 'M')
    """
    import pandas as pd

    return (pd.DatetimeIndex(times).as_unit("ns") - pd.Timedelta(1, "ns")).tz_convert(timezone).tz_localize(None)


def monthly_returns(curve: pd.Series[float], start: float, timezone: str) -> pd.DataFrame:
    """The return of each month and each year.

    Parameters
    ----------
    curve : pandas.Series
        Equity indexed by time.
    start : float
        The equity before the first value.
    timezone : str
        The zone whose months are meant.

    Returns
    -------
    pandas.DataFrame
        One row a year, columns 1 to 12 and ``year``; ``nan`` for months that the curve does not touch, and after all
        was lost (`until_lost`).
    """
    import pandas as pd

    curve = until_lost(curve)
    local = closed_in(curve.index, timezone)
    last = curve.groupby(local.to_period("M")).last()
    months = last / last.shift(fill_value=start) - 1
    ends = curve.groupby(local.year).last()
    ended = pd.PeriodIndex(last.index)
    table = pd.DataFrame({"year": ended.year, "month": ended.month, "return": months.to_numpy()})
    wide = table.pivot(index="year", columns="month", values="return").reindex(columns=range(1, 13))
    wide["year"] = ends / ends.shift(fill_value=start) - 1
    return wide


def rolling(spec: RunSpec, values: Floats, length: int = 126, free: Floats | None = None) -> tuple[Floats, Floats]:
    """The Sharpe ratio and the volatility of the returns before each value, both a year.

    Parameters
    ----------
    spec : RunSpec
        Tells how many returns make a year.
    values : array of float, shape (T,)
        Equity, one value a session.
    length : int
        How many returns are looked at: 126 are half a year of days.
    free : array of float, shape (T,), optional
        What was risk-free in each session (`alphapulse_lib.results.performance.risk_free`); nothing unless told.

    Returns
    -------
    sharpe, volatility : array of float, shape (T,)
        ``nan`` for the first ``length`` values, after all was lost (`until_lost`), and the ratio where nothing moved.
    """
    sharpe, volatility = np.full(len(values), nan), np.full(len(values), nan)
    if len(values) <= length:
        return sharpe, volatility
    values = np.where(np.logical_or.accumulate(np.append(False, values[:-1] <= 0)), nan, values)
    with np.errstate(all="ignore"):
        changes, root = values[1:] / values[:-1] - 1, periods_per_year(spec) ** 0.5
        window = np.lib.stride_tricks.sliding_window_view
        volatility[length:] = window(changes, length).std(axis=1, ddof=1) * root
        over = window(excess(changes, np.zeros(len(changes)) if free is None else free[1:]), length)
        mean, deviation = over.mean(axis=1), over.std(axis=1, ddof=1)
        sharpe[length:] = np.where(deviation > 1e-14, mean / deviation * root, nan)
    return sharpe, volatility


def costs(fills: pd.DataFrame, net: float, flows: pd.DataFrame | None = None) -> Costs:
    """Where the money went.

    Parameters
    ----------
    fills : pandas.DataFrame
        ``commission`` and ``slippage``, both money paid; ``fees`` of the one, ``spread`` and ``impact`` of the other.
    net : float
        End equity less starting cash.
    flows : pandas.DataFrame, optional
        Money that moved without an order: ``kind``, ``amount``.
    """

    def paid(name: str) -> float:
        # Runs that were recorded earlier had no parts of commission and slippage.
        return -float(fills[name].to_numpy(np.float64).sum()) if name in fills else 0.0

    def moved(*kinds: str) -> float:
        return 0.0 if flows is None else float(flows.loc[flows["kind"].isin(kinds), "amount"].sum())

    slippage, commission = paid("slippage"), paid("commission")
    spread, impact, fees = paid("spread"), paid("impact"), paid("fees")
    borrow, interest, distributed = moved("borrow"), moved("interest"), moved("dividend", "spin_off")
    return Costs(
        gross=net - slippage - commission - borrow - interest - distributed,
        slippage=slippage - spread - impact,
        commission=commission - fees,
        net=net,
        spread=spread,
        impact=impact,
        fees=fees,
        borrow=borrow,
        interest=interest,
        distributed=distributed,
    )


def yearly_turnover(fills: pd.DataFrame, curve: pd.Series[float], timezone: str) -> pd.Series[float]:
    """Half of what was traded in each month over the month's mean equity, as a yearly rate; indexed by month.

    ``nan`` where that mean is not above zero.
    """
    import pandas as pd

    local = closed_in(curve.index, timezone)
    mean = curve.groupby(local.to_period("M")).mean()
    value = fills["quantity"] * fills["price"]
    months = closed_in(pd.DatetimeIndex(fills["ts"]), timezone).to_period("M")
    traded = value.groupby(months).sum().reindex(mean.index, fill_value=0.0)
    return traded / 2 / mean.where(mean > 0) * 12


def sides(trades: pd.DataFrame) -> list[dict[str, Any]]:
    """Long, short and all round trips: count, hit rate, result, best, worst, mean return and mean time held (ns)."""
    rows = []
    for name in ("long", "short", "all"):
        part = trades if name == "all" else trades[trades["side"] == name]
        if not len(part):
            continue
        pnl = part["pnl"]
        rows.append(
            {
                "side": name,
                "trades": len(part),
                "hit_rate": float((pnl > 0).mean()),
                "pnl": float(pnl.sum()),
                "best": float(pnl.max()),
                "worst": float(pnl.min()),
                "return": float(part["return"].mean()),
                "held": int((nanoseconds(part["exit_ts"]) - nanoseconds(part["entry_ts"])).mean()),
            }
        )
    return rows
