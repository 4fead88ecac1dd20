"""Runs that never end, leak, leave or raise: each harms itself alone, and is recorded with what stopped it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from os import _exit

import pytest
from nautilus_trader.model import OrderSide
from toy_market import MINUTE, OPEN, SIX, Planned, write_minutes

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.engine import last_words
from alphapulse_lib.engine.limits import Limits


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a run was is waited for longer than by its owner, who would rather do without it."""
    monkeypatch.setattr(last_words, "_PATIENCE", 30.0)


class Doomed(Planned):
    """Its plan says how it ends."""

    def on_bar(self, bar) -> None:
        if "leaves" in self._plan:
            os._exit(7)
        if "goes" in self._plan:
            _exit(7)  # by a name that was taken before the run's process was
        if "crashes" in self._plan:
            ctypes.string_at(0)
        if "aborts" in self._plan:
            os.abort()
        if "ends" in self._plan:
            os.kill(os.getpid(), signal.SIGTERM)
        if "raises" in self._plan:
            raise ValueError("the plan failed")
        held = []
        while "loops" in self._plan:
            pass
        while "leaks" in self._plan:
            held.append(bytearray(b"x") * 20_000_000)
            time.sleep(0.02)
        super().on_bar(bar)


@pytest.mark.parametrize(
    ("how", "limits", "kind", "told", "where"),
    [
        (
            "loops",
            {"run_seconds": 12},
            errors.LimitReached,
            "The run took longer than the 12 s that it may",
            'pass|while "loops" in self._plan:',
        ),
        (
            "leaks",
            {"run_memory": 600},
            errors.LimitReached,
            "more than the 600 MB that it may, and was stopped",
            'time.sleep(0.02)|held.append(bytearray(b"x") * 20_000_000)|while "leaks" in self._plan:',
        ),
        ("leaves", {}, errors.WorkerDied, "ended with code 7", "os._exit(7)"),
        ("goes", {}, errors.WorkerDied, "ended with code 7", "_exit(7)  # by a name"),
        ("crashes", {}, errors.WorkerDied, r"was killed \(SIGSEGV\)", "ctypes.string_at(0)"),
        ("aborts", {}, errors.WorkerDied, r"was killed \(SIGABRT\)", "os.abort()"),
        ("ends", {}, errors.WorkerDied, r"was killed \(SIGTERM\)", "os.kill(os.getpid(), signal.SIGTERM)"),
        ("raises", {}, errors.StrategyRaised, "ValueError: the plan failed", 'raise ValueError("the plan failed")'),
    ],
)
def test_what_a_run_does_to_its_process_is_recorded_and_harms_no_other(how, limits, kind, told, where) -> None:
    write_minutes("TOY")
    if "run_seconds" in limits:  # after another run all is imported: that alone may take ten seconds on busy cores
        ap.backtest(Doomed, "TOY", "1m", params={"plan": {"1": 50}}, progress=False)
    with pytest.raises(kind, match=told) as ended:
        ap.backtest(Doomed, "TOY", "1m", params={"plan": {how: 1}}, progress=False, **limits)
    record = ap.run(ended.value.run_id).record
    assert record.status == "failed"
    assert record.error.partition(": ")[2].rstrip(".").casefold() in str(ended.value).casefold()
    first, second, line, *_ = record.traceback.splitlines()
    assert first == "Traceback (most recent call last):"
    assert second.startswith(f'  File "{__file__}", line ') and second.endswith("in on_bar")
    assert any(line.strip().startswith(each) for each in where.split("|"))
    assert record.traceback.rstrip() in str(ended.value)
    assert ap.backtest(Doomed, "TOY", "1m", params={"plan": {"1": 50}}, progress=False).status == "finished"


def test_the_settings_bound_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    write_minutes("TOY")
    monkeypatch.setenv("ALPHAPULSE_RUN_MEMORY", "1")
    with pytest.raises(errors.LimitReached, match="more than the 1 MB"):
        ap.backtest(Doomed, "TOY", "1m", params={"plan": {}}, progress=False)
    monkeypatch.setenv("ALPHAPULSE_RUN_MEMORY", "-1")
    with pytest.raises(errors.SettingsError, match="ALPHAPULSE_RUN_MEMORY"):
        ap.backtest(Doomed, "TOY", "1m", params={"plan": {}}, progress=False)


def test_a_time_that_is_over_before_the_next_look_ends_a_run() -> None:
    write_minutes("TOY")
    asked = {"params": {"plan": {}}, "progress": False}
    ap.backtest(Doomed, "TOY", "1m", **asked)  # the next one finds all imported, and takes a tenth of a second
    with pytest.raises(errors.LimitReached, match=r"took longer than the 0.01 s that it may"):
        ap.backtest(Doomed, "TOY", "1m", **asked, run_seconds=0.01)
    assert Limits(0.05, 1_000).pause(time.monotonic(), 0.2) <= 0.05
    assert Limits(60, 1_000).pause(time.monotonic(), 0.2) == Limits(None, 1_000).pause(0, 0.2) == 0.2


class Scribbling(Planned):
    """Writes to whatever its process has open."""

    def on_bar(self, bar) -> None:
        for descriptor in range(3, 64):
            with contextlib.suppress(OSError):
                os.write(descriptor, b"scribble")
        super().on_bar(bar)


def test_a_run_that_writes_to_its_processs_own_pipes_is_recorded() -> None:
    write_minutes("TOY")
    with contextlib.suppress(errors.WorkerDied):
        ap.backtest(Scribbling, "TOY", "1m", params={"plan": {"1": 50}}, progress=False)
    assert len(ap.runs()) == 1


class Garbling(Planned):
    """What it raises cannot be written as UTF-8, nor held by a database."""

    def on_bar(self, bar) -> None:
        raise ValueError("half \ud800 and none \0")


def test_an_exception_that_no_database_takes_is_told_legibly() -> None:
    write_minutes("TOY")
    with pytest.raises(errors.StrategyRaised) as raised:
        ap.backtest(Garbling, "TOY", "1m", params={"plan": {}}, progress=False)
    record = ap.run(raised.value.run_id).record
    assert record.error == "ValueError: half \\ud800 and none \\x00"
    assert "\0" not in record.traceback
    assert str(raised.value).encode()


class Sided(Planned):
    """Captures members of NautilusTrader's enumerations, which pickle does not take."""

    usual = OrderSide.SELL

    def on_bar(self, bar, side: OrderSide = OrderSide.BUY) -> None:
        if (side, self.usual) == (OrderSide.BUY, OrderSide.SELL):
            super().on_bar(bar)


def test_a_strategy_may_capture_a_side() -> None:
    write_minutes("TOY")
    run = ap.backtest(Sided, "TOY", "1m", params={"plan": {"1": 50}}, progress=False)
    assert run.fills.quantity.tolist() == [50.0]
    assert ap.rerun(run.id).identical


@pytest.mark.parametrize("bad", [{"run_seconds": 0}, {"run_seconds": True}, {"run_memory": "much"}, {"run_memory": -1}])
def test_a_limit_that_is_none_is_refused(bad: dict) -> None:
    write_minutes("TOY")
    with pytest.raises(errors.InputError, match=f"{next(iter(bad))}=.*above zero"):
        ap.backtest(Doomed, "TOY", "1m", params={"plan": {}}, progress=False, **bad)
    assert ap.runs().empty


class Endless(Planned):
    """Never ends where a price is not what it was."""

    def on_bar(self, bar) -> None:
        while float(bar.close) not in {each[3] for each in SIX}:
            pass
        super().on_bar(bar)


def test_a_probe_that_is_stopped_accuses_nobody_of_looking_ahead() -> None:
    write_minutes("TOY")
    with pytest.raises(errors.LimitReached, match="took longer than the 12 s") as stopped:
        ap.check_lookahead(Endless, "TOY", "1m", params={"plan": {"1": 5}}, at=1, progress=False, run_seconds=12)
    assert ap.run(stopped.value.run_id).record.purpose == "probe"


class Lingering(Planned):
    """Never ends where an order fills on the bar that it was decided on."""

    def on_order_filled(self, event) -> None:
        while (event.ts_event - OPEN) % MINUTE == 0:
            pass


def test_every_convention_is_bounded_by_the_limits_of_the_first_run() -> None:
    write_minutes("TOY")
    found = ap.convention_spread(Lingering, "TOY", "1m", params={"plan": {"1": 5}}, progress=False, run_seconds=12)
    assert "took longer than the 12 s that it may" in found.refused["close"]
    assert list(found.runs) == ["next_open", "next_close"]
