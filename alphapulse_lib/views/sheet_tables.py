"""The tearsheet's numbers and tables, as rows of text."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import FILLED, FILLS, RunRecord
from alphapulse_lib.model.window import FOREVER
from alphapulse_lib.results import breakdown
from alphapulse_lib.results.performance import periods_per_year
from alphapulse_lib.views import headline, numbers
from alphapulse_lib.views.sheet_conventions import by_convention
from alphapulse_lib.views.sheet_groups import money

if TYPE_CHECKING:
    import pandas as pd

    from alphapulse_lib.results.conventions import Conventions
    from alphapulse_lib.results.run import Run

__all__ = ["DEFLATED", "Number", "six", "spec_rows", "tables"]

DEFLATED = (
    "The probability that the true Sharpe ratio exceeds what so many trials without skill would show at best "
    "(Bailey and López de Prado 2014); 0.95 is the usual demand"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TRADES = 300


@dataclass(frozen=True, slots=True)
class Number:
    """One of the six: name, value, tone, and the lines beside it (text, class, what is said under the pointer)."""

    name: str
    value: str
    tone: str
    honest: tuple[tuple[str, str, str], ...]


def six(run: Run, deflated: dict[str, float], filled: Conventions) -> list[Number]:
    """The six numbers of the first screen."""
    return [*_performance(run, deflated, filled), *_trading(run)]


def _performance(run: Run, deflated: dict[str, float], filled: Conventions) -> list[Number]:
    stats = run.stats
    currency = numbers.currency(run.record)
    years = stats["observations"] / periods_per_year(run.spec)
    held = breakdown.drawdown(run.benchmark.to_numpy(np.float64))
    trials, honest_sharpe = int(deflated["trials"]), deflated["deflated_sharpe"]
    doubtful = not honest_sharpe >= 0.95
    counted = f"{numbers.counted(trials, 'trial')} counted"
    against = numbers.against(run.spec, "buy & hold")
    came_to = (stats["total_return"], stats["max_drawdown"])
    lost, yearly = headline.came_back(*came_to), headline.unless_lost(stats["cagr"], *came_to)
    return [
        Number(
            "Total return",
            *headline.total_return(*came_to),
            (
                _plain(headline.AFTER if lost else f"to {numbers.money(stats['end_equity'], currency)}"),
                _plain(f"{against} {numbers.percent(stats['benchmark_return'])}"),
                by_convention(run, filled),
            ),
        ),
        Number(
            "Return a year",
            numbers.percent(yearly),
            numbers.tone(yearly),
            (
                _plain(f"over {years:.1f} years"),
                _plain(f"volatility {numbers.percent(stats['volatility'], signed=False)}"),
            ),
        ),
        Number(
            "Sharpe ratio",
            numbers.ratio(stats["sharpe"]),
            "",
            (
                (f"deflated {numbers.probability(honest_sharpe)}", "down" if doubtful else "", DEFLATED),
                _plain(counted),
            ),
        ),
        Number(
            "Deepest drawdown",
            numbers.percent(stats["max_drawdown"]),
            numbers.tone(stats["max_drawdown"]),
            (
                _plain(f"{against} {numbers.percent(float(held.min()) if len(held) else math.nan)}"),
                _plain(f"longest {numbers.counted(_under_water(run), numbers.span(run.spec.period))}"),
            ),
        ),
    ]


def _trading(run: Run) -> list[Number]:
    stats, spec = run.stats, run.spec
    currency = numbers.currency(run.record)
    paid = _costs(run).paid
    fills = f"fills {FILLED[spec.fill]}"
    return [
        Number(
            "Round trips",
            numbers.count(stats["trades"]),
            "",
            (
                _plain(
                    f"{numbers.percent(stats['hit_rate'], 0, signed=False)} won" if stats["trades"] else "none ended"
                ),
                (fills, "down" if spec.fill == "close" else "", FILLS[spec.fill]),
            ),
        ),
        Number(
            "Costs",
            _whole(paid, currency),
            numbers.tone(paid, partial(_whole, currency=currency)),
            (
                _plain(f"{currency}, slippage {spec.costs.slippage_bps:g} bp"),
                _plain(f"{_per_value(run, paid)} bp of value traded" if stats["fills"] else "nothing was traded"),
            ),
        ),
    ]


def _whole(amount: float, currency: str) -> str:
    """Money that fits beside the other numbers: without cents where it is much."""
    much = abs(amount) >= 100_000
    text = numbers.money(round(amount) if much else amount, currency, signed=True, named=False)
    return text.partition(".")[0] if much else text


def tables(run: Run) -> dict[str, Any]:
    """The tables of a finished run."""
    trades = run.trades
    taken = _costs(run)
    currency = numbers.currency(run.record)
    return {
        "months": _months(run),
        "month_names": _MONTHS,
        "observations": numbers.counted(run.stats["observations"], "return"),
        "yearly": numbers.count(periods_per_year(run.spec)),
        "statistics": _statistics(run.stats),
        "costs": _cost_rows(taken, currency),
        "costs_note": _costs_note(run, taken, currency),
        "sides": _sides(trades, currency),
        "side_names": [row["side"] for row in breakdown.sides(trades)],
        "trades": _trade_rows(run, trades, currency),
        "trades_note": f"first in, first out; results net of commission{_split(trades)}{_shown(len(trades))}",
        "holdings": _holdings(run, currency),
    }


def spec_rows(record: RunRecord) -> list[tuple[str, str]]:
    """The spec, every field of it, and what its instruments were called."""
    spec = record.spec
    zone = numbers.place(spec).timezone
    costs = ", ".join(
        f"{name.replace('_', ' ')} {numbers.plain(value)}" for name, value in asdict(spec.costs).items() if value
    )
    return [
        ("Strategy", spec.strategy.name),
        ("Its digest", spec.strategy.digest),
        *((f"Parameter {name}", str(value)) for name, value in spec.parameters.items()),
        ("Instruments", ", ".join(numbers.instruments(record))),
        ("Period", ", and told of ".join([spec.period, *([", ".join(spec.also)] if spec.also else [])])),
        ("From", _moment(spec.start, zone)),
        ("To", _moment(spec.end, zone)),
        ("Cash", numbers.money(spec.cash, numbers.currency(record))),
        ("Costs", costs or "none"),
        ("Fills", f"{spec.fill}: {FILLS[spec.fill]}"),
        ("Prices", "as traded" if spec.adjust == "none" else "as traded, holdings follow splits"),
        ("Dividends", "paid" if spec.dividends else "not paid"),
        ("News", (f"scored by {spec.scorer}" if spec.scorer else "yes") if spec.news else "none"),
        ("Held against", spec.benchmark or "its own instruments, bought and held"),
        ("As of", "now" if spec.as_of is None else _moment(spec.as_of, zone)),
        ("Recorded as of", "now" if spec.recorded_as_of is None else _moment(spec.recorded_as_of, zone)),
        ("Seed", str(spec.seed)),
    ]


def _moment(nanoseconds: int, zone: str) -> str:
    if nanoseconds <= 0 or nanoseconds >= FOREVER:
        return "open"
    return numbers.day(nanoseconds, zone, "%Y-%m-%d %H:%M:%S %Z")


def _plain(text: str) -> tuple[str, str, str]:
    return (text, "", "")


def _per_value(run: Run, paid: float) -> str:
    share = round(-paid / float((run.fills["quantity"] * run.fills["price"]).sum()) * 10_000, 1)
    return f"{share or 0:.1f}".replace("-", "\N{MINUS SIGN}")  # a nothing has no sign


def _costs(run: Run) -> breakdown.Costs:
    return breakdown.costs(run.fills, run.stats["end_equity"] - run.spec.cash, run.cash_flows)


#: The parts of a result, each with its name; the first ones are shown even where they are nothing.
_PARTS = (
    ("Dividends", "distributed"),
    ("Slippage, modelled", "slippage"),
    ("Half the spread, modelled", "spread"),
    ("Market impact, modelled", "impact"),
    ("Commission", "commission"),
    ("Exchange and regulatory fees", "fees"),
    ("Borrowed shares", "borrow"),
    ("Interest", "interest"),
)
_ALWAYS = ("slippage", "commission")
#: Costs that no trade has by itself.
_OF_HOLDING = ("borrow_percent", "interest_percent", "debit_percent")
_UNASKED = "No commission and no slippage were asked for: real trading has both."


def _cost_rows(taken: breakdown.Costs, currency: str) -> list[tuple[str, str, str]]:
    parts = [(label, getattr(taken, name)) for label, name in _PARTS if name in _ALWAYS or getattr(taken, name)]
    rows = [("Result before costs", taken.gross), *parts, ("Result", taken.net)]
    return [(label, numbers.money(each, currency, signed=True), money(each, currency)[1]) for label, each in rows]


def _costs_note(run: Run, taken: breakdown.Costs, currency: str) -> str:
    total = taken.paid
    if not total:
        asked = any(value for name, value in asdict(run.spec.costs).items() if name not in _OF_HOLDING)
        return "Nothing was paid of the costs asked for." if asked else _UNASKED
    traded = float((run.fills["quantity"] * run.fills["price"]).sum())
    share = f"{_per_value(run, total)} bp of the {numbers.money(traded, currency, named=False)} traded"
    if taken.gross > 0:
        return (
            f"Costs took {numbers.percent(-total / taken.gross, 1, signed=False)} of the result before them, {share}."
        )
    return f"Costs came to {share}."


def _under_water(run: Run) -> int:
    """The most returns in a row below a former high, the start among these."""
    return int(run.drawdowns["length"].max() if len(run.drawdowns) else 0)


def _months(run: Run) -> list[dict[str, Any]]:
    curve = breakdown.by_session(run.spec, run.equity)
    table = breakdown.monthly_returns(curve, run.spec.cash, numbers.place(run.spec).timezone)
    monthly = table.drop(columns="year").to_numpy()
    most = float(np.nanmax(np.abs(monthly))) if np.isfinite(monthly).any() else 0.0
    return [
        {"year": year, "cells": [_cell(value, most) for value in row]}
        for year, row in zip(table.index.tolist(), table.to_numpy().tolist(), strict=True)
    ]


def _cell(value: float, most: float) -> dict[str, Any]:
    if not math.isfinite(value):
        return {"text": "", "tone": "", "strength": 0}
    strength = round(6 + 40 * min(abs(value) / most, 1)) if most and round(value, 4) else 0
    return {"text": numbers.percent(value).rstrip("%"), "tone": numbers.tone(value), "strength": strength}


def _statistics(stats: dict[str, Any]) -> list[list[tuple[str, ...]]]:
    def share(name: str, label: str, *, signed: bool = True) -> tuple[str, ...]:
        return (label, numbers.percent(stats.get(name), signed=signed))

    def plain(name: str, label: str, decimals: int = 2) -> tuple[str, ...]:
        return (label, numbers.ratio(stats.get(name), decimals))

    years = stats.get("minimum_track_record", math.nan)
    return [
        [
            plain("sharpe", "Sharpe ratio"),
            plain("sortino", "Sortino ratio"),
            plain("calmar", "Calmar ratio"),
            plain("omega", "Omega ratio"),
            plain("profit_factor", "Profit factor"),
            share("expectancy", "Expectancy, a round trip"),
            plain("tail_ratio", "Tail ratio"),
            share("volatility", "Volatility", signed=False),
            share("downside_deviation", "Downside deviation", signed=False),
            share("time_under_water", "Time under water", signed=False),
        ],
        [
            ("Probability Sharpe > 0", numbers.probability(stats.get("probabilistic_sharpe"))),
            ("Periods needed at 95 %", numbers.count(math.ceil(years)) if math.isfinite(years) else "never"),
            share("value_at_risk", "Value at risk, 5 %"),
            share("conditional_value_at_risk", "Mean beyond it"),
            plain("skewness", "Skewness"),
            plain("kurtosis", "Kurtosis (normal: 3)"),
            share("exposure", "Time in the market", signed=False),
            share("gross_exposure", "Mean exposure", signed=False),
            share("max_gross_exposure", "Largest exposure", signed=False),
        ],
        [
            share("alpha", "Alpha, a year"),
            plain("beta", "Beta"),
            plain("correlation", "Correlation"),
            share("tracking_error", "Tracking error", signed=False),
            plain("information_ratio", "Information ratio"),
            plain("turnover", "Turnover, a year"),
            ("Capacity at 1 % of volume", numbers.count(_rounded(stats.get("capacity")))),
            ("Orders", numbers.count(stats.get("orders"))),
            ("Orders rejected", numbers.count(stats.get("orders_rejected"))),
        ],
    ]


def _rounded(value: float | None) -> float | None:
    """To two digits: a capacity is a scale, and no sum of money."""
    return float(f"{value:.1e}") if value is not None and math.isfinite(value) else None


def _sides(trades: pd.DataFrame, currency: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """One row a measure, one column a side."""
    rows = breakdown.sides(trades)
    if not rows:
        return []
    return [
        ("Count", [(numbers.count(row["trades"]), "") for row in rows]),
        ("Won", [(numbers.percent(row["hit_rate"], 1, signed=False), "") for row in rows]),
        ("Result", [money(row["pnl"], currency) for row in rows]),
        ("Best", [money(row["best"], currency) for row in rows]),
        ("Worst", [money(row["worst"], currency) for row in rows]),
        ("Mean return", [(numbers.percent(row["return"]), numbers.tone(row["return"])) for row in rows]),
        ("Mean time held", [(numbers.duration(row["held"]), "") for row in rows]),
    ]


def _trade_rows(run: Run, trades: pd.DataFrame, currency: str) -> list[tuple[str, ...]]:
    zone = numbers.place(run.spec).timezone
    days = Period.parse(run.spec.period).is_session
    when = numbers.bar_day if days else partial(numbers.day, pattern="%Y-%m-%d %H:%M")
    shown = trades.tail(_TRADES).iloc[::-1]
    entries, exits = (breakdown.nanoseconds(shown[name]).tolist() for name in ("entry_ts", "exit_ts"))
    paid = numbers.prices([*shown["entry_price"], *shown["exit_price"]])
    return [
        (
            row["symbol"],
            row["side"],
            when(entry, zone),
            when(left, zone),
            numbers.count(row["quantity"]),
            came_at,
            left_at,
            numbers.money(row["commission"], currency, named=False),
            made,
            numbers.percent(row["return"]),
            tone,
            numbers.tone(row["return"]),
        )
        for row, entry, left, came_at, left_at in zip(
            shown.to_dict("records"), entries, exits, paid[: len(shown)], paid[len(shown) :], strict=True
        )
        for made, tone in (money(row["pnl"], currency),)
    ]


def _split(trades: pd.DataFrame) -> str:
    """That what was left is another count of shares than what was entered."""
    ratio = trades.get("ratio")
    held = 0 if ratio is None else int((ratio != 1).sum())
    return f"; {numbers.counted(held, 'round trip')} held over a split, quantity as at the entry" if held else ""


def _shown(total: int) -> str:
    return f"; the last {_TRADES} of {numbers.count(total)}" if total > _TRADES else ""


def _holdings(run: Run, currency: str) -> list[tuple[str, ...]]:
    return [
        (
            row["symbol"],
            numbers.count(round(row["quantity"], 8)),
            numbers.price(row["average_price"]),
            numbers.price(row["last_price"]),
            numbers.money(row["value"], currency, named=False),
            *money(row["unrealized_pnl"], currency),
        )
        for row in run.positions.to_dict("records")
    ]
