"""Thresholds of bars that are counted rather than timed, in NautilusTrader's words."""

from __future__ import annotations

import pytest
from nautilus_trader.model import BarType

from alphapulse_lib.errors import UnknownPeriod
from alphapulse_lib.model.threshold import Threshold


@pytest.mark.parametrize("written", ["100-TICK", "100 tick", "100tick", "1000-VOLUME", "1000000-VALUE"])
def test_nautilus_understands_what_is_told(written: str) -> None:
    told = str(Threshold.parse(written))
    assert str(BarType.from_str(f"ES.XCME-{told}-LAST-INTERNAL")) == f"ES.XCME-{told}-LAST-INTERNAL"
    assert Threshold.parse(told) == Threshold.parse(written)


@pytest.mark.parametrize("period", ["1d", "15m", "1-MINUTE", "", 5, None, "100-RENKO"])
def test_what_is_none_is_left_to_others(period: object) -> None:
    assert Threshold.parse(period) is None


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1000t", "Say '1000-TICK' (NautilusTrader's words) for bars that are counted; for minutes '1000m'."),
        ("250 trades", "Say '250-TICK' (NautilusTrader's words) for bars that are counted."),
        ("500vol", "Say '500-VOLUME' (NautilusTrader's words) for bars that are counted."),
        ("dollars", "Say '1000-VALUE' (NautilusTrader's words) for bars that are counted."),
    ],
)
def test_another_word_for_a_measure_is_answered_with_the_measure(written: str, said: str) -> None:
    with pytest.raises(UnknownPeriod) as refused:
        Threshold.parse(written)
    assert refused.value.hint == said


@pytest.mark.parametrize("written", ["TICK", "0-VOLUME", "VALUE"])
def test_a_measure_needs_a_number(written: str) -> None:
    with pytest.raises(UnknownPeriod, match="Say how many, such as '1000-"):
        Threshold.parse(written)
