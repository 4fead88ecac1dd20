"""`ap.sweep`, end to end: on a Dask cluster that is there and on its own, with strategies and processes that die."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import logging
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import psutil
import pytest
from distributed import LocalCluster
from distributed.comm.core import CommClosedError
from nautilus_trader.model import Bar

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.cli.sweeps import _told as told_on_the_command_line
from alphapulse_lib.engine.leftovers import held
from alphapulse_lib.engine.limits import Limits
from alphapulse_lib.results import slow
from alphapulse_lib.results.cluster import cluster
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.statistics import summary
from alphapulse_lib.results.swept import Trial
from alphapulse_lib.session.forecasts import Forecast
from alphapulse_lib.session.search import OBJECTIVES, OF_RETURNS, Search
from alphapulse_lib.session.sweep_meter import SweepMeter
from alphapulse_lib.session.sweeps import plan_of
from alphapulse_lib.session.terms import Terms
from alphapulse_lib.session.workshop import open_workshop
from alphapulse_lib.settings import settings
from alphapulse_lib.views import numbers
from alphapulse_lib.views.figures import heatmap
from tests.resources.processes import command
from tests.resources.toy_market import Planned, PlannedConfig, write_minutes
from tests.resources.waiting import until

#: On six bars: bought at 120, sold at 140, 130, 110 or 115, or never.
PLANS = [{"1": 100, "2": -100}, {"1": 100, "3": -100}, {"1": 100, "4": -100}, {"1": 100, "5": -100}, {}]
EARNED = [2000.0, 1000.0, -1000.0, -500.0, 0.0]


def swept(strategy: type | str = Planned, **more: object):
    given = {"grid": {"plan": PLANS}, "objective": "end_equity", "progress": False}
    return ap.sweep(strategy, "TOY", "1m", **given | more)


def recorded() -> list[str]:
    return Ledger(settings().ledger_root).ids()


def test_each_trial_is_recorded_once_and_is_what_a_backtest_of_it_is(shared: LocalCluster) -> None:
    write_minutes("TOY")
    found = swept()
    assert [each.value - 100_000 for each in found.trials] == pytest.approx(EARNED)
    assert found.table.index.tolist() == [0, 1, 4, 3, 2]
    assert found.table.id.tolist() == [found.trials[n].record.id for n in (0, 1, 4, 3, 2)]
    assert sorted(recorded()) == sorted(found.table.id)
    assert [each.record.purpose for each in found.trials] == ["trial"] * 5
    assert sorted(each.record.statistics["trials"] for each in found.trials) == [1, 2, 3, 4, 5]
    alone = ap.backtest(Planned, "TOY", "1m", params={"plan": PLANS[0]}, progress=False)
    best = ap.run(found.best.id)
    for name in ("account", "fills", "orders", "positions", "trades", "marks"):
        assert getattr(best, name).equals(getattr(alone, name)), name
    runs = Ledger(settings().ledger_root).root / "runs"
    for name in ("source.py", "code.json", "marks.parquet"):  # what all trials share is kept once
        kept = [runs / each / name for each in (*found.table.id, alone.id)]
        assert len({each.read_bytes() for each in kept}) == 1
        assert len({each.stat().st_ino for each in kept}) == 2
    counted = {"trials", "expected_maximum_sharpe", "deflated_sharpe"}
    assert {name: repr(value) for name, value in best.stats.items() if name not in counted} == {
        name: repr(value) for name, value in alone.stats.items() if name not in counted
    }
    assert best.record.series == alone.record.series
    assert best.deflated["trials"] == 5  # the same spec again is no new trial
    assert best.log == alone.log


def test_a_path_among_the_places_of_modules_is_passed_over_as_python_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_minutes("TOY")
    monkeypatch.setattr(sys, "path", [*sys.path, tmp_path])
    run = ap.backtest(Planned, "TOY", "1m", params={"plan": PLANS[0]}, progress=False)
    found = swept(grid={"plan": PLANS[:1]}, workers=1)  # on processes of its own
    assert found.best.stats["end_equity"] == run.stats["end_equity"] == pytest.approx(100_000 + EARNED[0])


def test_of_two_clusters_the_one_that_stays_longer_stays_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = logging.StreamHandler()
    handler.setLevel(logging.INFO)
    monkeypatch.setattr(logging.getLogger("distributed"), "handlers", [handler])  # as where nobody else has a log
    with contextlib.ExitStack() as longer:
        with cluster("", 1):
            longer.enter_context(cluster("", 1))
        assert handler.level == logging.CRITICAL
    assert handler.level == logging.INFO


def test_who_stops_a_cluster_while_its_workers_start_is_shown_no_traceback_of_dasks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with cluster("", 1):
        pass
    loop = asyncio.new_event_loop()
    caplog.clear()
    for error in (CommClosedError("in <TLS>: Stream is closed"), ValueError("a person's own")):
        loop.call_exception_handler({"message": "Task exception was never retrieved", "exception": error})
    loop.close()
    assert [str(each.exc_info[1]) for each in caplog.records if each.exc_info] == ["a person's own"]


def test_what_is_recorded_on_the_same_rows_is_not_run_again(shared: LocalCluster) -> None:
    write_minutes("TOY")
    first = swept(grid={"plan": PLANS[:3]})
    whole = swept()
    assert [each.record.id for each in whole.trials[:3]] == [each.record.id for each in first.trials]
    assert len(recorded()) == 5
    assert whole.returns.shape == (1, 5)
    assert whole.returns.iloc[0].tolist() == pytest.approx([each / 100_000 for each in EARNED])
    other_rows = [(each[0] + 1, *each[1:]) for each in ((100.0, 101.0, 99.0, 100.5), (119.0, 122.0, 118.0, 121.0))]
    write_minutes("TOY", other_rows)
    changed = swept(grid={"plan": PLANS[:1]})
    assert changed.trials[0].record.id not in {each.record.id for each in whole.trials}
    assert len(recorded()) == 6


def test_what_is_tried_in_other_words_counts_once(shared: LocalCluster) -> None:
    write_minutes("TOY")
    few = {"fast": 3, "slow": 5}
    for params in (few, few | {"quantity": 10}):  # ten are the default
        run = ap.backtest("SmaCross", "TOY", "1m", params=params, progress=False)
        assert run.deflated["trials"] == 1
    found = ap.sweep("SmaCross", "TOY", "1m", grid={"quantity": [10, 11]}, params=few, progress=False)
    assert [each.record.spec.at_default for each in found.trials] == [("quantity",), ()]
    assert ap.run(found.trials[0].record.id).deflated["trials"] == 2


@pytest.mark.parametrize("what", ["lost", "damaged"])
def test_a_trial_whose_files_are_lost_is_run_again(shared: LocalCluster, what: str) -> None:
    write_minutes("TOY")
    first = swept(grid={"plan": PLANS[:3]})
    folder = Ledger(settings().ledger_root).root / "runs" / first.trials[1].record.id
    if what == "lost":
        shutil.rmtree(folder)
    else:
        (folder / "equity.parquet").write_bytes(b"PAR1 no more")
    again = swept(grid={"plan": PLANS[:3]})
    assert [each.value for each in again.trials] == [each.value for each in first.trials]
    same = [one.record.id == other.record.id for one, other in zip(first.trials, again.trials, strict=True)]
    assert same == [True, False, True]
    assert len(recorded()) == 4
    assert again.deflated["trials"] == 3, "it counts once"


def leak() -> None:
    held = []
    while True:
        held.append(bytearray(b"x") * 20_000_000)
        time.sleep(0.02)


class Doomed(Planned):
    """Its plan says how it ends."""

    def on_bar(self, bar) -> None:
        how = next(iter(self._plan), "")
        if how == "raises":
            raise ValueError("the plan failed")
        if how.startswith("/") and not Path(how).exists():
            raise OSError("it is not there yet")
        if how == "exits":
            os._exit(7)
        if how == "crashes":
            ctypes.string_at(0)
        if how == "kills":
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        if how == "loops":
            while True:
                time.sleep(0.01)
        if how == "leaks":
            leak()
        super().on_bar(bar)


def test_a_trial_that_fails_harms_no_other(shared: LocalCluster) -> None:
    write_minutes("TOY")
    ends = ["raises", "exits", "kills", "loops", "leaks", "crashes"]
    grid = {"plan": [PLANS[0], *({end: 1} for end in ends), PLANS[1]]}
    found = swept(Doomed, grid=grid, trial_seconds=20, trial_memory=600)
    assert [each.record.status for each in found.trials] == ["finished", *["failed"] * 6, "finished"]
    told = [each.record.error for each in found.trials[1:7]]
    assert told[0] == "ValueError: the plan failed"
    assert "code 7" in told[1]
    assert told[2].startswith("WorkerDied: the process that held the data was killed")
    assert told[3] == "LimitReached: the trial took longer than the 20 s that it may, and was stopped"
    assert re.fullmatch(r"LimitReached: the trial held \S+ MB of memory, more than the 600 MB that it may, .*", told[4])
    assert "SIGSEGV" in told[5]
    where = {end: each.record.traceback for end, each in zip(ends, found.trials[1:7], strict=True)}
    assert where.pop("kills") == "", "what held the data is gone, too"
    for end, line in {"exits": "os._exit(7)", "loops": "time.sleep(0.01)", "crashes": "ctypes.string_at(0)"}.items():
        assert f"    {line}\n" in where[end]
    for end, text in where.items():
        first, second, *_ = text.splitlines()
        assert first == "Traceback (most recent call last):", end
        assert second.startswith(f'  File "{__file__}", line ') and second.endswith("in on_bar"), end
    assert ", in leak\n" in where["leaks"]
    assert [found.trials[n].value - 100_000 for n in (0, 7)] == pytest.approx(EARNED[:2])
    assert len(recorded()) == len(set(recorded())) == 8
    assert found.returns.shape == (1, 2)
    for words in (found.text(), found._repr_html_()):
        assert "6 trials failed, the first of plan={'raises': 1}: ValueError: the plan failed." in (unescape(words))
    again = swept(Doomed, grid={"plan": [{"raises": 1}, PLANS[0]]}, retry=True)
    assert again.trials[0].record.id != found.trials[1].record.id
    assert len(recorded()) == 9
    with pytest.raises(errors.SweepError, match="the plan failed"):
        swept(Doomed, grid={"plan": [{"raises": 1}]})


def test_what_a_retry_came_to_is_what_the_same_call_finds(shared: LocalCluster, tmp_path: Path) -> None:
    """The newest try of each trial: the failed one, which was first, would be found for ever."""
    write_minutes("TOY")
    late = tmp_path / "late"
    grid = {"plan": [{str(late): 1} | PLANS[0], PLANS[1]]}
    assert [each.record.status for each in swept(Doomed, grid=grid).trials] == ["failed", "finished"]
    late.touch()
    again = swept(Doomed, grid=grid, retry=True)
    assert again.best.id == again.trials[0].record.id
    for retry in (False, True):
        found = swept(Doomed, grid=grid, retry=retry)
        assert [each.record.id for each in found.trials] == [each.record.id for each in again.trials]
    assert len(recorded()) == 3
    assert found.deflated["trials"] == 2, "two tries of one spec are one trial"


class Asks(Planned):
    def on_start(self) -> None:
        self.subscribe_quotes(self._id)


def test_what_preflight_refuses_is_raised_and_nothing_is_recorded(shared: LocalCluster) -> None:
    write_minutes("TOY")
    with pytest.raises(errors.UnservedSubscription, match="quotes"):
        swept(Asks)
    with pytest.raises(errors.NoCoverage):
        swept(start="2024-01-01", end="2024-02-01")
    assert recorded() == []


class AsksByPlan(Planned):
    """Waits as long as its plan says, and asks for what nothing serves where it says so."""

    def on_start(self) -> None:
        time.sleep(self._plan.get("waits", 0))
        super().on_start()
        if "asks" in self._plan:
            self.subscribe_quotes(self._id)


def test_whichever_trial_ends_first_it_is_the_first_one_by_which_a_sweep_is_refused(shared: LocalCluster) -> None:
    write_minutes("TOY")
    found = swept(AsksByPlan, grid={"plan": [PLANS[0] | {"waits": 2}, {"asks": 1}, {"asks": 2}]})
    assert [each.record.status for each in found.trials] == ["finished", "failed", "failed"]
    assert len(recorded()) == 3
    for words in (found.text(), found._repr_html_()):
        assert "2 trials failed, the first of plan={'asks': 1}: UnservedSubscription: " in unescape(words)
        assert "cannot be said: none beside it has an objective." in words
    for _ in range(2):
        with pytest.raises(errors.UnservedSubscription, match="quotes"):
            swept(AsksByPlan, grid={"plan": [{"asks": 1, "waits": 3}, {"asks": 3}, PLANS[1]]})
        assert len(recorded()) == 4, "the one that nothing refused has run, and counts"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"grid": {"plam": [1]}}, "plam.*\n.*plan"),
        ({"grid": {}}, "no parameters"),
        ({"grid": {"plan": []}}, "no values"),
        ({"grid": {"plan": [{}, {}]}}, "twice"),
        ({"grid": {"plan": [{"1": 1}, {"1": 1.0}]}}, "twice"),
        ({"params": {"plan": {}}}, "grid and in params"),
        ({"sampler": "random"}, "how many trials"),
        ({"sampler": "greed"}, "grid"),
        ({"objective": "sharp"}, "sharpe"),
        ({"trials": 0}, "trials=0"),
        ({"workers": 1.5}, "workers=1.5"),
        ({"trial_seconds": -1}, "trial_seconds=-1"),
    ],
)
def test_a_wrong_argument_is_told_before_anything_starts(wrong: dict, words: str) -> None:
    write_minutes("TOY")
    with pytest.raises(errors.InputError, match=words):
        swept(**wrong)


def test_an_address_where_nobody_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    write_minutes("TOY")
    monkeypatch.setenv("ALPHAPULSE_DASK", "tcp://127.0.0.1:9")
    monkeypatch.setattr("alphapulse_lib.results.cluster.ANSWERS_WITHIN", 1)
    with pytest.raises(errors.SweepError, match=r"127\.0\.0\.1:9"):
        swept()


def test_patience_ends_a_sweep_in_the_order_of_proposals(shared: LocalCluster) -> None:
    write_minutes("TOY")
    found = swept(grid={"plan": [PLANS[0], *({"1": n} for n in range(1, 40))]}, patience=4)
    assert [each.number for each in found.trials] == [0, 1, 2, 3, 4]
    assert found.best.id == found.trials[0].record.id
    assert 5 <= len(recorded()) < 20


def test_patience_that_ends_with_what_was_proposed_together_asks_for_no_more(shared: LocalCluster) -> None:
    write_minutes("TOY")
    plans = [{"1": 100, str(100 + n): 1} for n in range(30)]  # bars that never come: each is as good as the first
    found = swept(grid={"plan": plans}, sampler="tpe", trials=30, patience=7)  # which proposes eight together
    assert len(found.trials) == len(recorded()) == 8


def test_the_best_is_told_with_what_luck_may_have_done(shared: LocalCluster) -> None:
    write_minutes("TOY")
    found = swept()
    told = (
        f"Deflated Sharpe ratio {numbers.probability(found.deflated['deflated_sharpe'])}, among 5 trials of the family."
    )
    assert told in found.text()
    assert told in found._repr_html_()
    steady = "the median end_equity beside it is 99,750.00, its own 102,000.00."
    assert f"The best stands on a plateau: {steady}" in found.text()
    assert "trials failed" not in found.text() and "status" not in found.text()


def test_a_sweeps_text_says_what_it_leaves_out_and_its_card_writes_a_share_in_per_cent(shared: LocalCluster) -> None:
    write_minutes("TOY")
    found = swept(grid={"plan": [*PLANS, *({"1": each, "2": -each} for each in range(1, 8))]}, objective="total_return")
    assert "The best 10 of 12 trials; all are in sweep.table, or told by --json." in found.text()
    assert "best total_return +2.00% at" in found.text()
    narrow = found.text(50).splitlines()
    assert any(each.startswith("Left out for the width: ") for each in narrow)
    card = found._repr_html_()
    assert ">+2.00%</td>" in card and ">0.02</td>" not in card
    assert '<th scope="col">total_return</th><th scope="col">drawdown</th>' in card, "the same is told once"
    small = heatmap([5], [20], [[-0.0012]], "x", "y", "sharpe")
    assert small.data[0].text[0][0] == "\N{MINUS SIGN}0.0012" and "%{text}" in small.data[0].hovertemplate
    assert list(heatmap([5, 10], [20], [[0.02, math.nan]], "x", "y", "total_return").data[0].text[0]) == ["+2.00%", ""]


class Stubborn(Planned):
    """Raises where its plan has a bar before the first one, or on bars after a moment."""

    def on_bar(self, bar: Bar) -> None:
        if "0" in self._plan or bar.ts_event > self._plan.get("until", 2**33) * 10**9:
            raise ValueError("<b>no</b>")


def test_what_may_be_looked_for_is_every_statistic_that_is_a_trials_own(shared: LocalCluster) -> None:
    write_minutes("TOY")
    found = swept(objective="expectancy")
    assert found.table.index.tolist() == [0, 1, 3, 2, 4]  # the last plan never trades
    assert found.table.expectancy.tolist()[:2] == pytest.approx([20 / 120, 10 / 120])
    assert swept(objective="-orders").table.index[0] == 4
    with pytest.warns(UserWarning, match="'-max_drawdown' ranks the worst first: .* 'max_drawdown' ranks the least"):
        worst = swept(objective="-max_drawdown").best
    assert worst.stats["max_drawdown"] < swept(objective="max_drawdown").best.stats["max_drawdown"]
    others = {"observations", "benchmark_return", "trials", "expected_maximum_sharpe", "deflated_sharpe"}
    assert {*found.best.stats} - {*OBJECTIVES} == others
    for name in others:
        with pytest.raises(errors.InputError, match=f"objective='{name}'"):
            swept(objective=name)
    of_returns = {*OBJECTIVES} & {*summary([0.01, -0.02, 0.03])}
    against = {"alpha", "beta", "correlation", "tracking_error", "information_ratio"}
    assert {*OF_RETURNS} == of_returns - against


def test_a_sweep_without_a_trade_says_so(shared: LocalCluster) -> None:
    write_minutes("TOY")
    found = swept(grid={"plan": [{}, {"99": 100}]}, objective="sharpe")
    assert math.isnan(found.pbo), "of trials that never held anything none was chosen"
    assert "No trial has a sharpe: none traded." in found.text()
    assert "No trial has a sharpe: none traded." in found._repr_html_()
    never = {"fast": [3], "slow": [5], "quantity": [1, 2]}  # no cross of five bars' average in six
    idle = ap.sweep("SmaCross", "TOY", "1m", grid=never, progress=False)
    with pytest.raises(errors.SweepError, match="No trial has a sharpe: none traded"):
        idle.heatmap("quantity", "fast")


def test_why_no_trial_is_the_best_is_counted(shared: LocalCluster) -> None:
    """One fails, two trade nothing; with a card that draws it, and a line on the command line."""
    write_minutes("TOY")
    found = ap.sweep(Stubborn, "TOY", "1m", grid={"plan": [{}, {"99": 1}, {"0": 1}]}, progress=False)
    why = "No trial has a sharpe: 1 failed, 2 never traded."
    assert why in found.text()
    assert why in found._repr_html_()
    assert told_on_the_command_line(found)["why"] == why
    assert told_on_the_command_line(found)["best"] is None
    assert len(told_on_the_command_line(found)["trials"]) == 3


def test_where_every_trial_failed_the_first_is_named_with_the_commands_that_show_it(shared: LocalCluster) -> None:
    write_minutes("TOY")
    given: dict[str, Any] = {"grid": {"plan": [{"0": 1}, {"0": 2}]}, "progress": False}
    with pytest.raises(
        errors.SweepError, match=r"All 2 trials failed, the first: ValueError: <b>no</b>\.\n"
    ) as refused:
        ap.sweep(Stubborn, "TOY", "1m", **given)
    runs = [ap.run(each).record for each in recorded()]
    first = min(runs, key=lambda each: each.spec.parameters["plan"]["0"])
    assert refused.value.hint == (
        f"`alphapulse run {first.id[:8]} --log`, or ap.run({first.id!r}) and its .log, shows what became of it."
    )


@pytest.mark.usefixtures("sample")
def test_a_walk_forward_whose_trials_all_failed_is_no_result(shared: LocalCluster) -> None:
    given: dict[str, Any] = {"train": 252, "test": 120, "progress": False}
    with pytest.raises(errors.SweepError, match=r"All 4 trials failed, the first: ValueError: <b>no</b>\.\n"):
        ap.walk_forward(
            Stubborn, "GOOG", "1d", "2010-01-01", "2011-12-31", grid={"plan": [{"0": 1}, {"0": 2}]}, **given
        )
    given |= {"objective": "end_equity"}
    plans = [{"0": 1}, {"until": 1_300_000_000}]
    walked = ap.walk_forward(Stubborn, "GOOG", "1d", "2010-01-01", "2011-12-31", grid={"plan": plans}, **given)
    assert walked.table["status"].tolist() == ["failed", "failed"], "the one in its test, the other before that"
    assert [bool(each) for each in walked.table["id"]] == [True, False]


def test_a_terminals_bar_learns_how_many_trials_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    write_minutes("TOY")
    terms = Terms("TOY", "1m")
    plan = plan_of(Planned, terms, {"plan": PLANS})
    with SweepMeter("Planned on TOY", "sharpe", 4, shown=True) as meter:
        meter.total = 45
        meter.tell(Forecast(plan, [(45, 1.0)], 1))
        bar = meter._bar
        assert bar.total == 45
    drawn = capsys.readouterr().err
    assert "45 trials of about 6 rows" in drawn
    assert "| 0/45 [" in drawn


def test_a_job_is_told_at_once_of_a_trial_that_takes_far_longer_than_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_minutes("TOY")
    file = tmp_path / "progress.json"
    monkeypatch.setenv("ALPHAPULSE_PROGRESS_FILE", str(file))
    plan = plan_of(Planned, Terms("TOY", "1m"), {"plan": PLANS})
    with SweepMeter("Planned on TOY", "sharpe", 5, shown=False) as meter:
        meter.tell(Forecast(plan, [(5, 1.0)], 1))
        assert "trials_slow" not in json.loads(file.read_text())
        with pytest.warns(UserWarning, match="may never end"):
            meter.slow({"plan": {}}, slow.Slow("ab" * 8, 40.0, 1.0))
        assert json.loads(file.read_text())["trials_slow"] == 1


class Tarrying(Planned):
    """Where its plan names the file in which a job reads how far it is, it ends once that tells of a slow trial."""

    def on_bar(self, bar: Bar) -> None:
        super().on_bar(bar)
        told = Path(next(iter(self._plan), ""))
        if told.is_absolute():
            until(lambda: told.exists() and json.loads(told.read_text()).get("trials_slow"))


def test_a_trial_that_takes_far_longer_than_the_others_is_told_with_what_would_end_it(
    shared: LocalCluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_minutes("TOY")
    told = str(tmp_path / "progress.json")
    monkeypatch.setenv("ALPHAPULSE_PROGRESS_FILE", told)
    monkeypatch.setattr(slow, "_TIMES", 1.5)
    monkeypatch.setattr(slow, "_LEAST", 5.0)  # on a busy machine the others take a while, too
    with pytest.warns(UserWarning) as warned:
        found = swept(Tarrying, grid={"plan": [*PLANS[:3], {told: 1}]})
    (said,) = [str(each.message) for each in warned if "may never end" in str(each.message)]
    assert said.startswith(f"The trial plan={numbers.parameter({told: 1})} has taken ")
    assert "trial_seconds=60 (--trial-seconds 60)" in said
    assert [each.record.status for each in found.trials] == ["finished"] * 4


def test_of_trials_that_have_a_limit_none_is_said_to_take_long(
    shared: LocalCluster, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder, tmp_path: Path
) -> None:
    write_minutes("TOY")
    monkeypatch.setattr(slow, "_TIMES", 1.5)
    monkeypatch.setattr(slow, "_LEAST", 0.5)
    found = swept(Tarrying, grid={"plan": [*PLANS[:3], {str(tmp_path / "none"): 1}]}, trial_seconds=4)
    assert found.trials[3].record.status == "failed"  # what another one takes on a busy machine is no matter
    assert not [each for each in recwarn if "may never end" in str(each.message)]


def test_the_time_left_is_told_by_the_trials_and_not_by_what_came_before(
    shared: LocalCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    write_minutes("TOY")
    plan = plan_of(Planned, Terms("TOY", "1m"), {"plan": PLANS})
    with SweepMeter("Planned on TOY", "sharpe", 5, shown=True) as meter:
        meter.tell(Forecast(plan, [(5, 1.0)], 1))
        trials, began = swept().trials, time.time()
        for each in trials[:2]:
            meter.seen(each)
        told = meter._bar.format_dict
        assert (told["n"], told["initial"]) == (2, 1)
        assert told["elapsed"] < time.time() - began, "not since the data began to be read"
    assert capsys.readouterr().out == ""


class Slow(Planned):
    """Takes its time, and tells that its trial began: at a bar, for before the trials it is started without any.

    A file beside what it tells holds all trials after the first so many, for as long as it is there.
    """

    begun = False

    def on_bar(self, bar: Bar) -> None:
        if not self.begun and "BEGUN" in os.environ:  # not where a cluster was there before
            self.begun = True
            told = Path(os.environ["BEGUN"])
            with told.open("a") as file:
                file.write(f"{os.getpid()}\n")
            place, held = told.read_text().split().index(str(os.getpid())) + 1, told.with_name("held")
            time.sleep(0.6)
            with contextlib.suppress(FileNotFoundError):  # until nobody is held any more
                while place > int(held.read_text() or 0):
                    time.sleep(0.05)
        super().on_bar(bar)


def begun(path: Path, count: int) -> list[int]:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        pids = [int(each) for each in path.read_text().splitlines()] if path.exists() else []
        if len(pids) >= count:
            return pids
        time.sleep(0.05)
    raise AssertionError(f"fewer than {count} trials began")


SCRIPT = """
import alphapulse_lib as ap
from tests.session.test_sweeps import Slow
ap.sweep(Slow, "TOY", "1m", grid={"plan": [{"1": n} for n in range(1, 17)]}, objective="end_equity")
"""


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """A script that sweeps with a cluster of its own, without a guard around its top level."""
    write_minutes("TOY")
    monkeypatch.setenv("BEGUN", str(tmp_path / "begun"))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, script], env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    yield process
    process.kill()
    process.wait()


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.parametrize("killed", ["sweep", "keeper of its workers"])
def test_what_is_killed_leaves_no_process_and_the_sweep_goes_on_where_it_was(
    driver: subprocess.Popen[str], tmp_path: Path, shared: LocalCluster, killed: str
) -> None:
    (held := tmp_path / "held").write_text("5")  # however late it is killed, it is in the middle
    begun(tmp_path / "begun", 5)
    until(recorded)
    family = descendants(driver)
    assert len(family) >= 4
    if killed == "sweep":
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    else:
        (keeper,) = (each for each in family if "dask_worker" in command(each))
        keeper.kill()
        told, _ = driver.communicate(timeout=240)
        assert "WorkerDied: The sweep's workers are gone: the process that starts them was killed (SIGKILL)" in told
        assert "the same call goes on from there" in told
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive
    held.unlink()
    before = recorded()
    assert 0 < len(before) < 16
    found = swept(Slow, grid={"plan": [{"1": n} for n in range(1, 17)]})
    after = recorded()
    assert after[: len(before)] == before
    assert len(after) == len(set(after)) == 16
    assert sorted(after) == sorted(each.record.id for each in found.trials)
    assert len({each.record.spec_id for each in found.trials}) == 16


def test_a_second_sweep_waits_for_the_first_and_finds_what_it_recorded(
    driver: subprocess.Popen[str], tmp_path: Path, shared: LocalCluster
) -> None:
    (held := tmp_path / "held").touch()  # the first is under way for as long as the second has not met it
    begun(tmp_path / "begun", 2)
    with pytest.warns(UserWarning, match="Another sweep of this strategy on these rows is under way") as heard:

        def waits() -> bool:
            return any("Another sweep" in str(each.message) for each in heard)

        released = threading.Thread(target=lambda: (until(waits), held.unlink()))
        released.start()
        found = swept(Slow, grid={"plan": [{"1": n} for n in range(15, 19)]})
        released.join()
    told, _ = driver.communicate(timeout=120)
    assert driver.returncode == 0, told
    assert len(recorded()) == 18, "the two that both asked for were run once"
    assert [each.record.spec.parameters["plan"]["1"] for each in found.trials] == [15, 16, 17, 18]
    counts = sorted(each.record.statistics["trials"] for each in found.trials[2:])
    assert counts == [17, 18], "with those of the first"


def test_an_interrupt_keeps_what_is_done_and_leaves_no_process(driver: subprocess.Popen[str], tmp_path: Path) -> None:
    (tmp_path / "held").write_text("5")
    begun(tmp_path / "begun", 5)
    until(recorded)
    family = descendants(driver)
    os.killpg(driver.pid, signal.SIGINT)
    told, _ = driver.communicate(timeout=120)
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive
    count = len(recorded())
    assert 0 < count < 16
    assert f"Stopped. {count} trials are in the ledger." in told
    assert "SIGINT" not in told


def test_what_the_ledger_took_in_when_interrupted_is_told_though_nobody_had_seen_it(shared: LocalCluster) -> None:
    write_minutes("TOY")
    plan = plan_of(Planned, Terms("TOY", "1m"), {"plan": PLANS})
    search = Search.of({"plan": PLANS}, "grid", None, 0, "end_equity", None)
    seen: list[str] = []

    def interrupted(trial: Trial) -> None:
        if len(recorded()) > 2:
            raise KeyboardInterrupt
        seen.append(trial.record.id)

    with (
        pytest.raises(errors.RunInterrupted) as stopped,
        open_workshop(plan, Planned, workers=None, limits=Limits.of()) as workshop,
    ):
        workshop.sweep((plan.spec.start, plan.spec.end), search.proposals(), search.better, seen=interrupted)
    assert 2 < len(recorded()) > len(seen)
    assert stopped.value.message == f"Stopped. {len(recorded())} trials are in the ledger."


def test_a_killed_worker_costs_no_trial(driver: subprocess.Popen[str], tmp_path: Path) -> None:
    (held := tmp_path / "held").write_text("4")  # however late one is killed, its sweep is in the middle
    begun(tmp_path / "begun", 4)
    workers = [each for each in descendants(driver) if "spawn_main" in command(each)]
    assert workers
    workers[0].kill()
    held.unlink()
    told, _ = driver.communicate(timeout=240)
    assert driver.returncode == 0, told
    records = Ledger(settings().ledger_root).runs()
    assert len(records) == len({each.spec_id for each in records}) == 16
    assert {each.status for each in records} == {"finished"}


def test_a_sweep_removes_the_folder_that_a_killed_one_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, living = tmp_path / "alphapulse-dask-left", tmp_path / "alphapulse-dask-living"
    for each in (left, living):
        (each / "worker").mkdir(parents=True)
        os.utime(each, (time.time() - 3600,) * 2)
    with held(living), cluster("", 1):
        assert not left.exists()
        assert living.exists()
        (own,) = {*tmp_path.glob("alphapulse-dask-*")} - {living}
    assert not own.exists()


def test_a_cluster_that_lost_its_workers_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    write_minutes("TOY")
    monkeypatch.setattr("alphapulse_lib.results.cluster.PATIENCE", 3)
    plan = plan_of(Planned, Terms("TOY", "1m"), {"plan": PLANS})
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as own:
        monkeypatch.setenv("ALPHAPULSE_DASK", own.scheduler_address)
        with (
            pytest.raises(errors.SweepError, match="has had no workers for 3 s"),
            open_workshop(plan, Planned, workers=None, limits=Limits.of()) as workshop,
        ):
            own.scale(0)
            until(lambda: not own.scheduler.workers)
            workshop.sessions()


def test_a_strategy_of_a_notebooks_cell_is_swept(shared: LocalCluster, tmp_path: Path) -> None:
    write_minutes("TOY")
    cell = textwrap.dedent("""
        class Mine(Planned):
            def __init__(self, config: PlannedConfig) -> None:
                super().__init__(config)
    """)
    names: dict = {"Planned": Planned, "PlannedConfig": PlannedConfig, "__name__": "__main__"}
    exec(compile(cell, "<cell>", "exec"), names)
    found = swept(names["Mine"], grid={"plan": PLANS[:2]})
    assert [each.value - 100_000 for each in found.trials] == pytest.approx(EARNED[:2])
