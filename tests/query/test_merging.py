"""Rows of several in the order of time, against pandas' own sort."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.query import merging
from alphapulse_lib.query.merging import laid, merged, named, stacked
from alphapulse_lib.session.frames import framed

SYMBOLS = ["MSFT", "AAPL", "ES"]


def part(stamps: list[int], number: int) -> pa.Table:
    """Rows that tell whose they are, and which."""
    rows = len(stamps)
    prices, sides = np.arange(rows) + number * 1000.0, [f"side {number}"] * rows
    table = {
        "ts": pa.array(stamps).cast(TIME),
        "price": prices,
        "side": pa.array(sides, pa.string()).dictionary_encode(),
    }
    # In chunks, as files and row groups give them.
    return pa.concat_tables([pa.table(table).slice(at, 2) for at in range(0, max(rows, 1), 2)])


def expected(stamps: list[list[int]]) -> pd.DataFrame:
    frames = [
        part(each, number).to_pandas().assign(symbol=symbol)
        for number, (each, symbol) in enumerate(zip(stamps, SYMBOLS, strict=False))
    ]
    together = pd.concat(frames).astype({"side": str})
    together = together.sort_values(["ts", "symbol"], kind="stable", ignore_index=True)
    return together[["symbol", "ts", "price", "side"]]


def as_given(column: pd.Series) -> pd.Series:
    """What sorts symbols as they are given, and leaves the rest."""
    return column.map(SYMBOLS.index) if column.name == "symbol" else column


@settings(deadline=None)  # a busy machine is no defect
@given(st.lists(st.lists(st.integers(0, 12), unique=True, max_size=9).map(sorted), min_size=1, max_size=3))
def test_of_any_moments(stamps: list[list[int]]):
    parts = [part(each, number) for number, each in enumerate(stamps)]
    found = named(merged(parts, SYMBOLS[: len(stamps)]))
    pd.testing.assert_frame_equal(found.to_pandas().astype({"side": str}), expected(stamps))


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 12), unique=True, max_size=9).map(sorted), min_size=1, max_size=3))
def test_one_after_the_other(stamps: list[list[int]]):
    parts = [part(each, number) for number, each in enumerate(stamps)]
    coded = stacked(parts, SYMBOLS[: len(stamps)])
    sought = expected(stamps).sort_values(["symbol", "ts"], key=as_given, kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(named(coded).to_pandas().astype({"side": str}), sought)
    frame = framed(coded.drop_columns(["side"]), "polars")
    assert frame["symbol"].dtype == pl.String
    if frame["symbol"].n_unique() > 1:
        assert set(frame.n_chunks("all")) == {1}
    assert frame.rows() == pl.from_pandas(sought.drop(columns="side")).rows()


@pytest.mark.parametrize("lengths", [(40, 40, 40), (70, 1, 40), (20, 30, 90), (1, 80, 0)])
@pytest.mark.parametrize("lacking", [None, 0, 2])
def test_each_in_its_place_in_one_piece(monkeypatch: pytest.MonkeyPatch, lengths: tuple[int, ...], lacking: int | None):
    """Also where later ones have more rows than the first foretold, or a number is missing."""
    monkeypatch.setattr(merging, "_FEW", 2)
    parts = [part(list(range(rows)), number).append_column("size", pa.array(range(rows), pa.int32()))
             for number, rows in enumerate(lengths)]  # fmt: skip
    if lacking is not None:
        prices = pa.array([None, *range(1, lengths[lacking])], pa.float64()) if lengths[lacking] else pa.array([])
        parts[lacking] = parts[lacking].set_column(1, "price", prices.cast(pa.float64()))
    sought = named(stacked(parts, SYMBOLS))
    found = laid(iter(parts), SYMBOLS)
    assert named(found).equals(sought)
    if len(set(lengths)) == 1 and lacking is None:
        assert [found[name].num_chunks for name in ("ts", "price")] == [1, 1]
    frame = framed(found.drop_columns(["side"]), "polars")
    assert frame.equals(pl.DataFrame(sought.drop_columns(["side"])), null_equal=True)
    assert set(frame.n_chunks("all")) == {1}


def test_long_names_and_none_at_all_are_told_as_text():
    names = ["a name of more than twelve bytes", "B", "another one of more than twelve"]
    frame = framed(stacked([part([1, 2], 0), part([3], 1), part([4], 2)], names).select(["symbol", "ts"]), "polars")
    assert frame["symbol"].to_list() == [names[0], *names]
    none = framed(stacked([part([], 0)], ["A"]).select(["symbol", "ts"]), "polars")
    assert none.schema["symbol"] == pl.String
    assert none.is_empty()


def test_of_the_very_same_moments():
    stamps = [[1, 2, 5, 9]] * 3
    coded = merged([part(each, number) for number, each in enumerate(stamps)], SYMBOLS)
    assert named(coded)["symbol"].to_pylist() == ["AAPL", "ES", "MSFT"] * 4
    pd.testing.assert_frame_equal(named(coded).to_pandas().astype({"side": str}), expected(stamps))


def test_whatever_a_column_holds_it_comes_along():
    """Nulls, numbers of other widths, whole ones, one that is none, text, and bars of which there is no chunk."""
    columns = {
        "lacking": pa.array([1.5, None, 2.5]),
        "narrow": pa.array([1, 2, 3], pa.int16()),
        "whole": pa.array([2**62 + 1, -1, 0]),
        "none": pa.array([float("nan"), float("inf"), -0.0]),
        "yes": pa.array([True, False, True]),
        "text": pa.array(["a", None, "c"]),
    }
    first = pa.table({"ts": pa.array([1, 4, 9]).cast(TIME), **columns})
    second = pa.table({"ts": pa.array([2, 5, 7]).cast(TIME), **columns})
    found = named(merged([first, second], ["B", "A"]))
    taken = pa.concat_tables([first, second]).take([0, 3, 1, 4, 5, 2])
    assert repr(found.drop_columns(["symbol"]).to_pydict()) == repr(taken.to_pydict())
    assert found["symbol"].to_pylist() == ["B", "A", "B", "A", "A", "B"]
    empty = first.schema.empty_table()
    assert (
        merged(
            [
                empty,
                pa.table(
                    {
                        name: pa.chunked_array([], kind)
                        for name, kind in zip(empty.schema.names, empty.schema.types, strict=True)
                    }
                ),
            ],
            ["B", "A"],
        ).num_rows
        == 0
    )


@pytest.mark.parametrize("stamps", [[[1, 2]], [[1, 4], [2, 3]], [[1, 2], [1, 2], [1, 2]]])
def test_polars_is_told_text(stamps: list[list[int]]):
    coded = merged([part(each, number) for number, each in enumerate(stamps)], SYMBOLS[: len(stamps)])
    frame = framed(coded.drop_columns(["side"]), "polars")
    assert [str(kind) for kind in frame.dtypes] == ["String", "Datetime(time_unit='ns', time_zone='UTC')", "Float64"]
    assert frame["symbol"].to_list() == expected(stamps)["symbol"].to_list()
