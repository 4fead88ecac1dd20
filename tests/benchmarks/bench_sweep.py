"""A sweep: what a trial costs beside the engine's own run, what two cores give, and that memory stays flat.

``python -m tests.benchmarks.bench_sweep``. The strategy is `SmaCross` on eight years of made daily bars. Aims: at most
60 ms of the processors a trial of our own, at least 1.8 times as fast on two cores as on one, and the memory of each
process that holds the data the same after a thousand trials as after a hundred.

Our own cost is the processors' time of the whole family of processes (the one that sweeps, Dask's workers, those that
hold the data, and every trial's) less that of bare runs of the engine with the same parameters on the same bars, in
turns with them.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import psutil

from alphapulse_lib.catalog import writer
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.engine.configure import blueprint, build
from alphapulse_lib.engine.data import load
from alphapulse_lib.engine.limits import Limits
from alphapulse_lib.engine.nautilus import build_engine
from alphapulse_lib.engine.runner import request_of
from alphapulse_lib.engine.strategies import SmaCross
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.results.samplers import Sampler, sampler_of, space_of
from alphapulse_lib.session.running import Plan
from alphapulse_lib.session.search import objective_of
from alphapulse_lib.session.sweeps import plan_of
from alphapulse_lib.session.terms import Terms
from alphapulse_lib.session.workshop import Workshop, open_workshop
from tests.benchmarks.made import days

TRIALS, MANY, TURNS, BARE = 200, 1_000, 3, 50
#: Trials after which every process is at work, and how many are measured before bare runs take their turn.
WARM, PART = 12, 50
AAA = Instrument("AAA.XNAS")
DAY = Period(1, "d")
GRID = {"fast": range(2, 42), "slow": range(50, 75)}


def main() -> None:
    """Measure the three."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"ALPHAPULSE_CATALOG": f"{folder}/catalog", "ALPHAPULSE_HOME": folder}
        writer.write_bars(Path(folder) / "catalog", AAA, DAY, days(1, "2006-01-01", "2014-01-01"), "bench")
        writer.write_instruments(Path(folder) / "catalog", [AAA], [])
        plan = plan_of(SmaCross, Terms("AAA"), space_of(GRID))
        own_cost(plan, folder)
        two_cores(plan, folder)
        memory(plan, folder)


def own_cost(plan: Plan, folder: str) -> None:
    """The processors' time of a trial, less that of a bare run."""
    points = sampler_of("grid", space_of(GRID), TRIALS + WARM, 0).ask()[WARM:]
    bare: list[float] = []
    ours = 0.0
    with workshop(plan, folder, 2) as shop:
        sweep(shop, WARM)
        for first in range(0, TRIALS, PART):
            part = points[first : first + PART]
            before = busy()
            run(shop, Points(part))
            ours += busy() - before
            bare += [engine_alone(plan, each) for each in part[::5]]
    each, alone = 1000 * ours / TRIALS, 1000 * statistics.mean(bare)
    told(
        f"a trial of eight years of days: {each:.0f} ms of the processors, a bare run {alone:.0f} ms, "
        f"our own {each - alone:.0f} ms (aim: at most 60)",
        load=True,
    )


def two_cores(plan: Plan, folder: str) -> None:
    """How much faster two workers are than one, in turns; and two bare processes, for cores may be half a one each."""
    ratios, bare = [], []
    for _ in range(TURNS):
        seconds = []
        for workers in (1, 2):
            with workshop(plan, folder, workers) as shop:
                sweep(shop, WARM)
                start = perf_counter()
                sweep(shop, TRIALS + WARM)
                seconds.append(perf_counter() - start)
        ratios.append(seconds[0] / seconds[1])
        bare.append(bare_processes(plan))
        told(
            f"    {TRIALS} trials: one worker {seconds[0]:.1f} s, two {seconds[1]:.1f} s; "
            f"two processes of bare engines {bare[-1]:.2f} times as fast as one",
            load=True,
        )
    told(
        f"two cores against one: {statistics.median(ratios):.2f} times as fast (aim: at least 1.8), "
        f"bare engines {statistics.median(bare):.2f}"
    )


def bare_processes(plan: Plan) -> float:
    """How much faster two processes are than one that run bare engines and share nothing."""
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:

        def seconds(count: int) -> float:
            start = perf_counter()
            for each in [pool.submit(run_bare, plan) for _ in range(count)]:
                each.result()
            return perf_counter() - start

        seconds(2)
        return 2 * seconds(1) / seconds(2)


def run_bare(plan: Plan) -> None:
    """Some tens of engines one after the other."""
    for _ in range(BARE):
        engine_alone(plan, {"fast": 10, "slow": 50})


def memory(plan: Plan, folder: str) -> None:
    """What each process holds after a hundred trials, and after a thousand."""
    with workshop(plan, folder, 2) as shop:
        sweep(shop, 100)
        early = held()
        sweep(shop, MANY)
        late = held()
    for pid, megabytes in early.items():
        told(f"    process {pid}: {megabytes:.0f} MB after 100 trials, {late.get(pid, 0):.0f} MB after {MANY:,}")
    told(f"memory of {len(early)} processes after {MANY:,} trials against 100: {max_growth(early, late):.2f} at most")


def max_growth(early: dict[int, float], late: dict[int, float]) -> float:
    """The largest ratio of a process; a process that is gone has failed."""
    return max(late.get(pid, float("inf")) / megabytes for pid, megabytes in early.items())


@contextmanager
def workshop(plan: Plan, folder: str, workers: int) -> Iterator[Workshop]:
    """A workshop with a ledger of its own."""
    os.environ["ALPHAPULSE_LEDGER"] = tempfile.mkdtemp(dir=folder)
    with open_workshop(plan, SmaCross, workers=workers, limits=Limits(None, 1024)) as opened:
        opened.client.wait_for_workers(workers)
        yield opened


def sweep(shop: Workshop, trials: int) -> None:
    """The first trials of the grid; those that are recorded are not run again."""
    run(shop, sampler_of("grid", space_of(GRID), trials, 0))


class Points:
    """A sampler of given points."""

    def __init__(self, points: list[dict[str, Any]]) -> None:
        self._left, self.total = points, len(points)

    def ask(self) -> list[dict[str, Any]]:
        """All of them, once."""
        batch, self._left = self._left, []
        return batch

    def tell(self, values: Sequence[float]) -> None:
        """They are given."""


def run(shop: Workshop, sampler: Sampler) -> None:
    """Sweep what a sampler proposes; all of it must end well."""
    spec = shop.bench.base.spec
    found = shop.sweep((spec.start, spec.end), sampler, objective_of("sharpe"))
    assert {each.record.status for each in found.trials} == {"finished"}


def engine_alone(plan: Plan, parameters: dict[str, int]) -> float:
    """The processors' time of the engine's own run: venue, data, strategy, nothing kept."""
    spec = replace(plan.spec, parameters=parameters)
    data = load(request_of(spec, SmaCross, plan.instruments, plan.roots), None)
    feed = data.feeds[0]
    config = build(blueprint(SmaCross), spec.parameters, spec.instruments, [feed.bar_type])
    strategy = SmaCross(config)
    start = process_time()
    with tempfile.TemporaryDirectory() as logs:
        loaded = build_engine(
            spec,
            data.feeds,
            lambda _: sessions("XNAS").opens,
            [],
            Path(logs),
            str(strategy.strategy_id),
            lambda: strategy.clock.timestamp_ns(),
            {},
            {},
        )
        loaded.engine.add_strategy(strategy)
        for batch in loaded.batches():
            loaded.engine.run(start=batch.start, streaming=not batch.is_last)
        return process_time() - start


def busy() -> float:
    """The processors' time of this process and all below it, those that ended too."""
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(sum(each.cpu_times()[:4]) for each in family)


def held() -> dict[int, float]:
    """Megabytes that each process below this one holds for itself."""
    return {
        each.pid: each.memory_full_info().uss / 2**20
        for each in psutil.Process().children(recursive=True)
        if "engine.nursery" in " ".join(each.cmdline()) or "spawn_main" in " ".join(each.cmdline())
    }


def told(line: str, *, load: bool = False) -> None:
    """One line, with how busy the machine was where that matters."""
    sys.stdout.write(f"{line}{f' (load {os.getloadavg()[0]:.1f})' if load else ''}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
