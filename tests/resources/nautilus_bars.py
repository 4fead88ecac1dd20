"""NautilusTrader's own aggregators over an instrument's ticks, in its own engine: what our bars are compared with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import LoggerConfig, LogLevel
from nautilus_trader.execution import MakerTakerFeeModel
from nautilus_trader.model import AccountType, Bar, BarType, Currency, Money, OmsType, Venue
from nautilus_trader.persistence import ParquetDataCatalog
from nautilus_trader.trading import Strategy

from alphapulse_lib.engine.nautilus import nautilus_instrument
from alphapulse_lib.model.instrument import Instrument


class Listening(Strategy):
    """Keeps every bar of one type."""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.bar_type: BarType | None = None
        self.heard: list[Bar] = []

    def on_start(self) -> None:
        self.subscribe_bars(self.bar_type)

    def on_bar(self, bar: Bar) -> None:
        self.heard.append(bar)


def nautilus_bars(root: Any, instrument: Instrument, specification: str, kind: str = "trades") -> pd.DataFrame:
    """``ts``, ``open``, ``high``, ``low``, ``close``, ``volume`` of ``"100-TICK"`` and the like, from a catalog."""
    catalog = ParquetDataCatalog(str(root))
    query = catalog.query_trade_ticks if kind == "trades" else catalog.query_quote_ticks
    engine = BacktestEngine(BacktestEngineConfig(run_analysis=False, logging=LoggerConfig(stdout_level=LogLevel.OFF)))
    engine.add_venue(
        Venue(instrument.venue.code),
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(1e6, Currency.from_str("USD"))],
        fee_model=MakerTakerFeeModel(Decimal(0), Decimal(0)),
    )
    engine.add_instrument(nautilus_instrument(instrument, instrument.price_precision))
    engine.add_data(query([instrument.id]))
    listening = Listening()
    price = "LAST" if kind == "trades" else "MID"
    listening.bar_type = BarType.from_str(f"{instrument.id}-{specification}-{price}-INTERNAL")
    engine.add_strategy(listening)
    engine.run()
    figures = ("open", "high", "low", "close", "volume")
    rows = [
        {"ts": bar.ts_event} | {name: float(str(getattr(bar, name))) for name in figures} for bar in listening.heard
    ]
    engine.dispose()
    return pd.DataFrame(rows)
