"""The catalog in ``tests/resources/nautilus_1``, as NautilusTrader 1.231.0 itself writes it (high precision).

That package cannot stand beside NautilusTrader 2. To make the catalog again, in an environment of its own::

    pip install nautilus_trader==1.231.0
    python tests/resources/nautilus_1.py tests/resources/nautilus_1
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from nautilus_trader.model.data import Bar, BarType, QuoteTick, TradeTick
from nautilus_trader.model.enums import AggressorSide
from nautilus_trader.model.identifiers import TradeId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.persistence.catalog import ParquetDataCatalog
from nautilus_trader.test_kit.providers import TestInstrumentProvider

__all__ = ["main"]

MINUTE = 60_000_000_000


def main(folder: str) -> None:
    """Write it."""
    equity = TestInstrumentProvider.equity("AAPL", "XNAS")
    pair = TestInstrumentProvider.default_fx_ccy("EUR/USD")
    coin = TestInstrumentProvider.btcusdt_binance()
    catalog = ParquetDataCatalog(folder)
    catalog.write_data([equity, pair, coin])
    # Apple's first sessions of 2020, as traded.
    days = [
        (datetime(2020, 1, 2, 21, tzinfo=UTC), "296.24", "300.60", "295.19", "300.35", "135647456"),
        (datetime(2020, 1, 3, 21, tzinfo=UTC), "297.15", "300.58", "296.50", "297.43", "146535512"),
        (datetime(2020, 1, 6, 21, tzinfo=UTC), "293.79", "299.96", "292.75", "299.80", "118518576"),
    ]
    catalog.write_data([bar("AAPL.XNAS-1-DAY-LAST-EXTERNAL", nanoseconds(when), *figures) for when, *figures in days])
    start = nanoseconds(datetime(2020, 1, 2, 14, 31, tzinfo=UTC))
    minutes = [(start + MINUTE * turn, "296.24", "296.50", "296.20", f"296.{30 + turn}", "1000") for turn in range(4)]
    catalog.write_data([bar("AAPL.XNAS-1-MINUTE-LAST-EXTERNAL", *each) for each in minutes])
    bids = [(start + MINUTE * turn, "1.11725", "1.11730", "1.11720", "1.11728", "1000000") for turn in range(3)]
    catalog.write_data([bar("EUR/USD.SIM-1-MINUTE-BID-EXTERNAL", *each) for each in bids])
    sizes = Quantity.from_str("1000000"), Quantity.from_str("2000000")
    prices = [(Price.from_str(f"1.1172{turn}"), Price.from_str(f"1.1172{turn + 2}")) for turn in range(3)]
    catalog.write_data([QuoteTick(pair.id, *each, *sizes, start + at, start + at) for at, each in enumerate(prices)])
    sides = (AggressorSide.BUYER, AggressorSide.SELLER, AggressorSide.NO_AGGRESSOR)
    price, size = Price.from_str("7200.17"), Quantity.from_str("0.012345")
    trades = [(price, size, side, TradeId(f"t{at}"), start + at, start + at) for at, side in enumerate(sides)]
    catalog.write_data([TradeTick(coin.id, *each) for each in trades])


def bar(bar_type: str, ts: int, open_: str, high: str, low: str, close: str, volume: str) -> Bar:
    """A bar of figures as they are written."""
    prices = [Price.from_str(each) for each in (open_, high, low, close)]
    return Bar(BarType.from_str(bar_type), *prices, Quantity.from_str(volume), ts, ts)


def nanoseconds(when: datetime) -> int:
    """Since 1970."""
    return int(when.timestamp()) * 10**9


if __name__ == "__main__":
    main(sys.argv[1])
