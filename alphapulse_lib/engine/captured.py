"""What a strategy captured before its run, and the same with another future.

A frame, series or mapping that a strategy's functions read was made before the run, so no lens on the catalog reaches
it: a global or closure, a default argument, an argument of a ``partial``, an attribute of a class, of an object or of a
workspace's module, or a member of a list or mapping of such. Where it tells times, what it says of later ones is
replaced. What it says of a time itself may have been computed with a later one (a shift, a whole period's mean): that
cannot be seen in it, so whatever holds many values, a long text or dates of the run is named, and nothing is claimed of
it; so are parameters.
"""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from datetime import UTC, date, datetime
from functools import partial, partialmethod
from types import FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from alphapulse_lib.engine.corruption import Corruption, path_of
from alphapulse_lib.engine.source import names_read, workspace_module

__all__ = ["LONG", "MANY", "captured_data", "is_data", "replace_captured"]

#: From so many values on, what was captured is data and no parameter; a text from so many characters on.
MANY, LONG = 16, 128
#: What is itself in a list or a mapping, and nothing is inside of.
_PLAIN = (type(None), bool, int, float, complex, str, bytes, date, np.generic)
_DATE = re.compile(r"(?<!\d)\d{4}-\d\d-\d\d(?!\d)")

#: A name, what it means, and a way to let it mean something else.
type _Captured = tuple[str, Any, Callable[[Any], None]]


def captured_data(strategy: type | None, config: type | None, parameters: Mapping[str, Any], since: int) -> list[str]:
    """The names of what the strategy captured, and of its parameters, that holds many values or dates of the run.

    Parameters
    ----------
    strategy : type, optional
        Its class; of one that is not here nothing that it captured is known.
    config : type, optional
        The class of its configuration, which holds what parameters are unless told.
    since : int
        When the run begins, nanoseconds since 1970, UTC: what it is told of days before, it may know.
    """
    kinds = [each for each in (strategy, config) if each is not None]
    found = [name for kind in kinds for name, value, _ in _captured(kind) if is_data(value, since)]
    told = [f"params[{name!r}]" for name, value in parameters.items() if _is_told(value, since)]
    return list(dict.fromkeys([*found, *told]))


def replace_captured(strategy: type, future: Corruption) -> None:
    """Replace what the strategy captured of times after a moment, in this process."""
    if not future.direction:
        return
    for _, value, put in list(_captured(strategy)):
        changed = _changed(value, future)
        if changed is not None:
            put(changed)


def _captured(strategy: type) -> Iterator[_Captured]:
    """All that the class's code reads of what was there before, however deep; what is inside a value has its name."""
    seen: set[int] = set()
    waiting: list[tuple[str, Any]] = [("", strategy)]
    while waiting:
        name, each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        for found in _inside(name, each):
            yield found
            waiting.append(found[:2])


def _inside(name: str, each: Any) -> Iterator[_Captured]:
    """What a value is made of."""
    if isinstance(each, type):
        if workspace_module(each.__module__):
            yield from _of_class(each)
    elif isinstance(each, FunctionType):
        if workspace_module(each.__module__):
            yield from _of_function(each)
    elif isinstance(each, MethodType):
        yield from ((name, part, _stays) for part in (each.__func__, each.__self__))
    elif isinstance(each, partial | partialmethod):
        yield name, each.func, _stays
        yield from ((name, value, partial(_put_argument, each, at)) for at, value in enumerate(each.args))
        yield from ((name, value, partial(each.keywords.__setitem__, key)) for key, value in each.keywords.items())
    elif isinstance(each, dict):
        yield from ((name, value, partial(each.__setitem__, key)) for key, value in each.items() if _may_hold(value))
    elif isinstance(each, list | deque):
        yield from ((name, value, partial(each.__setitem__, at)) for at, value in enumerate(each) if _may_hold(value))
    elif isinstance(each, tuple | set | frozenset):
        yield from ((name, value, _stays) for value in each if _may_hold(value))
    elif isinstance(each, SimpleNamespace) or workspace_module(type(each).__module__):
        yield name, type(each), _stays
        for attribute, value in _attributes(each).items():
            yield f"{name}.{attribute}", value, partial(object.__setattr__, each, attribute)
    elif isinstance(wrapped := _function(each), FunctionType):
        yield name, wrapped, _stays


def _may_hold(value: Any) -> bool:
    return not isinstance(value, _PLAIN)


def _of_class(each: type) -> Iterator[_Captured]:
    yield from (("", base, _stays) for base in each.__bases__)
    for name, value in vars(each).items():
        if isinstance(function := _function(value), FunctionType):
            if name != "__init__" or not is_dataclass(each):  # whose defaults are attributes, too
                yield "", function, _stays
        elif not name.startswith("__"):
            yield f"{each.__qualname__}.{name}", value, partial(setattr, each, name)


def _of_function(each: FunctionType) -> Iterator[_Captured]:
    code, shared = each.__code__, each.__globals__
    read: list[_Captured] = [
        (name, shared[name], partial(shared.__setitem__, name)) for name in sorted(names_read(code) & shared.keys())
    ]
    imported = sorted(names_read(code, ("IMPORT_NAME",)) & sys.modules.keys())
    read += [(name, sys.modules[name], _stays) for name in imported]
    for name, cell in zip(code.co_freevars, each.__closure__ or (), strict=True):
        with suppress(ValueError):  # it holds nothing yet
            read.append((name, cell.cell_contents, partial(setattr, cell, "cell_contents")))
    attributes = names_read(code, ("LOAD_ATTR", "IMPORT_FROM"))
    for name, value, put in read:
        if isinstance(value, ModuleType):
            yield from _of_module(name, value, attributes, ())
        else:
            yield name, value, put
    defaults = each.__defaults__ or ()
    arguments = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    for at, (name, value) in enumerate(zip(arguments, defaults, strict=True)):
        yield f"{each.__qualname__}({name})", value, partial(_put_default, each, at)
    keywords = each.__kwdefaults__ or {}
    for name, value in keywords.items():
        yield f"{each.__qualname__}({name})", value, partial(keywords.__setitem__, name)


def _of_module(
    name: str, module: ModuleType, attributes: frozenset[str], above: tuple[ModuleType, ...]
) -> Iterator[_Captured]:
    """What a module of the workspace holds under the names that are asked of anything."""
    if module in above or not workspace_module(module.__name__):
        return
    for attribute in sorted(attributes & vars(module).keys()):
        value = vars(module)[attribute]
        if isinstance(value, ModuleType):
            yield from _of_module(f"{name}.{attribute}", value, attributes, (*above, module))
        else:
            yield f"{name}.{attribute}", value, partial(setattr, module, attribute)


def _attributes(each: Any) -> dict[str, Any]:
    """What an object holds, in its slots too."""
    slots = [vars(kind).get("__slots__", ()) for kind in type(each).__mro__]
    names = {name for some in slots for name in ((some,) if isinstance(some, str) else some)}
    held = {name: getattr(each, name) for name in sorted(names - {"__dict__", "__weakref__"}) if hasattr(each, name)}
    return held | getattr(each, "__dict__", {})


def _function(member: Any) -> Any:
    """The function of a method, a property, or one whose results are kept."""
    if isinstance(member, staticmethod | classmethod):
        return member.__func__
    if isinstance(member, property):
        return member.fget
    if type(member).__module__ == "functools" and not isinstance(member, partial | partialmethod):
        return getattr(member, "__wrapped__", getattr(member, "func", member))
    return member


def _stays(_value: Any) -> None:
    """A part of what cannot be changed."""


def _put_argument(each: Any, at: int, value: Any) -> None:
    arguments = (*each.args[:at], value, *each.args[at + 1 :])
    if hasattr(each, "__setstate__"):  # a partial, which takes it no other way
        each.__setstate__((each.func, arguments, each.keywords, vars(each)))
    else:
        each.args = arguments


def _put_default(function: FunctionType, at: int, value: Any) -> None:
    defaults = function.__defaults__ or ()
    function.__defaults__ = (*defaults[:at], value, *defaults[at + 1 :])


def is_data(value: Any, since: int) -> bool:
    """Whether a value holds many others, a long text, or dates after a moment, nanoseconds since 1970, UTC."""
    if isinstance(value, type | FunctionType | ModuleType):
        return False
    if isinstance(value, str):
        return len(value) >= LONG or any(_is_later(each, since) for each in _DATE.findall(value))
    if isinstance(value, dict | list | tuple | set | frozenset | deque | bytes):
        return len(value) >= MANY or any(is_data(each, since) for each in _members(value))
    if isinstance(value, int) and value.bit_length() > 64:
        return True
    if isinstance(value, date | np.datetime64):
        return _is_later(value, since)
    size = getattr(value, "size", None)
    if isinstance(value, pa.Table) or type(value).__module__.startswith("polars"):
        return len(value) >= MANY
    return isinstance(size, int) and size >= MANY


def _is_told(value: Any, since: int) -> bool:
    """Whether a parameter is data; many short texts of which none comes twice, such as symbols, are none."""
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return (len(value) >= MANY and len({*value}) < len(value)) or any(is_data(each, since) for each in value)
    return is_data(value, since)


def _members(value: Any) -> list[Any]:
    return [*value.keys(), *value.values()] if isinstance(value, dict) else [*value]


def _is_later(day: Any, since: int) -> bool:
    moment = _moment(day)
    return moment is not None and moment > since


def _changed(value: Any, future: Corruption) -> Any:
    """The value with another future; ``None`` where it tells of none."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, pandas.DataFrame | pandas.Series):
        return _pandas(value, future)
    if isinstance(value, pa.Table):
        changed = _pandas(value.to_pandas(), future)
        return None if changed is None else pa.Table.from_pandas(changed, schema=value.schema, preserve_index=False)
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(value, polars.DataFrame):
        changed = _pandas(value.to_pandas(), future)
        return None if changed is None else polars.from_pandas(changed, schema_overrides=value.schema)
    if isinstance(value, dict):
        later = [key for key in value if (moment := _moment(key)) is not None and moment > future.after]
        if later:
            news = _numbers([value[key] for key in later], future)
            return None if news is None else value | dict(zip(later, news, strict=True))
    return None


def _pandas(value: Any, future: Corruption) -> Any:
    import pandas as pd

    frame = value.to_frame() if isinstance(value, pd.Series) else value
    stamps = _stamps(frame)
    if stamps is None:
        return None
    later = stamps > future.after
    if not later.any():
        return None
    changed = frame.copy()
    for at, name in enumerate(frame.columns):
        column = frame[name] if frame.columns.is_unique else frame.iloc[:, at]
        news = _numbers(column[later].tolist(), future) if pd.api.types.is_numeric_dtype(column.dtype) else None
        if news is not None:
            kind = np.bool_ if pd.api.types.is_bool_dtype(column.dtype) else np.float64
            whole = column.to_numpy(kind, copy=True)
            whole[later] = news
            changed.isetitem(at, whole)
    if not isinstance(value, pd.Series):
        return changed
    series = changed.iloc[:, 0]
    series.name = value.name
    return series


def _stamps(frame: Any) -> Any:
    """The times of a frame's rows, nanoseconds since 1970, by its index or else its first column of times."""
    import pandas as pd

    levels = [frame.index.get_level_values(at) for at in range(frame.index.nlevels)]
    columns = [frame.iloc[:, at] for at in range(frame.shape[1])]
    for each in (*levels, *columns):
        if pd.api.types.is_datetime64_any_dtype(each.dtype):
            stamps = pd.DatetimeIndex(each)
            stamps = stamps.tz_localize("UTC") if stamps.tz is None else stamps.tz_convert("UTC")
            return stamps.as_unit("ns").asi8
    return None


def _numbers(values: list[Any], future: Corruption) -> list[Any] | None:
    """Other numbers in their place: prices go another way, truths are turned round, what has signs gets one."""
    if all(isinstance(each, bool | np.bool_) for each in values):
        return [not each for each in values]
    if not all(isinstance(each, int | float | np.number) for each in values):
        return None
    numbers = np.array(values, np.float64)
    if (numbers[~np.isnan(numbers)] > 0).all():
        return list(numbers * path_of(len(numbers), future.direction))
    return list(future.direction * np.maximum(np.abs(numbers), np.nanmax(np.abs(numbers))))


def _moment(key: Any) -> int | None:
    """The moment a key names, nanoseconds since 1970, UTC; of a day its end."""
    if isinstance(key, str):
        try:
            return _moment((datetime if len(key) > 10 else date).fromisoformat(key)) if _DATE.match(key) else None
        except ValueError:
            return None
    if isinstance(key, date | np.datetime64) and key != key:  # no time at all
        return None
    if isinstance(key, datetime):
        aware = key if key.tzinfo else key.replace(tzinfo=UTC)
        return int(aware.timestamp() * 1e6) * 1000
    if isinstance(key, date):
        return int(datetime(key.year, key.month, key.day, 23, 59, 59, tzinfo=UTC).timestamp()) * 10**9
    if isinstance(key, np.datetime64):
        return int(key.astype("datetime64[ns]").astype(np.int64))
    if isinstance(key, int | np.integer) and not isinstance(key, bool) and key > 10**17:
        return int(key)
    return None
