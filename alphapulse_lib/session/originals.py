"""The run that probes look into: one that is recorded, or one that is made for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from alphapulse_lib.engine.limits import Limits
from alphapulse_lib.errors import InputError
from alphapulse_lib.session.backtests import probed
from alphapulse_lib.session.reruns import code_of, plan_of
from alphapulse_lib.session.running import Plan
from alphapulse_lib.session.runs import SessionRun, run
from alphapulse_lib.session.strategies import strategy_class

if TYPE_CHECKING:
    from alphapulse_lib.engine.packing import Packed

__all__ = ["original_of", "plan_again"]

_ENDED = {"failed": "failed", "interrupted": "was interrupted"}


def original_of(
    strategy: type | str | SessionRun, arguments: tuple[Any, ...], more: dict[str, Any], progress: bool, alone: str
) -> tuple[SessionRun, Packed, type | None]:
    """The run that is looked into, its strategy for other processes, and its class where that is here.

    Parameters
    ----------
    strategy : type, str or SessionRun
        A run, or its id alone; else a strategy, with `backtest`'s further ``arguments`` and ``more``: it is run first,
        as a probe.
    alone : str
        What to give where a run comes with arguments.

    Raises
    ------
    InputError
        A run has its arguments already, or did not finish; or there is neither a run nor a strategy.
    """
    from alphapulse_lib.engine.packing import packed

    if not isinstance(strategy, type | str | SessionRun):
        raise InputError(f"{strategy!r} is neither a run nor a strategy.", "Give a run, its id, or a strategy's class.")
    if isinstance(strategy, SessionRun) or (isinstance(strategy, str) and not arguments and "symbols" not in more):
        if arguments or more:
            raise InputError("A run has its arguments already.", f"Give {alone}.")
        original = strategy if isinstance(strategy, SessionRun) else run(strategy)
        if original.status != "finished":
            raise InputError(
                f"The run {original.id} {_ENDED[original.status]}: it has no result.", "Make it run first."
            )
        code = code_of(original.record)
        return original, packed(code) if isinstance(code, type) else code, code if isinstance(code, type) else None
    chosen = strategy_class(strategy) if isinstance(strategy, str) else strategy
    original = probed(chosen, *arguments, **more, progress=progress)
    return original, packed(chosen), chosen


def plan_again(original: SessionRun, more: dict[str, Any]) -> Plan:
    """How to make that run again, under the limits that came with the strategy."""
    return replace(plan_of(original.record), limits=Limits.of(more.get("run_seconds"), more.get("run_memory")))
