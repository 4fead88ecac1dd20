"""What a card says of a NautilusTrader object. NautilusTrader itself is never imported here."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from alphapulse_lib.model.period import Period
from alphapulse_lib.views import numbers
from alphapulse_lib.views.cards import Card, Fact

__all__ = ["CARDS"]


def bar(each: Any) -> Card:
    """A bar: its prices and volume, and the moment it was final."""
    change = each.close.as_double() / each.open.as_double() - 1 if each.open.as_double() else 0.0
    prices = tuple(Fact(name, str(getattr(each, name.lower()))) for name in ("Open", "High", "Low"))
    close = Fact("Close", str(each.close), f"{numbers.percent(change)} from the open", numbers.tone(change))
    return Card(
        f"{each.bar_type.instrument_id} · {_period(each.bar_type)} bar",
        _moment(each.ts_event, each.bar_type.instrument_id),
        facts=(*prices, close, Fact("Volume", _grouped(each.volume))),
    )


def quote(each: Any) -> Card:
    """A quote: both sides."""
    return Card(
        f"{each.instrument_id} · quote",
        _moment(each.ts_event, each.instrument_id),
        facts=(
            Fact("Bid", str(each.bid_price), f"for {_grouped(each.bid_size)}"),
            Fact("Ask", str(each.ask_price), f"for {_grouped(each.ask_size)}"),
        ),
    )


def trade(each: Any) -> Card:
    """A trade of the market: its price, size and who crossed the spread."""
    return Card(
        f"{each.instrument_id} · trade",
        _moment(each.ts_event, each.instrument_id),
        facts=(
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
        facts=(
            Fact("Currency", str(each.quote_currency)),
            Fact("Price step", str(each.price_increment)),
            Fact("Size step", str(each.size_increment)),
            *(Fact(name, str(value)) for name, value in optional if value is not None),
        ),
    )


def order(each: Any) -> Card:
    """An order: what was asked, and what came of it."""
    asked = (("Limit", getattr(each, "price", None)), ("Trigger", getattr(each, "trigger_price", None)))
    average = "" if each.avg_px is None else f"at {numbers.price(each.avg_px)}"
    return Card(
        f"{each.side.name} {_grouped(each.quantity)} {each.instrument_id} · {_word(each.order_type)} order",
        f"{each.client_order_id} · sent {_moment(each.ts_init, each.instrument_id)}",
        badges=((_word(each.status), each.status.name in ("REJECTED", "DENIED")),),
        facts=(
            *(Fact(name, str(value)) for name, value in asked if value is not None),
            Fact("Filled", f"{_grouped(each.filled_qty)} of {_grouped(each.quantity)}", average),
        ),
    )


def fill(each: Any) -> Card:
    """A fill: side, quantity, price and commission."""
    value = each.last_px.as_double() * each.last_qty.as_double()
    commission = () if each.commission is None else (Fact("Commission", str(each.commission)),)
    return Card(
        f"{each.order_side.name} {_grouped(each.last_qty)} {each.instrument_id} at {each.last_px}",
        f"{each.client_order_id} · filled {_moment(each.ts_event, each.instrument_id)}",
        facts=(Fact("Value", numbers.money(value, str(each.currency))), *commission),
    )


def position(each: Any) -> Card:
    """A position: what is held or was, and what it made."""
    held = "closed" if each.is_closed else f"{_word(each.side)} {_grouped(each.quantity)}"
    when = f"opened {_moment(each.ts_opened, each.instrument_id)}"
    if each.ts_closed is not None:
        when += f", closed {_moment(each.ts_closed, each.instrument_id)}"
    prices = [Fact("Average open", numbers.price(each.avg_px_open))]
    if each.is_closed:
        prices.append(Fact("Average close", numbers.price(each.avg_px_close)))
    return Card(f"{each.instrument_id} · position", when, ((held, False),), (*prices, *_made(each)))


def account(each: Any) -> Card:
    """An account, or its state after an event: the balance in each currency."""
    balances = each.balances() if callable(each.balances) else each.balances
    facts = [
        Fact(
            str(balance.currency),
            numbers.money(balance.total.as_double(), str(balance.currency), named=False),
            f"{numbers.money(balance.free.as_double(), str(balance.currency), named=False)} free",
        )
        for balance in (balances.values() if isinstance(balances, dict) else balances)
    ]
    name = getattr(each, "id", None) or each.account_id
    return Card(str(name), f"{_word(each.account_type)} account", facts=tuple(facts))


def result(each: Any) -> Card:
    """What a bare engine's run came to, in NautilusTrader's own statistics."""
    window = " to ".join(numbers.day(edge) for edge in (each.backtest_start, each.backtest_end) if edge is not None)
    changes = {currency: found.get("PnL (total)", math.nan) for currency, found in each.stats_pnls.items()}
    ratios = [
        Fact(name, numbers.ratio(each.stats_returns.get(key)))
        for name, key in (("Sharpe ratio", "Sharpe Ratio (252 days)"), ("Profit factor", "Profit Factor"))
    ]
    return Card(
        "NautilusTrader backtest",
        f"{window} · {numbers.count(each.total_events)} events",
        facts=(
            *(
                Fact("Change of balance", numbers.money(change, currency, signed=True), tone=numbers.tone(change))
                for currency, change in changes.items()
            ),
            *ratios,
            Fact("Orders", numbers.count(each.total_orders)),
            Fact("Positions", numbers.count(each.total_positions)),
        ),
    )


def _made(each: Any) -> tuple[Fact, ...]:
    if each.realized_pnl is None:
        return ()
    made = each.realized_pnl.as_double()
    amount = numbers.money(made, str(each.realized_pnl.currency), signed=True)
    return (Fact("Realized", amount, numbers.percent(each.realized_return), numbers.tone(made)),)


def _moment(nanoseconds: int, instrument_id: Any) -> str:
    """A time in the zone of the instrument's exchange, which is named."""
    return numbers.day(nanoseconds, numbers.venue_of(str(instrument_id)).timezone, "%Y-%m-%d %H:%M:%S %Z")


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
