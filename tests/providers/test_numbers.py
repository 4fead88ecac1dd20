"""Numbers as files write them."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

from alphapulse_lib.providers.numbers import has_decimal_comma, read_numbers, read_ratios


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1.5", "-2", "1e3"], [1.5, -2.0, 1000.0]),
        ([" 1.5 ", "$2.25"], [1.5, 2.25]),
        (["1,234.5", "1,234,567"], [1234.5, 1234567.0]),
        (["1,5", "2,25"], [1.5, 2.25]),
        (["1.010,50", "999,5", "1.010", "1.234.567,891"], [1010.5, 999.5, 1010.0, 1234567.891]),
        (["-1.010,50", "7"], [-1010.5, 7.0]),
        (["1.234,567"], [1234.567]),
        (["€1.010,50", "1 010,50", "1e3"], [1010.5, 1010.5, 1000.0]),
        (["1 234", "5"], [1234.0, 5.0]),
    ],
)
def test_numbers(texts: list[str], expected: list[float]) -> None:
    values, reason = read_numbers(pa.chunked_array([texts]), "open")
    assert values.tolist() == expected
    assert reason.tolist() == [""] * len(texts)


def test_a_decimal_point_and_a_decimal_comma_do_not_go_together() -> None:
    values, reason = read_numbers(pa.chunked_array([["1.5", "2,25", "1,234.5"]]), "open")
    assert values[[0, 2]].tolist() == [1.5, 1234.5]
    assert reason.tolist() == ["", "open '2,25' is not a number", ""]
    assert not has_decimal_comma(pa.chunked_array([["1.5", "2,25"]]))


def test_points_are_thousands_where_the_file_has_decimal_commas() -> None:
    assert read_numbers(pa.chunked_array([["1.010", "12"]]), "volume", comma=True)[0].tolist() == [1010.0, 12.0]
    assert read_numbers(pa.chunked_array([["1.010", "12.5"]]), "volume", comma=True)[0].tolist() == [1.01, 12.5]


@pytest.mark.parametrize("text", ["", "NaN", "null", "N/A", "-"])
def test_an_absent_number_says_so(text: str) -> None:
    values, reason = read_numbers(pa.chunked_array([["1.5", text]]), "open")
    assert math.isnan(values[1])
    assert reason.tolist() == ["", "open is missing"]


def test_what_is_no_number_says_so() -> None:
    assert read_numbers(pa.chunked_array([["1.5", "x1"]]), "open")[1].tolist() == ["", "open 'x1' is not a number"]


def test_typed_columns_of_parquet() -> None:
    values, reason = read_numbers(pa.chunked_array([pa.array([1, None], pa.int64())]), "volume")
    assert values[0] == 1.0
    assert reason.tolist() == ["", "volume is missing"]


@pytest.mark.parametrize(("text", "ratio"), [("2", 2), ("2:1", 2), ("3/2", 1.5), ("1-for-10", 0.1), ("0.05", 0.05)])
def test_ratios(text: str, ratio: float) -> None:
    assert read_ratios(pa.chunked_array([[text]]), "ratio")[0].tolist() == [pytest.approx(ratio)]
