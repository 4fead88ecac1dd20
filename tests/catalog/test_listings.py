"""Tickers over time, after renames and delistings; by hand and whatever befalls them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.listings import changed
from alphapulse_lib.catalog.writer import write_instruments
from alphapulse_lib.errors import UnknownSymbol
from alphapulse_lib.model.instrument import Instrument, Listing
from alphapulse_lib.model.window import moment_ns

FB, TWTR = Instrument("FB.XNAS"), Instrument("TWTR.XNYS")
LAST, FIRST = date(2022, 6, 8), date(2022, 6, 9)


def act(root: Path, instrument: Instrument, kind: str, day: date, recorded: str, symbol: str = "") -> None:
    """From the vendor: known from half past nine in New York."""
    row = {"instrument_id": instrument.id, "kind": kind, "ex_date": day, "new_symbol": symbol, "source": "vendor"}
    row |= {"available_at": moment_ns(f"{day} 09:30", "America/New_York")}
    actions.write(root, pa.Table.from_pylist([row]), "x", recorded_at=moment_ns(recorded))


@pytest.fixture
def renamed(root: Path) -> Path:
    """Facebook was Meta from 2022-06-09 on; Twitter's last day was 2022-10-27. Both were learned a week later."""
    write_instruments(root, [FB, TWTR], [Listing("FB", "XNAS", FB.id), Listing("TWTR", "XNYS", TWTR.id)])
    act(root, FB, "rename", FIRST, "2022-06-16", "META")
    act(root, TWTR, "delisting", date(2022, 10, 28), "2022-11-04")
    return root


def test_one_instrument_under_both_tickers(renamed: Path):
    index = Index(renamed)
    assert index.resolve("FB", date(2022, 1, 3), LAST) == index.resolve("META", FIRST) == FB
    assert (
        index.resolve("FB", date(2020, 1, 1), date(2024, 1, 1)) == index.resolve("META") == index.resolve(FB.id) == FB
    )
    assert index.resolve("META").ticker == index.resolve(FB.id).ticker == "META"
    assert index.resolve("FB").ticker == "FB", "called what it was asked for by"
    with pytest.raises(UnknownSymbol, match=r"(?s)no 'FB' on 2022-06-09.*FB\.XNAS \(\.\.\. to 2022-06-08\)"):
        index.resolve("FB", FIRST)
    assert index.listed(LAST) == {FB.id: "FB", TWTR.id: "TWTR"}
    assert index.listed(date(2022, 10, 27)) == {FB.id: "META", TWTR.id: "TWTR"}
    assert index.listed(date(2022, 10, 28)) == {FB.id: "META"}


def test_nobody_knows_of_it_before(renamed: Path):
    before, after = moment_ns("2022-06-09 13:29"), moment_ns("2022-06-09 13:30")
    for early, late in (
        (Index(renamed, before), Index(renamed, after)),
        (Index(renamed, None, moment_ns("2022-06-15")), Index(renamed, None, moment_ns("2022-06-16"))),
    ):
        assert (early.resolve(FB.id).ticker, late.resolve(FB.id).ticker) == ("", "META")
        assert early.resolve("FB", FIRST) == late.resolve("META", FIRST) == FB
        with pytest.raises(UnknownSymbol):
            early.resolve("META")
        with pytest.raises(UnknownSymbol):
            late.resolve("FB", FIRST)
    assert Index(renamed, moment_ns("2022-10-27")).listed(date(2023, 1, 1)) == {FB.id: "META", TWTR.id: "TWTR"}


def test_what_was_declared_is_known_as_it_went(root: Path):
    spans = [Listing("FB", "XNAS", FB.id, date(2012, 5, 18), LAST), Listing("META", "XNAS", FB.id, FIRST)]
    write_instruments(root, [FB], spans)
    act(root, FB, "rename", FIRST, "2022-06-16", "META")
    assert Index(root).listings() == spans, "the declaration says it already"
    assert Index(root, moment_ns("2022-06-01")).listings() == [Listing("FB", "XNAS", FB.id, date(2012, 5, 18))]
    assert Index(root, moment_ns("2012-05-01")).listings() == []


def test_a_ticker_that_another_has_is_not_taken_from_it(root: Path):
    other = Instrument("META.XNAS")
    write_instruments(root, [FB, other], [Listing("FB", "XNAS", FB.id), Listing("META", "XNAS", other.id)])
    act(root, FB, "rename", FIRST, "2022-06-16", "META")
    assert Index(root).resolve("META") == other
    assert Index(root).resolve("FB") == FB
    assert Index(root).listed(FIRST) == {other.id: "META"}


def test_an_action_taken_back_gives_the_ticker_back(renamed: Path):
    actions.remove(renamed, "x")
    assert Index(renamed).listed(FIRST) == {FB.id: "FB", TWTR.id: "TWTR"}


DAYS = st.integers(0, 40).map(lambda count: date(2020, 1, 1) + timedelta(days=count))
ACTS = st.lists(
    st.fixed_dictionaries(
        {
            "instrument_id": st.sampled_from(["A.XNAS", "B.XNAS", "C.XNAS"]),
            "kind": st.sampled_from(["rename", "rename", "delisting"]),
            "ex_date": DAYS,
            "new_symbol": st.sampled_from(["A", "B", "C", "D", "E"]),
        }
    ),
    max_size=8,
    unique_by=lambda act: (act["instrument_id"], act["ex_date"]),
)


@given(ACTS, DAYS)
def test_on_no_day_is_a_ticker_two_instruments_nor_an_instrument_two_tickers(acts: list, day: date):
    declared = [Listing(each, "XNAS", f"{each}.XNAS") for each in "ABC"]
    held = [each for each in changed(declared, acts) if each.holds(day)]
    assert len({each.ticker for each in held}) == len({each.instrument_id for each in held}) == len(held)
    untouched = {"A.XNAS", "B.XNAS", "C.XNAS"} - {each["instrument_id"] for each in acts if each["ex_date"] <= day}
    assert {each.instrument_id: each.ticker for each in held if each.instrument_id in untouched} == {
        each: each[0] for each in untouched
    }
