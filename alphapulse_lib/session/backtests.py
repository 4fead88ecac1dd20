"""`ap.backtest`: a NautilusTrader strategy on the catalog's bars, in a process of its own, into the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal

from alphapulse_lib.session.strategies import reach, strategy_class

if TYPE_CHECKING:
    from alphapulse_lib.model.run import Costs, Fill, Purpose
    from alphapulse_lib.model.window import Moment
    from alphapulse_lib.session.runs import SessionRun
    from alphapulse_lib.session.symbols import Symbols

__all__ = ["backtest", "probed"]


def backtest(
    strategy: type | str,
    symbols: Symbols,
    period: str = "1d",
    start: Moment = None,
    end: Moment = None,
    *,
    also: str | Sequence[str] = (),
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
        Bounds of the bars' closes, both included. A bare date is that whole day in the exchange's zone; of what never
        closes, a bar that closes at midnight is of the day that ends then.
    also : str or sequence of str
        Longer periods, such as ``"1d"`` beside ``"1m"``: the strategy may subscribe to the bars that the catalog holds
        of them, too (``AAPL.XNAS-1-DAY-LAST-EXTERNAL``), and is told of each right behind the run's own bar that closes
        then, the shorter period first; of such a bar only once it has closed. No order fills by them. Only those are
        told that close between the first and the last of the run's own.
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
        at the first quote's bid or ask, or the first trade's price, that comes after its decision; a trade may lie
        inside the spread.
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
    return _carried_out(locals(), "trial")


def probed(strategy: type | str, *arguments: Any, **more: Any) -> SessionRun:
    """The same for what is about to be looked into: recorded as a probe, which counts against nothing.

    Parameters
    ----------
    strategy, arguments, more
        As `backtest` takes them.
    """
    asked = signature(backtest).bind(strategy, *arguments, **more)
    asked.apply_defaults()
    return _carried_out(asked.arguments, "probe")


def _carried_out(asked: dict[str, Any], purpose: Purpose) -> SessionRun:
    from alphapulse_lib.engine.process import worker

    strategy = asked["strategy"]
    reach(strategy)
    with worker() as waiting:  # its process, the first time, and this one import what they need at the same time
        from alphapulse_lib.engine.limits import Limits
        from alphapulse_lib.session.running import carry_out, told_how_to_fetch
        from alphapulse_lib.session.terms import Terms

        chosen = strategy_class(strategy) if isinstance(strategy, str) else strategy
        plan = Terms.among(asked).plan(chosen)
        plan = replace(plan, limits=Limits.of(asked["run_seconds"], asked["run_memory"]))
        with told_how_to_fetch(plan):
            return carry_out(waiting, plan, chosen, progress=asked["progress"], purpose=purpose)
