"""What is relied on of NautilusTrader 2.0.0rc7, on a bare engine. A new version that changes any of it fails here.

The account in words:

- A market order sent from ``on_bar`` fills at that bar's close. With a latency of one nanosecond and a trade one
  nanosecond after the next open it fills at that open, also where bars are contiguous.
- An order waits for data of its own instrument: neither another instrument's data nor custom data settles it. A timer
  does, at the last price seen.
- An order still on its way at the end is settled after the data, at the last price.
- A market order finds a quarter of a bar's volume at its close, and the rest one tick worse. A ``FillModel`` may give
  it a whole book; for other orders it may decline.
- A bar whose volume is below four units does not reach all of its prices; of two bar types of one instrument the
  one with the shorter period is executed.
- A resting limit fills at its own price where the market gapped through it; a stop at the open. A stop that is in the
  market when it arrives fills at once with ``reject_stop_orders=False``.
- A margin account of margin 1 and leverage 1 denies an order that opens more than the free cash pays.
- An exception in a handler is swallowed; a shutdown asked for as it leaves the handler stops the engine. Handlers are
  called from the frame that called ``run``, never from within each other.
- Custom data arrive wrapped: ``on_data`` gets a ``CustomData``, the object is its ``data``.
- The portfolio tells the same without a curve of its own and where one tick is kept.
- A currency may be registered anew with more decimals; the account then keeps them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import CacheConfig, LoggerConfig
from nautilus_trader.execution import MakerTakerFeeModel, StaticLatencyModel
from nautilus_trader.model import (
    AccountType,
    AggressorSide,
    Bar,
    BarType,
    Currency,
    CustomData,
    DataType,
    Equity,
    InstrumentId,
    Money,
    OmsType,
    OrderSide,
    Price,
    PriceType,
    Quantity,
    Symbol,
    TradeId,
    TradeTick,
    Venue,
)
from nautilus_trader.portfolio import PortfolioConfig
from nautilus_trader.trading import Strategy

from alphapulse_lib.engine.events import News
from alphapulse_lib.engine.fills import WholeFills
from alphapulse_lib.engine.watch import Swallowed
from tests.resources.toy_market import MINUTE, OPEN, SIX

AAA, BBB = InstrumentId.from_str("AAA.XNAS"), InstrumentId.from_str("BBB.XNAS")
USD = Currency.from_str("USD")
CONTIGUOUS = [OPEN + MINUTE * (n + 1) for n in range(6)]
APART = [OPEN + 2 * MINUTE * (n + 1) for n in range(6)]


class Acting(Strategy):
    """Does on its n-th bar of AAA what the test says, and notes its fills."""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.acts: dict[int, Callable[[Acting], None]] = {}
        self.fills: list[tuple[float, float, int]] = []
        self.refused: list[str] = []
        self.heard: list[Any] = []
        self.callers: set[str] = set()
        self.seen = 0
        self.trades: Callable[[Acting, TradeTick], None] | None = None

    def on_trade(self, told: TradeTick) -> None:
        if self.trades:
            self.trades(self, told)

    def on_start(self) -> None:
        self.subscribe_bars(bar_type(AAA))
        self.subscribe_data(DataType("News"))
        if 0 in self.acts:
            self.acts[0](self)

    def on_bar(self, bar: Bar) -> None:
        self.seen += 1
        if self.seen in self.acts:
            self.acts[self.seen](self)

    def on_data(self, data: Any) -> None:
        self.heard.append(data)

    def on_order_filled(self, event: Any) -> None:
        self.callers.add(sys._getframe().f_back.f_code.co_name)
        self.fills.append((float(event.last_qty), float(event.last_px), event.ts_event - OPEN))

    def on_order_denied(self, event: Any) -> None:
        self.refused.append(event.reason)

    def buy(self, shares: int = 1) -> None:
        self.submit_order(self.order_factory.market(AAA, OrderSide.BUY, Quantity.from_int(shares)))


def bar_type(instrument: InstrumentId) -> BarType:
    return BarType.from_str(f"{instrument}-1-MINUTE-LAST-EXTERNAL")


def bars(closes: list[int], volume: int = 1000, kind: BarType | None = None) -> list[Bar]:
    return [
        Bar(kind or bar_type(AAA), *(Price(each, 4) for each in prices), Quantity.from_int(volume), ts, ts)
        for prices, ts in zip(SIX, closes, strict=True)
    ]


def opens(closes: list[int], instrument: InstrumentId = AAA) -> list[TradeTick]:
    size = Quantity.from_int(10**9)
    return [
        TradeTick(
            instrument, Price(prices[0], 4), size, AggressorSide.NO_AGGRESSOR, TradeId("open"), *[ts - MINUTE + 1] * 2
        )
        for prices, ts in zip(SIX, closes, strict=True)
    ]


def run(
    acts: dict[int, Callable[[Acting], None]],
    *data: list[Any],
    delay: int | None = 1,
    margin: Decimal | None = None,
    cash: int = 100_000,
    on_trade: Callable[[Acting, TradeTick], None] | None = None,
    settings: dict[str, Any] | None = None,
    **venue: Any,
) -> tuple[Acting, BacktestEngine]:
    logging = LoggerConfig(bypass_logging=True)
    engine = BacktestEngine(BacktestEngineConfig(run_analysis=False, logging=logging, **(settings or {})))
    engine.add_venue(
        Venue("XNAS"),
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(cash, Currency.from_str("USD"))],
        base_currency=Currency.from_str("USD"),
        default_leverage=Decimal(1),
        latency_model=StaticLatencyModel(delay) if delay else None,
        fee_model=MakerTakerFeeModel(Decimal(0), Decimal(0)),
        **venue,
    )
    for each in (AAA, BBB):
        engine.add_instrument(
            Equity(
                each,
                Symbol(str(each)[:3]),
                Currency.from_str("USD"),
                4,
                Price(0.0001, 4),
                0,
                0,
                margin_init=margin,
                margin_maint=margin,
            )
        )
    for each in data:
        engine.add_data(each, sort=False)
    engine.sort_data()
    strategy = Acting()
    strategy.acts, strategy.trades = acts, on_trade
    engine.add_strategy(strategy)
    engine.run()
    return strategy, engine


def test_without_latency_an_order_fills_at_its_bars_close() -> None:
    done, _ = run({1: Acting.buy}, bars(CONTIGUOUS), delay=None)
    assert done.fills == [(1, 100.5, MINUTE)]


def test_with_latency_and_an_opening_trade_it_fills_at_the_next_open() -> None:
    for closes in (CONTIGUOUS, APART):
        done, _ = run({1: Acting.buy}, opens(closes), bars(closes))
        assert done.fills == [(1, 120.0, closes[1] - MINUTE + 1 - OPEN)]


def test_a_portfolio_tells_the_same_without_a_curve_of_its_own_and_with_one_tick_kept() -> None:
    def told(settings: dict[str, Any]) -> list[tuple[str, ...]]:
        heard: list[tuple[str, ...]] = []

        def look(done: Acting) -> None:
            venue, usd = Venue("XNAS"), Currency.from_str("USD")
            account = done.portfolio.account(venue)
            known = done.portfolio.equity(venue), done.portfolio.unrealized_pnls(venue), account.balance_total(usd)
            heard.append(
                (*map(str, known), str(done.cache.price(AAA, PriceType.LAST)), str(done.cache.bars(bar_type(AAA))))
            )

        def first(done: Acting) -> None:
            done.buy()
            look(done)

        run({1: first, **dict.fromkeys(range(2, 7), look)}, opens(APART), bars(APART), settings=settings)
        return heard

    lean = {"portfolio": PortfolioConfig(equity_curve=False), "cache": CacheConfig(tick_capacity=1)}
    assert told(lean) == told({})
    assert len({equity for equity, *_ in told(lean)}) > 2, "it was worth something else from bar to bar"


def test_other_instruments_and_custom_data_do_not_settle_an_order() -> None:
    news = CustomData(DataType("News"), News(0, APART[0] + 5 * 10**9, AAA))
    others = opens([OPEN + MINUTE * (n + 3) for n in range(6)], BBB)
    done, _ = run({1: Acting.buy}, opens(APART), others, bars(APART), [news])
    assert len(done.heard) == 1
    assert done.fills == [(1, 120.0, 3 * MINUTE + 1)]


def test_a_timer_settles_an_order_at_a_price_of_the_past() -> None:
    def with_timer(strategy: Acting) -> None:
        strategy.clock.set_timer_ns("tick", 10**10, None, None, lambda _: None)

    done, _ = run({0: with_timer, 1: Acting.buy}, opens(APART), bars(APART))
    assert done.fills[0][1] == 100.5


def test_where_ticks_make_the_market_a_bar_moves_none_and_yet_settles_an_order_on_its_way() -> None:
    """So bars are told behind a tick: `alphapulse_lib.engine.tick_batches`."""
    second = 10**9

    def ticks(*rows: tuple[int, float]) -> list[TradeTick]:
        size, side = Quantity.from_int(3), AggressorSide.NO_AGGRESSOR
        return [
            TradeTick(AAA, Price(price, 4), size, side, TradeId(str(number)), *[OPEN + at * second] * 2)
            for number, (at, price) in enumerate(rows)
        ]

    def heard(me: Acting, told: TradeTick) -> None:
        if told.trade_id == TradeId("1"):
            me.buy(700)

    by_ticks = {"bar_execution": False, "fill_model": WholeFills(stops=True)}
    # The second trade is heard at 20 s. With no bar in between the first of the next moment is met, whole.
    rows = ticks((10, 100.0), (20, 101.0), (20, 101.5), (70, 102.0), (70, 103.0))
    done, _ = run({0: lambda me: me.subscribe_trades(AAA)}, rows, on_trade=heard, **by_ticks)
    assert done.fills == [(700, 102.0, 70 * second)]
    done, _ = run({0: lambda me: me.subscribe_trades(AAA)}, rows, bars(CONTIGUOUS), on_trade=heard, **by_ticks)
    assert done.fills == [(700, 101.5, MINUTE)]


def test_an_order_of_the_last_bar_is_settled_after_the_data() -> None:
    done, engine = run({6: Acting.buy}, opens(CONTIGUOUS), bars(CONTIGUOUS))
    filled = [
        each for order in engine.cache.orders() for each in order.events() if type(each).__name__ == "OrderFilled"
    ]
    assert [each.ts_event - OPEN for each in filled] == [6 * MINUTE + 1]
    assert done.fills == []


def test_a_bar_offers_a_quarter_of_its_volume_unless_a_fill_model_offers_more() -> None:
    done, _ = run({1: lambda me: me.buy(400)}, bars(CONTIGUOUS), delay=None)
    assert [each[:2] for each in done.fills] == [(250, 100.5), (150, 100.5001)]
    done, _ = run({1: lambda me: me.buy(400)}, bars(CONTIGUOUS), delay=None, fill_model=WholeFills())
    assert [each[:2] for each in done.fills] == [(400, 100.5)]


def test_a_bar_without_volume_moves_nothing_and_one_of_a_shorter_period_does_it_instead() -> None:
    done, engine = run({2: Acting.buy}, bars(CONTIGUOUS, volume=0), delay=None)
    assert done.fills == []
    assert "No market" in engine.cache.orders()[0].last_event.reason
    fine = BarType.from_str("AAA.XNAS-1-MILLISECOND-LAST-EXTERNAL")
    done, _ = run({2: Acting.buy}, bars(CONTIGUOUS, 4000, fine), bars(CONTIGUOUS, volume=2), delay=None)
    assert done.fills == [(1, 121.0, 2 * MINUTE)]


def test_limits_fill_at_their_own_price_and_stops_at_the_gap() -> None:
    one = Quantity.from_int(1)

    def send(me: Acting) -> None:
        make = me.order_factory
        me.submit_order(make.limit(AAA, OrderSide.SELL, one, Price(130.0, 4)))
        me.submit_order(make.stop_market(AAA, OrderSide.BUY, one, Price(110.0, 4)))
        me.submit_order(make.stop_market(AAA, OrderSide.BUY, one, Price(121.5, 4)))

    done, _ = run({1: send}, opens(CONTIGUOUS), bars(CONTIGUOUS), fill_model=WholeFills(), reject_stop_orders=False)
    # The stop at 110 arrives when the market is at 120; the limit at 130 rests while the market gaps to 140.
    assert [each[1] for each in done.fills] == [120.0, 121.5, 130.0]


def test_a_margin_of_one_denies_what_free_cash_does_not_pay_and_lets_a_position_close() -> None:
    acts = {1: lambda me: me.buy(80), 2: lambda me: me.buy(80), 3: lambda me: me.close_all_positions(AAA)}
    done, engine = run(acts, opens(CONTIGUOUS), bars(CONTIGUOUS), margin=Decimal(1), cash=10_000)
    assert [each[:2] for each in done.fills] == [(80, 120.0), (80, 130.0)]
    assert "EXCEEDS_FREE_BALANCE" in done.refused[0]
    assert engine.cache.positions_open() == []


def test_an_exception_is_swallowed_and_seen_as_it_leaves_and_the_engine_can_be_stopped_there() -> None:
    def fail(_: Acting) -> None:
        raise ValueError("lost")

    watch = Swallowed()
    with watch:
        strategy = quietly(watch, fail)
    assert strategy.seen == 2
    assert isinstance(watch.error, ValueError)
    assert "in fail" in watch.traceback


def quietly(watch: Swallowed, fail: Callable[[Acting], None]) -> Acting:
    # `run` calls the engine: it is the frame that handlers are called from.
    watch._home = None
    engine = BacktestEngine(BacktestEngineConfig(run_analysis=False, logging=LoggerConfig(bypass_logging=True)))
    engine.add_venue(
        Venue("XNAS"),
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(1, USD)],
        fee_model=MakerTakerFeeModel(Decimal(0), Decimal(0)),
    )
    engine.add_instrument(Equity(AAA, Symbol("AAA"), USD, 4, Price(0.0001, 4), 0, 0))
    engine.add_data(bars(CONTIGUOUS))
    strategy = Acting()
    strategy.acts = {2: fail}
    engine.add_strategy(strategy)
    watch._home, watch.stop = sys._getframe(), strategy.shutdown_system
    engine.run()
    return strategy


def test_handlers_are_called_from_the_frame_that_runs_the_engine() -> None:
    done, _ = run({1: Acting.buy}, opens(CONTIGUOUS), bars(CONTIGUOUS))
    assert done.callers == {"run"}


def test_custom_data_arrive_wrapped_and_at_their_time() -> None:
    event = News(ts_event=5, ts_init=CONTIGUOUS[2], instrument_id=AAA, headline="up")
    done, _ = run({}, opens(CONTIGUOUS), bars(CONTIGUOUS), [CustomData(DataType("News"), event)])
    assert type(done.heard[0]) is CustomData
    assert (done.heard[0].data.headline, done.heard[0].ts_init, done.heard[0].ts_event) == ("up", CONTIGUOUS[2], 5)


def test_a_config_with_bare_annotations_keeps_its_defaults() -> None:
    from nautilus_trader.trading import StrategyConfig

    class Mine(StrategyConfig):
        fast: int = 10

    assert Mine(fast=3).fast == 10


def test_strategies_take_one_config() -> None:
    with pytest.raises(TypeError):
        Acting(config=None, other=1)
