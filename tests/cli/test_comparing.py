"""`alphapulse rerun` and `alphapulse diff`: what is printed, as text and JSON, and the exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from command_line import alphapulse

import alphapulse_lib as ap
from alphapulse_lib.session.runs import open_ledger


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
    assert (alone.returncode, "`alphapulse compare 3f2a 77c0`" in alone.stderr) == (2, True), alone.stderr


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


def test_who_asks_for_what_a_run_has_not_is_told_the_commands_that_help(sample: Path, tmp_path: Path) -> None:
    run = ap.backtest("SmaCross", "GOOG", "1d", "2011-01-01", "2011-06-30", progress=False)
    for status, letter in (("failed", "e"), ("interrupted", "f")):
        open_ledger().append(replace(run.record, id=letter * 16, status=status))
    for command in ("rerun", "check-lookahead", "convention-spread"):
        said = alphapulse(command, "ffff").stderr
        assert f"`alphapulse run {'f' * 16} --json`" in said and "`alphapulse backtest`" in said, said
    for command in ("check-lookahead", "convention-spread"):
        assert f"`alphapulse run {'e' * 16} --log`" in alphapulse(command, "eeee").stderr
    assert "`alphapulse runs`" in alphapulse("rerun", "0000").stderr


def test_a_rerun_with_a_strategy_that_lacks_the_parameters_is_refused_and_not_recorded(
    sample: Path, tmp_path: Path
) -> None:
    run = ap.backtest("SmaCross", "GOOG", "1d", "2011-01-01", "2011-06-30", params={"fast": 5}, progress=False)
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "from nautilus_trader.model import BarType\nfrom nautilus_trader.trading import Strategy\n"
        "@dataclass(frozen=True)\nclass MineConfig:\n    bar_type: BarType\n    speed: int = 5\n"
        "class Mine(Strategy):\n    def __init__(self, config: MineConfig):\n        super().__init__(config)\n"
    )
    done = alphapulse("rerun", run.id, "--strategy", f"{tmp_path / 'mine.py'}:Mine")
    assert done.returncode == 2
    assert done.stderr == "UnknownParameter: Mine has no parameter 'fast'.\nIt has speed.\n"
    assert len(ap.runs()) == 1
