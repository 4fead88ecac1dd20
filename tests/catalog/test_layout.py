from pathlib import Path

import pytest

from alphapulse_lib.catalog import layout
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import FOREVER, Window


def test_a_year_of_minutes():
    bounds = layout.partition_of(Period(1, "m"), 2012)
    assert layout.bounds_name(bounds) == "2012-01-01T00-00-00-000000000Z_2012-12-31T23-59-59-999999999Z"


@pytest.mark.parametrize("period", [Period(1, "d"), Period(1, "w"), Period(3, "d")])
def test_daily_and_coarser_bars_are_one_file(period: Period):
    assert layout.partition_of(period, 2012) == Window(0, FOREVER)


@pytest.mark.parametrize("bounds", [Window(), layout.partition_of(Period(1, "m"), 1999), Window(1, 10**18 + 1)])
def test_a_name_states_its_bounds(bounds: Window):
    assert layout.window_of(Path(f"{layout.bounds_name(bounds)}.parquet")) == bounds


def test_the_slash_of_a_currency_pair_is_left_out(tmp_path: Path):
    assert (
        layout.bars_folder(tmp_path, "EUR/USD.IDEALPRO-1-DAY-LAST-EXTERNAL").name
        == "EURUSD.IDEALPRO-1-DAY-LAST-EXTERNAL"
    )


def test_where_superseded_bars_lie(tmp_path: Path):
    published = layout.bars_folder(tmp_path, "A.XNAS-1-DAY-LAST-EXTERNAL") / "x.parquet"
    assert layout.superseded(tmp_path, published) == tmp_path / "revisions/bars/A.XNAS-1-DAY-LAST-EXTERNAL/x.parquet"
