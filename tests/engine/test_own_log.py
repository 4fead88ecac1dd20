"""What a strategy logs itself is in its run's log, each line at its moment."""

from __future__ import annotations

import re
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


class Careful(Loud):
    def on_bar(self, bar: Bar) -> None:
        self._seen += 1
        try:
            {}[self._seen]
        except KeyError:
            (self.log.error if self._seen % 2 else self.log.exception)(f"no {self._seen}")


def test_a_strategy_that_logs_errors_runs_on_and_each_is_told_once() -> None:
    write_minutes("TOY")
    run = ap.backtest(Careful, "TOY", "1m", progress=False)
    assert run.status == "finished"
    assert not run.warnings, "it was shut down at its first error"
    assert [each.partition(": ")[2] for each in run.log.splitlines() if "[ERROR]" in each] == [
        f"no {number}" for number in range(1, 7)
    ]
    assert [each for each in run.log.splitlines() if each.startswith("KeyError")] == [
        "KeyError: 2", "KeyError: 4", "KeyError: 6"
    ]  # fmt: skip


class Chatty(Loud):
    def on_bar(self, bar: Bar) -> None:
        self._seen += 1
        for number in range(self._given_lines):
            say = (self.log.info, self.log.warning, self.log.error, self.log.exception)[number % 4]
            try:
                raise ValueError("odd")
            except ValueError:
                say(f"{self._seen} {number} " + "x" * 10_000)

    _given_lines = 200


def test_what_logs_without_end_fills_no_disk_and_the_run_goes_on() -> None:
    write_minutes("TOY")
    run = ap.backtest(Chatty, "TOY", "1m", progress=False)
    assert run.status == "finished"
    assert 1_800_000 < len(run.log) < 2_300_000
    assert "Chatty-000: 1 0 x" in run.log or ": 1 0 x" in run.log
    last = run.log.splitlines()[-1]
    told = re.fullmatch(
        r"\.\.\. ([\d,]+) more messages of ([\d,]+) bytes that the strategy logged are left out here: "
        r"of a run's log the first 2,000,000 bytes are kept\. The run itself went on\.",
        last,
    )
    assert told
    kept = sum("x" * 10_000 in line for line in run.log.splitlines())
    assert kept + int(told[1].replace(",", "")) == 6 * 200
    assert run.log.count("ValueError: odd") == kept // 4


class Whole(Loud):
    def on_bar(self, bar: Bar) -> None:
        self._seen += 1
        self.log.info(f"bar {self._seen}" + ("x" * 3_000_000 if self._seen == 1 else ""))


def test_of_one_message_without_end_the_beginning_is_kept_and_all_that_follows() -> None:
    write_minutes("TOY")
    run = ap.backtest(Whole, "TOY", "1m", progress=False)
    lines = [each.partition(": ")[2] for each in run.log.splitlines() if "Whole" in each]
    assert lines[0] == (
        "bar 1" + "x" * 99_995 + " ... 2,900,005 more characters of this message are left out here"
    )  # fmt: skip
    assert lines[1:] == [f"bar {number}" for number in range(2, 7)]
