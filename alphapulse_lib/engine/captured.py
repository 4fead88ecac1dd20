"""What a strategy captured before its run, and the same with another future.

A frame, series or mapping that a strategy's functions read as a global or closure was made before the run, so no lens
on the catalog reaches it. Where it tells times, what it says of later ones is replaced. What it says of a time itself
may have been computed with a later one (a shift, a whole period's mean): that cannot be seen in it, so whatever holds
many values is named, and nothing is claimed of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pyarrow as pa

from alphapulse_lib.engine.corruption import Corruption, path_of
from alphapulse_lib.engine.source import names_read, workspace_module

__all__ = ["captured_data", "replace_captured"]

#: From so many values on, what was captured is data and no parameter.
_MANY = 16


def captured_data(strategy: type) -> list[str]:
    """The names of what the strategy captured that holds many values."""
    return list(dict.fromkeys(name for name, value, _ in _captured(strategy) if _is_data(value)))


def replace_captured(strategy: type, future: Corruption) -> None:
    """Replace what the strategy captured of times after a moment, in this process."""
    if not future.direction:
        return
    for _, value, put in list(_captured(strategy)):
        changed = _changed(value, future)
        if changed is not None:
            put(changed)


def _captured(strategy: type) -> Iterator[tuple[str, Any, Callable[[Any], None]]]:
    """Name, value and a way to replace it, of all globals and closures that the class's code reads, however deep."""
    seen: set[int] = set()
    waiting: list[Any] = [strategy]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, type) and workspace_module(each.__module__):
            waiting += [*each.__bases__, *(_function(member) for member in vars(each).values())]
            for name, value in vars(each).items():
                if not isinstance(value, FunctionType) and not name.startswith("__"):
                    yield f"{each.__qualname__}.{name}", value, partial(setattr, each, name)
        elif isinstance(each, FunctionType) and workspace_module(each.__module__):
            for name in sorted(names_read(each.__code__) & each.__globals__.keys()):
                value = each.__globals__[name]
                waiting.append(value)
                yield name, value, partial(each.__globals__.__setitem__, name)
            for name, cell in zip(each.__code__.co_freevars, each.__closure__ or (), strict=True):
                try:
                    value = cell.cell_contents
                except ValueError:  # it holds nothing yet
                    continue
                waiting.append(value)
                yield name, value, partial(setattr, cell, "cell_contents")


def _function(member: Any) -> Any:
    return getattr(member, "__func__", getattr(member, "fget", member))


def _is_data(value: Any) -> bool:
    if isinstance(value, type | FunctionType | ModuleType | str | bytes):
        return False
    if isinstance(value, dict | list | tuple | set | frozenset):
        return len(value) >= _MANY or any(
            _is_data(each) for each in (value.values() if isinstance(value, dict) else value)
        )
    size = getattr(value, "size", None)
    if isinstance(value, pa.Table) or type(value).__module__.startswith("polars"):
        return len(value) >= _MANY
    return isinstance(size, int) and size >= _MANY


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
