"""One plan carried out in a process of its own, and recorded: what `ap.backtest`, `ap.rerun` and the probes share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from alphapulse_lib import clock
from alphapulse_lib.catalog.coverage import held
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.ticks import KINDS
from alphapulse_lib.engine.limits import Limits
from alphapulse_lib.errors import (
    AdjustedAsRaw,
    CoverageGap,
    KnownTooLate,
    LimitReached,
    NoCoverage,
    NoTicks,
    NoVolumePrice,
    PreflightError,
    RunInterrupted,
    StrategyRaised,
    UnservedSubscription,
    WorkerDied,
    WrongStamps,
)
from alphapulse_lib.model.family import Family, class_name
from alphapulse_lib.model.instrument import Instrument, priced_in
from alphapulse_lib.model.run import Purpose, RunSpec
from alphapulse_lib.model.window import FOREVER, Window
from alphapulse_lib.session.fetching import Lacking, made_of_held, with_command
from alphapulse_lib.session.hub import RunWarning, warn
from alphapulse_lib.session.remedies import with_remedy
from alphapulse_lib.session.runs import SessionRun, open_ledger
from alphapulse_lib.session.user import user
from alphapulse_lib.views.alike import folded

if TYPE_CHECKING:
    import pyarrow as pa

    from alphapulse_lib.engine.corruption import Corruption
    from alphapulse_lib.engine.packing import Packed
    from alphapulse_lib.engine.process import Worker
    from alphapulse_lib.engine.request import RawResult
    from alphapulse_lib.model.run import RunRecord
    from alphapulse_lib.results.ledger import Ledger

__all__ = [
    "Again",
    "Plan",
    "attempt",
    "carry_out",
    "check_process",
    "keep_strategy",
    "tell_if_apart",
    "told_how_to_fetch",
]

_SHOWN = "`alphapulse run {0} --log`, or ap.run('{0}') and its .log, shows what became of it."
#: From so many seconds, or megabytes, on it is said beforehand what a run will take.
_LONG, _LARGE = 3.0, 1_000.0


@dataclass(frozen=True)
class Plan:
    """A spec with what its process needs besides.

    Attributes
    ----------
    names : tuple of str
        What each instrument is called in the results.
    tickers : tuple of str
        What each was listed under last, as far as is known.
    gaps : {"refuse", "allow"}
        What to do about missing sessions.
    limits : Limits
        The most that it may take.
    """

    spec: RunSpec
    instruments: tuple[Instrument, ...]
    roots: Roots
    names: tuple[str, ...]
    gaps: str = "refuse"
    limits: Limits = field(default_factory=Limits.of)
    tickers: tuple[str, ...] = ()

    @property
    def called(self) -> dict[str, str]:
        """For the record's environment, what instruments are called and priced in, where their ids do not say so."""
        symbols = tuple(each.symbol for each in self.instruments)
        told = {"symbols": self.names} if self.names != symbols else {}
        told |= {"tickers": self.tickers} if self.tickers not in ((), self.names) else {}
        first = self.instruments[0]
        told |= {"currency": (first.currency,)} if first.currency != priced_in(first.id) else {}
        return {name: ",".join(each) for name, each in told.items()}


@dataclass(frozen=True)
class Again:
    """That a plan repeats a run, and so reads what that one read.

    Attributes
    ----------
    of : str
        The id of that run.
    moment : int
        When it was made, nanoseconds since 1970, UTC: what was recorded or available later is not read.
    scores : pyarrow.Table, optional
        Those that it heard, for a run with news.
    code : dict of str to str
        What its strategy was made of, to be read.
    future : Corruption, optional
        For a probe of look-ahead, which future it is shown.
    probe : str
        Of a probe, what it is made for; its record keeps that.
    """

    of: str
    moment: int
    scores: pa.Table | None
    code: dict[str, str]
    future: Corruption | None = None
    probe: str = ""

    def environment(self) -> dict[str, str]:
        """What its record keeps of that: `alphapulse_lib.results.when_known.read_as_of` reads it."""
        return {"read_as_of": str(self.moment)} | ({"probe": self.probe} if self.probe else {})


@contextmanager
def told_how_to_fetch(plan: Plan) -> Iterator[None]:
    """Let preflight's refusals inside name the command that fetches what the plan lacks, or mends what is wrong."""
    spec = plan.spec
    try:
        yield
    except (NoCoverage, NoVolumePrice, NoTicks, UnservedSubscription) as missing:
        against = Index(plan.roots).get(spec.benchmark)
        known = [*plan.instruments, *([against] if against else [])]
        found = next((each for each in known if f" of {each.id}" in missing.message), None)
        wanted = _wanted(missing, spec)
        if found is None or wanted is None or spec.as_of is not None:
            raise
        window = _window(plan, found)
        if isinstance(missing, NoCoverage) and (made := made_of_held(plan.roots, found, wanted, window)):
            raise NoCoverage(missing.message, f"{missing.hint} {made}") from None
        raise with_command(missing, plan.roots, found, wanted, window) from None
    except (AdjustedAsRaw, CoverageGap, KnownTooLate, WrongStamps) as wrong:
        raise with_remedy(wrong, plan.roots) from None


def _window(plan: Plan, lacking: Instrument) -> Window:
    """Where data are lacking: the run's window, and where that is open, what its own bars reach over."""
    spec = plan.spec
    ids = (lacking.id,) if lacking in plan.instruments else spec.instruments
    bars = [each for instrument_id in ids for each in held(plan.roots, instrument_id)]
    bars = [each for each in bars if str(each.period) == spec.period] or bars
    start = spec.start if spec.start > 0 or not bars else min(each.first for each in bars)
    end = spec.end if spec.end < FOREVER or not bars else max(each.last for each in bars)
    return Window(start, end) if start <= end else Window(spec.start, spec.end)


def _wanted(missing: PreflightError, spec: RunSpec) -> Lacking | None:
    """What would have to be fetched; ``None`` where nothing that can be is missing."""
    if isinstance(missing, NoVolumePrice) and " disagree with " in missing.message:  # more of them would too
        return None
    if isinstance(missing, NoTicks):
        return Lacking("trades")
    if isinstance(missing, UnservedSubscription):
        return next((Lacking(each) for each in KINDS if f"the catalog holds no {each} " in missing.message), None)
    if isinstance(missing, NoCoverage):
        also = (each for each in spec.also if f"No {each} bar of " in missing.message)
        return Lacking.of_bars(next(also, spec.period), "bars")
    return Lacking.of_bars("1m", "bars")


def carry_out(
    waiting: Worker,
    plan: Plan,
    strategy: type | Packed,
    *,
    progress: bool,
    purpose: Purpose,
    again: Again | None = None,
) -> SessionRun:
    """Run a plan and record it.

    Raises
    ------
    PreflightError
        Nothing was run or recorded.
    StrategyRaised, RunInterrupted, WorkerDied
        It is recorded as failed or interrupted.
    """
    raw, record, ledger = attempt(waiting, plan, strategy, progress=progress, purpose=purpose, again=again)
    told = _SHOWN.format(record.id)
    if raw.status == "interrupted":
        raise RunInterrupted(f"The run {record.id} was stopped.", told, record.id)
    check_process(raw, record)
    if raw.status == "failed":
        raise StrategyRaised(f"The strategy raised {raw.error}.", told, record.id, raw.traceback)
    kept = SessionRun(record, ledger)
    if again is None:
        kept.changes = ()  # it was read just now
    for warning in folded(kept.warnings):
        warn(warning, RunWarning)
    tell_if_apart([record], ledger.family)
    return kept


def tell_if_apart(records: Sequence[RunRecord], family_of: Callable[[RunSpec], Family]) -> None:
    """Say of a family's first trials that there are others of the strategy's name, which they are not counted with."""
    counted = [each.statistics["trials"] for each in records if each.purpose == "trial" and "trials" in each.statistics]
    if not counted or min(counted) > len(records) or records[0].spec.strategy.family:
        return
    name, family = class_name(records[0].spec.strategy), family_of(records[0].spec)
    if family.name != name and not family.similar_to and family.trials <= len(records):
        warn(
            f"{name} is unlike the strategies of that name before it, so it is in a family of its own, "
            f"{family.name!r}, whose trials are counted from 1. If it is the same idea, family = {name!r} in the class "
            "counts it with those."
        )


def check_process(raw: RawResult, record: RunRecord) -> None:
    """Refuse what came of a process that did not end by itself: it may have told nothing of what it did.

    Raises
    ------
    WorkerDied, LimitReached
        It died, or was stopped.
    """
    for kind in (WorkerDied, LimitReached):
        if raw.error.startswith(kind.__name__):
            raise kind(f"T{raw.error.partition(': ')[2][1:]}.", _SHOWN.format(record.id), record.id, raw.traceback)


def attempt(
    waiting: Worker,
    plan: Plan,
    strategy: type | Packed,
    *,
    progress: bool,
    purpose: Purpose,
    again: Again | None = None,
) -> tuple[RawResult, RunRecord, Ledger]:
    """Run a plan and record it, however it ends.

    Raises
    ------
    PreflightError
        Nothing was run or recorded.
    """
    from alphapulse_lib.engine.runner import run
    from alphapulse_lib.results import took
    from alphapulse_lib.results.artefacts import remove_unrecorded
    from alphapulse_lib.results.record import keep
    from alphapulse_lib.session.news import ensure_scores
    from alphapulse_lib.session.progress import Meter

    spec, roots = plan.spec, plan.roots
    ledger = open_ledger()  # before the run: what is wrong with its settings must not cost one
    ledger.require_writable()
    remove_unrecorded(ledger.root / "runs", frozenset(ledger.ids()))
    code = again.code if again else {}
    if isinstance(strategy, type):
        code = keep_strategy(strategy, spec, ledger.root)
    # Scores first: those that are computed now are recorded before the moment that is read.
    scores = again.scores if again else ensure_scores(roots, spec.scorer) if spec.news else None
    started_at = clock.now_ns()
    ahead = waiting.age
    coming, since = _estimated(plan, ledger, progress, ahead), perf_counter()
    with Meter(spec, roots, shown=progress) as meter:
        raw = run(
            waiting,
            spec,
            strategy,
            plan.instruments,
            roots,
            symbols=plan.names,
            gaps=plan.gaps,
            moment=again.moment if again else started_at,
            future=again.future if again else None,
            scores=scores,
            limits=plan.limits,
            progress=meter.at,
            echo=None if purpose == "probe" and again else meter.write,
        )
        if raw.status == "finished":
            meter.finish()
    taken = took.told("run", sum(each.rows for each in raw.series), perf_counter() - since, ahead)
    repeated = again.environment() if again else {}
    raw = replace(raw, environment=raw.environment | plan.called | coming | taken | repeated)
    record = keep(
        spec,
        raw,
        ledger,
        user=user(),
        started_at=started_at,
        ended_at=clock.now_ns(),
        purpose=purpose,
        of=again.of if again else "",
        code=code,
    )
    return raw, record, ledger


def _estimated(plan: Plan, ledger: Ledger, told: bool, ahead: float) -> dict[str, str]:
    """What the run will take, for its record; said before it begins where it is much, or more than it may hold."""
    from alphapulse_lib.results.estimate import estimate
    from alphapulse_lib.session.progress import rows_of, while_seen

    earlier = ledger.took(plan.spec, "run")
    found = estimate(plan.spec, rows_of(plan.spec, plan.roots), earlier, now=clock.now_ns(), ahead=ahead)
    if found.megabytes > plan.limits.memory:
        warn(f"The run may not end: {found.text}, and it may hold {plan.limits.memory:,.0f} MB (run_memory).")
    elif told and (found.seconds > _LONG or found.megabytes > _LARGE):
        with while_seen():
            sys.stderr.write(f"{found.text}\n")
    return found.environment()


def keep_strategy(strategy: type, spec: RunSpec, root: Path) -> dict[str, str]:
    """What the strategy is made of, to be read; kept beside the ledger so that it can be run again."""
    from alphapulse_lib.engine.packing import kept
    from alphapulse_lib.engine.source import parts_of
    from alphapulse_lib.results.kept_code import keep_code

    parts = parts_of(strategy)
    keep_code(root, spec.strategy.digest, lambda: kept(strategy, parts))
    return parts.texts
