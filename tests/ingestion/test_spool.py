"""Tables beyond memory, and a provider's rows by instrument."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from alphapulse_lib.ingestion import spool
from alphapulse_lib.ingestion.groups import Groups
from alphapulse_lib.ingestion.spool import Spool
from alphapulse_lib.providers.contract import Batch

YEAR = 365 * 86_400_000_000_000


@pytest.mark.parametrize("held", [0, 500, 1 << 20])
def test_rows_come_back_by_key_in_their_order_from_disk_and_from_memory(held: int) -> None:
    with Spool(held) as kept:
        for turn in range(20):
            for key in ("a", "b", "c"):
                kept.add(key, pa.table({"n": [turn, turn + 1], "text": [key, None]}))
        assert list(kept) == ["a", "b", "c"]
        assert len(kept) == 3
        assert kept["b"]["n"].to_pylist() == [n for turn in range(20) for n in (turn, turn + 1)]
        assert kept["c"]["text"].to_pylist() == ["c", None] * 20


def test_a_part_of_a_table_is_kept_as_that_part() -> None:
    with Spool(0) as kept:
        kept.add("a", pa.table({"text": ["x", "y", "z"]}).slice(1, 1))
        assert kept["a"]["text"].to_pylist() == ["y"]


def batch(name: str, symbols: list[str], instants: list[int], reasons: list[str | None], note: str) -> Batch:
    lines = pa.array(range(1, len(symbols) + 1), pa.int64())
    columns = {"symbol": symbols, "venue": pa.nulls(len(symbols), pa.string()), "instant": instants}
    table = pa.table({"line": lines, "reason": pa.array(reasons, pa.string()), **columns})
    return Batch(name, table, pa.table({"row": [f"{name} {line}" for line in lines]}), (note,))


@pytest.mark.parametrize("held", [0, 1 << 20])
def test_rows_that_come_by_time_are_grouped_by_instrument_and_year(monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    monkeypatch.setattr(spool, "HELD", held)

    def batches() -> Iterator[Batch]:
        yield batch("one", ["B", "A", "B"], [1, 2, YEAR], [None, None, None], "n")
        yield batch("two", ["A", "B", "A"], [3, 4, 5], [None, "torn", None], "n")

    with Groups(batches(), "Y") as groups:
        found = [(rows["symbol"][0].as_py(), rows["instant"].to_pylist(), rows["row"].to_pylist()) for rows in groups]
        assert found == [("B", [1], ["one 1"]), ("B", [YEAR], ["one 3"]), ("A", [2, 3, 5], ["one 2", "two 1", "two 3"])]
        assert groups.notes == ["one: n", "two: n"]
        assert [each["row"].to_pylist() for each in groups.aside] == [["two 2"]]
        assert [each["file"].to_pylist() for each in groups.aside] == [["two"]]
        last = list(groups)[-1]
        assert last["file"].to_pylist() == ["one", "two", "two"]
        assert [np.asarray(rows["instant"]).tolist() for rows in groups.alike(last, ["instant"])] == [[2, 3, 5]]


def test_a_batch_that_is_the_whole_of_its_symbols_is_handed_on_before_the_next_is_read() -> None:
    read = []

    def batches() -> Iterator[Batch]:
        for name in ("A", "B"):
            read.append(name)
            yield replace(batch(name, [name, name, name], [2, YEAR, 1], [None, None, "torn"], "n"), whole=True)

    with Groups(batches(), None) as groups:
        for rows in groups:
            assert rows["symbol"][0].as_py() == read[-1]
            assert rows["instant"].to_pylist() == [2, YEAR]
            assert rows["file"].to_pylist() == [read[-1]] * 2
            assert [each["row"].to_pylist() for each in groups.alike(rows, ["row"])] == [rows["row"].to_pylist()]
        assert groups.notes == ["A: n", "B: n"]
        assert [each["row"].to_pylist() for each in groups.aside] == [["A 3"], ["B 3"]]
