from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_lib.catalog.decimals import to_decimals, to_floats
from alphapulse_lib.errors import InputError

PRECISIONS = st.sampled_from([0, 2, 4, 8])


@given(st.lists(st.integers(-(2**49), 2**49), min_size=1), PRECISIONS)
def test_a_price_is_read_as_the_double_nearest_to_it(counts: list[int], precision: int):
    exact = [Decimal(count).scaleb(-precision) for count in counts]
    column = pa.array(exact, pa.decimal128(38, 16))
    assert to_floats(column, precision).tolist() == [float(value) for value in exact]


@given(st.lists(st.integers(-(2**49), 2**49), min_size=1), PRECISIONS)
def test_a_double_is_written_as_the_decimal_it_stands_for(counts: list[int], precision: int):
    exact = [Decimal(count).scaleb(-precision) for count in counts]
    written = to_decimals(np.array([float(value) for value in exact]), precision)
    assert written.type == pa.decimal128(38, 16)
    assert written.to_pylist() == exact


@pytest.mark.parametrize(
    "value", [922.3372, 922.3373, 1e6 + 0.0001, -0.0001, -922.3373, 199999.9999, 2**53 / 10**4 / 8]
)
def test_values_around_the_sixty_fourth_bit(value: float):
    written = to_decimals(np.array([value]), 4)
    exact = Decimal(value).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)
    assert written[0].as_py() == exact
    assert to_floats(written, 4)[0] == float(exact)


def test_large_volumes():
    volumes = np.array([0.0, 1.0, 922.0, 923.0, 4_294_967_296.0, 9_007_199_254_740.0])
    assert to_floats(to_decimals(volumes, 0), 0).tolist() == volumes.tolist()


def test_a_slice_and_many_chunks():
    values = np.round(np.linspace(-1000, 1000, 20_001), 4)
    whole = to_decimals(values, 4)
    column = pa.chunked_array([whole.slice(0, 3), whole.slice(3, 0), whole.slice(3)])
    assert to_floats(column, 4).tolist() == values.tolist()
    assert to_floats(whole.slice(17, 5), 4).tolist() == values[17:22].tolist()


def test_more_decimals_than_the_precision_are_rounded():
    assert to_floats(to_decimals(np.array([100.06251]), 4), 4)[0] == 100.0625


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e17])
def test_what_cannot_be_held_is_refused_with_its_row(value: float):
    with pytest.raises(InputError, match=r"close.*row 1"):
        to_decimals(np.array([1.0, value]), 4, "close")
