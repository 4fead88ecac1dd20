"""`ap.convention_spread`: one spec under every fill convention, and the range of results that this alone makes."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from alphapulse_lib.errors import PreflightError, RunInterrupted
from alphapulse_lib.model.run import FILLS, Fill, RunSpec
from alphapulse_lib.results.conventions import CONVENTION, Conventions, spec_filled
from alphapulse_lib.session.originals import original_of, plan_again
from alphapulse_lib.session.progress import counted
from alphapulse_lib.session.reruns import again_of
from alphapulse_lib.session.running import Again, Plan, attempt, told_how_to_fetch
from alphapulse_lib.session.runs import SessionRun
from alphapulse_lib.session.search import lost_all
from alphapulse_lib.views import cards
from alphapulse_lib.views.told import Told

if TYPE_CHECKING:
    import pandas as pd

    from alphapulse_lib.engine.packing import Packed

__all__ = ["ConventionSpread", "convention_spread"]

#: The numbers of each run that a spread lists.
_NUMBERS = ("end_equity", "total_return", "sharpe", "max_drawdown", "trades")


@dataclass(frozen=True, eq=False)
class ConventionSpread(Told):
    """One spec under every fill convention.

    Attributes
    ----------
    run : SessionRun
        The run whose spec it is.
    runs : dict of str to SessionRun
        Of each convention that could be run, its run; that of ``run`` is itself.
    refused : dict of str to str
        Of each other one, why not.
    """

    run: SessionRun
    runs: dict[Fill, SessionRun]
    refused: dict[Fill, str]

    @property
    def conventions(self) -> Conventions:
        """The same as the ledger keeps it, and as every tearsheet of the spec tells it."""
        return Conventions({fill: each.record for fill, each in self.runs.items()})

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest total return, of the cash; -1 where an account was lost and came back."""
        return self.conventions.range

    @property
    def wide(self) -> bool:
        """Whether a reader would decide otherwise by another convention."""
        return bool(self.why_wide)

    @property
    def why_wide(self) -> str:
        """How; empty where the range is not wide. `alphapulse_lib.results.conventions` states the rule."""
        return self.conventions.why_wide

    @property
    def frame(self) -> pd.DataFrame:
        """One row a convention: ``fill``, ``end_equity``, ``total_return``, ``sharpe`` (a year), ``max_drawdown``,
        ``trades``, ``lost`` (whether the account was, and what it came to is nobody's), ``run_id``; ``refused`` says
        why it has none of these.
        """
        import pandas as pd

        rows = [
            {
                "fill": fill,
                **{name: each.stats.get(name) if each else None for name in _NUMBERS},
                "lost": each is not None and lost_all(each.stats),
                "run_id": each.id if each else "",
                "refused": self.refused.get(fill, ""),
            }
            for fill in FILLS
            for each in (self.runs.get(fill),)
        ]
        kinds = dict.fromkeys(_NUMBERS, "float64") | {"trades": "Int64"}
        return pd.DataFrame(rows).astype(kinds)

    @property
    def text(self) -> str:
        """All of it in words."""
        return cards.text(self)

    def _repr_html_(self) -> str:
        return cards.html(self)


def convention_spread(
    strategy: type | str | SessionRun | RunSpec, *arguments: Any, progress: bool = True, **more: Any
) -> ConventionSpread:
    """Run one spec under every fill convention: what of its result the convention alone makes.

    Each is run as the catalog was recorded and known when the first of them was, so that nothing but the convention
    differs. They are recorded as probes of it: none counts as a trial, and the tearsheet of every run of the spec on
    these rows tells the range from then on, first of all where it is wide.

    Parameters
    ----------
    strategy : type, str, SessionRun or RunSpec
        A run, its id alone, or its spec (its newest run that finished); or a strategy as for ``ap.backtest``, whose
        other arguments follow.
    progress : bool
        Show how far it is.

    Returns
    -------
    ConventionSpread
        ``.frame``, ``.range``, ``.wide``, ``.why_wide``, ``.runs``; ``.refused`` names the conventions that cannot be
        run, each with the reason: no trades or minute bars to weigh prices by, for example.

    Raises
    ------
    InputError
        An argument cannot be used; the run did not finish.
    StrategyUnusable
        The code of the run is not here.
    RunInterrupted
        Ctrl-C or the notebook's stop button. What ended until then is in the ledger.

    Examples
    --------
    >>> ap.convention_spread("SmaCross", "GOOG", "1d", "2011-01-01", "2012-12-31").range  # doctest: +SKIP
    (0.0231, 0.0242)
    """
    original, code, _ = original_of(strategy, arguments, more, progress, "ap.convention_spread(run) alone")
    plan = plan_again(original, more)
    again = replace(again_of(original, plan), probe=CONVENTION)
    others = [fill for fill in FILLS if fill != original.spec.fill]
    made: dict[Fill, SessionRun | str] = dict(
        zip(others, _run(plan, again, code, others, progress=progress), strict=True)
    )
    made[original.spec.fill] = original
    runs, refused = {}, {}
    for fill in FILLS:
        each = made[fill]
        if isinstance(each, str):
            refused[fill] = each
        else:
            runs[fill] = each
    return ConventionSpread(original, runs, refused)


def _run(plan: Plan, again: Again, code: Packed, fills: list[Fill], *, progress: bool) -> list[SessionRun | str]:
    """The plan under each of the conventions, on all processors: the run, or why there is none."""
    with ThreadPoolExecutor(max(os.process_cpu_count() or 1, 1)) as workers:
        coming = [workers.submit(_one, replace(plan, spec=spec_filled(plan.spec, fill)), again, code) for fill in fills]
        try:
            shown = counted(coming, "fill conventions", "run", shown=progress)
            return [each.result() for each in shown]
        except BaseException:
            workers.shutdown(wait=False, cancel_futures=True)
            raise


def _one(plan: Plan, again: Again, code: Packed) -> SessionRun | str:
    from alphapulse_lib.engine.process import worker

    try:
        with worker() as waiting, told_how_to_fetch(plan):
            raw, record, ledger = attempt(waiting, plan, code, progress=False, purpose="probe", again=again)
    except PreflightError as refused:  # also after the run, where orders could not be filled so
        return f"{refused.message} {refused.hint}".strip()
    if raw.status == "interrupted":
        raise RunInterrupted("The probes were stopped.", "", record.id)
    return raw.error if raw.status == "failed" else SessionRun(record, ledger)
