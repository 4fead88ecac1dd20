"""What is told before a run: warm-ups that never end, and how much time and memory it will take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import sleep

import numpy as np
import pytest
from nautilus_trader.indicators import (
    AdaptiveMovingAverage,
    MovingAverageConvergenceDivergence,
    SimpleMovingAverage,
    Swings,
)
from nautilus_trader.model import Bar, BarType, InstrumentId
from nautilus_trader.trading import Strategy
from toy_market import MINUTE, OPEN, SIX, Planned, write, write_minutes

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.engine import process
from alphapulse_lib.results import took
from alphapulse_lib.results.estimate import estimate, sweep_estimate
from alphapulse_lib.results.took import Took, like
from alphapulse_lib.session.progress import rows_of
from alphapulse_lib.session.runs import open_ledger
from tests.resources.small_runs import spec


@dataclass(frozen=True)
class WarmedConfig:
    instrument_id: InstrumentId
    bar_type: BarType
    period: int = 6
    slow: int = 0


class Warmed(Strategy):
    """Registers an indicator as NautilusTrader has it done."""

    def __init__(self, config: WarmedConfig) -> None:
        super().__init__(config)
        self._given = config
        self._average = (
            MovingAverageConvergenceDivergence(2, config.slow) if config.slow else SimpleMovingAverage(config.period)
        )

    def on_start(self) -> None:
        self.register_indicator_for_bars(self._given.bar_type, self._average)
        self.subscribe_bars(self._given.bar_type)

    def on_stop(self) -> None:
        assert self.indicators_initialized()


class Adaptive(Warmed):
    """Its slow period is a smoothing, which it does not wait for."""

    def __init__(self, config: WarmedConfig) -> None:
        super().__init__(config)
        self._average = AdaptiveMovingAverage(config.period, 2, 30)


class Swinging(Warmed):
    """Looks for swings, each of which may come sooner or later than its period."""

    def __init__(self, config: WarmedConfig) -> None:
        super().__init__(config)
        self._average = Swings(config.period)

    def on_stop(self) -> None:
        """On these bars there is none."""


@dataclass(frozen=True)
class UniverseConfig:
    instrument_ids: list[InstrumentId]
    bar_types: list[BarType]
    period: int = 6


class Universe(Strategy):
    """Registers one indicator for each of its names."""

    def __init__(self, config: UniverseConfig) -> None:
        super().__init__(config)
        self._given = config

    def on_start(self) -> None:
        for each in self._given.bar_types:
            self.register_indicator_for_bars(each, SimpleMovingAverage(self._given.period))
            self.subscribe_bars(each)


@pytest.mark.parametrize(
    ("params", "name"),
    [({"period": 7}, "SimpleMovingAverage takes 7"), ({"slow": 9}, "MovingAverageConvergenceDivergence takes 9")],
)
def test_an_indicator_that_takes_more_bars_than_there_are_is_refused(params: dict, name: str) -> None:
    write_minutes("TOY")
    with pytest.raises(errors.WarmUpTooLong, match=f"{name} bars of TOY.*, and the run has 6") as refused:
        ap.backtest(Warmed, "TOY", "1m", params=params, progress=False)
    assert "begin earlier" in refused.value.hint
    assert ap.runs().empty, "nothing was run or recorded"
    assert ap.backtest(Warmed, "TOY", "1m", params={"period": 6}, progress=False).status == "finished"


def test_an_indicator_that_waits_for_less_than_its_longest_period_is_let_run() -> None:
    write_minutes("TOY")
    assert ap.backtest(Adaptive, "TOY", "1m", params={"period": 4}, progress=False).status == "finished"
    assert ap.backtest(Swinging, "TOY", "1m", params={"period": 9}, progress=False).status == "finished"
    with pytest.raises(errors.WarmUpTooLong, match="AdaptiveMovingAverage takes 7 bars"):
        ap.backtest(Adaptive, "TOY", "1m", params={"period": 7}, progress=False)


def test_a_name_that_was_listed_late_refuses_nobody_else_a_run() -> None:
    write_minutes("TOY")
    write_minutes("LATE", SIX[4:], closes=[OPEN + MINUTE * 5, OPEN + MINUTE * 6])
    with pytest.warns(UserWarning, match="SimpleMovingAverage takes 6 bars of LATE.*, and the run has 2"):
        run = ap.backtest(Universe, ["TOY", "LATE"], "1m", progress=False)
    assert any("takes 6 bars of LATE" in each for each in run.warnings)
    with pytest.raises(errors.WarmUpTooLong, match=r"takes 7 bars of TOY.*, and the run has 6"):
        ap.backtest(Universe, ["TOY", "LATE"], "1m", params={"period": 7}, progress=False)


@dataclass(frozen=True)
class TellingConfig:
    """Sums by itself, and tells how many bars that takes."""

    instrument_id: InstrumentId
    bar_type: BarType
    period: int = 6

    @property
    def warmup_bars(self) -> int:
        return self.period


class Telling(Strategy):
    def __init__(self, config: TellingConfig) -> None:
        super().__init__(config)
        self._given = config

    def on_start(self) -> None:
        self.subscribe_bars(self._given.bar_type)


def test_a_strategy_that_sums_by_itself_is_refused_by_what_its_configuration_tells() -> None:
    write_minutes("TOY")
    assert ap.backtest(Telling, "TOY", "1m", progress=False).status == "finished"
    with pytest.raises(errors.WarmUpTooLong, match=r"Telling takes 7 bars before .* warmup_bars, and the run has 6"):
        ap.backtest(Telling, "TOY", "1m", params={"period": 7}, progress=False)
    for shipped, params, count in (("SmaCross", {"fast": 2, "slow": 6}, 7), ("MeanReversion", {"window": 7}, 7)):
        with pytest.raises(errors.WarmUpTooLong, match=f"{shipped} takes {count} bars"):
            ap.backtest(shipped, "TOY", "1m", params=params, progress=False)
        fewer = {name: value - 1 for name, value in params.items()}
        assert ap.backtest(shipped, "TOY", "1m", params=fewer, progress=False).status == "finished"
    assert len(ap.runs()) == 3


def test_a_sweep_is_refused_before_its_first_trial_where_any_combination_takes_too_many_bars() -> None:
    write_minutes("TOY")
    for strategy, word in ((Telling, "Telling takes 9 bars"), (Warmed, "SimpleMovingAverage takes 9 bars")):
        with pytest.raises(errors.WarmUpTooLong, match=rf"With period=9 .*{word}.* has 6 \(2 of 4") as refused:
            ap.sweep(strategy, "TOY", "1m", grid={"period": [3, 9, 4, 8]}, workers=1, progress=False)
        assert "Nothing was run" in refused.value.hint
    assert ap.runs().empty


@pytest.mark.usefixtures("sample")
def test_a_walk_forward_is_refused_before_its_first_trial_where_any_window_is_too_short() -> None:
    given = {"grid": {"slow": [15, 30]}, "train": 60, "test": 21, "workers": 1, "progress": False}
    window = ("SmaCross", "GOOG", "1d", "2011-01-01", "2011-12-31")
    with pytest.raises(errors.WarmUpTooLong, match=r"With slow=30 SmaCross takes 31 bars .* has 21 \(1 of 2"):
        ap.walk_forward(*window, **given)
    assert ap.runs().empty
    assert len(ap.walk_forward(*window, **given | {"grid": {"slow": [15]}}).folds) > 2


def test_a_run_takes_the_memory_that_was_estimated_within_twice() -> None:
    closes = OPEN + MINUTE * np.arange(1, 60_001)
    write("LONG", "1m", closes, [(100.0, 101.0, 99.0, 100.5)] * len(closes))
    write_minutes("TOY")
    runs = [
        ap.backtest(Planned, symbol, "1m", params={"plan": {}}, progress=False, gaps="allow")
        for symbol in ("TOY", "LONG", "TOY", "LONG")
    ]
    for each in runs:
        told = {
            name: float(value)
            for name, value in each.record.environment.items()
            if name[:4] in ("took", "esti") and name != "took_in"
        }
        assert told.keys() == {
            *("estimated_seconds", "estimated_megabytes", "took_seconds", "took_megabytes"),
            *("took_rows", "took_engine", "took_waited", "took_begin", "took_ahead", "estimated_waiting"),
        }
        assert 0.5 < told["estimated_megabytes"] / told["took_megabytes"] < 2, (each, told)
        assert told["estimated_seconds"] > 0
        assert 0 < told["took_engine"] < told["took_seconds"]
    assert ap.diff(runs[0], runs[2]).all == (), "what it took is no difference"
    assert rows_of(runs[1].spec, Roots.of_settings()) == 60_000 == int(runs[1].record.environment["took_rows"])


def test_time_is_a_start_and_so_much_a_row_of_the_same_strategy() -> None:
    asked = spec()
    own, other = like(asked), "m:Heavy 1d next_open"
    # Half a second outside the engine, a tenth of a second in it; then ten microseconds a row, and a millisecond.
    small = Took(own, 250, 0.6, 0.1, 240.0)
    large = Took(own, 1_000_000, 10.6, 10.1, 540.0)
    heavy = Took(other, 4_000, 4.6, 4.1, 240.0, waiting=3.0, ended_at=10**18)
    earlier = [small, large, heavy]
    assert estimate(asked, 0, earlier).seconds == pytest.approx(0.53)  # next to nothing: 0.03 of it in the engine
    assert estimate(asked, 2_000_000, earlier).seconds == pytest.approx(20.6, rel=0.1)
    assert estimate(asked, 0, earlier, now=10**18).seconds == pytest.approx(3 * 0.53), "others keep the cores busy"
    # Of the large one's 145 MB are what an engine is given at once: 240 + 2 * (540 - 240 - 145) + 145.
    assert estimate(asked, 2_000_000, earlier).megabytes == pytest.approx(695, rel=0.01)
    # A strategy that never ran is taken for one of the others, as their rows and what was measured say together.
    unknown = estimate(spec(name="m:New"), 100_000, [heavy]).seconds
    assert 0.5 + 100_000 * 0.0005 < unknown < 0.6 + 100_000 * 0.001
    first = estimate(asked, 1_000_000, [])
    assert 5 < first.seconds < 30
    assert first.ticks is False
    assert estimate(spec(fill="ticks"), 6, []).text.startswith("6 bars and ticks: about ")


def test_a_sweep_takes_its_trials_on_its_workers() -> None:
    asked = spec()
    earlier = [Took(like(asked), 1_000, 0.2, 0.1, 150.0), Took(like(asked), 101_000, 1.2, 1.1, 250.0)]
    one = estimate(asked, 1_000, earlier, "sweep").seconds
    none = Took("  ", 0, 0.0, 0.0, 0.0)
    alone = sweep_estimate(asked, [(10, 1_000)], 1, earlier, [none])
    assert alone.seconds == pytest.approx(10 * one)
    two = sweep_estimate(asked, [(10, 1_000), (20, 101_000)], 2, earlier, [none])
    long = estimate(asked, 101_000, earlier, "sweep")
    assert two.seconds == pytest.approx((10 * one + 20 * long.seconds) / 2)
    assert (two.trials, two.trial.rows, two.trial.megabytes) == (30, (10 * 1_000 + 20 * 101_000) // 30, long.megabytes)
    assert sweep_estimate(asked, [(10, 1_000)], 1, earlier).seconds > alone.seconds + 1, "processes begin and read"
    beside = [Took("  ", 0, each, 0.0, 0.0) for each in (9.0, 1.0, 2.0, 3.0, 1.0, 8.0)]  # of the last five the median
    assert sweep_estimate(asked, [(10, 1_000)], 1, earlier, beside).seconds == pytest.approx(alone.seconds + 2)
    # A walk-forward takes 1.0 s and 0.07 s a window where that was measured; here twice that, in the middle.
    slow = [Took("  ", windows, seconds, 0.0, 0.0) for windows, seconds in ((10, 3.4), (20, 2.4), (0, 20.0))]
    walked = sweep_estimate(asked, [(10, 1_000)], 1, earlier, slow, windows=7)
    assert walked.seconds == pytest.approx(alone.seconds + 2 * 1.49)


def test_a_process_that_is_there_already_need_not_be_waited_for() -> None:
    asked = spec()
    # 0.6 s until a process can read, then 0.2 s outside the engine and 0.1 s in it; the second's was there for 0.4 s.
    cold = Took(like(asked), 250, 0.9, 0.1, 240.0, begin=0.6)
    warm = Took(like(asked), 250, 0.5, 0.1, 240.0, begin=0.6, ahead=0.4)
    assert (cold.outside, warm.outside) == (pytest.approx(0.2), pytest.approx(0.2))
    for ahead, left in ((0.0, 0.6), (0.4, 0.2), (0.6, 0.0), (100.0, 0.0)):
        found = estimate(asked, 0, [cold, warm], ahead=ahead).seconds  # of next to nothing: 0.03 of it in the engine
        assert found == pytest.approx(left + 0.23), ahead
    busy = [replace(each, waiting=2.0, ended_at=10**18) for each in (cold, warm)]
    assert estimate(asked, 0, busy, now=10**18, ahead=0.4).seconds == pytest.approx(2 * (0.6 - 0.4 / 2 + 0.23))


def test_a_run_that_finds_all_imported_is_estimated_without_what_that_took() -> None:
    write_minutes("TOY")

    def told() -> dict[str, str]:
        return ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, progress=False).record.environment

    for _ in range(5):  # on busy cores its owner may be later than its process
        process._cradles.end()
        cold = told()
        if float(cold["took_ahead"]) < float(cold["took_begin"]):
            break
    assert float(cold["took_ahead"]) < float(cold["took_begin"])
    earlier = open_ledger().took(spec(), "run")
    warm = told()
    ahead = float(warm["took_ahead"])
    assert ahead > float(warm["took_begin"]) > 0, "it had imported all before it was asked for"
    rows, estimated, waiting = (float(warm[each]) for each in ("took_rows", "estimated_seconds", "estimated_waiting"))
    # On cores as busy as the run found them; how fast this machine is cancels out.
    busy = [replace(each, waiting=waiting, ended_at=0) for each in earlier]
    assert estimated == pytest.approx(estimate(spec(), int(rows), busy, ahead=ahead).seconds, rel=0.01)
    assert estimated < estimate(spec(), int(rows), busy).seconds


def test_what_earlier_runs_took_is_told_of_those_alike_and_of_the_last_ones() -> None:
    write_minutes("TOY")
    assert open_ledger().took(spec(), "run") == []
    run = ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, progress=False)
    (found,) = open_ledger().took(run.spec, "run")
    told = run.record.environment
    assert (found.like, found.rows, told["took_in"]) == (like(run.spec), 6, "run")
    assert found.engine <= float(told["took_engine"])  # without what others kept it waiting
    assert found.engine / found.seconds == pytest.approx(float(told["took_engine"]) / float(told["took_seconds"]))
    assert open_ledger().took(run.spec, "sweep") == []
    swept = ap.sweep(Planned, "TOY", "1m", grid={"plan": [{"1": 1}, {"1": 2}]}, workers=1, progress=False)
    assert [each.rows for each in open_ledger().took(run.spec, "sweep")] == [6, 6]
    assert swept.forecast.took > 0
    (beside,) = open_ledger().took(run.spec, "processes")
    assert 0 < beside.seconds * beside.waiting < swept.forecast.took
    assert swept.forecast.note in swept.text()
    assert "estimated" in swept._repr_html_()


class Sleeps(Planned):
    def on_bar(self, bar: Bar) -> None:
        super().on_bar(bar)
        sleep(0.2)


def test_a_strategy_that_sleeps_does_not_keep_the_cores_busy() -> None:
    write_minutes("TOY")
    told = ap.backtest(Sleeps, "TOY", "1m", params={"plan": {}}, progress=False).record.environment
    slept = 0.2 * len(SIX)
    assert float(told["took_engine"]) > slept
    # By the processors it took a small part of that; what others made it wait for is the rest, and may be nothing.
    assert float(told["took_waited"]) <= float(told["took_engine"]) - slept + 0.01
    assert took.waiting(told) < float(told["took_engine"]) / slept + 0.01


class Lasting(Planned):
    """Is there for longer than its limits are not looked at."""

    def on_stop(self) -> None:
        sleep(2)


def test_what_may_not_fit_its_limit_is_said_before(monkeypatch: pytest.MonkeyPatch) -> None:
    write_minutes("TOY")
    with (
        pytest.warns(UserWarning, match="may not end: 6 bars: about .* MB, and it may hold 1 MB"),
        pytest.raises(errors.LimitReached),
    ):
        ap.backtest(Lasting, "TOY", "1m", params={"plan": {}}, progress=False, run_memory=1)
