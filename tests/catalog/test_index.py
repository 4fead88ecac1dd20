from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.writer import write_instruments
from alphapulse_lib.errors import AmbiguousSymbol, CatalogEmpty, InputError, UnknownSymbol
from alphapulse_lib.model.instrument import Instrument, Listing

AAPL, MSFT = Instrument("AAPL.XNAS", "Apple Inc."), Instrument("MSFT.XNAS")
FIRST, SECOND = Instrument("SUN1.XNYS", "Sunoco"), Instrument("SUN2.XNYS", "Sunoco LP")
SUN = [
    Listing("SUN", "XNYS", FIRST.id, end=date(2012, 10, 4)),
    Listing("SUN", "XNYS", SECOND.id, start=date(2014, 10, 27)),
]


@pytest.fixture
def index(root: Path) -> Index:
    write_instruments(root, [AAPL, MSFT, FIRST, SECOND], SUN)
    return Index(root)


def test_by_id_and_by_symbol(index: Index):
    assert index.resolve("AAPL.XNAS") == index.resolve("AAPL") == AAPL
    assert index.instruments() == [AAPL, MSFT, FIRST, SECOND]
    assert index.listings() == SUN


def test_a_ticker_used_twice_is_told_by_the_day(index: Index):
    assert index.resolve("SUN", date(2012, 10, 4)) == FIRST
    assert index.resolve("SUN", date(2020, 1, 1)) == SECOND
    with pytest.raises(AmbiguousSymbol, match=r"SUN1\.XNYS \(\.\.\. to 2012-10-04\), SUN2\.XNYS \(2014-10-27 to now\)"):
        index.resolve("SUN")
    with pytest.raises(UnknownSymbol, match="no 'SUN' on 2013-01-01"):
        index.resolve("SUN", date(2013, 1, 1))


def test_a_symbol_at_two_venues_is_ambiguous(root: Path):
    write_instruments(root, [Instrument("SAP.XETR", currency="EUR"), Instrument("SAP.XNYS")])
    with pytest.raises(AmbiguousSymbol, match=r"SAP\.XETR, SAP\.XNYS"):
        Index(root).resolve("SAP")


@pytest.mark.parametrize(
    ("asked", "meant"), [("APPL", "AAPL"), ("aapl", "AAPL"), ("MSTF", "MSFT"), ("AAPL.XNYS", "AAPL.XNAS")]
)
def test_the_nearest_names_are_suggested(index: Index, asked: str, meant: str):
    with pytest.raises(UnknownSymbol, match=f"(?s){asked}.*Did you mean .*{meant}"):
        index.resolve(asked)


def test_an_empty_catalog_is_told_as_such(root: Path):
    with pytest.raises(CatalogEmpty):
        Index(root).resolve("AAPL")


def test_a_name_may_be_learned_but_precision_is_permanent(root: Path):
    write_instruments(root, [Instrument("AAPL.XNAS")])
    write_instruments(root, [AAPL])
    write_instruments(root, [Instrument("AAPL.XNAS")])
    assert Index(root).resolve("AAPL").name == "Apple Inc."
    with pytest.raises(InputError, match="price_precision 4, not 2"):
        write_instruments(root, [Instrument("AAPL.XNAS", price_precision=2)])


def test_an_unknown_venue_is_refused_before_anything_is_written(root: Path):
    with pytest.raises(InputError, match="XXXX"):
        write_instruments(root, [AAPL, Instrument("ABC.XXXX")])
    assert not root.exists()
