"""What is watched while the engine runs: exceptions NautilusTrader swallows, subscriptions nothing serves, progress."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
from nautilus_trader.model import BarType, DataType, PriceType, TriggerType

from alphapulse_lib.engine.events import event_names
from alphapulse_lib.engine.warm_ups import registered, require
from alphapulse_lib.errors import UnsafeFill, UnservedSubscription
from alphapulse_lib.model.period import Period

__all__ = ["HERE", "Beat", "Swallowed", "serving"]

_TOOL = 4
#: Their frames are of no interest to a strategy's owner.
HERE = tuple(str(Path(__file__).with_name(f"{name}.py")) for name in ("answer", "warm_ups", "watch", "worker"))

#: What no catalog can serve; bars, trades, quotes and custom data are looked at one by one.
_UNSERVED = {
    "book_deltas": "order books",
    "book_depth": "order books",
    "book_at_interval": "order books",
    "mark_prices": "mark prices",
    "index_prices": "index prices",
    "funding_rates": "funding rates",
    "option_greeks": "option greeks",
    "option_chain": "option chains",
    "instrument_status": "an instrument's status",
    "instrument_close": "closing prices",
}
_REQUESTS = ("data", "quotes", "trades", "bars", "book_snapshot", "book_deltas", "book_depth", "funding_rates")


class Swallowed:
    """Catches the first exception that leaves the strategy for NautilusTrader, which logs it and carries on.

    While it is entered, every Python function that NautilusTrader calls (a handler, a timer's callback, an
    indicator) is called from the frame that entered it; an exception that unwinds out of such a function is lost
    otherwise. Costs nothing as long as nothing is raised.

    Attributes
    ----------
    error : BaseException, optional
        The exception.
    traceback : str
        Its traceback, from the strategy's first frame on.
    stop : callable
        Called once it is caught: ends the run there.
    """

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.traceback = ""
        self.stop: Callable[[], None] = lambda: None
        self._home: FrameType | None = None

    def __enter__(self) -> Swallowed:
        self._home = sys._getframe(1)
        sys.monitoring.use_tool_id(_TOOL, "alphapulse")
        sys.monitoring.register_callback(_TOOL, sys.monitoring.events.PY_UNWIND, self._unwinding)
        sys.monitoring.set_events(_TOOL, sys.monitoring.events.PY_UNWIND)
        return self

    def __exit__(self, *_: object) -> None:
        sys.monitoring.set_events(_TOOL, 0)
        sys.monitoring.free_tool_id(_TOOL)
        self._home = None

    def keep(self, error: BaseException) -> None:
        """Keep an exception that was caught elsewhere."""
        if self.error is None:
            own = error.__traceback__
            while own is not None and own.tb_frame.f_code.co_filename.startswith(HERE):
                own = own.tb_next
            told = traceback.TracebackException(type(error), error, own)
            while len(told.stack) > 1 and told.stack[-1].filename.startswith(HERE):
                told.stack.pop()  # a check of ours refused what the line above it did
            self.error = error
            self.traceback = "".join(told.format())

    def _unwinding(self, _code: CodeType, _offset: int, error: BaseException) -> None:
        leaving = sys._getframe(1)
        if self._home is not None and leaving.f_back is self._home:
            self.keep(error)
            self.stop()


def serving(
    strategy: type,
    bar_types: Mapping[str, int],
    news: bool,
    ticks: Mapping[str, Collection[str]] | None = None,
    warnings: list[str] | None = None,
) -> type:
    """The same class, but what the run's data will not serve is refused while it starts, and an order is sent once.

    Not served is a subscription to what is not loaded, and an indicator that takes more bars than any series has: of
    several instruments one may have been listed late, or died early.

    Parameters
    ----------
    strategy : type
        A NautilusTrader strategy.
    bar_types : mapping of str to int
        The series that are loaded, with how many bars each has.
    news : bool
        Whether `News` and `Sentiment` are loaded.
    ticks : mapping, optional
        Of each instrument's id, which of ``"trades"`` and ``"quotes"`` are fed; of a run with ``fill="ticks"``.
    warnings : list of str, optional
        Takes the indicators that one series of several is too short for.

    Raises
    ------
    UnservedSubscription, WarmUpTooLong
        From the class's own `on_start`, before the first bar.
    """
    checks: dict[str, Callable[..., None]] = {
        "subscribe_bars": lambda bar_type: _bars(bar_type, bar_types, ticks or {}),
        "subscribe_trades": lambda instrument_id: _ticks("trades", str(instrument_id), ticks or {}),
        "subscribe_quotes": lambda instrument_id: _ticks("quotes", str(instrument_id), ticks or {}),
        "subscribe_data": lambda data_type: _custom(data_type, news),
    }
    for name, words in _UNSERVED.items():
        checks[f"subscribe_{name}"] = lambda *_, words=words: _refuse(f"subscribes to {words}")
    for name in _REQUESTS:
        checks[f"request_{name}"] = lambda *_, name=name: _refuse(
            f"requests historical {name.replace('_', ' ')}", "Let the window begin earlier instead."
        )
    members = {name: _checked(getattr(strategy, name), check) for name, check in checks.items()}
    members["register_indicator_for_bars"] = _warmed(strategy, bar_types, [] if warnings is None else warnings)
    members["submit_order"] = _sent_once(strategy.submit_order)  # type: ignore[attr-defined]  # every Strategy has it
    members["submit_order_list"] = _sent_together(strategy.submit_order_list)  # type: ignore[attr-defined]
    members["stop"] = _stopped(strategy.stop, [] if warnings is None else warnings)  # type: ignore[attr-defined]
    places = {name: getattr(strategy, name) for name in ("__module__", "__qualname__", "__doc__")}
    return type(strategy.__name__, (strategy,), members | places)


class Beat:
    """Tells how far the engine has come, some times a second, without a call a bar.

    A timer of the operating system interrupts the strategy's own code; where the strategy never runs, nothing is told.

    Parameters
    ----------
    moment : callable
        The engine's time, nanoseconds.
    told : int
        A file descriptor; each message is a time in nanoseconds as text, one a line.
    """

    def __init__(self, moment: Callable[[], int], told: int, seconds: float = 0.2) -> None:
        self._moment, self._told, self._seconds = moment, told, seconds

    def __enter__(self) -> Beat:
        signal.signal(signal.SIGALRM, self._tell)
        signal.setitimer(signal.ITIMER_REAL, self._seconds, self._seconds)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)

    def _tell(self, *_: object) -> None:
        os.write(self._told, b"%d\n" % self._moment())


def _checked(method: Callable[..., Any], check: Callable[..., None]) -> Callable[..., Any]:
    def subscribe(self: Any, what: Any, *rest: Any, **named: Any) -> Any:
        check(what)
        return method(self, what, *rest, **named)

    return subscribe


def _sent_once(method: Callable[..., Any]) -> Callable[..., Any]:
    """NautilusTrader looks at the order that it is given, which never learns what became of it, and not at what it has
    of that order itself: it would forget that one, with its fills.
    """

    def submit_order(self: Any, order: Any, *rest: Any, **named: Any) -> Any:
        _require_market(order)
        identity = getattr(order, "client_order_id", None)
        if identity is not None and self.cache.order_exists(identity):
            raise RuntimeError(_again(self.cache.order(identity), self.clock.timestamp_ns()))
        return method(self, order, *rest, **named)

    return submit_order


def _sent_together(method: Callable[..., Any]) -> Callable[..., Any]:
    def submit_order_list(self: Any, orders: Any, *rest: Any, **named: Any) -> Any:
        for each in orders if isinstance(orders, list | tuple) else ():
            _require_market(each)
        return method(self, orders, *rest, **named)

    return submit_order_list


def _require_market(order: Any) -> None:
    """Refuse an order that nothing would bring to the market, or only what bars do not tell."""
    if (trigger := getattr(order, "emulation_trigger", None)) is not None and trigger != TriggerType.NO_TRIGGER:
        raise UnsafeFill(
            f"The strategy sends an order with emulation_trigger={trigger.name}: NautilusTrader holds it back until a "
            "trade or a quote tells its price. It would never fill on bars, or late.",
            "Leave emulation_trigger out: the market of a run holds orders of every kind itself.",
        )
    if algorithm := getattr(order, "exec_algorithm_id", None):
        raise UnsafeFill(
            f"The strategy sends an order by exec_algorithm_id={str(algorithm)!r}, and a run has no execution "
            "algorithms: it would never reach a market.",
            "Leave exec_algorithm_id out, and send the order's parts from on_bar.",
        )


def _stopped(method: Callable[..., Any], warnings: list[str]) -> Callable[..., Any]:
    def stop(self: Any) -> Any:
        at = np.datetime64(self.clock.timestamp_ns(), "ns").astype("datetime64[s]")
        warnings.append(f"The strategy stopped itself at {at} UTC: it was told of nothing after that.")
        return method(self)

    return stop


def _again(sent: Any, now: int) -> str:
    made, again = (np.datetime64(each, "ns").astype("datetime64[s]") for each in (sent.ts_init, now))
    what = f"{sent.side.name.lower()} {sent.quantity} of {sent.instrument_id}"
    became = sent.status.name.lower().replace("_", " ")
    return (
        f"submit_order was given the order {sent.client_order_id} again at {again} UTC. Made at {made} UTC to {what}, "
        f"it was sent before and is {became}; an order is sent once. Make a new one each time, such as "
        "self.order_factory.market(...), and change one that still works with self.modify_order"
    )


def _warmed(strategy: type, held: Mapping[str, int], warnings: list[str]) -> Callable[..., Any]:
    register = strategy.register_indicator_for_bars  # type: ignore[attr-defined]  # every Strategy has it

    def checked(self: Any, bar_type: BarType, indicator: Any) -> Any:
        if told := require(registered(bar_type, indicator), held):
            warnings.append(told)
        return register(self, bar_type, indicator)

    return checked


def _bars(bar_type: BarType, loaded: Collection[str], ticks: Mapping[str, Collection[str]]) -> None:
    wanted = str(bar_type)
    if wanted in loaded or (bar_type.is_composite() and str(bar_type.composite()) in loaded):
        return
    if bar_type.is_internally_aggregated() and not bar_type.is_composite():
        kind = "trades" if bar_type.spec.price_type == PriceType.LAST else "quotes"
        _ticks(kind, str(bar_type.instrument_id), ticks, f"the bars {wanted}, which are made of {kind}")
        return
    if longer := _longer(bar_type, loaded):
        _refuse(f"subscribes to the bars {wanted}", f"Run it with also='{longer}': it is told of those, too.")
    held = ", ".join(sorted(loaded))
    _refuse(
        f"subscribes to the bars {wanted}",
        f"The run loads {held}. Coarser bars can be made of them: '...-1-WEEK-LAST-INTERNAL@1-DAY-EXTERNAL'.",
    )


def _longer(bar_type: BarType, loaded: Collection[str]) -> str:
    """The period of bars that a run may be told of besides; empty where they are no such."""
    own = [Period.of_bar_type(each) for each in loaded if each.startswith(f"{bar_type.instrument_id}-")]
    with contextlib.suppress(KeyError, ValueError):  # of ticks, of volume: no period of time
        wanted = Period.of_bar_type(str(bar_type))
        named = wanted.bar_type(str(bar_type.instrument_id)) == str(bar_type)
        if named and own and wanted.nanoseconds > min(each.nanoseconds for each in own):
            return str(wanted)
    return ""


def _ticks(kind: str, instrument_id: str, fed: Mapping[str, Collection[str]], what: str = "") -> None:
    asked = what or f"the {kind}"
    if not fed:
        _refuse(
            f"subscribes to {asked} of {instrument_id}, and the run's market is made of bars",
            "Run it with fill='ticks': it is fed the trades and quotes that the catalog holds, and fills at them.",
        )
    if instrument_id not in fed:
        _refuse(f"subscribes to {asked} of {instrument_id}, which is no instrument of the run", "Name it in symbols.")
    if kind not in fed[instrument_id]:
        _refuse(f"subscribes to {asked} of {instrument_id}, of which the catalog holds no {kind} there", "")


def _custom(data_type: DataType, news: bool) -> None:
    for name in event_names():
        if data_type.topic == DataType(name).topic:
            if not news:
                _refuse(f"subscribes to {name}, and the run loads no news", "Run it with news=True.")
            return
    _refuse(
        f"subscribes to the data {data_type.topic!r}",
        f"A run serves {' and '.join(f'DataType({name!r})' for name in event_names())}, without metadata.",
    )


def _refuse(what: str, hint: str = "A run serves bars, News and Sentiment.") -> None:
    raise UnservedSubscription(f"The strategy {what}: nothing will serve that.", hint)
