"""An entry of a bracket that fills in part, and works on once its exits are done."""

from __future__ import annotations

import pytest

import alphapulse_lib as ap
from tests.engine.test_intrabar import Script
from tests.resources.toy_market import write_minutes

#: The limit at 100 is met at the second bar's low alone, where a quarter of its 1,000 shares are for sale.
ENTERED = [(105.0, 106.0, 104.0, 105.0), (105.0, 105.5, 100.0, 104.0)]
#: Above the target, then down to the entry again, and through it.
TURNED = [
    (104.0, 120.0, 103.0, 119.0),
    (119.0, 119.0, 99.0, 101.0),
    (101.0, 102.0, 98.0, 99.0),
    (99.0, 99.5, 95.0, 96.0),
]


def bracket(shares: int) -> ap.Run:
    script = {"1": f"bracket buy of={shares} entry=100 sl=90 tp=115"}
    return ap.backtest(Script, "TOY", "1m", params={"script": script}, progress=False)


def test_an_entry_that_fills_on_once_its_exits_are_done_is_told() -> None:
    write_minutes("TOY", ENTERED + TURNED)
    with pytest.warns(UserWarning, match="750 of TOY without a stop or a target: the rest of a limit"):
        run = bracket(1000)
    assert run.fills.side.tolist() == ["buy", "sell", "buy", "buy", "buy"]
    assert run.positions.quantity.tolist() == [750.0]


def test_one_that_filled_whole_or_whose_exits_still_wait_is_not() -> None:
    write_minutes("TOY", ENTERED + TURNED)
    assert not any("exits" in each for each in bracket(250).warnings)
    write_minutes("TOY", [*ENTERED, *[(104.0, 105.0, 99.0, 101.0)] * 4])
    run = bracket(1000)
    assert len(run.fills) > 2
    assert not any("exits" in each for each in run.warnings)
