"""What `ap.backtest`, `ap.sweep` and `ap.walk_forward` are asked for alike, and the plan that is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, Literal

from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import InputError
from alphapulse_lib.model.brokers import CURRENCY, broker_of
from alphapulse_lib.model.instrument import Instrument, zone_of_days
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import FILLS, Costs, Fill, RunSpec
from alphapulse_lib.model.tried import at_default
from alphapulse_lib.model.window import FOREVER, Moment, Window
from alphapulse_lib.session.choices import one_of
from alphapulse_lib.session.fetching import Lacking, advice
from alphapulse_lib.session.running import Plan
from alphapulse_lib.session.symbols import Symbols, check_text, resolved

__all__ = ["Terms"]

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


@dataclass(frozen=True)
class Terms:
    """On what a strategy is run and under which rules, as it was asked for; nothing is looked at before `plan`.

    `alphapulse_lib.session.backtests.backtest` says what each one is, and its defaults are these.
    """

    symbols: Symbols
    period: str = "1d"
    start: Moment = None
    end: Moment = None
    also: str | Sequence[str] = ()
    params: Mapping[str, Any] | None = None
    cash: float = 100_000.0
    fill: Fill = "next_open"
    costs: Costs | Mapping[str, Any] | str | None = None
    adjust: Literal["splits", "none"] = "splits"
    dividends: bool | None = None
    news: bool | None = None
    scorer: str | None = None
    as_of: Moment = None
    benchmark: str | None = None
    gaps: Literal["refuse", "allow"] = "refuse"
    seed: int = 0

    @classmethod
    def among(cls, arguments: Mapping[str, Any]) -> Terms:
        """Those among all the arguments of a call, by their names: its ``locals()`` before it has others."""
        return cls(**{each.name: arguments[each.name] for each in fields(cls)})

    def plan(self, strategy: type) -> Plan:
        """How the strategy is run on these terms, each of them looked at.

        Raises
        ------
        InputError
            One of them cannot be used.
        """
        roots, window = Roots.of_settings(), Window.of(self.start, self.end)
        instruments, names, tickers = _instruments_of(roots, self.symbols, Lacking.of_bars(self.period, "bars"), window)
        benchmark = _benchmark_of(roots, self.benchmark, instruments, self.period, window)
        spec = self._spec(strategy, instruments, benchmark)
        one_of("gaps", self.gaps, ("refuse", "allow"))
        return Plan(spec, instruments, roots, names, self.gaps, tickers=tickers)

    def _spec(self, strategy: type, instruments: tuple[Instrument, ...], benchmark: str) -> RunSpec:
        from alphapulse_lib.engine.configure import declared, plain_parameters
        from alphapulse_lib.engine.source import names_used, source_of
        from alphapulse_lib.scoring.contract import find

        if self.params is not None and not isinstance(self.params, Mapping):
            raise InputError(f"params={self.params!r} is no mapping.", "Such as {'fast': 10, 'slow': 20}.")
        parameters = plain_parameters(strategy, self.params)
        zone = zone_of_days(each.venue for each in instruments)
        over_midnight = any(each.venue.over_midnight for each in instruments)
        window = Window.of(self.start, self.end, zone, by_close=over_midnight)
        self._check()
        with_news = _names_events(names_used(strategy)) if self.news is None else self.news
        # A name that no scorer has is refused, also where the strategy hears no news.
        scorer = find(self.scorer) if with_news or self.scorer else None
        return RunSpec(
            strategy=source_of(strategy),
            instruments=tuple(each.id for each in instruments),
            period=str(Period.parse(self.period)),
            also=_longer(self.also, Period.parse(self.period)),
            start=window.start,
            end=window.end,
            parameters=parameters,
            cash=float(self.cash),
            costs=_costs(self.costs, instruments[0]),
            fill=self.fill,
            adjust=self.adjust,
            news=with_news,
            scorer=scorer.name if with_news and scorer else "",
            as_of=None if self.as_of is None else Window.of(None, self.as_of, zone, by_close=over_midnight).end,
            seed=int(self.seed),
            dividends=self.adjust == "splits" if self.dividends is None else self.dividends,
            benchmark=benchmark,
            at_default=at_default(parameters, declared(strategy)),
        )

    def _check(self) -> None:
        """Refuse words that are not known, amounts that are none, and what does not go together."""
        cash, seed, dividends, news = self.cash, self.seed, self.dividends, self.news
        one_of("fill", self.fill, FILLS)
        one_of("adjust", self.adjust, ("splits", "none"))
        if isinstance(cash, bool) or not isinstance(cash, Real) or not 0 < cash <= _MOST_CASH:
            raise InputError(f"cash={cash!r} is not an amount of money above zero and up to {_MOST_CASH:,.0f}.")
        if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed <= FOREVER:
            raise InputError(f"seed={seed!r} is not a whole number from 0 to {FOREVER:,}.")
        if not isinstance(dividends, bool | None):
            raise InputError(f"dividends={str(dividends)[:60]!r} is neither True, False nor None.")
        if dividends and self.adjust == "none":
            raise InputError(
                "dividends=True does not go with adjust='none': holdings that do not follow splits are not the shares "
                "that dividends are paid on.",
                "Run with adjust='splits', or without dividends.",
            )
        if not isinstance(news, bool | None):
            raise InputError(f"news={str(news)[:60]!r} is neither True, False nor None.")


def _instruments_of(
    roots: Roots, symbols: Symbols, lacking: Lacking, window: Window
) -> tuple[tuple[Instrument, ...], tuple[str, ...], tuple[str, ...]]:
    """The instruments, what each one is called in the results, and what each was listed under last."""
    from alphapulse_lib.query.bars import names

    index = Index(roots)
    found = tuple(resolved(index, symbols, advice=lambda symbol: advice(index, symbol, lacking, window)))
    currencies = {each.currency: each.symbol for each in reversed(found)}
    if len(currencies) > 1:
        told = " and ".join(f"{currency} ({currencies[currency]})" for currency in sorted(currencies))
        raise InputError(f"The instruments are in {told}.", "A run has one currency: run those of each by themselves.")
    now = (index.get(each.id) or each for each in found)
    return found, tuple(names(list(found))), tuple(names(list(now)))


def _longer(also: str | Sequence[str], period: Period) -> tuple[str, ...]:
    """The periods that a strategy is told of besides, the shortest first."""
    named = [also] if isinstance(also, str | Period) else also
    if not isinstance(named, list | tuple):
        raise InputError(f"also={str(also)[:60]!r} names no periods.", "Such as also='1d' or also=['1h', '1d'].")
    found = sorted({Period.parse(each) for each in named}, key=lambda each: each.nanoseconds)
    for each in found:
        if each.nanoseconds <= period.nanoseconds:
            raise InputError(
                f"also={str(each)!r} is no longer than the run's period, {period}: the market moves by the shortest "
                "bars, which are the run's own.",
                f"Run it with period={str(each)!r}, also={str(period)!r}."
                if each.nanoseconds < period.nanoseconds
                else "Leave it out: the strategy is told of the run's own bars.",
            )
    return tuple(str(each) for each in found)


def _benchmark_of(
    roots: Roots, benchmark: str | None, instruments: tuple[Instrument, ...], period: str, window: Window
) -> str:
    """The id of what a run is to be held against; empty for none."""
    if benchmark is None:
        return ""
    check_text(benchmark, "A benchmark", "benchmark='SPY'")
    (found,), *_ = _instruments_of(roots, benchmark, Lacking.of_bars(period, "bars"), window)
    if found.currency != instruments[0].currency:
        raise InputError(
            f"The benchmark {found.symbol} is in {found.currency}, the instruments in {instruments[0].currency}.",
            "Their returns cannot be compared.",
        )
    return found.id


def _costs(costs: Costs | Mapping[str, Any] | str | None, traded: Instrument) -> Costs:
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
        if isinstance(getattr(chosen, name), bool):
            raise InputError(f"costs: {name}={getattr(chosen, name)!r} is no number.")
        if (getattr(chosen, name) or 0) > most:
            raise InputError(f"costs: {name}={getattr(chosen, name):g} is more than a trade can cost, {most:,}.")
    if traded.currency != CURRENCY and (broker := broker_of(chosen)):
        raise InputError(
            f"The schedule {broker!r} is in {CURRENCY}, and {traded.symbol} trades in {traded.currency}: its amounts a "
            "share and an order would be taken for that.",
            f"Say what its own broker charges in {traded.currency}, such as costs={{'percent': 0.05}}.",
        )
    return chosen


def _names_events(used: set[int]) -> bool:
    from alphapulse_lib.engine.events import News, Sentiment

    return id(News) in used or id(Sentiment) in used
