"""Periods, and NautilusTrader's names for them."""

from __future__ import annotations

import pytest
from nautilus_trader.model import BarType

from alphapulse_lib.errors import UnknownPeriod
from alphapulse_lib.model.period import Period


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1d", "1d"),
        ("1D", "1d"),
        ("d", "1d"),
        ("15min", "15m"),
        ("1-MINUTE", "1m"),
        ("2 hours", "2h"),
        ("1w", "1w"),
        ("30s", "30s"),
        ("3-MONTH", "3mo"),
        ("1 month", "1mo"),
    ],
)
def test_written_in_many_ways(written: str, read: str) -> None:
    assert str(Period.parse(written)) == read


@pytest.mark.parametrize("written", ["", "1x", "d1", "0d", "-1d", "1.5h", "1y"])
def test_what_is_no_period_is_refused(written: str) -> None:
    with pytest.raises(UnknownPeriod, match="number and s, m, h, d, w or mo"):
        Period.parse(written)


@pytest.mark.parametrize("text", ["1s", "5m", "1h", "1d", "1w", "5d", "1mo"])
def test_nautilus_understands_the_name_and_it_is_read_back(text: str) -> None:
    name = Period.parse(text).bar_type("BRK-B.XNYS")
    assert str(BarType.from_str(name)) == name
    assert Period.of_bar_type(name) == Period.parse(text)
