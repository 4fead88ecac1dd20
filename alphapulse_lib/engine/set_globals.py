"""What the workspace's modules hold now that a strategy reads, where their files do not say the same.

A module that a strategy imports is imported anew by the run's process, from its file. What a notebook set in it
meanwhile (``desk.LEVEL = 5``) would be lost there, while the notebook, and the run's digest, have it. So the values
that the strategy's functions read, its own and those of the modules, and the attributes of the classes that it uses, go
along and are put in place, objects of somebody's own classes too where all they hold is data. A name that the file
gives once, by a literal that it still holds, stays at home; so does what is no data: a connection, a lock, a model of
an installed library.
"""

from __future__ import annotations

import ast
import pickle
import sys
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from types import FunctionType, MappingProxyType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from alphapulse_lib.engine.late import Told, import_from
from alphapulse_lib.engine.source import named_member, names_read, workspace_module

__all__ = ["Carried", "owner_of", "set_globals"]

type _Globals = dict[str, dict[str, Any]]

_PLAIN = (type(None), bool, int, float, complex, str, bytes, date, time, timedelta, tzinfo, Decimal, Enum, np.generic)
#: What a class has whose objects hold more than their attributes, or are kept by other means.
_PACKS = {"__slots__", "__getstate__", "__reduce__", "__reduce_ex__"}
#: Whose frames and tables are data.
_TABLES = ("pandas.", "polars.", "pyarrow.lib")


class Carried:
    """Something that is pickled with the globals that are put in place where it is unpickled; it is itself again then.

    Parameters
    ----------
    whole : Any
        What is pickled.
    values : mapping
        As `set_globals` gives them.
    late : mapping
        By name, the modules that it will import, which are those from then on.
    """

    def __init__(self, whole: Any, values: Mapping[str, Mapping[str, Any]], late: Mapping[str, Told]) -> None:
        self._whole, self._values, self._late = whole, values, late

    def __reduce__(self) -> Any:
        return _restored, (self._whole, self._values, self._late)


def _restored(
    whole: Any, values: Mapping[str, Mapping[str, Any]], late: Mapping[str, Told] = MappingProxyType({})
) -> Any:
    if late:  # which what was kept by an earlier version of this has not
        import_from(late)
    for name, held in values.items():
        with suppress(ImportError):  # who imports it says so
            module = import_module(name)
            for each, value in held.items():
                owner, own = owner_of(module, each)
                # One that is the same stays the one that the module's other names mean.
                if not (hasattr(owner, own) and _is_same(getattr(owner, own), value)):
                    setattr(owner, own, value)
    return whole


def _is_same(one: Any, other: Any) -> bool:
    try:
        return pickle.dumps(one, protocol=5) == pickle.dumps(other, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError, ValueError, RuntimeError):
        return False


def set_globals(kinds: Collection[type], but: Collection[str] = ()) -> _Globals:
    """By module and name, the data that classes' functions read of the workspace's modules and their files do not say.

    The name of a class's attribute is both their names, `Model.RATE`.

    Parameters
    ----------
    kinds : collection of type
        A strategy's class, and that of its configuration.
    but : collection of str
        Modules of which nothing is told.
    """
    found: _Globals = {}
    for module, name in sorted(set(_read(kinds))):
        owner, own = owner_of(sys.modules[module], name)
        value = vars(owner)[own]
        if module not in but and _is_wholly_data(value) and not _is_as_written(sys.modules[module], name, value):
            found.setdefault(module, {})[name] = value
    return found


def _read(kinds: Collection[type]) -> Iterator[tuple[str, str]]:
    """Module and name of all that is read, by whatever of the workspace is reached from the classes."""
    waiting: list[Any] = [*kinds]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if callable(each) and hasattr(each, "__wrapped__"):
            waiting.append(each.__wrapped__)
        if isinstance(each, partial):
            waiting.append(each.func)
        elif isinstance(each, type):
            if workspace_module(each.__module__):
                waiting += [*each.__bases__, *(_function(member) for member in vars(each).values())]
                yield from _attributes(each)
        elif isinstance(each, FunctionType):
            if workspace_module(each.__module__):
                for module, name in _names(each):
                    yield from [(module, name)] if module != "__main__" else []
                    waiting.append(vars(sys.modules[module])[name])
                waiting += _closed_over(each)
        elif workspace_module(type(each).__module__):
            waiting.append(type(each))


def _attributes(kind: type) -> Iterator[tuple[str, str]]:
    """The names of what a class of a module has, but for an enumeration's members, which nobody can set."""
    module, place = sys.modules.get(kind.__module__), kind.__qualname__
    if kind.__module__ == "__main__" or module is None or issubclass(kind, Enum):
        return
    with suppress(AttributeError):  # it was made in a function
        owner, own = owner_of(module, place)
        if vars(owner).get(own) is kind:
            yield from ((kind.__module__, f"{place}.{each}") for each in vars(kind) if not each.startswith("__"))


def owner_of(module: ModuleType, name: str) -> tuple[Any, str]:
    """The module, or the class in it, that has what a name means, and how it calls that."""
    *classes, own = name.split(".")
    owner: Any = module
    for each in classes:
        owner = getattr(owner, each)
    return owner, own


def _names(function: FunctionType) -> Iterator[tuple[str, str]]:
    """The names that a function reads of its own module, and of the modules that it names or imports."""
    code, own = function.__code__, sys.modules.get(function.__module__)
    attributes = names_read(code, ("LOAD_ATTR", "IMPORT_FROM"))
    modules = [sys.modules.get(name) for name in names_read(code, ("IMPORT_NAME",))]
    for name in names_read(code) & function.__globals__.keys():
        value = function.__globals__[name]
        if isinstance(value, ModuleType):
            modules.append(value)
        elif own is not None and vars(own) is function.__globals__:
            yield own.__name__, name
    seen: list[ModuleType] = []
    while modules:
        module = modules.pop()
        if not isinstance(module, ModuleType) or module in seen or not _is_loaded(module):
            continue
        seen.append(module)
        for name in attributes & vars(module).keys():
            value = vars(module)[name]
            if isinstance(value, ModuleType):
                modules.append(value)
            else:
                yield module.__name__, name


def _is_loaded(module: ModuleType) -> bool:
    return workspace_module(module.__name__) and sys.modules.get(module.__name__) is module


def _function(member: Any) -> Any:
    return getattr(member, "__func__", getattr(member, "fget", member))


def _closed_over(function: FunctionType) -> list[Any]:
    found = []
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # it holds nothing yet
            found.append(cell.cell_contents)
    return [*found, *(function.__defaults__ or ())]


def _is_wholly_data(value: Any) -> bool:
    with suppress(RecursionError):  # it holds itself
        return _is_data(value)
    return False


def _is_data(value: Any) -> bool:
    if isinstance(value, _PLAIN) or named_member(value):
        return True
    if isinstance(value, dict):
        return all(_is_data(each) for pair in value.items() for each in pair)
    if isinstance(value, list | tuple | set | frozenset | deque):
        return all(map(_is_data, value))
    if isinstance(value, np.ndarray):
        return bool(value.dtype != object)
    kind = type(value)
    if isinstance(value, SimpleNamespace) or is_dataclass(kind) or _is_plain(kind):
        return all(map(_is_data, getattr(value, "__dict__", {}).values()))
    return kind.__module__.startswith(_TABLES) and hasattr(value, "shape")


def _is_plain(kind: type) -> bool:
    """Whether objects of a kind are somebody's own, and what they hold in their `__dict__`, and nothing besides."""
    return all(
        each is object or (workspace_module(each.__module__) and not _PACKS & vars(each).keys())
        for each in kind.__mro__
    )


def _is_as_written(module: ModuleType, name: str, value: Any) -> bool:
    file = Path(getattr(module, "__file__", None) or "")
    if not file.is_file():
        return False
    written = _literals(file.read_text(encoding="utf-8", errors="replace"))
    return name in written and written[name] == f"{type(value).__name__} {value!r}"


@cache
def _literals(text: str) -> dict[str, str]:
    """The names that a module's text gives a value once and for all, by a literal: that one's kind and text."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):  # an import hook's own language
        return {}
    return dict(_given(tree))


def _given(place: ast.Module | ast.ClassDef, within: str = "") -> Iterator[tuple[str, str]]:
    """Those of a module, or of a class and the classes in it."""
    nodes = [*ast.walk(place)]
    given = Counter(each.id for each in nodes if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load))
    for each in place.body:
        if isinstance(each, ast.ClassDef):
            yield from _given(each, f"{within}{each.name}.")
            continue
        target = each.targets[0] if isinstance(each, ast.Assign) else getattr(each, "target", None)
        value = getattr(each, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.expr) and given[target.id] == 1:
            with suppress(ValueError, TypeError, SyntaxError, RecursionError):  # it is computed
                literal = ast.literal_eval(value)
                yield f"{within}{target.id}", f"{type(literal).__name__} {literal!r}"
