"""`alphapulse rerun` and `alphapulse diff`: what is printed, as text and JSON, and the exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import alphapulse_lib as ap

ALPHAPULSE = Path(sys.executable).with_name("alphapulse")


def alphapulse(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ALPHAPULSE, *words], capture_output=True, text=True, check=False)


def test_runs_are_made_again_and_told_apart(sample: Path) -> None:
    window = ("GOOG", "1d", "2011-01-01", "2012-01-01")
    one, two = (ap.backtest("SmaCross", *window, params={"fast": n}, progress=False) for n in (5, 6))
    again = alphapulse("rerun", one.id[:8])
    assert (again.returncode, "are identical" in again.stdout) == (0, True), again.stderr
    told = alphapulse("diff", one.id, two.id, "--json")
    assert told.returncode == 3, told.stderr
    found = json.loads(told.stdout)
    assert (found["identical"], found["differences"][0]["kind"], found["differences"][0]["name"]) == (
        False,
        "parameter",
        "fast",
    )
    assert alphapulse("diff", one.id, "f" * 16).returncode == 1
    alone = alphapulse("compare", one.id)
    assert (alone.returncode, "One run is compared with none" in alone.stderr) == (2, True), alone.stderr


def test_a_run_is_looked_into_and_its_costs_are_told(sample: Path) -> None:
    window = ("GOOG", "--start", "2011-01-01", "--end", "2011-06-30", "-p", "fast=5")
    made = alphapulse("backtest", "SmaCross", *window, "--costs", "alpaca", "-c", "slippage_bps=2", "--json")
    assert made.returncode == 0, made.stderr
    run = ap.run(json.loads(made.stdout)["id"])
    assert run.spec.costs == ap.Costs.preset("alpaca", slippage_bps=2)
    told = alphapulse("check-lookahead", run.id[:8], "--at", "1", "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == {
        "of": run.id,
        "passed": True,
        "moments": 1,
        "leaks": [],
        "unproven": [],
        "outside": [],
    }
    assert alphapulse("check-lookahead", "f" * 16).returncode == 1
    wrong = alphapulse("backtest", "SmaCross", *window, "--costs", "alpaka")
    assert (wrong.returncode, "Did you mean alpaca" in wrong.stderr) == (2, True), wrong.stderr
