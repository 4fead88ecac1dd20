"""No strategy is told of a run's own bar before it was known, and the run says of which it was told later."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from toy_market import MINUTE, OPEN, SIX, Planned, write, write_minutes, write_trades
from typer.testing import CliRunner

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.cli import app
from tests.session.test_also import Heard, heard

CLOSE = datetime(2020, 3, 2, 21, tzinfo=UTC)


def ingest_days(folder: Path, *later: float) -> None:
    """Daily bars from 2 March 2020 on, each known so many hours after its close."""
    lines = ["date,open,high,low,close,volume,available_at"]
    for day, hours in enumerate(later):
        close = CLOSE + timedelta(days=day)
        lines.append(f"{close:%Y-%m-%d},100,100,100,100,10,{close + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}")
    (folder / "days.csv").write_text("\n".join(lines))
    ap.ingest("files", str(folder / "days.csv"), symbol="TOY", venue="XNAS", period="1d")


def told(period: str = "1d", **terms: str) -> list[str]:
    """What a run warns of that acts on bars before they were known."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = ap.backtest(Planned, "TOY", period, params={"plan": {}}, progress=False, **terms)  # type: ignore[arg-type]
    found = [str(each.message) for each in caught if "only after" in str(each.message)]
    assert found == [each for each in run.warnings if "only after" in each]
    return found


def test_days_that_are_known_after_the_next_open(tmp_path: Path) -> None:
    # Ten hours after the close the next session has not opened yet, twenty after it has; nothing follows the last.
    ingest_days(tmp_path, 10, 20, 10, 10, 20)
    assert told() == [
        "Known (`available_at`) only after the next one opened were 1 of 5 1d bars of TOY (the first that of "
        "2020-03-03): the strategy is told of each with the first bar that closes once it is known."
    ]
    assert ["5 of 5 1d bars" in each for each in told(fill="close")] == [True]
    ingest_days(tmp_path, 10, 20, 10, 10, 700)  # a correction of what is known is no later bar
    assert ["1 of 5 1d bars" in each for each in told()] == [True]


def test_minutes_a_quarter_of_an_hour_late(tmp_path: Path) -> None:
    lines = ["ts,open,high,low,close,volume,available_at"]
    for minute, late in enumerate((0, 15, 15, 15, 1 / 60)):
        close = datetime.fromtimestamp(OPEN // 10**9, UTC) + timedelta(minutes=minute + 1)
        known = close + timedelta(minutes=late)
        lines.append(f"{close:%Y-%m-%dT%H:%M:%SZ},100,100,100,100,10,{known:%Y-%m-%dT%H:%M:%SZ}")
    (tmp_path / "minutes.csv").write_text("\n".join(lines))
    ap.ingest("files", str(tmp_path / "minutes.csv"), symbol="TOY", venue="XNAS", period="1m", stamps="close")
    (found,) = told("1m")
    assert "3 of 5 1m bars of TOY (the first that of 2020-03-02)" in found


def test_what_is_assumed_of_a_first_import_is_no_early_bar() -> None:
    write_minutes("TOY", closes=[OPEN + MINUTE * (n + 1) for n in range(6)])
    assert not told("1m")


def known(minutes: Mapping[int, float]) -> Sequence[int]:
    """When each of six minutes is known: at its close, or as many minutes after the open of the market as told."""
    return [OPEN + int(MINUTE * minutes.get(each, each)) for each in range(1, 7)]


def told_at(run: ap.Run) -> list[tuple[int, float]]:
    """Which minute each bar is of, and in which it was told."""
    return [((close - OPEN) // MINUTE, (at - OPEN) / MINUTE) for _, close, at, _ in heard(run)]


@pytest.mark.parametrize(("fill", "price"), [("next_open", 115.0), ("close", 111.0), ("next_close", 115.25)])
def test_a_minute_is_told_once_it_is_known(fill: str, price: float) -> None:
    # The second minute is known within the fifth: an order sent on it fills as one sent on the fifth.
    write_minutes("TOY", known=known({2: 4.5}))
    with pytest.warns(UserWarning, match="1 of 6 1m bars of TOY"):
        run = ap.backtest(Planned, "TOY", "1m", params={"plan": {"2": 10}}, fill=fill, progress=False)
    assert run.fills["price"].tolist() == [price]
    assert run.equity.iloc[-1] == 100_000 + 10 * (SIX[-1][3] - price)
    assert ap.rerun(run, progress=False).identical
    assert not ap.check_lookahead(run.spec, progress=False).leaks
    grid = {"plan": [{"2": 10}]}
    (trial,) = ap.sweep(Planned, "TOY", "1m", grid=grid, fill=fill, progress=False).trials
    assert str(trial.record.statistics) == str(run.record.statistics)


def test_bars_are_told_in_their_order_and_the_last_ones_not_at_all() -> None:
    write_minutes("TOY", known=known({2: 4.5, 5: 90.0}))
    write("TOY", "2m", [OPEN + MINUTE * each for each in (2, 4, 6)], [(900.0, 990.0, 10.0, 950.0)] * 3)
    with pytest.warns(UserWarning, match="of 2 it is not, as the run ends before"):
        run = ap.backtest(Heard, "TOY", "1m", also="2m", progress=False)
    # Each series goes by when its own bars were known.
    assert told_at(run) == [(1, 1.0), (2, 2.0), (4, 4.0), (2, 5.0), (3, 5.0), (4, 5.0), (6, 6.0)]


def test_by_ticks_a_minute_is_told_with_the_first_tick_after_it_is_known() -> None:
    write_minutes("TOY", known=known({2: 4.5}))
    write_trades("TOY", [(OPEN + MINUTE * each // 10, SIX[each // 10][0], 100.0) for each in range(0, 60, 2)])
    with pytest.warns(UserWarning, match="with the first tick that comes once it is known"):
        run = ap.backtest(Heard, "TOY", "1m", params={"more": ""}, fill="ticks", progress=False)
    assert told_at(run) == [(1, 1.0), (2, 4.6), (3, 4.6), (4, 4.6), (5, 5.0), (6, 6.0)]


def test_a_series_known_only_after_its_end_is_refused_with_what_mends_it(tmp_path: Path) -> None:
    ingest_days(tmp_path, *[24.0 * 365] * 5)
    with pytest.raises(errors.KnownTooLate, match="None of the 5 1d bars of TOY was known") as refused:
        ap.backtest(Planned, "TOY", "1d", params={"plan": {}}, progress=False)
    back, again = (shlex.split(each) for each in refused.value.hint.split("`")[1::2])
    path = tmp_path / "days.csv"
    path.write_text("\n".join(line.rpartition(",")[0] for line in path.read_text().splitlines()))
    for each in (back, again):
        done = CliRunner().invoke(app, each[1:])
        assert done.exit_code == 0, done.output
    assert not told()


def test_bars_that_another_import_knew_sooner_are_named_as_what_differs(tmp_path: Path) -> None:
    plan = {"params": {"plan": {"2": 10}}, "progress": False}
    ingest_days(tmp_path, 10, 20, 10, 10, 10)
    with pytest.warns(UserWarning, match="1 of 5 1d bars of TOY"):
        before = ap.backtest(Planned, "TOY", "1d", **plan)  # type: ignore[arg-type]
    ingest_days(tmp_path, 10, 12, 10, 10, 10)
    after = ap.backtest(Planned, "TOY", "1d", **plan)  # type: ignore[arg-type]
    assert (after.fills["ts"] - before.fills["ts"]).tolist() == [-timedelta(days=1)]
    found = ap.diff(before, after).first
    assert (found.kind, found.name) == ("data", "TOY.XNAS-1-DAY-LAST-EXTERNAL 2020-03-03 21:00:00 UTC")
    assert (found.one, found.other) == (
        "known from 2020-03-04 17:00:00 UTC on",
        "known from 2020-03-04 09:00:00 UTC on",
    )
    assert [(each.rows, each.only_known) for each in ap.run(before.id).changes] == [(1, True)]
    assert ap.run(after.id).changes == ()
    ingest_days(tmp_path, 5, 5, 5, 5, 5)  # each was, and is, told at its close
    assert ap.run(after.id).changes == ()
    with pytest.warns(UserWarning, match="1 of 5 1d bars of TOY"):
        assert ap.rerun(before, progress=False).identical


def test_a_sweep_runs_a_trial_again_whose_bars_are_known_at_another_moment(tmp_path: Path) -> None:
    def trial(*later: float) -> ap.Run:
        ingest_days(tmp_path, *later)
        (found,) = ap.sweep(Planned, "TOY", "1d", grid={"plan": [{"2": 10}]}, progress=False).trials
        return ap.run(found.record.id)

    with pytest.warns(UserWarning, match="1 of 5 1d bars of TOY"):
        before = trial(10, 20, 10, 10, 10)
    after = trial(10, 12, 10, 10, 10)
    assert before.record.series == after.record.series, "their figures are the same"
    assert (after.fills["ts"] - before.fills["ts"]).tolist() == [-timedelta(days=1)]
    assert trial(9, 11, 9, 9, 9).id == after.id, "each is told at its close, as before"
