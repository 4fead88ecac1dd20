"""Many trials on one window of data: proposed, run where there is a free core, recorded once each, compared.

A trial's run id is made of who asks, its spec, the rows it reads and the versions that decide results. The ledger takes
an id once, so whatever dies and however often a sweep is begun again, a trial is in it once; what is there already is
not run a second time. Only the process that sweeps writes the ledger.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import math
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from distributed import Client, Future, KilledWorker, as_completed
from filelock import FileLock, Timeout
from pyarrow.parquet import read_metadata

from alphapulse_lib.engine.request import RawResult
from alphapulse_lib.errors import AlphaPulseError, WorkerDied
from alphapulse_lib.model.family import Family
from alphapulse_lib.model.run import RunRecord, RunSpec
from alphapulse_lib.results.artefacts import as_bytes, read_table, write_artefacts
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.performance import risk_free, session_ends, session_returns
from alphapulse_lib.results.record import environment
from alphapulse_lib.results.samplers import Patience, Sampler
from alphapulse_lib.results.slow import Slow, SlowTrials
from alphapulse_lib.results.swept import Swept, Trial
from alphapulse_lib.results.trial import CODE, READ, Bench, Outcome, data_of, lost_trial, run_trials

__all__ = ["read_window", "sweep_window"]

type Parameters = dict[str, Any]
type Window = tuple[int, int]
#: A trial's place in its batch, its run id, its parameters.
type Asked = tuple[int, str, Parameters]
#: A trial, and what it came to.
type Ran = tuple[Asked, Outcome]
#: A trial's place in its batch, its record, its returns.
type Ended = tuple[int, tuple[RunRecord, Any]]

#: Seconds that the trials of one message to a worker take together: short enough to watch, long enough that messages
#: and the disk's waiting cost each trial little.
_TOGETHER = 2.0
#: Seconds of one wait for what comes back, and between two looks at what takes long.
_MOMENT, _LOOK = 0.1, 1.0
#: The most trials of a message.
_MOST = 32


def sweep_window(
    client: Client,
    bench: Bench,
    window: Window,
    sampler: Sampler,
    ledger: Ledger,
    *,
    objective: Callable[[dict[str, Any]], float],
    patience: int | None = None,
    retry: bool = False,
    family: Callable[[RunSpec], Family] | None = None,
    seen: Callable[[Trial], None] = lambda _: None,
    slow: Callable[[Parameters, Slow], None] = lambda *_: None,
    waits: Callable[[], None] = lambda: None,
    asked: set[str] | None = None,
) -> Swept:
    """Run what a sampler proposes, once no other process sweeps the same on the same rows: none is run twice.

    Parameters
    ----------
    client : distributed.Client
        Of a cluster on which the bench is registered.
    window : (int, int)
        First and last moment, nanoseconds since 1970, UTC.
    objective : callable
        Of a run's statistics how good it is.
    patience : int, optional
        Stop after so many trials in the order of proposals without a better one.
    retry : bool
        Run those again that failed.
    family : callable, optional
        Of a spec, what was tried already of the same kind, by everybody; what the ledger knows unless told.
    seen : callable
        Called with each trial once it is in the ledger.
    slow : callable
        Called with what a trial varies, and how long it has taken, once that is far longer than the others took; not
        where trials have a limit.
    waits : callable
        Called where another process is at it, before its end is waited for.
    asked : set of str, optional
        Takes the run id of each trial before it runs.

    Raises
    ------
    PreflightError
        There are no bars, or not such as a run may be believed on; or the first trial was refused.
    WorkerDied
        The data could not be read.
    """
    data = read_window(client, bench, window)
    stamps = data.marks["ts"].cast(pa.int64()).to_numpy()
    moments = np.unique(stamps)
    data_id = _data_id(bench, window, data)
    with _alone(ledger, data_id, waits), SlowTrials(client, bench.name) as late:
        keeping = _Keeping(bench, window, data, data_id, ledger, retry, family or ledger.family)
        asked = set() if asked is None else asked
        running = _Running(client, bench, window, keeping, objective, seen, asked, late, slow)
        trials: list[Trial] = []
        waiting = Patience(patience)
        while not waiting.is_over and (batch := sampler.ask()):
            done = running.batch(batch, len(trials), waiting)
            trials += done
            if len(done) == len(batch):
                sampler.tell([each.value for each in done])
    spec = bench.base.spec
    return Swept(tuple(trials), moments[session_ends(spec, moments)], data.warnings, risk_free(spec, moments))


def read_window(client: Client, bench: Bench, window: Window) -> RawResult:
    """What the trials of a window will read: its ``series``, ``marks`` and ``warnings``."""
    asked = client.submit(data_of, bench.name, window, pure=False)
    try:
        found = asked.result()
    finally:
        asked.cancel()
    if isinstance(found, AlphaPulseError):
        raise found
    if found.status == "failed":
        raise WorkerDied(f"{found.error.partition(': ')[2]}.".capitalize(), "Nothing was run.")
    read: RawResult = found
    return read


@contextlib.contextmanager
def _alone(ledger: Ledger, data_id: str, waits: Callable[[], None]) -> Iterator[None]:
    """Nobody else sweeps the same meanwhile: the same trial, begun by both, would be run twice and recorded once."""
    folder = ledger.root / "sweeps"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{data_id}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        waits()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


class _Keeping:
    """Trials in the ledger: found there, or put there."""

    def __init__(
        self,
        bench: Bench,
        window: Window,
        data: RawResult,
        data_id: str,
        ledger: Ledger,
        retry: bool,
        family: Callable[[RunSpec], Family],
    ) -> None:
        self._bench, self._window, self._ledger, self._retry = bench, window, ledger, retry
        self._data_id, spec = data_id, bench.spec({}, window)
        self._known = set(ledger.ids())
        self._family = family(spec)
        read = zip(READ, (data.marks, data.benchmark), strict=True)
        code = zip(CODE, (spec.strategy.text, bench.code), strict=True)
        # Each the bytes that are to be written; then the file that holds them.
        self._read: dict[str, Any] = {name: as_bytes(table) for name, table in read if table.num_rows}
        self._code: dict[str, Any] = {name: as_bytes(text) for name, text in code if text or name == "source.py"}

    def id_of(self, spec: RunSpec) -> str:
        """The id under which a spec's run is in the ledger, that of its newest attempt, or is to be."""
        newest = ""
        for attempt in itertools.count():
            run_id = _digest([self._data_id, spec.id, attempt])
            if run_id not in self._known:
                break
            newest = run_id
        return run_id if not newest or self._is_to_run_again(self._ledger.get(newest)) else newest

    def _is_to_run_again(self, record: RunRecord) -> bool:
        """Whether a recorded trial failed and another try is asked for, or its returns are lost with its files."""
        if record.status != "finished":
            return self._retry and record.status == "failed"
        try:
            read_metadata(self._ledger.file(record.id, record.artefacts["equity"]))
        except (OSError, pa.ArrowException):
            return True
        return False

    def found(self, run_id: str) -> tuple[RunRecord, Any] | None:
        """The record and the returns of a run that the ledger has."""
        if run_id not in self._known:
            return None
        record = self._ledger.get(run_id)
        if record.status != "finished":
            return record, np.empty(0)
        equity = read_table(self._ledger.file(run_id, record.artefacts["equity"]))
        return record, session_returns(record.spec, equity)

    def put(self, outcomes: Sequence[Outcome]) -> list[RunRecord]:
        """Write the trials' files, then their records."""
        if len(outcomes) > 1 and any(isinstance(each, bytes) for each in (self._read | self._code).values()):
            return self.put(outcomes[:1]) + self.put(outcomes[1:])  # the first one keeps them for the others
        records: list[RunRecord] = []
        runs: dict[Path, dict[str, Any]] = {}
        for outcome in outcomes:
            record, folder = outcome.record, self._ledger.folder(outcome.record.id)
            if folder.exists():  # of a process that was killed between the two: nothing knows of them
                shutil.rmtree(folder)
            runs[folder] = outcome.files | self._code
            self._family = self._family.including(record)
            if record.status == "finished":
                luck = self._family.deflate(record.statistics, record.spec)
                record = replace(record, statistics=record.statistics | luck)
                runs[folder] |= self._read
            records.append(record)
        write_artefacts(runs)
        for record in records:
            self._code = {name: self._ledger.file(record.id, name) for name in self._code}
            if record.status == "finished":
                self._read = {name: self._ledger.file(record.id, name) for name in self._read}
        self._ledger.extend(records)
        self._known.update(each.id for each in records)
        return records


class _Running:
    """Trials on a cluster: as many under way as keep its workers busy, no more, so that stopping is prompt."""

    def __init__(
        self,
        client: Client,
        bench: Bench,
        window: Window,
        keeping: _Keeping,
        objective: Callable[[dict[str, Any]], float],
        seen: Callable[[Trial], None],
        asked: set[str],
        late: SlowTrials,
        slow: Callable[[Parameters, Slow], None],
    ) -> None:
        self._client, self._bench, self._window, self._keeping = client, bench, window, keeping
        self._objective, self._seen, self._asked = objective, seen, asked
        self._late, self._slow, self._looked = late, slow, time.monotonic()
        #: Trials that preflight refused before the first one had ended: where that is refused, none is recorded.
        self._refused: list[Ran] | None = []
        self._at_once = 1

    def batch(self, batch: Sequence[Parameters], first: int, patience: Patience) -> list[Trial]:
        """The trials of a batch in its order; only its beginning where patience ended."""
        done: dict[int, Trial] = {}
        in_order: list[Trial] = []
        with contextlib.closing(self._each(batch, patience.granted)) as ended:
            for place, (record, returns) in ended:
                trial = Trial(first + place, batch[place], record, returns, self._value(record))
                done[place] = trial
                self._seen(trial)
                while len(in_order) in done:
                    in_order.append(done[len(in_order)])
                    if patience.ended(in_order[-1].value):
                        return in_order
        return in_order

    def _value(self, record: RunRecord) -> float:
        return self._objective(record.statistics) if record.status == "finished" else math.nan

    def _each(self, batch: Sequence[Parameters], patience: int | None) -> Generator[Ended]:
        """Each trial as it ends, by its place in the batch."""
        whole = [self._bench.base.spec.parameters | varied for varied in batch]
        ids = [self._keeping.id_of(self._bench.spec(parameters, self._window)) for parameters in whole]
        self._asked.update(ids)
        waiting: list[Asked] = []
        for place, (run_id, parameters) in enumerate(zip(ids, whole, strict=True)):
            if (known := self._keeping.found(run_id)) is not None:
                self._refused = self._refused if place else None
                yield place, known
            else:
                waiting.append((place, run_id, parameters))
        yield from self._run(waiting, patience)

    def _run(self, waiting: list[Asked], patience: int | None) -> Generator[Ended]:
        waiting.reverse()
        under_way: dict[Future[list[Outcome]], list[Asked]] = {}
        ended = as_completed(loop=self._client.loop)
        try:
            while waiting or under_way:
                while count := self._count(waiting, list(under_way.values()), patience):
                    self._send([waiting.pop() for _ in range(count)], under_way, ended)
                future = self._next(ended, under_way)
                asked = under_way.pop(future)
                outcomes = self._outcomes(future, asked)
                future.release()
                if not outcomes:
                    for each in asked:
                        self._send([each], under_way, ended)
                    continue
                let_in = self._let_in(list(zip(asked, outcomes, strict=False)))
                records = self._keeping.put([outcome for _, outcome in let_in])
                for ((place, _, _), outcome), record in zip(let_in, records, strict=True):
                    yield place, (record, outcome.returns)
        finally:
            if under_way:
                self._client.cancel(list(under_way))

    def _next(self, ended: as_completed, under_way: dict[Future[list[Outcome]], list[Asked]]) -> Future[list[Outcome]]:
        """The next message that came back; of trials that take far longer than the others it is told meanwhile."""
        while not ended.has_ready():
            with ended.thread_condition:  # as `as_completed` waits itself
                ended.thread_condition.wait(timeout=_MOMENT)
            if time.monotonic() - self._looked > _LOOK:
                self._look({run_id: parameters for asked in under_way.values() for _, run_id, parameters in asked})
        return next(ended)

    def _look(self, under_way: dict[str, Parameters]) -> None:
        self._looked = time.monotonic()
        common = self._bench.base.spec.parameters
        for each in [] if self._bench.is_limited else self._late.among(under_way):
            self._slow({name: value for name, value in under_way[each.run_id].items() if name not in common}, each)

    def _count(self, waiting: list[Asked], under_way: list[list[Asked]], patience: int | None) -> int:
        """How many trials a worker is to be sent now: at the end each core has its share, and no trial is begun that
        patience may well end before.
        """
        if not waiting:
            return 0
        cores: int = max(sum(self._client.nthreads().values()), 1)  # none while the only worker is started anew
        if len(under_way) > 2 * cores:
            return 0
        place = waiting[-1][0]
        ahead = place - min((asked[0][0] for asked in under_way), default=place)
        granted = len(waiting) if patience is None else max(patience + 1 - ahead, 0)
        return min(self._at_once, -(-len(waiting) // (2 * cores)), granted)

    def _send(
        self, asked: list[Asked], under_way: dict[Future[list[Outcome]], list[Asked]], ended: as_completed
    ) -> None:
        trials = [(run_id, parameters) for _, run_id, parameters in asked]
        future = self._client.submit(run_trials, self._bench.name, trials, self._window, pure=False)
        under_way[future] = asked
        ended.add(future)

    def _outcomes(self, future: Future[list[Outcome]], asked: list[Asked]) -> list[Outcome]:
        """What came of trials; nothing where one of several kills every worker that it meets, and none knows which."""
        try:
            outcomes: list[Outcome] = future.result()
        except KilledWorker as killed:
            (_, run_id, parameters), *others = asked
            return [] if others else [lost_trial(self._bench, run_id, parameters, self._window, str(killed))]
        for each in outcomes:
            self._late.ended(each.seconds)
        taken = sum(each.seconds for each in outcomes) / len(outcomes)
        self._at_once = min(max(int(_TOGETHER / taken), 1), _MOST) if taken else 1
        return outcomes

    def _let_in(self, ended: list[Ran]) -> list[Ran]:
        """Those of some trials that ended that are to be recorded now.

        Whichever ends first, it is the one proposed first by which preflight refuses a sweep.
        """
        if self._refused is None:
            return ended
        first = next((outcome for (place, _, _), outcome in ended if place == 0), None)
        if first is None:
            self._refused += [each for each in ended if each[1].refused is not None]
            return [each for each in ended if each[1].refused is None]
        if first.refused is not None:
            raise first.refused
        waited, self._refused = self._refused, None
        return waited + ended


def _data_id(bench: Bench, window: Window, data: RawResult) -> str:
    """Of what the trials of a window have in common: who asks, all but what varies, the rows, when they were known, the
    versions.
    """
    rows = [(each.name, each.rows, each.fingerprint) for each in (*data.series, *data.facts)]
    known = [data.known] if data.known else []
    return _digest([bench.user, bench.spec({}, window).id, rows, sorted(environment().items()), *known])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
