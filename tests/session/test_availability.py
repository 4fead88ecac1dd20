"""A run says of its own bars that could be known only after what is decided on them fills."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

from toy_market import MINUTE, OPEN, Planned, write_minutes

import alphapulse_lib as ap

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
        "2020-03-03): what is decided on them fills before anybody could decide it."
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
