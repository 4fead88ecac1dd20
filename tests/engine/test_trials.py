"""The process in which trials are born: what they leak is gone with them, and it goes with whoever started it."""

from __future__ import annotations

import gc
import threading
import time
import wave
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from nautilus_trader.model import Bar

from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.engine import runner
from alphapulse_lib.engine.process import worker
from alphapulse_lib.engine.request import Request
from alphapulse_lib.engine.runner import request_of
from alphapulse_lib.engine.trials import Trials
from alphapulse_lib.model.run import Fill
from alphapulse_lib.session.sweeps import plan_of
from alphapulse_lib.session.terms import Terms
from tests.resources.processes import lives
from tests.resources.toy_market import Planned, write_minutes
from tests.resources.waiting import until

_HELD = []


class Leaks(Planned):
    """Keeps eight megabytes for as long as its process lives, and tells how many times it did."""

    def on_start(self) -> None:
        super().on_start()
        _HELD.append(bytearray(8 * 2**20))
        print("kept", len(_HELD))  # noqa: T201


class Imports(Planned):
    """Tells whether its process was born with a module that it needs; what was there at the birth is kept from gc."""

    def on_start(self) -> None:
        super().on_start()
        print("imported" if any(each is vars(wave) for each in gc.get_objects()) else "born with")  # noqa: T201


def base(strategy: type = Leaks, fill: Fill = "next_open") -> Request:
    write_minutes("TOY")
    plan = plan_of(strategy, Terms("TOY", "1m", fill=fill), {"plan": [{}]})
    return request_of(plan.spec, strategy, plan.instruments, Roots.of_settings(), plan.names)


def own(trials: Trials) -> float:
    """Megabytes that no other process shares with the one that holds the data; a trial that is just leaving does."""
    holder = psutil.Process(trials.process)
    until(lambda: not any(map(lives, holder.children())))
    return holder.memory_full_info().uss / 2**20


def run(trials: Trials, asked: Request, count: int) -> None:
    for _ in range(count):
        raw = trials.run(replace(asked.spec, parameters={"plan": {"1": 100}}))
        assert raw.status == "finished", raw.traceback
        assert raw.fills.num_rows == 1
        assert "kept 1" in raw.log
        assert "kept 2" not in raw.log


@pytest.mark.parametrize("count", [25, pytest.param(1_000, marks=[pytest.mark.siege, pytest.mark.timeout(1800)])])
def test_memory_stays_as_it_was_however_many_trials_leak(count: int) -> None:
    asked = base()
    with Trials(asked) as trials:
        before = []
        for _ in range(5):
            run(trials, asked, 1)
            before.append(own(trials))
        process, early = trials.process, max(before)
        run(trials, asked, count)
        assert trials.process == process
        assert own(trials) < early + 4
    assert not psutil.pid_exists(process or 0)


def test_a_killed_process_is_started_again_for_the_next_trial() -> None:
    asked = base()
    with Trials(asked) as trials:
        run(trials, asked, 1)
        killed = psutil.Process(trials.process)
        killed.kill()
        run(trials, asked, 1)
        assert trials.process != killed.pid


def test_what_a_strategy_imports_is_imported_once_for_all_trials() -> None:
    asked = base(Imports)
    with Trials(asked) as trials:
        for _ in range(2):
            assert "born with" in trials.run(replace(asked.spec, parameters={"plan": {}})).log


@pytest.mark.parametrize("fill", ["next_open", "close", "next_close"])
def test_trials_that_share_their_bars_are_what_a_process_of_its_own_makes_of_them(fill: Fill) -> None:
    asked = base(Planned, fill)
    specs = [replace(asked.spec, parameters={"plan": plan}) for plan in ({"1": 100, "4": -100}, {"2": 7}, {"1": 100})]
    with Trials(asked) as trials:
        found = [trials.run(each) for each in (*specs, specs[0])]
    for spec, trial in zip((*specs, specs[0]), found, strict=True):
        with worker() as waiting:
            alone = runner.run(waiting, spec, Planned, asked.instruments, asked.roots, symbols=asked.symbols)
        assert trial.status == alone.status == "finished", trial.traceback
        assert trial.fills.num_rows == len(spec.parameters["plan"])
        for name in ("fills", "orders", "positions", "marks", "cash_flows"):
            assert getattr(trial, name).equals(getattr(alone, name), check_metadata=True), name
        assert (trial.series, trial.facts) == (alone.series, alone.facts)


class Endless(Planned):
    def on_bar(self, bar: Bar) -> None:
        Path(self.config.plan["begun"]).touch()
        while True:
            time.sleep(0.1)


def test_who_waits_for_a_trial_that_never_ends_is_let_go_when_its_sweep_is_over(tmp_path: Path) -> None:
    """On a cluster that lives on, that trial was begun once more, for nobody, and kept its worker from all others."""
    asked, begun = base(Endless), tmp_path / "begun"
    trials, ended = Trials(asked), []
    spec = replace(asked.spec, parameters={"plan": {"begun": str(begun)}})
    waiting = threading.Thread(target=lambda: ended.append(trials.run(spec)), daemon=True)
    waiting.start()
    try:
        until(begun.exists)
        process = trials.process
        trials.close()
        waiting.join(120)
        assert [each.status for each in ended] == ["failed"]
        assert trials.process is None
        assert not psutil.pid_exists(process or 0)
    finally:
        trials.close()
