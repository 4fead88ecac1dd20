"""What a strategy prints without end is kept at its ends; what it starts ends with its run."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from tqdm import tqdm

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.engine.printed import Printed, ends_of
from alphapulse_lib.engine.runner import request_of
from alphapulse_lib.engine.trials import Trials
from alphapulse_lib.session.sweeps import plan_of
from alphapulse_lib.session.terms import Terms
from tests.resources.toy_market import SIX, Planned, PlannedConfig, write_minutes


class Prints(Planned):
    """Prints twenty megabytes."""

    def on_start(self) -> None:
        super().on_start()
        print("the first line")  # noqa: T201
        for _ in range(20):
            print("x" * 1_000_000)  # noqa: T201
        print("the last line", flush=True)  # noqa: T201


def test_what_is_printed_without_end_is_kept_at_its_ends(capfd: pytest.CaptureFixture[str]) -> None:
    write_minutes("TOY")
    run = ap.backtest(Prints, "TOY", "1m", params={"plan": {"1": 50}})
    told = capfd.readouterr()
    plan = plan_of(Prints, Terms("TOY", "1m"), {"plan": [{}]})
    asked = request_of(plan.spec, Prints, plan.instruments, Roots.of_settings(), plan.names)
    with Trials(asked) as trials:
        trial = trials.run(replace(asked.spec, parameters={"plan": {"1": 100}}))
    for log in (run.log, trial.log):
        assert "the first line" in log
        assert "bytes are left out here" in log
        assert "the last line" in log
        assert len(log) < 2_100_000
    assert len(told.out) + len(told.err) < 1_100_000


def test_the_count_of_what_is_left_out(tmp_path: Path) -> None:
    whole = b"a" * 1_000_000 + b"b" * 700_000 + b"c" * 1_000_000
    printed = Printed()
    for at in range(0, len(whole), 65_536):
        printed.hear(whole[at : at + 65_536])
    (tmp_path / "printed").write_bytes(whole)
    kept = "a" * 1_000_000 + "\n... 700,000 bytes are left out here ...\n" + "c" * 1_000_000
    assert printed.text() == ends_of(tmp_path / "printed") == kept
    (tmp_path / "printed").write_bytes(whole[:1_500_000])
    assert ends_of(tmp_path / "printed").encode() == whole[:1_500_000]


def test_a_character_that_comes_in_two_parts_is_shown_whole() -> None:
    shown: list[str] = []
    printed = Printed(shown.append)
    for byte in "15 \N{EURO SIGN}, \N{CJK UNIFIED IDEOGRAPH-5B57}".encode():
        printed.hear(bytes([byte]))
    assert "".join(shown) == printed.text() == "15 \N{EURO SIGN}, \N{CJK UNIFIED IDEOGRAPH-5B57}"


class Euros(Planned):
    """Prints at each of its bars what not every terminal has."""

    def on_bar(self, bar) -> None:
        super().on_bar(bar)
        print("\N{EURO SIGN}", self._seen, flush=True)  # noqa: T201


class Sleeps(Planned):
    """Takes two seconds for 48 bars."""

    def on_bar(self, bar) -> None:
        super().on_bar(bar)
        time.sleep(0.04)


class Gone(io.StringIO):
    """A pipe whose reader went."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def closed_file() -> io.StringIO:
    closed = io.StringIO()
    closed.close()
    return closed


@pytest.mark.parametrize("where", ["ascii", "a pipe without a reader", "closed", "nowhere"])
def test_a_run_is_recorded_where_what_it_prints_cannot_be_shown(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    write_minutes("TOY")
    taken = io.BytesIO()
    closed = io.StringIO()
    closed.close()
    stands = {"ascii": io.TextIOWrapper(taken, "ascii"), "a pipe without a reader": Gone(), "closed": closed}
    with monkeypatch.context() as for_now:
        for_now.setattr(sys, "stdout", stands.get(where))
        run = ap.backtest(Euros, "TOY", "1m", params={"plan": {"1": 50}}, progress=False)
    assert run.status == "finished"
    assert "\N{EURO SIGN} 6" in run.log
    assert (b"\\u20ac 6" in taken.getvalue()) is (where == "ascii")


def test_a_run_is_recorded_where_its_progress_cannot_be_shown_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    write_minutes("TOY", SIX * 8)
    with monkeypatch.context() as for_now:
        for_now.setattr(sys, "stderr", Gone())
        run = ap.backtest(Sleeps, "TOY", "1m", params={"plan": {"1": 50}})
    assert run.status == "finished"
    with ThreadPoolExecutor(1) as another:
        assert another.submit(is_free, tqdm.get_lock().locks).result()


@pytest.mark.parametrize("where", [Gone, closed_file])
def test_trials_and_probes_go_on_where_their_progress_cannot_be_shown(
    monkeypatch: pytest.MonkeyPatch, where: Callable[[], io.StringIO]
) -> None:
    write_minutes("TOY", SIX * 8)
    plans = [{"1": 50}, {"2": 50}, {"3": 50}]
    with monkeypatch.context() as for_now:
        for_now.setattr(sys, "stderr", where())
        swept = ap.sweep(Planned, "TOY", "1m", grid={"plan": plans}, objective="end_equity", workers=1)
        spread = ap.convention_spread(swept.best)
        found = ap.check_lookahead(swept.best, at=2)
    assert len(swept.trials) == 3
    assert len(spread.runs) > 1
    assert not found.leaks
    with ThreadPoolExecutor(1) as another:
        assert another.submit(is_free, tqdm.get_lock().locks).result()


def is_free(locks: Sequence[Any]) -> bool:
    """Whether this thread comes by them: in any thread an old bar may be collected, which waits for tqdm's."""
    taken = [each for each in locks if each.acquire(True, 10)]
    for each in taken:
        each.release()
    return len(taken) == len(locks)


class Leaves(Planned):
    """Leaves a process in a session of its own, and ends as its plan says."""

    def on_start(self) -> None:
        super().on_start()
        sleeps = [sys.executable, "-c", "import time; time.sleep(300)"]
        left = subprocess.Popen(sleeps, start_new_session=True, env={} if self._plan.get("bare") else None)
        with Path(self._plan["left"]).open("a") as told:
            told.write(f"{left.pid}\n")
        if self._plan["how"] == "raises":
            raise ValueError("as planned")
        if self._plan["how"] == "kills":
            os.kill(self._plan.get("whom", os.getppid()), signal.SIGKILL)
        if self._plan["how"] == "interrupts":
            os.kill(self._plan["whom"], signal.SIGINT)
        while self._plan["how"] in ("loops", "interrupts", "kills"):  # a signal may arrive some moments later
            time.sleep(0.01)


def lives(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until_gone(told: Path) -> None:
    until = time.monotonic() + 60
    for process in map(int, told.read_text().split()):
        while lives(process):
            assert time.monotonic() < until, "it outlived its run"
            time.sleep(0.02)


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("how", ["finishes", "raises", "loops", "interrupts"])
def test_what_a_run_starts_ends_with_it(tmp_path: Path, how: str, bare: bool) -> None:
    write_minutes("TOY")
    plan = {"how": how, "left": str(tmp_path / "left"), "bare": bare, "whom": os.getpid()}
    limit = 240
    if how == "loops":
        limit = 12
        # After another run all is imported: that alone may take ten seconds on busy cores.
        ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, progress=False)
    try:
        ap.backtest(Leaves, "TOY", "1m", params={"plan": plan}, progress=False, run_seconds=limit)
    except errors.RunError:
        assert how != "finishes"
    until_gone(tmp_path / "left")


def test_a_run_that_kills_what_it_was_forked_from_harms_itself_alone(tmp_path: Path) -> None:
    write_minutes("TOY")
    plan = {"how": "kills", "left": str(tmp_path / "left")}
    with pytest.raises(errors.WorkerDied, match="was killed with the one that it was forked from") as told:
        ap.backtest(Leaves, "TOY", "1m", params={"plan": plan}, progress=False)
    assert "memory" not in str(told.value)
    until_gone(tmp_path / "left")
    assert ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, progress=False).status == "finished"


def test_what_trials_start_ends_with_them(tmp_path: Path) -> None:
    write_minutes("TOY")
    plans = [{"how": how, "left": str(tmp_path / how)} for how in ("finishes", "raises", "loops", "kills")]
    ap.sweep(Leaves, "TOY", "1m", grid={"plan": plans}, objective="end_equity", progress=False, trial_seconds=12)
    for plan in plans:
        until_gone(Path(plan["left"]))


#: A program whose run leaves a process; killed, it can end neither.
OWNER = """
import os, sys
import alphapulse_lib as ap
from tests.session.test_what_runs_leave import Leaves
plan = {"how": sys.argv[1], "left": sys.argv[2], "whom": os.getpid()}
ap.backtest(Leaves, "TOY", "1m", params={"plan": plan}, progress=False)
"""


def owner(how: str, told: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", OWNER, how, str(told)], cwd=Path(__file__).parents[2])


def test_what_a_killed_owner_left_is_ended_by_the_next_run_and_nothing_of_a_living_one(tmp_path: Path) -> None:
    write_minutes("TOY")
    killed, living = tmp_path / "killed", tmp_path / "living"
    assert owner("kills", killed).wait(120) == -signal.SIGKILL
    (left,) = map(int, killed.read_text().split())
    other = owner("loops", living)
    try:
        until = time.monotonic() + 120
        while not (living.exists() and living.read_text().endswith("\n")):
            assert time.monotonic() < until, "it never ran"
            time.sleep(0.02)
        # Whatever else runs on this machine meanwhile may have ended it: each run is somebody's next one.
        ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, progress=False)
        assert not lives(left)
        (served,) = map(int, living.read_text().split())
        assert lives(served)
    finally:
        other.kill()
        other.wait()
    ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, progress=False)
    assert not lives(served)


class Taken(Planned):
    """Another engine has it already."""

    def __init__(self, config: PlannedConfig) -> None:
        super().__init__(config)
        BacktestEngine(BacktestEngineConfig()).add_strategy(self)


def test_a_strategy_that_nautilus_trader_does_not_take_is_told_in_its_words(capfd: pytest.CaptureFixture[str]) -> None:
    write_minutes("TOY")
    with pytest.raises(errors.StrategyUnusable, match="already registered"):
        ap.backtest(Taken, "TOY", "1m", params={"plan": {}}, progress=False)
    assert "Traceback" not in "".join(capfd.readouterr())
