"""What a strategy logs itself is in its run's log, each line at its moment."""

from __future__ import annotations

from dataclasses import dataclass

from nautilus_trader.model import Bar, BarType, InstrumentId
from nautilus_trader.trading import Strategy
from toy_market import write_minutes

import alphapulse_lib as ap
from alphapulse_lib.engine.own_log import together


@dataclass(frozen=True)
class LoudConfig:
    instrument_id: InstrumentId
    bar_type: BarType


class Loud(Strategy):
    def __init__(self, config: LoudConfig) -> None:
        super().__init__(config)
        self._given, self._seen = config, 0

    def on_start(self) -> None:
        self.subscribe_bars(self._given.bar_type)

    def on_bar(self, bar: Bar) -> None:
        self._seen += 1
        if self._seen == 3:
            self.log.warning("the third")
        else:
            self.log.info(f"bar {self._seen} closes\nat {bar.close}")


def test_what_a_strategy_logs_is_in_its_runs_log() -> None:
    write_minutes("TOY")
    run = ap.backtest(Loud, "TOY", "1m", progress=False)
    lines = [each for each in run.log.splitlines() if "Loud" in each]
    assert [each.partition(": ")[2] for each in lines] == [
        *("bar 1 closes", "bar 2 closes", "the third", "bar 4 closes", "bar 5 closes", "bar 6 closes")
    ]
    assert [each[:30] for each in lines] == sorted(each[:30] for each in lines)
    assert "[INFO]" in lines[0]
    assert "[WARN]" in lines[2]
    assert run.log.splitlines()[run.log.splitlines().index(lines[0]) + 1].startswith("at ")


def test_a_run_that_logged_nothing_itself_keeps_what_the_engine_said(tmp_path) -> None:
    assert together(["2012-01-03T14:30:00.000000001Z [WARN] a", "  more"], tmp_path) == [
        "2012-01-03T14:30:00.000000001Z [WARN] a",
        "  more",
    ]
