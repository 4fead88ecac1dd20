from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphapulse_lib.catalog import actions, parquet
from alphapulse_lib.catalog.integrity import check
from alphapulse_lib.catalog.writer import write_instruments
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
        ({"kind": "rename"}, "a rename needs a new symbol"),
        ({"kind": "spin_off"}, "a spin_off needs a new symbol"),
        ({"kind": "spin_off", "new_symbol": "B", "ratio": None}, "needs a ratio or an amount above zero"),
        ({"ex_date": None}, "no ex_date"),
    ],
)
def test_what_is_no_action_is_refused(root: Path, table, changes: dict, told: str):
    with pytest.raises(InputError, match=told):
        actions.write(root, table(**changes), "one")
    assert not root.exists()


def test_two_spin_offs_of_a_day_are_two_and_a_corrected_rename_is_one(root: Path, table, at):
    """Tyco gave shares of ADT and of Pentair on 2012-10-01; Facebook's new ticker was told as MVRS at first."""
    day = {"ex_date": date(2012, 10, 1), "kind": "spin_off"}
    actions.write(root, table(**day, new_symbol="ADT", ratio=0.5), "one")
    actions.write(root, table(**day, new_symbol="PNR", ratio=0.2399), "one")
    assert actions.read(root)["new_symbol"].to_pylist() == ["ADT", "PNR"]
    renamed = {"kind": "rename", "ratio": None, "ex_date": date(2022, 6, 9)}
    first = {"available_at": at("2021-10-28"), "new_symbol": "MVRS"}
    actions.write(root, table(**renamed | first), "two")
    actions.write(root, table(**renamed | {"available_at": at("2022-05-31"), "new_symbol": "META"}), "two")
    assert actions.read(root)["new_symbol"].to_pylist() == ["ADT", "PNR", "META"]
    assert actions.read(root, as_of=at("2022-05-30"))["new_symbol"].to_pylist() == ["ADT", "PNR", "MVRS"]


def test_a_file_from_before_spin_offs_were_kept_is_read_and_added_to(root: Path, table, aapl):
    write_instruments(root, [aapl])
    actions.write(root, table(), "one")
    path = root / "actions.parquet"
    pq.write_table(pq.ParquetFile(path).read().drop_columns(["new_symbol", "part"]), path)
    assert actions.write(root, table(), "two").same == 1
    assert actions.write(root, table(kind="rename", ratio=None, new_symbol="B"), "two").new == 1
    assert actions.read(root)["new_symbol"].to_pylist() == ["B", ""]
    assert not check(root)


def test_a_file_that_is_replaced_while_it_is_read_is_read_as_it_was(root: Path, table, monkeypatch: pytest.MonkeyPatch):
    actions.write(root, table(), "one")
    path, opened = root / "actions.parquet", parquet.opened

    def replaced(place: Path, **options: bool) -> pq.ParquetFile:
        monkeypatch.undo()
        file = opened(place, **options)
        actions.write(root, table(ex_date=date(2020, 8, 31), ratio=4.0), "two")
        return file

    monkeypatch.setattr(parquet, "opened", replaced)
    assert actions.read(root)["ratio"].to_pylist() == [2.0], "the first question, which keeps what it read"
    assert actions.read(root).num_rows == 2 == pq.read_metadata(path).num_rows
