"""How far a run is, told to the job whose notebook makes it."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nautilus_trader.model import Bar, BarType
from nautilus_trader.trading import Strategy
from toy_market import MINUTE, OPEN, SIX, Planned, write_minutes
from waiting import until

import alphapulse_lib as ap
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.session.progress import Meter


def done(file: Path, what: str) -> int:
    """How many are done, as a job is told; -1 where it was told nothing yet."""
    return int(json.loads(file.read_text())[f"{what}_done"]) if file.exists() else -1


def left(file: Path) -> float | None:
    """How many seconds are left, as a job is told."""
    found: float | None = json.loads(file.read_text())["seconds_left"]
    return found


class Slow(Planned):
    """Says at its fortieth bar what is told of it, and how long it took until then; its plan holds the file, and how
    many bars it is to wait for.

    It goes on from its fifth bar once anything is told, so that there is a pace by the fortieth. On busy cores both may
    be told late.
    """

    def on_bar(self, bar) -> None:
        super().on_bar(bar)
        file, heard = Path(self._plan["file"]), self._plan["heard"]
        if self._seen == 1:
            self._began = time.monotonic()
        time.sleep(0.05)
        if self._seen == 5:
            until(lambda: done(file, "bars") >= min(heard, 1), 60)
        if self._seen == 40:
            until(lambda: done(file, "bars") >= heard and (heard < 0 or left(file)), 60)
            told = json.loads(file.read_text()) if file.exists() else None
            sys.stdout.write(f"told {json.dumps([told, time.monotonic() - self._began])}\n")


@pytest.mark.parametrize("progress", [True, False])
def test_a_job_reads_how_far_the_run_is_that_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], progress: bool
) -> None:
    write_minutes("TOY", SIX * 8)
    file = tmp_path / "progress.json"
    monkeypatch.setenv("ALPHAPULSE_PROGRESS_FILE", str(file))
    ap.backtest(Slow, "TOY", "1m", params={"plan": {"file": str(file), "heard": 10}}, progress=progress)
    said = capsys.readouterr().out.partition("told ")[2].strip()
    assert not list(tmp_path.glob("progress*")), "it is over"
    told, took = json.loads(said)
    assert told["bars"] == 48
    assert 10 <= told["bars_done"] <= 40
    pace = told["seconds_left"] / (48 - told["bars_done"])
    assert pace > 0.02, "a bar takes 0.05 s"
    assert pace < took / (told["bars_done"] - 5), "nor is it told to take longer than it did since the first of them"


def test_what_came_too_soon_after_the_last_is_told_while_the_next_bar_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_minutes("TOY", SIX * 8)
    spec = ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, progress=False).spec
    file = tmp_path / "progress.json"
    monkeypatch.setenv("ALPHAPULSE_PROGRESS_FILE", str(file))
    with Meter(spec, Roots.of_settings(), shown=False) as meter:
        meter.at(OPEN + 10 * MINUTE)
        first = done(file, "bars")
        meter.at(OPEN + 20 * MINUTE)
        until(lambda: meter.at(OPEN + 20 * MINUTE) or done(file, "bars") > first, 20)  # there the engine stays


@dataclass(frozen=True)
class HeardConfig:
    """Which file is read, and into which other one that is copied."""

    bar_type: BarType
    told: str
    heard: str
    number: int = 0


class Heard(Strategy):
    """Hears that all trials before it are done, however long that takes to be told, and then takes half a second, as
    long as a job is told nothing new.
    """

    def __init__(self, config: HeardConfig) -> None:
        super().__init__(config)
        self._given, self._is_first = config, True

    def on_start(self) -> None:
        self.subscribe_bars(self._given.bar_type)

    def on_bar(self, bar: Bar) -> None:
        if self._is_first:  # not before: how long a strategy warms up is looked at before the first trial
            self._is_first = False
            told, heard = Path(self._given.told), Path(self._given.heard)
            before = len(heard.read_text().splitlines()) if heard.exists() else 0
            until(lambda: done(told, "trials") >= before, 60)
            with heard.open("a") as file:
                file.write(told.read_text() + "\n")
            time.sleep(0.6)


@pytest.mark.usefixtures("sample")
@pytest.mark.parametrize("progress", [True, False])
def test_a_job_reads_how_many_trials_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], progress: bool
) -> None:
    file, heard = tmp_path / "progress.json", tmp_path / "heard"
    monkeypatch.setenv("ALPHAPULSE_PROGRESS_FILE", str(file))
    given = {"params": {"told": str(file), "heard": str(heard)}, "workers": 1, "progress": progress}
    given |= {"start": "2010-01-01", "end": "2011-12-31", "objective": "end_equity"}

    def said() -> list[dict[str, Any]]:
        assert not list(tmp_path.glob("progress*")), "it is over"
        return [json.loads(line) for line in heard.read_text().splitlines()]

    ap.sweep(Heard, "GOOG", grid={"number": [1, 2, 3]}, **given)
    assert [(each["trials_done"], each["trials"]) for each in said()] == [(0, 3), (1, 3), (2, 3)]
    left = [each["seconds_left"] for each in said()]
    assert left[0] is None
    assert left[1] / 2 > 0.5 and left[2] > 0.5, "a trial takes 0.6 s at least"
    heard.unlink()
    ap.walk_forward(Heard, "GOOG", grid={"number": [4]}, train=252, test=120, **given)
    told = [(each["trials_done"], each["trials"]) for each in said()]
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4)], "two folds, of each one trial and its test"
    assert progress or not any(capsys.readouterr())


def test_a_run_ends_well_though_nothing_can_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_minutes("TOY", SIX * 8)
    monkeypatch.setenv("ALPHAPULSE_PROGRESS_FILE", str(tmp_path / "gone" / "progress.json"))
    made = ap.backtest(Slow, "TOY", "1m", params={"plan": {"file": str(tmp_path / "none"), "heard": -1}}, progress=True)
    assert made.status == "finished"
