"""What is left of NautilusTrader 1 in a strategy: imports that lie elsewhere now, names that its objects had, and
handlers that nothing calls.
"""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pkgutil import iter_modules
from types import FunctionType

import nautilus_trader
from nautilus_trader.trading import Strategy

from alphapulse_lib.engine.spoken import names_of, own_classes
from alphapulse_lib.errors import did_you_mean

__all__ = ["advice", "unheard"]

#: What handlers of version 1 are called in version 2; ``on_event`` became one handler for each kind of event.
_RENAMED = {
    "on_event": "on_order_event and on_position_event",
    "on_quote_tick": "on_quote",
    "on_trade_tick": "on_trade",
    "on_order_book": "on_book",
    "on_order_book_deltas": "on_book_deltas",
    "on_order_book_depth": "on_book_depth",
}

#: What attributes of version 1's objects are written as in version 2, where the class has what it begins with.
_WRITTEN = (
    ("is_flat", "is_net_flat(instrument_id)"),
    ("is_completely_flat", "is_completely_net_flat()"),
    ("initialized", "is_initialized()"),
    ("analyzer", "statistics()"),
    ("margins_init", "instrument_initial_margins(venue)"),
    ("margins_maint", "instrument_maintenance_margins(venue)"),
    ("quote_tick", "quote(instrument_id)"),
    ("quote_ticks", "quotes(instrument_id)"),
    ("quote_tick_count", "quote_count(instrument_id)"),
    ("trade_tick", "trade(instrument_id)"),
    ("trade_ticks", "trades(instrument_id)"),
    ("trade_tick_count", "trade_count(instrument_id)"),
    ("accounts", "account_for_venue(venue)"),
    ("local_now", "utc_now().astimezone(tz)"),
    ("get_base_currency", "base_currency"),
    ("get_settlement_currency", "settlement_currency"),
    ("get_settlement_currency", "quote_currency"),
    ("side_string", "side.name"),
    ("type_string", "order_type.name"),
    ("status_string", "status.name"),
    ("tif_string", "time_in_force.name"),
    ("symbol", "instrument_id.symbol"),
    ("venue", "instrument_id.venue"),
    ("signed_decimal_qty", "signed_qty"),
    ("id", "event_id"),
    ("id", "client_order_id"),
    ("id", "strategy_id"),
    ("msgbus", "publish_message(topic, message) and subscribe_topic(topic, handler)"),
    ("subscribe_quote_ticks", "subscribe_quotes(instrument_id)"),
    ("subscribe_trade_ticks", "subscribe_trades(instrument_id)"),
    ("unsubscribe_quote_ticks", "unsubscribe_quotes(instrument_id)"),
    ("unsubscribe_trade_ticks", "unsubscribe_trades(instrument_id)"),
    ("subscribe_order_fills", "on_order_filled(event)"),
)


def advice(raised: BaseException, text: str) -> str:
    """What to write in place of a text that raised, where it is written for version 1; else nothing.

    Examples
    --------
    >>> missing = ModuleNotFoundError(name="nautilus_trader.model.identifiers")
    >>> advice(missing, "from nautilus_trader.model.identifiers import Venue")
    'It is written for NautilusTrader 1. Write `from nautilus_trader.model import Venue`.'
    """
    if isinstance(raised, ImportError) and (raised.name or "").startswith("nautilus_trader."):
        return f"It is written for NautilusTrader 1. {_imports(text)}".rstrip()
    if isinstance(raised, TypeError) and "__init_subclass__() takes no keyword arguments" in str(raised):
        return "NautilusTrader 2 takes no frozen=True there: write `@dataclass(frozen=True)` over the configuration."
    if isinstance(raised, AttributeError) and raised.name:
        return _attribute(type(raised.obj), raised.name)
    return ""


def _attribute(kind: type, name: str) -> str:
    """What an attribute is in the installed version; empty where its class is not NautilusTrader's, or is asked for
    what no version had.
    """
    if not any(each.__module__.startswith("nautilus_trader.") for each in kind.__mro__):
        return ""
    now = next((new for old, new in _WRITTEN if old == name and hasattr(kind, re.split(r"\W", new)[0])), "")
    return f"In NautilusTrader 2 that is {now}." if now else ""


def _imports(text: str) -> str:
    """How a text imports in the installed version what it imports otherwise; empty where nothing lies elsewhere."""
    try:
        tree = ast.parse(text)
    except (ValueError, SyntaxError):
        return ""
    homes: dict[str, list[str]] = {}
    gone: list[str] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("nautilus_trader."):
            continue
        for name in (each.name for each in node.names):
            if name == "*" or _has(node.module or "", name):
                continue
            home = _home(name)
            known = homes.setdefault(home, []) if home else gone
            known += [] if name in known else [name]
    lines = [f"`from {home} import {', '.join(sorted(names))}`" for home, names in sorted(homes.items())]
    told = [f"Write {', '.join(lines)}."] if lines else []
    return " ".join([*told, *([f"There is no {', '.join(sorted(gone))} any more."] if gone else [])])


def _has(module: str, name: str) -> bool:
    try:
        return hasattr(import_module(module), name)
    except ImportError:
        return False


def _home(name: str) -> str:
    """The package of NautilusTrader that has a name: of two the last one, ``trading`` before ``config``."""
    packages = [f"nautilus_trader.{each.name}" for each in iter_modules(nautilus_trader.__path__)]
    return next((each for each in reversed(packages) if "._" not in each and _has(each, name)), "")


def unheard(strategy: type) -> list[str]:
    """One line of each method with a handler's name that neither NautilusTrader nor the strategy itself calls.

    The strategy calls it where any function of its classes, or of their modules, so much as names it.

    Examples
    --------
    >>> class Listens(Strategy):
    ...     def on_trade_tick(self, tick): ...
    >>> unheard(Listens)[0].rpartition(": ")[2]
    'it is on_trade now.'
    """
    held = [pair for each in own_classes(strategy) for pair in vars(each).items()]
    methods = {name for name, value in held if isinstance(value, FunctionType)}
    odd = sorted(name for name in methods if name.startswith("on_") and not hasattr(Strategy, name))
    if not odd:
        return []
    named = names_of(strategy)
    handlers = [name for name in dir(Strategy) if name.startswith("on_")]
    told = []
    for name in odd:
        if name not in named:
            now = _RENAMED.get(name)
            better = f": it is {now} now." if now else f". {did_you_mean(name, handlers, '')}"
            what = f"{strategy.__name__}.{name} is no handler of NautilusTrader 2, and nothing of the strategy calls it"
            told.append(f"{what}{better}".rstrip())
    return told
