from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from alphapulse_lib.catalog import actions
from alphapulse_lib.errors import InputError


@pytest.fixture
def table(at):
    def make(**changes: object) -> pa.Table:
        row = {
            "instrument_id": "AAPL.XNAS",
            "kind": "split",
            "ex_date": date(2005, 2, 28),
            "ratio": 2.0,
            "amount": None,
        }
        row |= {"available_at": at("2005-02-11"), "source": "by hand"} | changes
        return pa.table({name: [value] for name, value in row.items()})

    return make


def test_an_action_is_seen_from_when_it_was_announced(root: Path, table, at):
    actions.write(root, table(), "one")
    assert actions.read(root, "AAPL.XNAS", as_of=at("2005-02-10")).num_rows == 0
    (row,) = actions.read(root, "AAPL.XNAS", as_of=at("2005-02-11")).to_pylist()
    assert (row["kind"], row["ex_date"], row["ratio"], row["amount"]) == ("split", date(2005, 2, 28), 2.0, None)
    assert actions.read(root, "MSFT.XNAS").num_rows == 0
    assert actions.instruments(root) == ["AAPL.XNAS"]


def test_a_split_and_a_dividend_of_one_day(root: Path, table):
    actions.write(root, table(), "one")
    actions.write(root, table(kind="dividend", ratio=None, amount=0.25), "one")
    assert [(row["kind"], row["amount"]) for row in actions.read(root).to_pylist()] == [
        ("dividend", 0.25),
        ("split", None),
    ]


def test_a_correction_is_seen_from_its_own_moment(root: Path, table, at):
    actions.write(root, table(ratio=3.0), "one", recorded_at=at("2006-01-01"))
    actions.write(root, table(), "two", recorded_at=at("2007-01-01"))
    assert actions.read(root)["ratio"].to_pylist() == [2.0]
    assert actions.read(root, as_of=at("2006-12-31"))["ratio"].to_pylist() == [3.0]
    assert actions.read(root, recorded_as_of=at("2006-12-31"))["ratio"].to_pylist() == [3.0]
    assert actions.remove(root, "two") == 1
    assert actions.read(root)["ratio"].to_pylist() == [3.0]
    assert actions.remove(root, "one") == 1
    assert not (root / "actions.parquet").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kind": "merger"}, "unknown kind of action 'merger'"),
        ({"ratio": None}, "needs a ratio above zero"),
        ({"ratio": 0.0}, "needs a ratio above zero"),
        ({"ratio": -2.0}, "needs a ratio above zero"),
        ({"kind": "dividend"}, "needs an amount above zero"),
        ({"ex_date": None}, "no ex_date"),
    ],
)
def test_what_is_no_action_is_refused(root: Path, table, changes: dict, told: str):
    with pytest.raises(InputError, match=told):
        actions.write(root, table(**changes), "one")
    assert not root.exists()
