"""Instruments with a few bars written by hand, and a strategy that trades to a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from nautilus_trader.model import Bar, BarType, InstrumentId, OrderSide, Quantity
from nautilus_trader.trading import Strategy

from alphapulse_lib.catalog import ticks, writer
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period

MINUTE = 60_000_000_000
#: Monday 2 March 2020, 09:30 in New York.
OPEN = 1_583_159_400_000_000_000

#: Open, high, low, close of six contiguous minutes. Every open differs from the close before it.
SIX = (
    (100.0, 101.0, 99.0, 100.5),
    (120.0, 122.0, 118.0, 121.0),
    (140.0, 141.0, 139.0, 140.5),
    (130.0, 135.0, 125.0, 126.0),
    (110.0, 112.0, 108.0, 111.0),
    (115.0, 116.0, 114.0, 115.25),
)


def write_minutes(
    symbol: str,
    bars: Sequence[Sequence[float]] = SIX,
    volume: float | Sequence[float] = 1000.0,
    closes: Sequence[int] | None = None,
    venue: str = "XNAS",
    known: Sequence[int] | None = None,
) -> Instrument:
    """Write minute bars to the test's own catalog; contiguous from `OPEN` on unless their closes are told."""
    stamps = np.array(closes if closes is not None else [OPEN + MINUTE * (n + 1) for n in range(len(bars))], np.int64)
    return write(symbol, "1m", stamps, bars, volume, venue, known)


def write(
    symbol: str,
    period: str,
    closes: Sequence[int],
    bars: Sequence[Sequence[float]],
    volume: float | Sequence[float] = 1000.0,
    venue: str = "XNAS",
    known: Sequence[int] | None = None,
) -> Instrument:
    """Write bars with these closing times to the test's own catalog; known at them unless told."""
    instrument = Instrument(f"{symbol}.{venue}")
    ts = pa.array(np.asarray(closes, np.int64)).cast(pa.timestamp("ns", "UTC"))
    columns = {
        name: pa.array([float(bar[n]) for bar in bars]) for n, name in enumerate(("open", "high", "low", "close"))
    }
    volumes = pa.array(np.broadcast_to(np.asarray(volume, float), len(bars)))
    root = Roots.of_settings().writable
    available = ts if known is None else pa.array(np.asarray(known, np.int64)).cast(pa.timestamp("ns", "UTC"))
    table = pa.table({"ts": ts, **columns, "volume": volumes, "available_at": available})
    writer.write_bars(root, instrument, Period.parse(period), table, "toy")
    writer.write_instruments(root, [instrument], [])
    return instrument


def write_trades(symbol: str, rows: list[tuple[int, float, float]]) -> None:
    """Write trades to the test's own catalog: moment, price and size of each."""
    stamps = pa.array([row[0] for row in rows], pa.int64()).cast(pa.timestamp("ns", "UTC"))
    price, size = (pa.array([float(row[n]) for row in rows]) for n in (1, 2))
    table = pa.table({"ts": stamps, "available_at": stamps, "price": price, "size": size})
    ticks.write_trades(Roots.of_settings().writable, Instrument(f"{symbol}.XNAS"), table, "toy")


@dataclass(frozen=True)
class PlannedConfig:
    """``plan``: number of a bar, counted from 1, to shares; above zero is a purchase."""

    instrument_id: InstrumentId
    bar_type: BarType
    plan: Mapping[str, int]


class Planned(Strategy):
    """Sends a market order on each bar that its plan names."""

    def __init__(self, config: PlannedConfig) -> None:
        super().__init__(config)
        self._plan = config.plan
        self._seen = 0
        self._id = config.instrument_id
        self._bars = config.bar_type

    def on_start(self) -> None:
        self.subscribe_bars(self._bars)

    def on_bar(self, bar: Bar) -> None:
        self._seen += 1
        shares = self._plan.get(str(self._seen), 0)
        if shares:
            side = OrderSide.BUY if shares > 0 else OrderSide.SELL
            self.submit_order(self.order_factory.market(self._id, side, Quantity.from_int(abs(shares))))


@dataclass(frozen=True)
class BuysOnceConfig:
    instrument_ids: list[InstrumentId]
    bar_types: list[BarType]


class BuysOnce(Strategy):
    """Buys one share of each instrument on its first bar."""

    def __init__(self, config: BuysOnceConfig) -> None:
        super().__init__(config)
        self._bar_types, self._bought = config.bar_types, set[InstrumentId]()

    def on_start(self) -> None:
        for each in self._bar_types:
            self.subscribe_bars(each)

    def on_bar(self, bar: Bar) -> None:
        name = bar.bar_type.instrument_id
        if name not in self._bought:
            self._bought.add(name)
            self.submit_order(self.order_factory.market(name, OrderSide.BUY, Quantity.from_int(1)))
