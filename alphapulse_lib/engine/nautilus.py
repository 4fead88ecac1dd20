"""NautilusTrader's engine for one run: venue, account, data, strategy, and what is left in it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import FileWriterConfig, LoggerConfig, LogLevel
from nautilus_trader.model import (
    AccountType,
    AssetClass,
    Bar,
    Cfd,
    Currency,
    CurrencyType,
    Equity,
    InstrumentId,
    Money,
    OmsType,
    Price,
    Quantity,
    Symbol,
    Venue,
)
from nautilus_trader.risk import RiskEngineConfig

from alphapulse_lib.catalog.decimals import SCALE
from alphapulse_lib.engine.costs import Fees
from alphapulse_lib.engine.feed import Feed, Flags, Integers, bars_of, opening_trades
from alphapulse_lib.engine.fills import WholeFills, latency
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.run import RunSpec

__all__ = ["MARGIN", "Loaded", "build_engine", "nautilus_instrument"]

#: The part of a position's value that the account locks: what US brokers ask of a held position (FINRA rule 4210).
MARGIN = Decimal("0.25")
_NO_LIMIT = "1000000000/00:00:01"
#: Money is kept to a hundred-millionth inside the engine, so that no fill's commission or profit is rounded to cents.
_MONEY_PRECISION = 8


@dataclass(frozen=True, eq=False)
class Loaded:
    """An engine with its data, ready for the strategy.

    Attributes
    ----------
    opens : dict
        Of each instrument's id, when its bars opened.
    """

    engine: BacktestEngine
    feeds: tuple[Feed, ...]
    fees: Fees
    opens: dict[str, Integers]


def build_engine(
    spec: RunSpec,
    feeds: Sequence[Feed],
    session_opens: Callable[[Feed], Integers],
    events: Sequence[Any],
    ratio_now: Callable[[str], float],
    folder: Path,
    strategy_name: str,
) -> Loaded:
    """An engine with venues, instruments, bars, opening trades and events.

    Parameters
    ----------
    session_opens : callable
        The opens of the sessions of a feed's venue.
    events : sequence of CustomData
        News and sentiment, by the time they became available.
    ratio_now : callable
        For an instrument's id, how many shares one engine share is now.
    folder : Path
        Where the log goes.
    strategy_name : str
        The component whose own log lines are kept whatever their level.
    """
    currency = _exact_currency(feeds[0].instrument.currency)
    engine = BacktestEngine(
        BacktestEngineConfig(
            run_analysis=False,
            shutdown_on_error=True,
            logging=_logging(folder, strategy_name),
            risk_engine=RiskEngineConfig(max_order_submit_rate=_NO_LIMIT, max_order_modify_rate=_NO_LIMIT),
        )
    )
    fees = Fees(spec.costs, currency.code, ratio_now)
    for code in dict.fromkeys(feed.instrument.venue.code for feed in feeds):
        engine.add_venue(
            Venue(code),
            OmsType.NETTING,
            AccountType.MARGIN,
            [Money(spec.cash, currency)],
            base_currency=currency,
            default_leverage=Decimal(1),
            latency_model=latency(spec.fill),
            fee_model=fees,
            fill_model=WholeFills(),
            reject_stop_orders=False,
        )
    opens = {}
    for feed in feeds:
        engine.add_instrument(nautilus_instrument(feed.instrument, feed.price_precision))
        opens[feed.instrument.id] = _add_bars(engine, feed, spec, session_opens(feed))
    if events:
        engine.add_data(list(events), sort=False)
    engine.sort_data()
    return Loaded(engine, tuple(feeds), fees, opens)


def nautilus_instrument(instrument: Instrument, price_precision: int) -> Equity | Cfd:
    """The instrument for an engine whose account locks `MARGIN` of what a position is worth.

    An order that would open a position is denied when that part of its value at the last price exceeds the cash that
    no other position locks. One that only closes is never denied. NautilusTrader asks for the margin of the whole
    order that turns a position round, before it frees what the old one locks: a margin of one would deny every
    reversal of an invested account. A run that held more than it was worth says so.

    Prices may have more decimals than the instrument trades in; ``make_price`` still rounds to its own.
    """
    increment = Price(10.0**-instrument.price_precision, price_precision)
    common: dict[str, Any] = {
        "instrument_id": InstrumentId.from_str(instrument.id),
        "raw_symbol": Symbol(instrument.symbol),
        "price_precision": price_precision,
        "price_increment": increment,
        "ts_event": 0,
        "ts_init": 0,
        "margin_init": MARGIN,
        "margin_maint": MARGIN,
    }
    currency = Currency.from_str(instrument.currency)
    if instrument.size_precision == 0:
        return Equity(currency=currency, **common)
    return Cfd(
        asset_class=AssetClass.EQUITY,
        quote_currency=currency,
        size_precision=instrument.size_precision,
        size_increment=Quantity(10.0**-instrument.size_precision, instrument.size_precision),
        **common,
    )


def _add_bars(engine: BacktestEngine, feed: Feed, spec: RunSpec, session_opens: Integers) -> Integers:
    opens = feed.opens(session_opens)
    if spec.fill == "next_open":
        engine.add_data(opening_trades(feed, opens), sort=False)
    thin = feed.thin(spec.fill)
    if thin is not None:
        engine.add_data(_execution_bars(feed, thin), sort=False)
    engine.add_data(bars_of(feed), sort=False)
    return opens


def _execution_bars(feed: Feed, thin: Flags) -> list[Bar]:
    """The same bars; the thin ones, and no others, have a volume that reaches all four prices.

    NautilusTrader moves the market by a quarter of a bar's volume at each of its prices: a bar of volume 0 does not
    move it at all. Of two series it executes the one with the shorter period, so this one carries the shortest.
    Bars that are not thin fill orders as they do where there is no such series.
    """
    name = f"{feed.instrument.id}-1-MILLISECOND-LAST-EXTERNAL"
    table = feed.engine_table
    enough = pa.scalar(4 * 10**9, pa.decimal128(22, 0)).cast(pa.decimal128(38, SCALE))
    volume = pc.if_else(pa.array(thin), enough, table["volume"])
    at = table.schema.get_field_index("volume")
    thick = table.set_column(at, table.schema.field(at), volume)
    return bars_of(replace(feed, table=thick, ratio=np.ones(len(feed.ratio))), name)


def _exact_currency(code: str) -> Currency:
    """The currency with more decimals than its coins have; for this process alone."""
    known = Currency.from_str(code)
    exact = Currency(code, _MONEY_PRECISION, known.iso4217, known.name, CurrencyType.FIAT)
    Currency.register(exact, overwrite=True)
    return exact


def _logging(folder: Path, strategy_name: str) -> LoggerConfig:
    return LoggerConfig(
        stdout_level=LogLevel.OFF,
        fileout_level=LogLevel.WARNING,
        component_levels={strategy_name: "INFO"},
        file_config=FileWriterConfig(directory=str(folder), file_name="nautilus"),
        is_colored=False,
        print_config=False,
    )
