"""How many bars a strategy takes before it can decide, and that a run has them.

A strategy says it natively, by the indicators that it registers for bars. One that does its own sums says it with its
configuration: ``warmup_bars``, a field or a property, is the number of the run's bars with which it can first decide.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from time import monotonic
from typing import Any

from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import LoggerConfig, LogLevel
from nautilus_trader.execution import MakerTakerFeeModel
from nautilus_trader.indicators import AdaptiveMovingAverage, Swings
from nautilus_trader.model import AccountType, BarType, Currency, Money, OmsType, Venue

from alphapulse_lib.engine.configure import Blueprint, build
from alphapulse_lib.engine.nautilus import nautilus_instrument
from alphapulse_lib.engine.request import Request
from alphapulse_lib.errors import AlphaPulseError, WarmUpTooLong
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.warm_up import DECLARED, WarmUp

__all__ = ["declared", "registered", "require", "warm_ups"]

#: Of indicators that are initialized before their longest period is over, the periods that they wait for.
_WARMS: dict[type, tuple[str, ...]] = {AdaptiveMovingAverage: ("period_efficiency_ratio",), Swings: ()}
#: Seconds in which strategies are started: of one that loads much as it starts the trials themselves tell the rest.
_PATIENCE = 3.0
_HINT = (
    "Let the window begin earlier (start=..., of a walk-forward's tests warmup=..., train=..., test=...), or take "
    "shorter parameters."
)


def declared(strategy: type, config: Any) -> list[WarmUp]:
    """What a configuration tells; nothing of one that tells none."""
    told = getattr(config, DECLARED, 0)
    return [WarmUp(strategy.__name__, told)] if isinstance(told, int) and told > 0 else []


def registered(bar_type: BarType, indicator: Any) -> WarmUp:
    """What an indicator takes, by its periods: ``period``, ``slow_period``, ``period_k`` and their like."""
    names = _WARMS.get(type(indicator), [name for name in dir(type(indicator)) if "period" in name.split("_")])
    periods = [getattr(indicator, name) for name in names]
    takes = max((each for each in periods if isinstance(each, int)), default=0)
    return WarmUp(type(indicator).__name__, takes, str(bar_type))


def require(warm_up: WarmUp, held: Mapping[str, int]) -> str:
    """Refuse what takes more bars than any series of its period has: one of several instruments may be listed late.

    Parameters
    ----------
    held : mapping of str to int
        How many bars each series has.

    Returns
    -------
    str
        That one series of several is too short, for the log; empty where it is not, or is none of these.

    Raises
    ------
    WarmUpTooLong
        None has so many.
    """
    alike = [count for name, count in held.items() if not warm_up.of or _is_alike(name, warm_up.of)]
    count = held.get(warm_up.of, 0) if warm_up.of else max(alike, default=0)
    if (warm_up.of and warm_up.of not in held) or warm_up.bars <= count:
        return ""
    ending = "it would never be initialized" if warm_up.of else "nothing would ever be decided"
    told = f"{warm_up.text}, and the run has {count:,}: {ending}."
    if warm_up.bars > max(alike, default=0):
        raise WarmUpTooLong(told, _HINT)
    return told


def _is_alike(name: str, other: str) -> bool:
    """Whether two series are of one period: a run of minutes has more of those than of the days beside them."""
    return name.rsplit("-", 4)[1:] == other.rsplit("-", 4)[1:]


def warm_ups(request: Request, plan: Blueprint, trials: Sequence[Mapping[str, Any]]) -> list[list[WarmUp]]:
    """What a strategy takes with each of some parameters, found by starting it on an engine without data.

    Where it cannot be started so, and where starting it takes long, only what its configuration tells is known.
    """
    until = monotonic() + _PATIENCE
    return [_of_trial(request, plan, each, start=monotonic() < until) for each in trials]


def _of_trial(request: Request, plan: Blueprint, parameters: Mapping[str, Any], *, start: bool) -> list[WarmUp]:
    spec = request.spec
    bar_types, *more = (
        [Period.parse(period).bar_type(each.id) for each in request.instruments] for period in (spec.period, *spec.also)
    )
    try:
        config = build(plan, parameters, spec.instruments, bar_types)
    except AlphaPulseError:  # its trial will say so
        return []
    found = declared(plan.strategy, config)
    with contextlib.suppress(Exception):  # whatever it raises, its trial will say so
        if start:
            _start(request, _noting(plan.strategy, found, {*bar_types, *chain(*more)}), config)
    return found


def _noting(strategy: type, found: list[WarmUp], loaded: Collection[str]) -> type:
    def noted(_self: Any, bar_type: BarType, indicator: Any) -> None:
        if str(bar_type) in loaded:
            found.append(registered(bar_type, indicator))

    places = {name: getattr(strategy, name) for name in ("__module__", "__qualname__", "__doc__")}
    return type(strategy.__name__, (strategy,), {"register_indicator_for_bars": noted} | places)


def _start(request: Request, strategy: type, config: Any) -> None:
    """Start and stop it, as an engine does that has nothing to tell."""
    quiet = LoggerConfig(stdout_level=LogLevel.OFF, print_config=False)
    engine = BacktestEngine(BacktestEngineConfig(run_analysis=False, logging=quiet))
    for code in dict.fromkeys(each.venue.code for each in request.instruments):
        currency = Currency.from_str(request.instruments[0].currency)
        engine.add_venue(
            Venue(code),
            OmsType.NETTING,
            AccountType.MARGIN,
            [Money(request.spec.cash, currency)],
            base_currency=currency,
            default_leverage=Decimal(1),
            fee_model=MakerTakerFeeModel(Decimal(0), Decimal(0)),
        )
    for each in request.instruments:
        engine.add_instrument(nautilus_instrument(each, each.price_precision))
    engine.add_strategy(strategy(config) if config is not None else strategy())
    engine.run()
