"""JSON of tables: what goes in comes out of a JSON reader again."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from alphapulse_lib.views.records import records


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (1e-12, "1e-12"),
        (0.123456789012345, "0.123456789012345"),
        (0.1 + 0.2, "0.30000000000000004"),
        (np.float64(1e300), "1e+300"),
        (12345678901234567890123, "12345678901234567890123"),
        (Decimal(12345678901234567890123), "12345678901234567890123"),
        (Decimal("0.123456789012345"), "0.123456789012345"),
        (Decimal("5.00"), "5.0"),
        (np.int64(2**62 + 1), "4611686018427387905"),
        (True, "true"),
        (np.True_, "true"),
        (None, "null"),
        (float("nan"), "null"),
        (float("-inf"), "null"),
        (pd.NA, "null"),
        (pd.NaT, "null"),
        (b"\xde\xad", '"dead"'),
        (bytearray(b"\x00"), '"00"'),
        (pd.Timestamp("2005-02-25 16:00", tz="America/New_York"), '"2005-02-25T21:00:00.000000Z"'),
        (datetime(2005, 2, 25, 21, 0, 0, 7, tzinfo=UTC), '"2005-02-25T21:00:00.000007Z"'),
        (datetime(2005, 2, 25, 21), '"2005-02-25T21:00:00.000000"'),
        (date(2005, 2, 25), '"2005-02-25"'),
        (time(21, 30), '"21:30:00"'),
        ([Decimal("1.5"), {"a": b"\x01"}], '[1.5,{"a":"01"}]'),
        (np.array([1.5, np.nan]), "[1.5,null]"),
        ("Ä", '"Ä"'),
    ],
)
def test_a_value_keeps_what_it_says(value: Any, told: str) -> None:
    assert records(["a"], [(value,)]) == f'[{{"a":{told}}}]'


def test_a_name_that_occurs_again_gets_a_number() -> None:
    assert json.loads(records(["a", "a", "b", "a"], [(1, 2, 3, 4)])) == [{"a": 1, "a_1": 2, "b": 3, "a_2": 4}]


def test_no_rows() -> None:
    assert records(["a"], []) == "[]"
