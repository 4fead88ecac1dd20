"""`ap.check_lookahead`: whether a strategy decides anything by what it could not have known yet.

Everything after a moment is replaced, the run is made again, and every decision up to that moment must be the same; at
many moments, with a future that goes up and one that goes down.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from alphapulse_lib.errors import InputError, RunError, RunInterrupted, StrategyRaised
from alphapulse_lib.model.run import RunSpec
from alphapulse_lib.model.window import Moment, moment_ns
from alphapulse_lib.session.originals import original_of, plan_again
from alphapulse_lib.session.progress import counted
from alphapulse_lib.session.reruns import TRUE_FUTURE, again_of
from alphapulse_lib.session.running import Again, Plan, attempt, check_process
from alphapulse_lib.session.runs import SessionRun
from alphapulse_lib.views.told import Told

if TYPE_CHECKING:
    import pandas as pd

    from alphapulse_lib.engine.corruption import Corruption
    from alphapulse_lib.engine.packing import Packed

__all__ = ["Leak", "LookAhead", "check_lookahead"]

#: Moments looked at unless told: two thirds of them where something was decided.
_MOMENTS = 9
_DAY = 86_400 * 10**9
_SHOWN = "Make it run first: `alphapulse run {0} --log`, or ap.run('{0}') and its .log, shows why it did not."
#: How prices go in the future that is shown in place of the true one.
_PRICES = {"up": "prices rising", "down": "prices falling"}


@dataclass(frozen=True, slots=True)
class Leak:
    """A decision that knew its future.

    Attributes
    ----------
    moment : int
        After it everything was replaced, nanoseconds since 1970, UTC.
    future : {"up", "down"}
        By what.
    decided : int
        When the first decision was taken that is another one.
    true, other : str
        That decision with the true future, and with the other; empty where there was none.
    run_id : str
        The probe.
    """

    moment: int
    future: str
    decided: int
    true: str
    other: str
    run_id: str


@dataclass(frozen=True, eq=False)
class LookAhead(Told):
    """What became of the test.

    Attributes
    ----------
    run : SessionRun
        The run that was looked into.
    moments : tuple of int
        After each of them everything was replaced, twice.
    leaks : tuple of Leak
        The first decision of each probe that changed.
    unproven : tuple of str
        What the strategy knew before its run, of which nothing can be claimed; parameters among it.
    outside : tuple of str
        The calls in its source that read a file, a database or a web page: what those say is not replaced.
    """

    _kind = "alphapulse-lookahead"

    run: SessionRun
    moments: tuple[int, ...]
    leaks: tuple[Leak, ...]
    unproven: tuple[str, ...]
    outside: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no decision changed."""
        return not self.leaks

    @property
    def frame(self) -> pd.DataFrame:
        """One row a leak: ``moment``, ``future``, ``decided`` (UTC), ``true``, ``other``, ``run_id``."""
        import pandas as pd

        names = ["moment", "future", "decided", "true", "other", "run_id"]
        frame = pd.DataFrame([[getattr(each, name) for name in names] for each in self.leaks], columns=names)
        return frame.assign(**{name: pd.to_datetime(frame[name], utc=True) for name in ("moment", "decided")})

    @property
    def text(self) -> str:
        """All of it in words."""
        count = f"{len(self.moments)} moment{'' if len(self.moments) == 1 else 's'}"
        if self.passed:
            lines = [f"{self.run.strategy}: no decision changed with its future, at {count}, up and down."]
        else:
            first = min(self.leaks, key=lambda each: each.moment)
            lines = [
                f"{self.run.strategy} LOOKS AHEAD: with all after {_told(first.moment)} replaced, "
                f"{_PRICES[first.future]}, it decides otherwise at {_told(first.decided)}.",
                f"  as it was: {first.true or 'nothing'}",
                f"  otherwise: {first.other or 'nothing'}",
                f"{len(self.leaks)} of {2 * len(self.moments)} probes at {count} changed a decision.",
            ]
        lines += [
            f"Not proven: {each} was made before the run, so what it says of a moment may know a later one. Read it "
            "inside the strategy, as of self.clock."
            for each in self.unproven
        ]
        if self.outside:
            lines.append(
                f"Not proven: it calls {', '.join(self.outside)}. What is read outside of the catalog is not replaced: "
                "import it (`alphapulse ingest files`), and it is."
            )
        return "\n".join(lines)


def check_lookahead(
    strategy: type | str | SessionRun | RunSpec,
    *arguments: Any,
    at: int | Sequence[Moment] = _MOMENTS,
    progress: bool = True,
    **more: Any,
) -> LookAhead:
    """Whether a strategy decides anything by what it could not have known yet.

    Everything after a moment is replaced: prices, volumes, ticks, corporate actions that were not announced, articles
    and scores, and when listings end; in what the engine delivers, in what the strategy
    asks of ``ap.bars``, ``ap.news``, ``ap.sentiment``, ``ap.sql`` and their like while it runs, and in the frames,
    series and mappings that it captured, as globals, default arguments or attributes. Then every order up to that
    moment must be the same, to what it filled at. Whatever it captured that holds many values, a long text or dates
    of the run is named, and so are such parameters, what its functions' own text holds of such, and modules of the
    workspace that they import while it runs. What it reads from elsewhere (a file, by SQL too, a web page) is
    not replaced; where its source says that it does, the result says so.

    Parameters
    ----------
    strategy : type, str, SessionRun or RunSpec
        As for ``ap.backtest``, whose other arguments follow; or a run, its id alone, or its spec (its newest run that
        finished).
    at : int or sequence
        How many moments, or which ones, each inside the run. Unless told nine: six at which something was decided,
        three others.
    progress : bool
        Show how far it is.

    Returns
    -------
    LookAhead
        ``.passed``, ``.leaks``, ``.unproven``, ``.outside``, ``.text``, ``.frame``. Each probe is recorded, and is no
        trial.

    Raises
    ------
    InputError
        An argument cannot be used; the run did not finish; a moment is not inside it.
    StrategyUnusable
        The code of the run is not here.
    RunError
        The strategy fails with the true future, too, or decides otherwise each time it is run; a probe's process died,
        or passed a limit.

    Examples
    --------
    >>> ap.check_lookahead("SmaCross", "GOOG", "1d", "2011-01-01", "2012-12-31").passed  # doctest: +SKIP
    True
    """
    from alphapulse_lib.engine.captured import captured_data
    from alphapulse_lib.engine.configure import blueprint
    from alphapulse_lib.engine.outside import reads_outside
    from alphapulse_lib.engine.written import written_data

    original, code, kind = original_of(strategy, arguments, more, progress, "ap.check_lookahead(run) alone, and at=")
    plan = plan_again(original, more)
    again = again_of(original, plan)
    moments = _moments(original, at)
    futures = [(moment, direction) for moment in moments for direction in (1, -1)]
    probes = _Probes(plan, again, code, progress=progress, count=len(futures) + 1)
    true, *others = probes.run([None, *futures])
    if true.error:
        raise StrategyRaised(f"The strategy raised {true.error}.", _SHOWN.format(true.run_id), true.run_id)
    leaks = [
        leak
        for (moment, direction), probe in zip(futures, others, strict=True)
        if (leak := _leak(true, probe, moment, direction)) is not None
    ]
    if leaks:
        _is_repeatable(true, probes.run([None])[0])
    spec = original.spec
    first = int(original.table("marks")["ts"].cast("int64").to_numpy().min())
    config = blueprint(kind).config if kind is not None else None
    unproven = captured_data(kind, config, spec.parameters, first + _DAY)
    # Of a class that is not loaded here its source, and what was shown of its values, is all that tells.
    read = original.code or {spec.strategy.name: spec.strategy.text}
    unproven += written_data(read, first + _DAY, whole=kind is None)
    outside = reads_outside([spec.strategy.text, *original.code.values()])
    return LookAhead(original, moments, tuple(leaks), tuple(unproven), outside)


def _is_repeatable(true: _Probe, again: _Probe) -> None:
    """Refuse to accuse a strategy that decides otherwise with the very same future, too."""
    differs = _leak(true, again, sys.maxsize, 1)
    if differs is None:
        return
    raise RunError(
        f"The strategy decides otherwise each time it is run, with the same future too, first at "
        f"{_told(differs.decided)}: whether it looks ahead cannot be told.",
        "It reads a clock, or draws without a seed. Read self.clock; draw from random, numpy.random or a generator "
        "with a seed, such as numpy.random.default_rng(1).",
        again.run_id,
    )


def _moments(original: SessionRun, at: int | Sequence[Moment]) -> tuple[int, ...]:
    """After which moments the future is replaced: those of decisions, where a leak shows at once, and some between."""
    bars = np.unique(original.table("marks")["ts"].cast("int64").to_numpy())
    if not isinstance(at, int):
        return _given(at, int(bars[0]), int(bars[-1]))
    bars = bars[:-1]
    if isinstance(at, bool) or at < 1:
        raise InputError(f"at={at!r} is no number of moments.", "Such as at=20, or a list of moments.")
    if not len(bars):
        raise InputError("The run has one bar: nothing lies after it.", "Give it a longer window.")
    decided = np.unique(original.table("orders")["ts"].cast("int64").to_numpy())
    decided = decided[decided <= bars[-1]]
    chosen = {*_evenly(decided, at - at // 3)}
    rest = np.setdiff1d(bars, [*chosen])
    return tuple(sorted(int(each) for each in {*chosen, *_evenly(rest, at - len(chosen))}))


def _given(at: Any, first: int, last: int) -> tuple[int, ...]:
    """Moments that are told: each with bars up to it to look at, and bars after it to replace."""
    listed = [at] if isinstance(at, str) or not isinstance(at, Iterable) else [*at]
    moments = sorted({moment_ns(each, "UTC", end=True) for each in listed})
    inside = f"Give moments from {_told(first)} on and before {_told(last)}."
    if not moments:
        raise InputError("at=[] is no moment.", inside)
    for each in moments:
        if not first <= each < last:
            raise InputError(f"{_told(each)} is not between the run's first bar and its last.", inside)
    return tuple(moments)


def _evenly(values: Any, count: int) -> list[int]:
    if not len(values) or count < 1:
        return []
    return [int(each) for each in values[np.unique(np.linspace(0, len(values) - 1, count).round().astype(int))]]


@dataclass(frozen=True, eq=False)
class _Probe:
    run_id: str
    error: str
    decisions: list[tuple[int, str]]


class _Probes:
    """The run made again and again, on all processors."""

    def __init__(self, plan: Plan, again: Again, code: Packed, *, progress: bool, count: int) -> None:
        self._plan, self._again, self._code = plan, again, code
        self._progress, self._count = progress, count

    def run(self, futures: Sequence[tuple[int, int] | None]) -> list[_Probe]:
        with ThreadPoolExecutor(max(os.process_cpu_count() or 1, 1)) as workers:
            coming = [workers.submit(self._one, each) for each in futures]
            try:
                shown = counted(coming, "look-ahead", "probe", shown=self._progress)
                return [each.result() for each in shown]
            except BaseException:
                workers.shutdown(wait=False, cancel_futures=True)
                raise

    def _one(self, future: tuple[int, int] | None) -> _Probe:
        from alphapulse_lib.engine.corruption import TRUE, Corruption
        from alphapulse_lib.engine.process import worker

        shown: Corruption = TRUE if future is None else Corruption(future[0], 1 if future[1] > 0 else -1)
        with worker() as waiting:
            again = replace(self._again, future=shown, probe=_shown(shown))
            raw, record, _ = attempt(waiting, self._plan, self._code, progress=False, purpose="probe", again=again)
        if raw.status == "interrupted":
            raise RunInterrupted("The probes were stopped.", "", record.id)
        check_process(raw, record)  # it told no decision, which is none that changed
        table = raw.decisions
        rows = (
            [] if table is None else list(zip(*(table[name].to_pylist() for name in ("stamp", "event")), strict=True))
        )
        return _Probe(record.id, raw.error, rows)


def _leak(true: _Probe, probe: _Probe, moment: int, direction: int) -> Leak | None:
    """The first decision up to the moment that is not the same."""
    held = [[each for each in one.decisions if each[0] <= moment] for one in (true, probe)]
    none = (moment, "")
    for one, other in zip_longest(*held, fillvalue=none):
        if one != other:
            decided = min(one[0], other[0])
            return Leak(moment, "up" if direction > 0 else "down", decided, one[1], other[1], probe.run_id)
    return None


def _told(moment: int) -> str:
    return str(np.datetime64(moment, "ns").astype("datetime64[s]")).replace("T", " ") + " UTC"


def _shown(future: Corruption) -> str:
    """What a probe was shown, for its record: its rows are not the catalog's."""
    if not future.direction:
        return TRUE_FUTURE
    when = datetime.fromtimestamp(future.after // 10**9, UTC)
    return f"all after {when:%Y-%m-%d %H:%M:%S} UTC replaced, {_PRICES['up' if future.direction > 0 else 'down']}"
