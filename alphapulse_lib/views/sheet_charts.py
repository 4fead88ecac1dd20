"""The tearsheet's charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alphapulse_lib.model.period import Period
from alphapulse_lib.results import breakdown
from alphapulse_lib.results.equity import by_symbol, fill_ratios
from alphapulse_lib.results.performance import risk_free, session_ends
from alphapulse_lib.views import numbers, sheet_news
from alphapulse_lib.views.drawing import Bars, Line, Marker, chart, spans_wide

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from alphapulse_lib.results.run import Run

__all__ = ["Charts", "draw"]

#: More markers than these cover each other.
_MARKERS = 240
_SYMBOLS = 6
#: So many of those that have no chart are named.
_NAMED = 12


@dataclass(frozen=True, slots=True)
class Charts:
    """The charts by name, as HTML, and what has to be said beside them."""

    charts: dict[str, Any]
    logarithmic: bool
    rolling_length: int
    split_note: str
    fills_note: str


def draw(run: Run, news: pd.DataFrame | None = None) -> Charts:
    """All charts of a finished run; of news those that `alphapulse_lib.views.sheet_news.shown` chose."""
    zone = numbers.place(run.spec).timezone
    equity, benchmark = run.equity, run.benchmark
    moments = breakdown.nanoseconds(equity.index)
    mine = equity.to_numpy(np.float64)
    theirs = benchmark.reindex(equity.index).to_numpy(np.float64)
    day, held = _day(run, zone), numbers.against(run.spec)
    logarithmic = spans_wide(mine, theirs)

    def session(moment: int) -> str:
        return numbers.bar_day(moment, zone)

    daily = breakdown.by_session(run.spec, equity)
    ends, closes = breakdown.nanoseconds(daily.index), daily.to_numpy(np.float64)
    length = 126 if len(closes) > 252 else max(len(closes) // 4, 2)
    sharpe, volatility = breakdown.rolling(run.spec, closes, length, risk_free(run.spec, moments))
    charts: dict[str, Any] = {
        "equity": chart(
            moments,
            [Line(held, theirs, "other"), Line(run.strategy, mine, "main", fill=not logarithmic)],
            label=_amount,
            day=day,
            height=300,
            logarithmic=logarithmic,
            title=f"Equity against {numbers.against(run.spec, 'buy and hold')}",
        ),
        "drawdown": chart(
            moments,
            [
                Line(held, breakdown.drawdown(theirs, run.spec.cash), "other"),
                Line(run.strategy, breakdown.drawdown(mine, run.spec.cash), "fall", fill=True),
            ],
            label=_share,
            day=day,
            height=130,
            zero=True,
            title=f"Drawdown against {numbers.against(run.spec, 'buy and hold')}",
        ),
        "sharpe": _narrow("Rolling Sharpe ratio", ends, Line("Sharpe", sharpe), _ratio, session),
        "volatility": _narrow("Rolling volatility", ends, Line("Volatility", volatility), _share, session),
        "exposure": _narrow(
            "Value held over equity", ends, Line("Exposure", _exposure(run), fill=True), _share, session
        ),
        "turnover": _turnover(run, zone),
        "prices": _prices(run, day, news),
    }
    return Charts(charts, logarithmic, length, *_notes(run))


def _narrow(
    title: str, moments: NDArray[np.int64], line: Line, label: Callable[[float, int], str], day: Callable[[int], str]
) -> str:
    """One of the charts that stand side by side, by session: room for five dates."""
    return chart(moments, [line], label=label, day=day, height=150, zero=True, most_days=5, title=title)


def _exposure(run: Run) -> Any:
    """The mean of each session's exposures, as shares of the equity; not of debts."""
    equity, held = (run.account[name].to_numpy(np.float64) for name in ("equity", "exposure"))
    share = np.divide(held, equity, out=np.full(len(held), np.nan), where=equity > 0)
    ends = session_ends(run.spec, breakdown.nanoseconds(run.account.index))
    if not len(ends):
        return share
    return np.add.reduceat(share, np.append(0, ends[:-1] + 1)) / np.diff(ends, prepend=-1)


def _turnover(run: Run, zone: str) -> str:
    rate = breakdown.yearly_turnover(run.fills, breakdown.by_session(run.spec, run.equity), zone)
    moments = breakdown.nanoseconds(rate.index.to_timestamp().tz_localize("UTC"))  # type: ignore[attr-defined]
    return chart(
        moments,
        [Bars("Turnover", rate.to_numpy(np.float64))],
        label=lambda value, more: f"{numbers.ratio(value, more + (0 if abs(value) >= 10 or not value else 1))}x",
        day=lambda moment: numbers.day(moment, "UTC", "%Y-%m"),
        height=150,
        zero=True,
        most_days=5,
        title="Turnover, month by month",
    )


def _prices(run: Run, day: Callable[[int], str], news: pd.DataFrame | None) -> list[tuple[str, str]]:
    """The closes of the symbols that the run traded most, with their fills and what was known before them.

    In shares of the window's first day.
    """
    marks, fills = run.table("marks"), run.fills
    ratios = fill_ratios(run.table("fills"), marks)
    drawn = []
    held = by_symbol(marks)
    for symbol in _most_traded(run, list(held))[:_SYMBOLS]:
        frame = held[symbol].to_pandas()
        closes = frame["close"].to_numpy(np.float64) * (frame["ratio"].to_numpy() if "ratio" in frame else 1.0)
        mine, moments = (fills["symbol"] == symbol).to_numpy(), breakdown.nanoseconds(frame["ts"])
        markers = [*_markers(fills[mine], ratios[mine], day), *sheet_news.marks(news, symbol, moments, _minute(run))]
        drawn.append(
            (
                symbol,
                chart(
                    moments,
                    [Line(symbol, closes, "ink")],
                    label=lambda value, more: numbers.price(value, 2 + more),
                    day=day,
                    height=240,
                    logarithmic=spans_wide(closes, closes),
                    markers=markers,
                    title=f"Fills on the price of {symbol}",
                ),
            )
        )
    return drawn


def _most_traded(run: Run, symbols: Sequence[str]) -> list[str]:
    """The symbols by the value that the run bought and sold of them, the most first; else as they come."""
    fills = run.fills
    traded = (fills["quantity"] * fills["price"]).abs().groupby(fills["symbol"]).sum().to_dict()
    return sorted(symbols, key=lambda symbol: -traded.get(symbol, 0.0))


def _markers(fills: pd.DataFrame, ratios: Any, day: Callable[[int], str]) -> list[Marker]:
    """The fills as arrows; of many, some at even distances."""
    shown = np.unique(np.linspace(0, len(fills) - 1, min(len(fills), _MARKERS)).astype(int))
    moments = breakdown.nanoseconds(fills["ts"])
    found = []
    for at in shown.tolist():
        fill = fills.iloc[at]
        bought = fill["side"] == "buy"
        said = f"{day(int(moments[at]))} {'bought' if bought else 'sold'} {numbers.count(fill['quantity'])}"
        said += f" at {numbers.price(fill['price'])}"
        height = float(fill["price"] * ratios[at])
        found.append(Marker(int(moments[at]), height, "▲" if bought else "▼", "up" if bought else "down", said))
    return found


def _notes(run: Run) -> tuple[str, str]:
    ratio = run.marks.get("ratio")
    split = ratio is not None and bool((ratio != 1).any())
    fills, symbols, notes = run.fills["symbol"].value_counts().to_dict(), _most_traded(run, run.symbols), []
    many = {symbol: fills[symbol] for symbol in symbols[:_SYMBOLS] if fills.get(symbol, 0) > _MARKERS}
    if many:
        whose = " of {}" if len(symbols) > 1 else ""
        told = (f"{_MARKERS} of {numbers.count(count)} fills{whose.format(each)}" for each, count in many.items())
        notes.append(f"{', '.join(told)}, evenly chosen")
    if left := sorted(symbols[_SYMBOLS:]):
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        named = f"{', '.join(left[:_NAMED])}{more}"
        notes.append(
            f"the {_SYMBOLS} of {len(run.symbols)} instruments that were traded most by value, without {named}"
        )
    return (", in shares of the first day" if split else "", "; ".join(notes))


def _day(run: Run, zone: str) -> Callable[[int], str]:
    """Days for bars of whole sessions, minutes for shorter ones."""
    if Period.parse(run.spec.period).is_session:
        return lambda moment: numbers.bar_day(moment, zone)
    return lambda moment: numbers.day(moment, zone, "%Y-%m-%d %H:%M")


def _minute(run: Run) -> Callable[[int], str]:
    return lambda moment: numbers.day(moment, numbers.place(run.spec).timezone, "%Y-%m-%d %H:%M")


def _amount(value: float, more: int) -> str:
    if abs(value) >= 1_000_000_000_000:
        return f"{numbers.ratio(value / 1e9, more)}bn"
    if abs(value) >= 1_000_000_000:  # what is less has room, and is written as its neighbours are
        return f"{_ratio(value / 1e6, more)}M"
    return numbers.ratio(value, more + (0 if abs(value) >= 1000 else 2))


def _ratio(value: float, more: int) -> str:
    return numbers.ratio(value, 2 + more)


def _share(value: float, more: int) -> str:
    decimals = 0 if not value or abs(value) >= 0.1 else 1 if abs(value) >= 0.01 else 2
    return numbers.percent(value, decimals + more, signed=False)
