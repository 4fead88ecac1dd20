"""Where a plan's trials are carried out: the processes that hold its data, and the ledger that takes the trials in."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alphapulse_lib import clock
from alphapulse_lib.engine.limits import Limits
from alphapulse_lib.errors import RunInterrupted, WarmUpTooLong
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.performance import risk_free, session_ends
from alphapulse_lib.results.swept import Swept, Trial
from alphapulse_lib.session.running import Plan, keep_strategy
from alphapulse_lib.session.runs import open_ledger
from alphapulse_lib.session.user import user
from alphapulse_lib.settings import settings

if TYPE_CHECKING:
    from distributed import Client

    from alphapulse_lib.model.family import Family
    from alphapulse_lib.model.run import RunSpec
    from alphapulse_lib.model.warm_up import WarmUp
    from alphapulse_lib.results.samplers import Sampler
    from alphapulse_lib.results.slow import Slow
    from alphapulse_lib.results.trial import Bench

__all__ = ["Data", "Workshop", "open_workshop", "refuse_long"]

#: Combinations whose warm-up is looked at; each takes two milliseconds.
_LOOKED_AT = 1_000


@dataclass(frozen=True, eq=False)
class Data:
    """Of a window the last moment of each session, the closes of each series' bars, of all of them, and what preflight
    let pass.

    ``longer`` has the closes of the series of each longer period.
    """

    ends: NDArray[np.int64]
    closes: tuple[NDArray[np.int64], ...]
    moments: NDArray[np.int64]
    warnings: tuple[str, ...]
    longer: Mapping[Period, tuple[NDArray[np.int64], ...]] = field(default_factory=dict)

    def earned(self, spec: RunSpec, sessions: tuple[int, int]) -> NDArray[np.floating[Any]]:
        """What the cash alone would have earned in each session of a run of these."""
        window = (self.ends[sessions[0] - 1] if sessions[0] else -1, self.ends[sessions[1] - 1])
        first, stop = np.searchsorted(self.moments, window, side="right")
        return risk_free(spec, self.moments[first:stop])

    def most(self, window: tuple[int, int], of: str = "") -> int:
        """How many bars the series that has the most of them has in a window: of the run's own, or a longer period."""
        series = self.longer.get(Period.of_bar_type(of), self.closes) if of else self.closes
        ends = (window[0], window[1] + 1)
        return max((int(np.diff(np.searchsorted(each, ends))[0]) for each in series), default=0)


@dataclass(frozen=True, eq=False)
class Workshop:
    """A cluster that knows a plan.

    Attributes
    ----------
    ledger : Ledger
        With the team's laid over it, inside a hub.
    own : Ledger
        The person's, which takes every trial at once; the team's is handed them at the end.
    asked : set of str
        The run ids of all trials that were asked for until now.
    """

    client: Client
    bench: Bench
    ledger: Ledger
    own: Ledger
    asked: set[str] = field(default_factory=set)
    _tried: list[Family] = field(default_factory=list)

    def sessions(self) -> Data:
        """What the plan's whole window holds.

        Raises
        ------
        PreflightError
            There are no bars, or not such as a run may be believed on.
        """
        from alphapulse_lib.results.sweep import read_window

        spec = self.bench.base.spec
        data = read_window(self.client, self.bench, (spec.start, spec.end))
        stamps = data.marks["ts"].cast("int64").to_numpy()
        names = data.marks["symbol"].combine_chunks().dictionary_encode()
        codes = np.asarray(names.indices)
        closes = tuple(np.sort(stamps[codes == code]) for code in range(len(names.dictionary)))
        moments = np.unique(stamps)
        return Data(moments[session_ends(spec, moments)], closes, moments, data.warnings, self._longer())

    def _longer(self) -> dict[Period, tuple[NDArray[np.int64], ...]]:
        """The closes of the bars beside the run's own."""
        from alphapulse_lib.catalog.reader import bar_table

        base, spec = self.bench.base, self.bench.base.spec
        window, known = Window(spec.start, spec.end), (spec.as_of, spec.recorded_as_of, ["ts_event"])
        return {
            period: tuple(
                bar_table(base.roots, each, period, window, *known)["ts_event"].cast("int64").to_numpy()
                for each in spec.instruments
            )
            for period in map(Period.parse, spec.also)
        }

    def require_warm(self, data: Data, windows: Sequence[tuple[int, int]], trials: Sequence[Mapping[str, Any]]) -> None:
        """Refuse parameters that take more bars than a window has, before any trial runs.

        Parameters
        ----------
        windows : sequence of (int, int)
            First and last moment of each.
        trials : sequence of mapping
            What each trial varies. Of more than a thousand, so many are looked at, spread over all of them.

        Raises
        ------
        WarmUpTooLong
            It names the window, the parameters, and how many of them are so.
        """
        from alphapulse_lib.results.trial import warm_ups_of

        spec = self.bench.base.spec
        places = {*range(0, len(trials), -(-len(trials) // _LOOKED_AT)), len(trials) - 1}
        chosen = [trials[place] for place in sorted(places)]
        whole = [{**spec.parameters, **each} for each in chosen]
        asked = self.client.submit(warm_ups_of, self.bench.name, (spec.start, spec.end), whole, pure=False)
        try:
            found = asked.result()
        finally:
            asked.cancel()
        held = {}
        for of in {each.of for one in found for each in one}:
            shortest = min(windows, key=lambda each: data.most(each, of))
            reach = (max(shortest[0], int(data.ends[0])), min(shortest[1], int(data.ends[-1])))
            held[of] = (data.most(shortest, of), reach)
        refuse_long(found, chosen, held)

    def sweep(
        self,
        window: tuple[int, int],
        proposals: Sampler,
        objective: Callable[[dict[str, Any]], float],
        *,
        patience: int | None = None,
        retry: bool = False,
        seen: Callable[[Trial], None] = lambda _: None,
        slow: Callable[[dict[str, Any], Slow], None] = lambda *_: None,
        waits: Callable[[], None] = lambda: None,
    ) -> Swept:
        """Sweep a window; see `alphapulse_lib.results.sweep.sweep_window`."""
        from alphapulse_lib.results.sweep import sweep_window

        return sweep_window(
            self.client,
            self.bench,
            window,
            proposals,
            self.own,
            objective=objective,
            patience=patience,
            retry=retry,
            family=self.family,
            seen=seen,
            slow=slow,
            waits=waits,
            asked=self.asked,
        )

    def family(self, spec: RunSpec) -> Family:
        """What everybody tried of the plan's kind: the team's ledger is asked once, one's own at each window."""
        if self._tried:
            return self._tried[0].beside(self.own.family(spec))
        self._tried.append(self.ledger.family(spec))
        return self._tried[0]


def refuse_long(
    found: Sequence[Sequence[WarmUp]],
    trials: Sequence[Mapping[str, Any]],
    held: Mapping[str, tuple[int, tuple[int, int]]],
) -> None:
    """Refuse trials that take more bars than a window has.

    Parameters
    ----------
    held : mapping
        Of each series that something is taken of, the fewest bars of a window, and that window.

    Raises
    ------
    WarmUpTooLong
        The message names the first of them.
    """
    lacking = [[each for each in one if each.bars > held[each.of][0]] for one in found]
    late = [(one, trial) for one, trial in zip(lacking, trials, strict=True) if one]
    if not late:
        return
    one, trial = late[0]
    longest = max(one, key=lambda each: each.bars)
    bars, window = held[longest.of]
    told = ", ".join(f"{name}={value!r}" for name, value in trial.items())
    first, last = (str(np.datetime64(each, "ns"))[:10] for each in window)
    count = f"{len(late):,} of {len(trials):,} combinations"
    raise WarmUpTooLong(
        f"With {told} {longest.text}, and the window from {first} to {last} has {bars:,} ({count}).",
        "Leave these out of the grid, or let the windows be longer (start=..., of a walk-forward train=..., test=..., "
        "warmup=...). Nothing was run.",
    )


@contextlib.contextmanager
def open_workshop(plan: Plan, strategy: type, *, workers: int | None, limits: Limits) -> Iterator[Workshop]:
    """A workshop for a plan, for as long as the block lasts.

    Parameters
    ----------
    workers : int, optional
        Processes on this machine; one a core unless told.
    limits : Limits
        The most that a trial may take.

    Raises
    ------
    RunInterrupted
        Its owner stopped it.
    SweepError
        Nobody answers where ``ALPHAPULSE_DASK`` says.
    """
    from alphapulse_lib.results.artefacts import remove_unrecorded
    from alphapulse_lib.results.cluster import cluster, cores

    ledger = open_ledger()  # first: what is wrong with its settings must not cost a trial
    own = Ledger(ledger.root)
    asked: set[str] = set()
    own.require_writable()
    remove_unrecorded(own.root / "runs", frozenset(own.ids()))
    try:
        bench = _bench(plan, strategy, own, limits)
        with cluster(settings().dask, workers or cores()) as client:
            client.register_plugin(bench, name=bench.name)
            try:
                yield Workshop(client, bench, ledger, own, asked)
            finally:
                with contextlib.suppress(OSError):  # a worker that is gone by now has nothing left to close
                    client.unregister_worker_plugin(bench.name)
    except KeyboardInterrupt:
        # The ledger says it: what it took in just before, nobody may have been told of.
        count = len(asked.intersection(own.ids()))
        raise RunInterrupted(
            f"Stopped. {count:,} {'trial is' if count == 1 else 'trials are'} in the ledger.",
            "The same call goes on from there.",
        ) from None
    finally:
        _hand_in(ledger)


def _bench(plan: Plan, strategy: type, own: Ledger, limits: Limits) -> Bench:
    from alphapulse_lib.engine.configure import declared
    from alphapulse_lib.engine.runner import request_of
    from alphapulse_lib.results.record import code_json, firing
    from alphapulse_lib.results.trial import Bench
    from alphapulse_lib.session.news import ensure_scores

    spec = plan.spec
    code = keep_strategy(strategy, spec, own.root)
    # Scores first: those that are computed now are recorded before the moment that is read.
    scores = ensure_scores(plan.roots, spec.scorer) if spec.news else None
    base = request_of(spec, strategy, plan.instruments, plan.roots, plan.names, plan.gaps, moment=clock.now_ns())
    name = f"alphapulse-{secrets.token_hex(8)}"
    written = code_json(code) if code else ""
    return Bench(
        name,
        base,
        user(),
        scores=scores,
        limits=limits,
        code=written,
        environment=firing() | plan.called,
        defaults=declared(strategy),
    )


def _hand_in(ledger: Ledger) -> None:
    """Give the team's ledger what it has not got yet; what it cannot take now waits."""
    from alphapulse_lib.session.team import TeamLedger

    if isinstance(ledger, TeamLedger):
        ledger.hand_in()
