"""A strategy's class as bytes: for its own process, and to be kept and run again when what defined it is gone.

For its own process a class goes by value where it is somebody's own, so that what runs is what is defined here and now;
what it imports goes by name, and with it what was set there that its file does not say, and the text of what it
imports while it runs. What is kept holds all of it by value, the workspace's modules and the shipped strategies too: a
file that is edited later, or removed, changes nothing then.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import pickle
import sys
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

import cloudpickle

from alphapulse_lib.engine.configure import Blueprint, blueprint
from alphapulse_lib.engine.edited import edited_since
from alphapulse_lib.engine.late import Told
from alphapulse_lib.engine.set_globals import Carried, set_globals
from alphapulse_lib.engine.source import Parts, named_member, parts_of, workspace_module
from alphapulse_lib.errors import StrategyUnusable

__all__ = ["Packed", "kept", "packed", "unkept"]

#: What a class or a value raises that cannot be taken apart: an open file, a connection, a lock.
_REFUSALS = (TypeError, AttributeError, ValueError, OSError, RuntimeError, pickle.PicklingError)
#: Whoever packs, one at a time: what a class holds may pack another one, in the same thread.
_packing = threading.RLock()


@dataclass(frozen=True)
class Packed:
    """A strategy for its own process.

    Attributes
    ----------
    blueprint : bytes
        Its `Blueprint`, pickled.
    sources : dict of str to list of str
        Of files that exist in this process alone, such as a notebook's cells, the lines: for tracebacks.
    """

    blueprint: bytes
    sources: dict[str, list[str]]


def packed(strategy: type) -> Packed:
    """The class for its own process.

    Raises
    ------
    StrategyUnusable
        It is no strategy, or captures what cannot be sent; the file that it was imported from says another thing now.
    """
    plan = blueprint(strategy)
    kinds = (*strategy.__mro__, *(plan.config.__mro__ if plan.config else ()))
    by_value = {each.__module__ for each in kinds if _by_value(each)}
    for name in sorted(by_value):
        if edited_since(sys.modules[name]):
            file = Path(str(sys.modules[name].__file__)).name
            raise StrategyUnusable(
                f"{file} was edited after {name} was imported from it: what would run is not what the file says, "
                "and what the run's record would keep.",
                f"importlib.reload({name}), or restart the kernel.",
            )
    try:
        data = _pickled(plan, by_value, parts_of(strategy).late)
    except _REFUSALS as refused:
        raise StrategyUnusable(
            f"{strategy.__name__} cannot be sent to its own process: {refused}.",
            "It captures something that cannot be pickled, such as an open file or connection. Open it in on_start.",
        ) from None
    return Packed(data, _sources(strategy))


def kept(strategy: type, parts: Parts) -> bytes:
    """The class with all that it is made of, for a file; empty where a part cannot be taken apart."""
    modules = {each for each in parts.modules if each != "__main__" and each in sys.modules}
    try:
        held = (sys.version_info[:2], _pickled(blueprint(strategy), modules, parts.late), _sources(strategy))
        return pickle.dumps(held, protocol=5)
    except _REFUSALS:
        return b""


def unkept(data: bytes) -> Packed:
    """What was kept, for its own process. Nothing of the strategy itself is loaded here.

    Raises
    ------
    StrategyUnusable
        Another version of Python kept it: functions are kept as that version compiled them.
    """
    version, held, sources = pickle.loads(data)  # noqa: S301  written by this account: see `results.kept_code`
    if version != sys.version_info[:2]:
        raise StrategyUnusable(
            f"The strategy's code was kept by Python {'.'.join(map(str, version))}.",
            "Run it with that version, or from its source: ap.rerun(run, strategy=Class).",
        )
    return Packed(held, sources)


def _pickled(plan: Blueprint, by_value: Collection[str], late: Mapping[str, Told]) -> bytes:
    values = set_globals([each for each in (plan.strategy, plan.config) if each is not None], by_value)
    data = io.BytesIO()
    with _taken_by_value(by_value):
        _Pickler(data).dump(Carried(plan, values, late) if values or late else plan)
    return data.getvalue()


@contextlib.contextmanager
def _taken_by_value(names: Collection[str]) -> Iterator[None]:
    """Let cloudpickle take modules by value for as long as the block lasts.

    It remembers them for the whole process: of two threads that pack at once the first one to end would take them from
    the other. What somebody else told it stays told.
    """
    with _packing:
        modules = [sys.modules[each] for each in names if each not in cloudpickle.list_registry_pickle_by_value()]
        try:
            for module in modules:
                cloudpickle.register_pickle_by_value(module)
            yield
        finally:
            for module in modules:
                cloudpickle.unregister_pickle_by_value(module)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle's, which also takes the members of NautilusTrader's enumerations, such as OrderSide.BUY."""

    def reducer_override(self, value: Any) -> Any:
        named = named_member(value)
        return super().reducer_override(value) if named is None else (getattr, named)


def _by_value(each: type) -> bool:
    return each.__module__ != "__main__" and each.__module__ in sys.modules and workspace_module(each.__module__)


def _sources(strategy: type) -> dict[str, list[str]]:
    """The lines of notebook cells, which exist in this process alone."""
    files = {each.__code__.co_filename for kind in strategy.__mro__ for each in vars(kind).values() if _is_own(each)}
    return {file: linecache.getlines(file) for file in files if file in linecache.cache and not Path(file).exists()}


def _is_own(member: Any) -> bool:
    return isinstance(member, FunctionType) and workspace_module(member.__module__)
