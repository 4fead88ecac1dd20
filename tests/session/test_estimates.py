"""What is told before a run: warm-ups that never end, and how much time and memory it will take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from nautilus_trader.indicators import (
    AdaptiveMovingAverage,
    MovingAverageConvergenceDivergence,
    SimpleMovingAverage,
    Swings,
)
from nautilus_trader.model import BarType, InstrumentId
from nautilus_trader.trading import Strategy
from toy_market import MINUTE, OPEN, SIX, Planned, write, write_minutes

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.results.estimate import Estimate, estimate
from alphapulse_lib.session.progress import bars_of
from alphapulse_lib.session.runs import open_ledger


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


def test_a_run_takes_the_memory_that_was_estimated_within_twice() -> None:
    closes = OPEN + MINUTE * np.arange(1, 60_001)
    write("LONG", "1m", closes, [(100.0, 101.0, 99.0, 100.5)] * len(closes))
    write_minutes("TOY")
    runs = [
        ap.backtest(Planned, symbol, "1m", params={"plan": {}}, progress=False, gaps="allow")
        for symbol in ("TOY", "LONG", "TOY", "LONG")
    ]
    for each in runs:
        told = {name: float(value) for name, value in each.record.environment.items() if name[:4] in ("took", "esti")}
        assert told.keys() == {"estimated_seconds", "estimated_megabytes", "took_seconds", "took_megabytes"}
        assert 0.5 < told["estimated_megabytes"] / told["took_megabytes"] < 2, (each, told)
        assert told["estimated_seconds"] > 0
    assert ap.diff(runs[0], runs[2]).all == (), "what it took is no difference"
    assert bars_of(runs[1].spec, Roots.of_settings())[0] == 60_000


def test_the_line_through_earlier_runs() -> None:
    write_minutes("TOY")
    run = ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, progress=False)
    assert estimate(run.spec, 6, open_ledger()) == Estimate(
        6,
        pytest.approx(float(run.record.environment["took_seconds"]), abs=1e-3),
        pytest.approx(float(run.record.environment["took_megabytes"]), abs=1e-2),
    )
    assert estimate(run.spec, 1_000_006, open_ledger()).megabytes > 500


def test_what_may_not_fit_its_limit_is_said_before(monkeypatch: pytest.MonkeyPatch) -> None:
    write_minutes("TOY")
    with (
        pytest.warns(UserWarning, match="may not end: 6 bars: about .* MB, and it may hold 20 MB"),
        pytest.raises(errors.LimitReached),
    ):
        ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, progress=False, run_memory=20)
