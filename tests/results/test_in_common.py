"""Runs of other instruments and of other windows: what one alone could have read is no difference of data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import alphapulse_lib as ap


def held(symbol: str = "MSFT", start: str = "2005-01-03", end: str = "2005-06-30", **more: Any) -> Any:
    return ap.backtest("SmaCross", symbol, "1d", start, end, progress=False, **more)


def kinds(one: Any, other: Any) -> list[tuple[str, str]]:
    return [(each.kind, each.name) for each in ap.diff(one, other).all if each.kind in ("data", "setting")]


@pytest.mark.usefixtures("sample")
def test_dividends_of_other_instruments_and_days_are_settings_that_differ() -> None:
    run = held(benchmark="AAPL")
    assert run.record.facts, "dividends, and closes of the benchmark"
    assert kinds(run, held("IBM", benchmark="AAPL")) == [("setting", "instruments")]
    later = held(start="2005-03-01", end="2005-09-30", benchmark="AAPL")
    assert kinds(run, later) == [("setting", "start"), ("setting", "end")]


@pytest.mark.usefixtures("writable_sample")
def test_a_dividend_that_both_could_read_is_still_named(writable_sample: Path) -> None:
    run = held()
    actions = writable_sample.parent / "actions.csv"
    actions.write_text("symbol,kind,ex_date,amount\nMSFT,dividend,2005-05-16,0.30\n")
    ap.ingest("files", actions, kind="actions", venue="XNAS")
    found = ap.diff(run, held(start="2005-03-01"))
    assert (found.first.kind, found.first.name) == ("data", "actions MSFT.XNAS")
    assert found.first.other.endswith("amount 0.3")
