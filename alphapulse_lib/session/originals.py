"""The run that probes look into: one that is recorded, or one that is made for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from alphapulse_lib.engine.limits import Limits
from alphapulse_lib.errors import InputError
from alphapulse_lib.model.run import RunSpec
from alphapulse_lib.session.backtests import probed
from alphapulse_lib.session.reruns import code_of, plan_of, run_anew
from alphapulse_lib.session.running import Plan
from alphapulse_lib.session.runs import SessionRun, open_ledger, run
from alphapulse_lib.session.strategies import strategy_class

if TYPE_CHECKING:
    from alphapulse_lib.engine.packing import Packed

__all__ = ["original_of", "plan_again"]

_ENDED = {"failed": "failed", "interrupted": "was interrupted"}


def original_of(
    strategy: type | str | SessionRun | RunSpec,
    arguments: tuple[Any, ...],
    more: dict[str, Any],
    progress: bool,
    alone: str,
) -> tuple[SessionRun, Packed, type | None]:
    """The run that is looked into, its strategy for other processes, and its class where that is here.

    Parameters
    ----------
    strategy : type, str, SessionRun or RunSpec
        A run, its id alone, or its spec, of which the newest run is taken that finished; else a strategy, with
        `backtest`'s further ``arguments`` and ``more``: it is run first, as a probe.
    alone : str
        What to give where a run comes with arguments.

    Raises
    ------
    InputError
        A run has its arguments already, or did not finish; or there is neither a run nor a strategy; or of a spec no
        run is recorded.
    """
    from alphapulse_lib.engine.packing import packed

    if not isinstance(strategy, type | str | SessionRun | RunSpec):
        raise InputError(
            f"{strategy!r} is neither a run nor a strategy.", "Give a run, its id or spec, or a strategy's class."
        )
    is_id = isinstance(strategy, str) and not arguments and "symbols" not in more
    if is_id or isinstance(strategy, SessionRun | RunSpec):
        if arguments or more:
            raise InputError("A run has its arguments already.", f"Give {alone}.")
        original = _recorded(strategy)
        if original.status != "finished":
            why = f"The run {original.id} {_ENDED[original.status]}: it has no result."
            shown = f"`alphapulse run {original.id} --log`, or ap.run('{original.id}') and its .log, shows why. "
            raise InputError(why, (shown if original.status == "failed" else "") + run_anew(original.id))
        code = code_of(original.record)
        return original, packed(code) if isinstance(code, type) else code, code if isinstance(code, type) else None
    chosen = strategy_class(strategy) if isinstance(strategy, str) else strategy
    original = probed(chosen, *arguments, **more, progress=progress)
    return original, packed(chosen), chosen


def _recorded(named: type | str | SessionRun | RunSpec) -> SessionRun:
    if isinstance(named, RunSpec):
        return _newest_of(named)
    return named if isinstance(named, SessionRun) else run(str(named))


def _newest_of(spec: RunSpec) -> SessionRun:
    ledger = open_ledger()
    # Probes of another future have the same spec; they and reruns tell of which run they are.
    ended = [each for each in ledger.of_spec(spec.id) if each.status == "finished" and not each.of]
    if not ended:
        raise InputError(
            f"No run of the spec {spec.id[:12]} ({spec.label}) is recorded here that finished.",
            "Run it first (ap.backtest), or give the strategy with its arguments.",
        )
    return SessionRun(ended[0], ledger)


def plan_again(original: SessionRun, more: dict[str, Any]) -> Plan:
    """How to make that run again, under the limits that came with the strategy."""
    return replace(plan_of(original.record), limits=Limits.of(more.get("run_seconds"), more.get("run_memory")))
