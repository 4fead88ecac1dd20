"""`ap.backtest`: a NautilusTrader strategy on the catalog's bars, in a process of its own, into the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Literal, get_args

from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.engine.limits import Limits
from alphapulse_lib.errors import InputError
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import FILLS, Costs, Fill, Purpose, RunSpec
from alphapulse_lib.model.window import FOREVER, Moment, Window, moment_ns
from alphapulse_lib.session.choices import one_of
from alphapulse_lib.session.fetching import Lacking, advice
from alphapulse_lib.session.running import Plan, carry_out, told_how_to_fetch
from alphapulse_lib.session.runs import SessionRun
from alphapulse_lib.session.strategies import strategy_class
from alphapulse_lib.session.symbols import Symbols, check_text, resolved

__all__ = ["backtest", "benchmark_of", "instruments_of", "spec_of"]

#: A seventeenth of what NautilusTrader's money can hold, so that an account may grow.
_MOST_CASH = 1e12
#: What no market asks for: beyond it an account's money soon exceeds what NautilusTrader can hold.
_MOST_COSTS = {
    "per_share": 10_000,
    "percent": 100,
    "minimum": 1_000_000,
    "slippage_bps": 10_000,
    "maximum": 1e12,
    "maximum_percent": 100,
    "fee_per_share": 10_000,
    "surcharge_percent": 1_000,
    "sell_percent": 100,
    "sell_per_share": 10_000,
    "sell_maximum": 1_000_000,
    "half_spread_bps": 10_000,
    "half_spread": 10_000,
    "impact_bps": 10_000,
    "borrow_percent": 1_000,
    "interest_percent": 1_000,
    "debit_percent": 1_000,
}


def backtest(
    strategy: type | str,
    symbols: Symbols,
    period: str = "1d",
    start: Moment = None,
    end: Moment = None,
    *,
    params: Mapping[str, Any] | None = None,
    cash: float = 100_000.0,
    fill: Fill = "next_open",
    costs: Costs | Mapping[str, Any] | str | None = None,
    adjust: Literal["splits", "none"] = "splits",
    dividends: bool | None = None,
    news: bool | None = None,
    scorer: str | None = None,
    as_of: Moment = None,
    benchmark: str | None = None,
    gaps: Literal["refuse", "allow"] = "refuse",
    run_seconds: float | None = None,
    run_memory: float | None = None,
    progress: bool = True,
    purpose: Purpose = "trial",
    seed: int = 0,
) -> SessionRun:
    """Run a NautilusTrader strategy on the catalog's bars and record the run.

    Parameters
    ----------
    strategy : type or str
        A NautilusTrader ``Strategy`` class whose ``__init__`` takes one ``config``, annotated with a frozen dataclass
        (or a ``StrategyConfig``). It may be defined in a notebook's cell. Or its name: ``"SmaCross"`` (shipped with
        AlphaPulse), ``"package.module:Class"`` or ``"folder/file.py:Class"``.
    symbols : str, sequence of str, or DataFrame
        Tickers or ids, or the members that `universe` returns. They fill the config's ``instrument_id``,
        ``instrument_ids``, ``bar_type``, ``bar_types``.
    period : str
        Of the bars: ``"1m"``, ``"1h"``, ``"1d"``, ...
    start, end : str, date or datetime, optional
        Bounds of the bars' closes, both included. A bare date is that whole day in the exchange's zone.
    params : mapping, optional
        The config's other fields.
    cash : float
        The account's money, in the instruments' currency. An order that opens a position is refused when it is worth
        more, at the last price, than the cash no other position locks; a short sale locks its worth too. Instruments of
        several venues have an account of that cash each.
    fill : {"next_open", "close", "next_close", "vwap", "ticks"}
        A market order decided on a bar fills whole at the next bar's open, close or volume-weighted price, or at that
        bar's own close, which is a price it was decided on. Stops and limits fill inside bars; with ``"next_close"``
        and ``"vwap"`` they too reach the market with the next close. A volume-weighted price is made of trades, else of
        minute bars, that the catalog holds. A decision on the last bar does not fill at all. With ``"ticks"`` the
        trades and quotes that the catalog holds make the market, and a strategy may subscribe to them: an order fills
        at the first quote's bid or ask, or the first trade's price, that comes after its decision.
    costs : Costs, mapping or str, optional
        What `Costs` has: commission (``per_share`` as traded, ``percent``, ``minimum`` and ``maximum`` an order), fees,
        spread, slippage, market impact, ``borrow_percent`` of shorts and interest on cash; or the name of a broker's
        published schedule, ``"ibkr-pro-fixed"``, ``"ibkr-pro-tiered"``, ``"alpaca"``; `Costs.preset` adds to one.
    adjust : {"splits", "none"}
        With ``"splits"`` the strategy sees prices and shares in units of the window's first day: after a 2:1 split
        prices go on at twice the traded ones. What is known only later changes nothing before. Bars' prices have
        eight decimals then; ``instrument.make_price`` rounds to those of the instrument. Fills, orders and
        positions are reported as traded.
    dividends : bool, optional
        Whether longs are paid what a share distributes, and shorts charged with it: dividends, and spin-offs at what
        they were worth. ``run.cash_flows`` lists it. A delisted holding is closed, at what holders got or at the last
        price, by a fill whose ``order_id`` is ``"delisting"``. Unless told, with ``adjust="splits"``.
    news : bool, optional
        Whether `News` and `Sentiment` events are delivered to ``on_data``. Unless told, when the strategy's code
        names one of these classes.
    scorer : str, optional
        Whose scores the `Sentiment` events carry; the setting ``ALPHAPULSE_SCORER`` unless told.
    as_of : str, date or datetime, optional
        Only bars, splits, articles and scores that were available then. Now unless told.
    benchmark : str, optional
        A ticker or id that the result is held against: its closes out of the catalog, what it distributed reinvested.
        Unless told, the run's own instruments, bought at the first close and held.
    gaps : {"refuse", "allow"}
        Missing sessions are refused when they are more than five and more than two per cent; ``"allow"`` reports them.
    run_seconds, run_memory : float, optional
        How long it may take, and how many megabytes its process may hold for itself alone; it is stopped then, and
        recorded as failed. The settings ``ALPHAPULSE_RUN_SECONDS`` and ``ALPHAPULSE_RUN_MEMORY`` unless told.
    progress : bool
        Show how far the run is.
    purpose : {"trial", "rerun", "probe"}
        Only trials count against over-fitting.
    seed : int
        For Python's and NumPy's global random generators, in the run's process.

    Returns
    -------
    SessionRun
        ``.stats``, ``.equity`` (marked to market at each bar's close), ``.fills``, ``.orders``, ``.positions``,
        ``.trades``, ``.tearsheet()``, ``.record``, ``.log``. Positions that are open at the end stay open.

    Raises
    ------
    InputError
        An argument cannot be used: an unknown symbol, period or parameter, a reversed window.
    PreflightError
        The run would see no data or wrong data, or the strategy cannot be used. Nothing was run or recorded.
    StrategyRaised
        The strategy's own exception; the run is recorded as failed.
    RunInterrupted
        Ctrl-C or the notebook's stop button; recorded as interrupted.
    WorkerDied
        The run's process was killed or left; recorded as failed. `LimitReached`, where it passed a limit.

    Warns
    -----
    UserWarning
        Orders were refused, or sessions are missing.

    Examples
    --------
    >>> from alphapulse_lib.engine.strategies import SmaCross
    >>> run = ap.backtest(SmaCross, "GOOG", "1d", params={"fast": 10, "slow": 20})  # doctest: +SKIP
    >>> run.stats["end_equity"]  # doctest: +SKIP
    """
    from alphapulse_lib.engine.process import worker

    with worker() as waiting:
        roots = Roots.of_settings()
        if isinstance(strategy, str):
            strategy = strategy_class(strategy)
        instruments, names = instruments_of(roots, symbols, Lacking.of_bars(period, "bars"), Window.of(start, end))
        spec = spec_of(
            strategy,
            instruments,
            period,
            start,
            end,
            params,
            cash,
            fill,
            costs,
            adjust,
            dividends,
            news,
            scorer,
            as_of,
            seed,
            benchmark_of(roots, benchmark, instruments, period, Window.of(start, end)),
        )
        one_of("gaps", gaps, ("refuse", "allow"))
        one_of("purpose", purpose, get_args(Purpose.__value__))
        plan = Plan(spec, instruments, roots, names, gaps, Limits.of(run_seconds, run_memory))
        with told_how_to_fetch(plan):
            return carry_out(waiting, plan, strategy, progress=progress, purpose=purpose)


def instruments_of(
    roots: Roots, symbols: Symbols, lacking: Lacking, window: Window
) -> tuple[tuple[Instrument, ...], tuple[str, ...]]:
    """The instruments, and what each one is called in the results."""
    from alphapulse_lib.query.bars import names

    index = Index(roots)
    found = tuple(resolved(index, symbols, advice=lambda symbol: advice(index, symbol, lacking, window)))
    currencies = sorted({each.currency for each in found})
    if len(currencies) > 1:
        raise InputError(f"The instruments are in {' and '.join(currencies)}.", "A run has one currency.")
    return found, tuple(names(list(found)))


def benchmark_of(
    roots: Roots, benchmark: str | None, instruments: tuple[Instrument, ...], period: str, window: Window
) -> str:
    """The id of what a run is to be held against; empty for none."""
    if benchmark is None:
        return ""
    check_text(benchmark, "A benchmark", "benchmark='SPY'")
    (found,), _ = instruments_of(roots, benchmark, Lacking.of_bars(period, "bars"), window)
    if found.currency != instruments[0].currency:
        raise InputError(
            f"The benchmark {found.symbol} is in {found.currency}, the instruments in {instruments[0].currency}.",
            "Their returns cannot be compared.",
        )
    return found.id


def spec_of(
    strategy: type,
    instruments: tuple[Instrument, ...],
    period: str,
    start: Moment,
    end: Moment,
    params: Mapping[str, Any] | None,
    cash: float,
    fill: Fill,
    costs: Costs | Mapping[str, Any] | str | None,
    adjust: Literal["splits", "none"],
    dividends: bool | None,
    news: bool | None,
    scorer: str | None,
    as_of: Moment,
    seed: int,
    benchmark: str = "",
) -> RunSpec:
    """The spec of a run, each argument looked at; they are those of `backtest`, ``benchmark`` as an id."""
    from alphapulse_lib.engine.configure import plain_parameters
    from alphapulse_lib.engine.source import names_used, source_of
    from alphapulse_lib.scoring.contract import find

    if params is not None and not isinstance(params, Mapping):
        raise InputError(f"params={params!r} is no mapping.", "Such as {'fast': 10, 'slow': 20}.")
    parameters = plain_parameters(strategy, params)
    zones = {each.venue.timezone for each in instruments}
    zone = zones.pop() if len(zones) == 1 else "UTC"
    window = Window.of(start, end, zone)
    one_of("fill", fill, FILLS)
    one_of("adjust", adjust, ("splits", "none"))
    if isinstance(cash, bool) or not isinstance(cash, Real) or not 0 < cash <= _MOST_CASH:
        raise InputError(f"cash={cash!r} is not an amount of money above zero and up to {_MOST_CASH:,.0f}.")
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed <= FOREVER:
        raise InputError(f"seed={seed!r} is not a whole number of zero or more.")
    if not isinstance(dividends, bool | None):
        raise InputError(f"dividends={str(dividends)[:60]!r} is neither True, False nor None.")
    if dividends and adjust == "none":
        raise InputError(
            "dividends=True does not go with adjust='none': holdings that do not follow splits are not the shares that "
            "dividends are paid on.",
            "Run with adjust='splits', or without dividends.",
        )
    if not isinstance(news, bool | None):
        raise InputError(f"news={str(news)[:60]!r} is neither True, False nor None.")
    with_news = _names_events(names_used(strategy)) if news is None else news
    return RunSpec(
        strategy=source_of(strategy),
        instruments=tuple(each.id for each in instruments),
        period=str(Period.parse(period)),
        start=window.start,
        end=window.end,
        parameters=parameters,
        cash=float(cash),
        costs=_costs(costs),
        fill=fill,
        adjust=adjust,
        news=with_news,
        scorer=find(scorer).name if with_news else "",
        as_of=None if as_of is None else moment_ns(as_of, zone, end=True),
        seed=int(seed),
        dividends=adjust == "splits" if dividends is None else dividends,
        benchmark=benchmark,
    )


def _costs(costs: Costs | Mapping[str, Any] | str | None) -> Costs:
    if costs is None:
        return Costs()
    if isinstance(costs, str):
        costs = Costs.preset(costs)
    if not isinstance(costs, Costs | Mapping):
        raise InputError(
            f"costs={costs!r} is neither Costs, a mapping nor a preset's name.",
            "Such as {'percent': 0.1, 'minimum': 1} or 'ibkr-pro-fixed'.",
        )
    chosen = costs if isinstance(costs, Costs) else Costs.from_dict(dict(costs))
    # Asked here and not by `Costs` itself: the ledger's old records are read back whatever they cost.
    for name, most in _MOST_COSTS.items():
        if (getattr(chosen, name) or 0) > most:
            raise InputError(f"costs: {name}={getattr(chosen, name):g} is more than a trade can cost, {most:,}.")
    return chosen


def _names_events(used: set[int]) -> bool:
    from alphapulse_lib.engine.events import News, Sentiment

    return id(News) in used or id(Sentiment) in used
