"""NautilusTrader's engine for one run: venue, account, data, strategy, and what is left in it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import CacheConfig, FileWriterConfig, LoggerConfig, LogLevel
from nautilus_trader.execution import MakerTakerFeeModel
from nautilus_trader.model import (
    AccountType,
    AssetClass,
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
from nautilus_trader.portfolio import PortfolioConfig
from nautilus_trader.risk import RiskEngineConfig

from alphapulse_lib.engine.batches import BARS, Batch, Beside, Source, batches, moment_of
from alphapulse_lib.engine.cash import Book, Till, has_flows
from alphapulse_lib.engine.costs import Fees
from alphapulse_lib.engine.feed import Feed, Floats, Integers
from alphapulse_lib.engine.fills import WholeFills, latency
from alphapulse_lib.engine.intrabar import Intrabar
from alphapulse_lib.engine.rows import ALL
from alphapulse_lib.engine.tick_batches import TickBatches
from alphapulse_lib.engine.tick_feed import TickSeries
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.run import Fill, RunSpec

__all__ = ["MARGIN", "Loaded", "build_engine", "made_once", "nautilus_instrument"]

#: The part of a position's value that the account locks: what US brokers ask of a held position (FINRA rule 4210).
MARGIN = Decimal("0.25")
_NO_LIMIT = "1000000000/00:00:01"
#: Money is kept to a hundred-millionth inside the engine, so that no fill's commission or profit is rounded to cents.
_MONEY_PRECISION = 8


@dataclass(frozen=True, eq=False)
class Loaded:
    """An engine ready for the strategy, and what it will be fed with."""

    engine: BacktestEngine
    sources: tuple[Source, ...]
    events: tuple[Any, ...]
    fees: Fees
    book: Book
    ticks: TickBatches | None = None
    beside: tuple[Beside, ...] = ()

    def batches(self) -> Iterator[Batch]:
        """Give the engine its data part by part; run it each time before asking for the next."""
        if self.ticks is not None:
            return iter(self.ticks)
        return batches(self.engine, self.sources, self.events, beside=self.beside)

    @property
    def reached(self) -> int:
        """The time of the last datum that the engine took: before the end of the data where it was shut down."""
        if self.ticks is not None:
            return self.ticks.reached(self.engine.iteration)
        count = self.engine.iteration
        return moment_of(self.sources, self.events, count, self.beside) if count else 0

    def until(self, feed: Feed) -> int:
        """The last moment at which orders of an instrument may fill: its last close, or its last tick."""
        return feed.last if self.ticks is None else self.ticks.last_tick[feed.instrument.id]

    @property
    def last(self) -> int:
        """The last close of all series."""
        return max(source.feed.last for source in self.sources)


def build_engine(
    spec: RunSpec,
    feeds: Sequence[Feed],
    session_opens: Callable[[Feed], Integers],
    events: Sequence[Any],
    folder: Path,
    strategy_name: str,
    now: Callable[[], int],
    prices: Mapping[str, Floats],
    ticks: Mapping[str, tuple[TickSeries, ...]],
    also: Sequence[Feed] = (),
) -> Loaded:
    """An engine with venues and instruments, and its data beside it.

    Parameters
    ----------
    session_opens : callable
        The opens of the sessions of a feed's venue.
    events : sequence of CustomData
        News and sentiment.
    folder : Path
        Where the log goes.
    strategy_name : str
        The component whose own log lines are kept whatever their level.
    now : callable
        The engine's time, nanoseconds since 1970.
    prices : mapping
        For an instrument's id, the volume-weighted price of each of its bars; for ``fill="vwap"``.
    ticks : mapping
        For an instrument's id, its trades and quotes; for ``fill="ticks"``.
    also : sequence of Feed
        Longer bars of the same instruments, which the strategy is told of besides.
    """
    currency = _exact_currency(feeds[0].instrument.currency)
    engine = BacktestEngine(_configuration(spec.fill, folder, strategy_name))
    sources = _sources(spec.fill, feeds, session_opens, prices, ticks)
    events = tuple(sorted(events, key=lambda each: each.ts_init))
    book = Book(spec, feeds)
    fees = Fees(spec.costs, currency.code, feeds, now, book)
    moving = has_flows(spec.costs, feeds)
    for code in dict.fromkeys(feed.instrument.venue.code for feed in feeds):
        engine.add_venue(
            Venue(code),
            OmsType.NETTING,
            AccountType.MARGIN,
            [Money(spec.cash, currency)],
            base_currency=currency,
            default_leverage=Decimal(1),
            latency_model=latency(spec.fill),
            # Where nothing is charged or paid no Python need be asked at every fill, or at every moment.
            fee_model=fees if moving or not spec.costs.are_none else MakerTakerFeeModel(Decimal(0), Decimal(0)),
            modules=[Till(book, code)] if moving else None,
            fill_model=_fill_model(spec.fill, sources, now, engine),
            reject_stop_orders=False,
            bar_execution=spec.fill != "ticks",
        )
    for feed in feeds:
        engine.add_instrument(nautilus_instrument(feed.instrument, feed.price_precision, feed.tick))
    beside = _beside(sources, also)
    batches_of_ticks = TickBatches(engine, sources, events, beside=beside) if spec.fill == "ticks" else None
    return Loaded(engine, sources, events, fees, book, batches_of_ticks, beside)


def _beside(sources: Sequence[Source], also: Sequence[Feed]) -> tuple[Beside, ...]:
    of = {each.feed.instrument.id: each for each in sources}
    return tuple(Beside.of(of[each.instrument.id], each) for each in also)


def _fill_model(fill: Fill, sources: Sequence[Source], now: Callable[[], int], engine: BacktestEngine) -> WholeFills:
    if fill == "ticks":
        return WholeFills(stops=True)
    return WholeFills(Intrabar(sources, now, engine.cache), weighted=fill == "vwap")


class _Nobody:
    """What takes an engine's data and does nothing with them."""

    def clear_data(self) -> None: ...
    def add_data(self, data: Sequence[Any], sort: bool) -> None: ...
    def sort_data(self) -> None: ...


def made_once(
    spec: RunSpec,
    feeds: Sequence[Feed],
    session_opens: Callable[[Feed], Integers],
    prices: Mapping[str, Floats],
    also: Sequence[Feed] = (),
) -> tuple[tuple[Feed, ...], tuple[Feed, ...]]:
    """The feeds, and the longer ones beside them, with the objects that an engine takes, where those are few enough.

    Trials share them.

    No engine is made and no thread started, and yet NautilusTrader makes what it makes at the first use of it: its
    currencies, and the table of its names.

    Parameters
    ----------
    session_opens, prices, also
        As in `build_engine`.
    """
    Money(spec.cash, _exact_currency(feeds[0].instrument.currency))
    for feed in feeds:
        nautilus_instrument(feed.instrument, feed.price_precision, feed.tick)
    _configuration(spec.fill, Path(), "")
    if spec.fill == "ticks" or sum(len(feed.ts) for feed in feeds) > BARS:
        return tuple(feeds), tuple(also)
    keeping, longer = (tuple(replace(feed, kept={}) for feed in each) for each in (feeds, also))
    nobody = cast(BacktestEngine, _Nobody())
    sources = _sources(spec.fill, keeping, session_opens, prices, {})
    for _ in batches(nobody, sources, (), beside=_beside(sources, longer)):
        pass
    return keeping, longer


def _sources(
    fill: Fill,
    feeds: Sequence[Feed],
    session_opens: Callable[[Feed], Integers],
    prices: Mapping[str, Floats],
    ticks: Mapping[str, tuple[TickSeries, ...]],
) -> tuple[Source, ...]:
    def opens(feed: Feed) -> Integers:
        return feed.once("opens", ALL, lambda: feed.opens(session_opens(feed)))

    apart = fill == "close" and len(feeds) > 1
    return tuple(replace(_source(fill, feed, opens(feed), prices, ticks), apart=apart) for feed in feeds)


def _source(
    fill: Fill,
    feed: Feed,
    opens: Integers,
    prices: Mapping[str, Floats],
    ticks: Mapping[str, tuple[TickSeries, ...]],
) -> Source:
    if fill == "ticks":
        return Source(feed, opens, trades=False, thin=None, ticks=ticks[feed.instrument.id])
    early = fill in ("next_close", "vwap")
    thin = feed.once("thin", ALL, lambda: feed.thin(fill))
    return Source(feed, opens, fill == "next_open", thin, early, prices=prices.get(feed.instrument.id))


def nautilus_instrument(instrument: Instrument, price_precision: int, tick: int | None = None) -> Equity | Cfd:
    """The instrument for an engine whose account locks `MARGIN` of what a position is worth.

    An order that would open a position is denied when that part of its value at the last price exceeds the cash that
    no other position locks. One that only closes is never denied. NautilusTrader asks for the margin of the whole
    order that turns a position round, before it frees what the old one locks: a margin of one would deny every
    reversal of an invested account. A run that held more than it was worth says so.

    Prices may have more decimals than the instrument trades in; ``make_price`` still rounds to its own, or to so many
    decimals as ``tick`` says: NautilusTrader fills at no price between two ticks.
    """
    increment = Price(10.0 ** -(instrument.price_precision if tick is None else tick), price_precision)
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


def _exact_currency(code: str) -> Currency:
    """The currency with more decimals than its coins have; for this process alone."""
    known = Currency.from_str(code)
    exact = Currency(code, _MONEY_PRECISION, known.iso4217, known.name, CurrencyType.FIAT)
    Currency.register(exact, overwrite=True)
    return exact


def _configuration(fill: Fill, folder: Path, strategy_name: str) -> BacktestEngineConfig:
    log = LoggerConfig(
        stdout_level=LogLevel.OFF,
        fileout_level=LogLevel.WARNING,
        component_levels={strategy_name: "INFO"},
        file_config=FileWriterConfig(directory=str(folder), file_name="nautilus"),
        is_colored=False,
        print_config=False,
    )
    unlimited = RiskEngineConfig(max_order_submit_rate=_NO_LIMIT, max_order_modify_rate=_NO_LIMIT)
    return BacktestEngineConfig(
        run_analysis=False,
        logging=log,
        risk_engine=unlimited,
        # Equity is ours to mark, with costs and dividends (`results.equity`): NautilusTrader's own curve, asked of
        # nobody, took a quarter of a portfolio's time.
        portfolio=PortfolioConfig(equity_curve=False),
        # Where no ticks make the market, those that there are were made of bars' opens: the last one is enough.
        cache=None if fill == "ticks" else CacheConfig(tick_capacity=1),
    )
