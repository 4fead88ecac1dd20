"""What a card says of a NautilusTrader object. NautilusTrader itself is never imported here."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from alphapulse_kernel.card import Card, Fact, moment
from alphapulse_lib.model.period import Period

__all__ = ["CARDS"]


def bar(each: Any) -> Card:
    """A bar: its prices and volume, and the moment it was final."""
    change = each.close.as_double() / each.open.as_double() - 1 if each.open.as_double() else 0.0
    prices = tuple(Fact(name, f"{getattr(each, name.lower())}") for name in ("Open", "High", "Low"))
    return Card(
        f"{each.bar_type.instrument_id} · {_period(each.bar_type)} bar",
        moment("Close", each.ts_event, str(each.bar_type.instrument_id)).text,
        (*prices, Fact("Close", f"{each.close} ({change:+.2%})", change), Fact("Volume", _grouped(each.volume))),
    )


def quote(each: Any) -> Card:
    """A quote: both sides."""
    return Card(
        f"{each.instrument_id} · quote",
        moment("At", each.ts_event, str(each.instrument_id)).text,
        (
            Fact("Bid", f"{each.bid_price} x {_grouped(each.bid_size)}"),
            Fact("Ask", f"{each.ask_price} x {_grouped(each.ask_size)}"),
        ),
    )


def trade(each: Any) -> Card:
    """A trade of the market: its price, size and who crossed the spread."""
    return Card(
        f"{each.instrument_id} · trade",
        moment("At", each.ts_event, str(each.instrument_id)).text,
        (
            Fact("Price", str(each.price)),
            Fact("Size", _grouped(each.size)),
            Fact("Aggressor", _word(each.aggressor_side)),
        ),
    )


def instrument(each: Any) -> Card:
    """An instrument: what it is, and in which steps it trades."""
    optional = (("ISIN", getattr(each, "isin", None)), ("Lot", getattr(each, "lot_size", None)))
    return Card(
        str(each.id),
        f"{_word(each.asset_class)}, {_word(each.instrument_class)}",
        (
            Fact("Currency", str(each.quote_currency)),
            Fact("Price step", str(each.price_increment)),
            Fact("Size step", str(each.size_increment)),
            *(Fact(label, str(value)) for label, value in optional if value is not None),
        ),
    )


def order(each: Any) -> Card:
    """An order: what was asked, and what came of it."""
    asked = [(label, getattr(each, name, None)) for label, name in (("Limit", "price"), ("Trigger", "trigger_price"))]
    average = [] if each.avg_px is None else [Fact("Average price", f"{each.avg_px:,.4f}")]
    return Card(
        f"{_name(each.side)} {_grouped(each.quantity)} {each.instrument_id} · {_word(each.order_type)} order",
        _word(each.status),
        (
            *(Fact(label, str(value)) for label, value in asked if value is not None),
            Fact("Filled", f"{_grouped(each.filled_qty)} of {_grouped(each.quantity)}"),
            *average,
            moment("Sent", each.ts_init, str(each.instrument_id)),
            Fact("Order", str(each.client_order_id)),
        ),
    )


def fill(each: Any) -> Card:
    """A fill: side, quantity, price and commission."""
    commission = [] if each.commission is None else [Fact("Commission", str(each.commission))]
    return Card(
        f"{_name(each.order_side)} {_grouped(each.last_qty)} {each.instrument_id} at {each.last_px}",
        moment("Filled", each.ts_event, str(each.instrument_id)).text,
        (
            Fact("Value", f"{each.last_px.as_double() * each.last_qty.as_double():,.2f} {each.currency}"),
            *commission,
            Fact("Order", f"{each.client_order_id} ({_word(each.order_type)})"),
        ),
    )


def position(each: Any) -> Card:
    """A position: what is held or was, and what it made."""
    held = "closed" if each.is_closed else f"{_word(each.side)} {_grouped(each.quantity)}"
    closing = (
        (Fact("Average close", f"{each.avg_px_close:,.4f}"),)
        if each.avg_px_close is not None and each.is_closed
        else ()
    )
    pnl = each.realized_pnl
    made = () if pnl is None else (Fact("Realized", f"{pnl.as_double():+,.2f} {pnl.currency}", pnl.as_double()),)
    closed = () if each.ts_closed is None else (moment("Closed", each.ts_closed, str(each.instrument_id)),)
    return Card(
        f"{each.instrument_id} · position",
        held,
        (
            Fact("Average open", f"{each.avg_px_open:,.4f}"),
            *closing,
            *made,
            Fact("Return", f"{each.realized_return:+.2%}", each.realized_return),
            moment("Opened", each.ts_opened, str(each.instrument_id)),
            *closed,
        ),
    )


def account(each: Any) -> Card:
    """An account, or its state after an event: the balance in each currency."""
    balances = each.balances() if callable(each.balances) else each.balances
    balances = balances.values() if isinstance(balances, dict) else balances
    facts = [
        Fact(str(balance.currency), f"{balance.total.as_double():,.2f} ({balance.free.as_double():,.2f} free)")
        for balance in balances
    ]
    return Card(str(getattr(each, "id", None) or each.account_id), f"{_word(each.account_type)} account", tuple(facts))


def result(each: Any) -> Card:
    """What a bare engine's run came to, in NautilusTrader's own statistics."""
    totals = [
        Fact(f"Balance change, {currency}", f"{numbers['PnL (total)']:+,.2f}", numbers["PnL (total)"])
        for currency, numbers in each.stats_pnls.items()
        if math.isfinite(numbers.get("PnL (total)", math.nan))
    ]
    ratios = [
        Fact(name.removesuffix(" (252 days)"), f"{number:,.2f}")
        for name, number in each.stats_returns.items()
        if name in ("Sharpe Ratio (252 days)", "Sortino Ratio (252 days)", "Profit Factor") and math.isfinite(number)
    ]
    window = " to ".join(
        moment("", edge).text.partition(" ")[0] for edge in (each.backtest_start, each.backtest_end) if edge is not None
    )
    counts = (("Events", "total_events"), ("Orders", "total_orders"), ("Positions", "total_positions"))
    return Card(
        "NautilusTrader backtest",
        window,
        (
            *totals,
            *sorted(ratios, key=lambda fact: fact.label),
            *(Fact(name, f"{getattr(each, at):,}") for name, at in counts),
        ),
    )


def _name(of: Any) -> str:
    """BUY, of an enumeration's member."""
    return str(of.name)


def _word(of: Any) -> str:
    """`STOP_MARKET` as "stop market"."""
    return str(of.name).replace("_", " ").lower()


def _grouped(quantity: Any) -> str:
    return f"{quantity.as_decimal():,}"


def _period(bar_type: Any) -> str:
    try:
        return str(Period.of_bar_type(str(bar_type)))
    except (KeyError, ValueError):  # ticks, volume and value bars are no periods of ours
        return str(bar_type.spec)


_MODEL = "nautilus_trader.model"
_INSTRUMENTS = [
    "BettingInstrument",
    "BinaryOption",
    "Cfd",
    "Commodity",
    "CryptoFuture",
    "CryptoFuturesSpread",
    "CryptoOption",
    "CryptoOptionSpread",
    "CryptoPerpetual",
    "CurrencyPair",
    "Equity",
    "FuturesContract",
    "FuturesSpread",
    "IndexInstrument",
    "OptionContract",
    "OptionSpread",
    "PerpetualContract",
    "TokenizedAsset",
]
_ORDERS = [
    "LimitIfTouchedOrder",
    "LimitOrder",
    "MarketIfTouchedOrder",
    "MarketOrder",
    "MarketToLimitOrder",
    "StopLimitOrder",
    "StopMarketOrder",
    "TrailingStopLimitOrder",
    "TrailingStopMarketOrder",
]

#: (module, type) -> what makes its card.
CARDS: dict[tuple[str, str], Callable[[Any], Card]] = {
    (_MODEL, "Bar"): bar,
    (_MODEL, "QuoteTick"): quote,
    (_MODEL, "TradeTick"): trade,
    (_MODEL, "OrderFilled"): fill,
    (_MODEL, "Position"): position,
    (_MODEL, "AccountState"): account,
    (_MODEL, "CashAccount"): account,
    (_MODEL, "MarginAccount"): account,
    ("nautilus_trader.backtest", "BacktestResult"): result,
    **{(_MODEL, name): instrument for name in _INSTRUMENTS},
    **{(_MODEL, name): order for name in _ORDERS},
}
