"""A strategy's configuration: which parameters it takes, and the proof that each one arrived."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import json
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeIs, get_type_hints

from nautilus_trader.model import BarType, InstrumentId
from nautilus_trader.trading import Strategy, StrategyConfig

from alphapulse_lib.engine.kinds import NAUTILUS, is_member, plain_value, typed, without_none
from alphapulse_lib.errors import InputError, StrategyUnusable, UnknownParameter, did_you_mean
from alphapulse_lib.model.frozen import thawed

__all__ = [
    "GIVEN",
    "Blueprint",
    "blueprint",
    "build",
    "declared",
    "defaults",
    "is_strategy",
    "plain_parameters",
]

#: Filled in from the symbols and the period of the run, where the configuration names them.
GIVEN = ("instrument_id", "instrument_ids", "bar_type", "bar_types")

#: What is a parameter, and no configuration that holds parameters.
_VALUES = (*NAUTILUS, int, float, bool, str, Decimal, datetime, date, timedelta, list, tuple)
#: What tells of a function that calling it runs none of its lines.
_LAZY = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
#: Characters of a default that are recorded; of a longer one nothing is.
_LONGEST = 1_000
_HOW = "A strategy is a NautilusTrader Strategy whose __init__ takes one `config`, annotated with a frozen dataclass."


@dataclass(frozen=True)
class Blueprint:
    """A strategy with all that is needed to make it, also where its module's names are out of reach.

    Attributes
    ----------
    config : type, optional
        The class of its one configuration; ``None`` where it takes none.
    fields : dict
        What the configuration takes, with its annotations.
    """

    strategy: type
    config: type | None
    fields: dict[str, Any]


def blueprint(strategy: type) -> Blueprint:
    """What is needed to make a strategy.

    Raises
    ------
    StrategyUnusable
        This is no strategy, or its ``__init__`` takes something else than one configuration, or a handler of it
        something else than NautilusTrader gives it.
    """
    config = _config_class(strategy)
    _check_handlers(strategy)
    return Blueprint(strategy, config, {} if config is None else _fields(config))


def is_strategy(value: Any) -> TypeIs[type[Strategy]]:
    """Whether it is a class of NautilusTrader's strategies."""
    return isinstance(value, type) and issubclass(value, Strategy)


def _config_class(strategy: type) -> type | None:
    """The class that ``config`` of ``__init__`` is annotated with; ``None`` where a strategy takes no configuration."""
    if not is_strategy(strategy):
        raise StrategyUnusable(f"{_name(strategy)} is not a NautilusTrader Strategy class.", _HOW)
    if strategy.__init__ is Strategy.__init__:
        return None
    parameters = list(inspect.signature(strategy.__init__).parameters.values())[1:]
    required = [each for each in parameters if each.default is each.empty and each.kind not in (2, 4)]
    if not parameters:
        return None
    if len(required) > 1 or any(each.kind is each.KEYWORD_ONLY for each in required):
        names = ", ".join(each.name for each in parameters)
        raise StrategyUnusable(f"{strategy.__name__}.__init__ takes {names}: NautilusTrader gives it one config.", _HOW)
    found = _hints(strategy).get(parameters[0].name)
    found = without_none(found)
    if found in _VALUES:
        name, kind = parameters[0].name, found.__name__
        raise StrategyUnusable(
            f"{strategy.__name__}.__init__ takes {name}, of {kind}: NautilusTrader gives it one config.",
            f"Put it into one: `@dataclass(frozen=True)`, `class {strategy.__name__}Config:` with `{name}: {kind}`, "
            f"and `def __init__(self, config: {strategy.__name__}Config)`.",
        )
    if isinstance(found, type) and found is not object:
        return found
    if required:
        raise StrategyUnusable(
            f"{strategy.__name__}.__init__ does not say of which class its {parameters[0].name!r} is.",
            f"Annotate it: `def __init__(self, {parameters[0].name}: {strategy.__name__}Config)`.",
        )
    return None


def _check_handlers(strategy: type) -> None:
    """Refuse handlers that NautilusTrader could not call: it swallows that, of orders and positions without a word."""
    for name in dir(strategy):
        own, native = getattr(strategy, name), getattr(Strategy, name, None)
        if not name.startswith("on_") or native is None or own is native or not inspect.isroutine(own):
            continue
        given = [*inspect.signature(native).parameters]
        if isinstance(inspect.getattr_static(strategy, name), staticmethod | classmethod):
            given = given[1:]
        if any(is_such(own) for is_such in _LAZY):
            raise StrategyUnusable(
                f"{strategy.__name__}.{name} is async or has a yield: NautilusTrader calls it and awaits nothing, so "
                "none of its lines would run.",
                f"Write it as a plain function, `def {name}({', '.join(given)})`.",
            )
        try:
            inspect.signature(own).bind(*given)
        except TypeError:
            raise StrategyUnusable(
                f"{strategy.__name__}.{name}{inspect.signature(own)} cannot be called as NautilusTrader calls it.",
                f"Write `def {name}({', '.join(given)})`.",
            ) from None
        except ValueError:  # of a builtin nothing is known
            continue


def plain_parameters(strategy: type, params: Mapping[str, Any] | None) -> dict[str, Any]:
    """The parameters as JSON can hold them, each one checked against the configuration class.

    Raises
    ------
    UnknownParameter
        The strategy has no such parameter.
    InputError
        A value is of another kind than its annotation says, or one that no spec can hold.
    """
    fields = blueprint(strategy).fields
    free = [name for name in fields if name not in GIVEN]
    plain = {}
    for name, value in dict(params or {}).items():
        if name in GIVEN:
            raise InputError(f"{name} comes from the symbols and the period of the run.", "Leave it out of params.")
        if name not in fields:
            raise UnknownParameter(
                f"{strategy.__name__} has no parameter {name!r}.",
                did_you_mean(name, free, f"It has {', '.join(free)}." if free else "It has none."),
            )
        plain[name] = plain_value(name, value)
        found = typed(name, plain[name], fields[name])
        if is_member(found):
            plain[name] = plain_value(name, found)  # told by its name it is the same trial as by its value
    return plain


def build(plan: Blueprint, parameters: Mapping[str, Any], instruments: Iterable[str], bar_types: Iterable[str]) -> Any:
    """The configuration, with every parameter in it; ``None`` where the strategy takes none.

    Raises
    ------
    StrategyUnusable
        It cannot be built, or a parameter did not arrive.
    """
    config, fields = plan.config, plan.fields
    if config is None:
        return None
    ids = [InstrumentId.from_str(each) for each in instruments]
    bars = [BarType.from_str(each) for each in bar_types]
    given = {"instrument_id": ids[0], "bar_type": bars[0], "instrument_ids": ids, "bar_types": bars}
    values: dict[str, Any] = {name: typed(name, thawed(value), fields[name]) for name, value in parameters.items()}
    for name, value in given.items():
        if name in fields:
            values[name] = _as_collection(value, fields[name])
    _one_instrument(plan.strategy, fields, ids)
    made = _made(config, values)
    for name, value in values.items():
        arrived = getattr(made, name, None)
        if arrived != value:
            raise StrategyUnusable(
                f"{config.__name__} does not take over {name}: {value!r} was given, {arrived!r} arrived.",
                "Make it a frozen dataclass: `@dataclass(frozen=True)`.",
            )
    return made


def defaults(plan: Blueprint, config: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a configuration holds of the parameters that were not given, as JSON can hold it.

    A value that no spec can hold is left out: no run can have been given another one. So is one of more than a thousand
    characters.
    """
    found = {}
    for name in plan.fields:
        if name in GIVEN or name in parameters:
            continue
        with contextlib.suppress(InputError):
            value = plain_value(name, getattr(config, name, None))
            if value is not None and len(json.dumps(value)) <= _LONGEST:
                found[name] = value
    return found


def declared(strategy: type) -> dict[str, Any]:
    """What the class of a configuration says that its parameters are where they are not given, as JSON can hold it.

    What it makes of them as it is built is not known, nor is a default that no spec can hold.
    """
    plan = blueprint(strategy)
    found = {}
    for name, value in _defaults(plan).items():
        if name in plan.fields and name not in GIVEN:
            with contextlib.suppress(InputError):
                found[name] = plain_value(name, value)
    return found


def _defaults(plan: Blueprint) -> dict[str, Any]:
    config = plan.config
    if config is None:
        return {}
    if dataclasses.is_dataclass(config):
        told = [each for each in dataclasses.fields(config) if each.init]
        made = {each.name: each.default_factory() for each in told if each.default_factory is not dataclasses.MISSING}
        return {each.name: each.default for each in told if each.default is not dataclasses.MISSING} | made
    given = inspect.signature(config).parameters.values()
    attributes = {name: getattr(config, name) for name in plan.fields if hasattr(config, name)}
    return attributes | {each.name: each.default for each in given if each.default is not each.empty}


def _made(config: type, values: dict[str, Any]) -> Any:
    if issubclass(config, StrategyConfig) and not dataclasses.is_dataclass(config) and "__init__" not in vars(config):
        # NautilusTrader's own class swallows fields that a subclass merely annotates: they are set afterwards.
        base = inspect.signature(StrategyConfig).parameters
        made = config(**{name: value for name, value in values.items() if name in base})
        for name, value in values.items():
            if name not in base:
                setattr(made, name, value)
        return made
    try:
        return config(**values)
    except (TypeError, ValueError) as refused:
        missing = [name for name, needed in _required(config).items() if needed and name not in values]
        hint = f"Give {', '.join(missing)} in params." if missing else ""
        raise StrategyUnusable(f"{config.__name__} cannot be made: {refused}", hint) from refused


def _one_instrument(strategy: type, fields: Mapping[str, Any], ids: list[InstrumentId]) -> None:
    several = any(name in fields for name in ("instrument_ids", "bar_types"))
    single = any(name in fields for name in ("instrument_id", "bar_type"))
    if len(ids) > 1 and single and not several:
        raise StrategyUnusable(
            f"{strategy.__name__} trades one instrument; {len(ids)} were given: {', '.join(map(str, ids))}.",
            "Run it once for each, or give its config instrument_ids and bar_types.",
        )


def _fields(config: type) -> dict[str, Any]:
    """Names of what a configuration class takes, with their annotations."""
    hints = _class_hints(config)
    if dataclasses.is_dataclass(config):
        return {each.name: hints.get(each.name, Any) for each in dataclasses.fields(config) if each.init}
    if issubclass(config, StrategyConfig) and "__init__" not in vars(config):
        base = {name: Any for name in inspect.signature(StrategyConfig).parameters if not name.startswith("_")}
        return {**{name: kind for name, kind in hints.items() if not name.startswith("_")}, **base}
    found = inspect.signature(config).parameters.values()
    return {each.name: hints.get(each.name, each.annotation) for each in found if each.kind not in (2, 4)}


def _required(config: type) -> dict[str, bool]:
    found = inspect.signature(config).parameters.values()
    return {each.name: each.default is each.empty for each in found if each.kind not in (2, 4)}


def _hints(strategy: type) -> dict[str, Any]:
    try:
        return get_type_hints(strategy.__init__)  # type: ignore[misc]  # the class's own, not an instance's
    except NameError as unknown:
        raise StrategyUnusable(
            f"{strategy.__name__}.__init__ is annotated with a name that is not defined: {unknown.name!r}.",
            "Define it before the strategy, outside of `if TYPE_CHECKING:`.",
        ) from None


def _class_hints(config: type) -> dict[str, Any]:
    try:
        return get_type_hints(config)
    except NameError:
        return {}


def _as_collection(value: Any, hint: Any) -> Any:
    origin = typing.get_origin(without_none(hint)) or hint
    if isinstance(value, list) and origin is not list:
        return tuple(value)
    return value


def _name(value: Any) -> str:
    return value.__name__ if isinstance(value, type) else repr(value)
