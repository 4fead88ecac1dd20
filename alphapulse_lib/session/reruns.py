"""`ap.rerun`: a recorded run made again, and the proof that it comes out the same."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import InputError, StrategyRaised, StrategyUnusable, UnknownSymbol, WorkerDied
from alphapulse_lib.model.frozen import thawed
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.run import RunRecord, RunSpec
from alphapulse_lib.results.conventions import CONVENTION
from alphapulse_lib.results.when_known import read_as_of
from alphapulse_lib.session.differences import RunDifference, differing
from alphapulse_lib.session.running import Again, Plan, carry_out
from alphapulse_lib.session.runs import SessionRun, open_ledger, run
from alphapulse_lib.session.strategies import reach, strategy_class
from alphapulse_lib.views.told import Told

if TYPE_CHECKING:
    import pyarrow as pa

    from alphapulse_lib.engine.packing import Packed

__all__ = ["TRUE_FUTURE", "Rerun", "again_of", "code_of", "plan_of", "rerun", "run_anew"]

#: What a probe for look-ahead says it was shown that saw the catalog's own rows.
TRUE_FUTURE = "the future as it was"
_SHIPPED = "alphapulse_lib.engine.strategies."


@dataclass(frozen=True, eq=False)
class Rerun(Told):
    """A run made again.

    Attributes
    ----------
    original, run : SessionRun
        The run as it was recorded, and the new one, of purpose ``"rerun"``.
    diff : RunDifference
        Where they differ.
    """

    _kind = "alphapulse-diff"

    original: SessionRun
    run: SessionRun
    diff: RunDifference

    @property
    def identical(self) -> bool:
        """Whether orders, fills, equity and statistics came out the same to the last bit."""
        return self.diff.identical

    @property
    def text(self) -> str:
        """``identical``, or the first difference."""
        return self.diff.text


def rerun(run_id: str | SessionRun, *, strategy: type | str | None = None, progress: bool = True) -> Rerun:
    """Make a recorded run again and prove that it comes out the same.

    Its spec, its strategy as it was, and the catalog as it was recorded and known when the run was made. The strategy
    is the class that is defined here, where that is the same to the last captured value; else what was kept of it
    beside this ledger, which needs neither its notebook nor its file. Of somebody else's run nothing is executed that
    came from elsewhere: define the class, and name it.

    Parameters
    ----------
    run_id : str or SessionRun
        The run, or the beginning of its id.
    strategy : type or str, optional
        Run this class instead, with the recorded parameters; where its code is another one, the difference says so.
    progress : bool
        Show how far it is.

    Returns
    -------
    Rerun
        ``.identical``, ``.text``, ``.diff`` (the first difference and all others), ``.run`` (recorded as a rerun:
        it counts for no trial), ``.original``.

    Raises
    ------
    UnknownRun
        The ledger holds no such run.
    StrategyUnusable
        The strategy's code is not here; or it was kept by another version of Python.
    InputError
        The run was interrupted: where it stopped is nobody's to repeat; or it is a probe that was shown another future;
        or ``strategy`` does not take its parameters.
    RunError
        The rerun itself did not end well; it is recorded. A run that failed is expected to fail again.

    Examples
    --------
    >>> ap.rerun(ap.runs(purpose="trial")["id"][0]).identical  # doctest: +SKIP
    True
    """
    from alphapulse_lib.engine.configure import plain_parameters
    from alphapulse_lib.engine.process import worker
    from alphapulse_lib.engine.source import source_of

    original = run_id if isinstance(run_id, SessionRun) else run(run_id)
    if original.status == "interrupted":
        raise InputError(f"The run {original.id} was interrupted: it has no result to repeat.", run_anew(original.id))
    if (shown := original.record.environment.get("probe", CONVENTION)) not in (CONVENTION, TRUE_FUTURE):
        of = original.record.of
        raise InputError(
            f"The run {original.id} is a probe for look-ahead, of rows that no catalog ever held: {shown}.",
            f"`alphapulse check-lookahead {of}`, or ap.check_lookahead('{of}'), makes such probes anew.",
        )
    reach(strategy)
    with worker() as waiting:
        if strategy is not None:
            chosen: type | Packed = strategy_class(strategy) if isinstance(strategy, str) else strategy
        else:
            chosen = code_of(original.record)
        plan = plan_of(original.record)
        if strategy is not None and isinstance(chosen, type):
            plain_parameters(chosen, thawed(plan.spec.parameters))  # it is to run with those of the record
            plan = replace(plan, spec=replace(plan.spec, strategy=source_of(chosen)))
        again = again_of(original, plan)
        try:
            made = carry_out(waiting, plan, chosen, progress=progress, purpose="rerun", again=again)
        except (StrategyRaised, WorkerDied) as failed:  # recorded; whether the run failed likewise the difference says
            made = run(failed.run_id)
    return Rerun(original, made, differing(original, made))


def run_anew(run_id: str) -> str:
    """What helps who asks for the result of a run that has none."""
    return (
        f"`alphapulse run {run_id} --json`, or ap.run('{run_id}').spec, tells what it was given: run that anew with "
        "`alphapulse backtest`, or ap.backtest."
    )


def code_of(record: RunRecord) -> type | Packed:
    """The strategy of a run as it was: the class defined here where that is the same, else what was kept of it here.

    Raises
    ------
    StrategyUnusable
        Neither is here.
    """
    from alphapulse_lib.engine.packing import unkept
    from alphapulse_lib.engine.source import source_of
    from alphapulse_lib.results.kept_code import kept_code

    wanted = record.spec.strategy
    module, _, name = wanted.name.partition(":")
    found = strategy_class(wanted.name) if module.startswith(_SHIPPED) else _defined(module, name)
    if found is not None and source_of(found).digest == wanted.digest:
        return found
    held = kept_code(open_ledger().root, wanted.digest)
    if held is not None:
        return unkept(held)
    raise StrategyUnusable(
        f"The code of {wanted.name} as {record.user} ran it is not here"
        + (f": the {name} that is defined here is another one." if found else "."),
        f"Read it: print(ap.run('{record.id[:8]}').spec.strategy.text). Once it is defined here: "
        f"ap.rerun('{record.id[:8]}', strategy={name.rpartition('.')[2]}), or of a file "
        f"`alphapulse rerun {record.id[:8]} --strategy FILE.py:{name.rpartition('.')[2]}`.",
    )


def plan_of(record: RunRecord) -> Plan:
    """A recorded run's spec, with its instruments as they were known when it was made.

    Raises
    ------
    UnknownSymbol
        The catalog knows one of them no more.
    """
    from alphapulse_lib.query.bars import names

    roots = Roots.of_settings()
    index = Index(roots, None, read_as_of(record))
    instruments = tuple(_known(index, each) for each in record.spec.instruments)
    tickers = tuple(names(list(instruments)))
    # It is called as it was asked for: by a ticker that it no longer had, say.
    called = record.symbols if "symbols" in record.environment or "tickers" in record.environment else tickers
    # What the run let pass is let pass again: its bars are the same.
    return Plan(record.spec, instruments, roots, called, "allow", tickers=record.tickers)


def again_of(original: SessionRun, plan: Plan) -> Again:
    """What repeating a run needs besides its plan."""
    made = read_as_of(original.record)
    scores = _scores(plan.roots, plan.spec, made) if plan.spec.news else None
    return Again(original.id, made, scores, original.code)


def _scores(roots: Roots, spec: RunSpec, made: int) -> pa.Table:
    """The scores that were held when a run was made; where the catalog could not keep them, those of today's scorer."""
    from alphapulse_lib.query import articles, scores
    from alphapulse_lib.session.news import ensure_scores

    held = scores.stored(roots, spec.scorer, None, made)
    read = articles.revisions(roots, None, made)
    if scores.with_scores(read, held)["score"].null_count == 0:
        return held
    return ensure_scores(roots, spec.scorer, made)


def _known(index: Index, instrument_id: str) -> Instrument:
    found = index.get(instrument_id)
    if found is None:
        raise UnknownSymbol(f"The catalog holds no {instrument_id} any more.", "`alphapulse instruments` lists it.")
    return found


def _defined(module: str, name: str) -> type | None:
    """The class of that name in a module that is loaded; none is imported for a record's word."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None
