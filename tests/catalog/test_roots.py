from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from alphapulse_lib.catalog import actions, datasets, reader, writer
from alphapulse_lib.catalog.coverage import held
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.publish import locked
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import CatalogEmpty, CatalogFormat, CatalogReadOnly
from alphapulse_lib.model.instrument import Instrument

TWO = [("2013-01-02 21:00", 10.0), ("2013-01-03 21:00", 11.0)]


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return Roots(tmp_path / "team", tmp_path / "own")


def test_settings_name_the_roots(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(tmp_path / "team"))
    assert Roots.of_settings() == Roots(tmp_path / "team")
    assert Roots.of_settings().writable == tmp_path / "team"
    monkeypatch.setenv("ALPHAPULSE_PERSONAL_CATALOG", str(tmp_path / "own"))
    assert Roots.of_settings().writable == tmp_path / "own"
    assert [name for name, _ in Roots.of_settings().all] == ["personal", "team"]


def test_a_personal_series_replaces_the_whole_of_the_teams(
    roots: Roots, aapl: Instrument, bars: Callable[..., pa.Table]
):
    writer.write_instruments(roots.team, [aapl, Instrument("MSFT.XNAS")])
    writer.write_bars(roots.team, aapl, "1d", bars(TWO), "team")
    writer.write_bars(roots.team, Instrument("MSFT.XNAS"), "1d", bars(TWO), "team")
    writer.write_bars(roots.writable, aapl, "1d", bars([("2013-01-07 21:00", 50.0)]), "own")
    assert reader.bar_floats(roots, "AAPL.XNAS", "1d")["close"].to_pylist() == [50.0]
    assert reader.bar_floats(roots, "MSFT.XNAS", "1d")["close"].to_pylist() == [10.0, 11.0]
    assert reader.bar_floats(roots.team, "AAPL.XNAS", "1d")["close"].to_pylist() == [10.0, 11.0]
    assert [(each.root, each.rows) for each in held(roots, "AAPL.XNAS")] == [("personal", 1)]
    assert [(name, kind[:4]) for kind, name, _, _ in roots.all_series()] == [("personal", "AAPL"), ("team", "MSFT")]


def test_actions_of_an_instrument_come_from_one_root(roots: Roots, at):
    def split(instrument: str, day: str, ratio: float) -> pa.Table:
        row = {"instrument_id": instrument, "kind": "split", "ratio": ratio, "available_at": at(day), "source": "x"}
        ex_date = pa.array([at(day) // 10**9]).cast(pa.timestamp("s")).cast(pa.date32())
        return pa.table({name: [value] for name, value in row.items()} | {"ex_date": ex_date})

    actions.write(roots.team, split("AAPL.XNAS", "2005-02-28", 2.0), "team")
    actions.write(roots.team, split("MSFT.XNAS", "2003-02-18", 2.0), "team")
    actions.write(roots.writable, split("AAPL.XNAS", "2000-06-21", 3.0), "own")
    told = [(row["instrument_id"], row["ratio"]) for row in actions.read(roots).to_pylist()]
    assert told == [("AAPL.XNAS", 3.0), ("MSFT.XNAS", 2.0)]


def test_own_articles_beside_the_teams(roots: Roots, at):
    def articles(*rows: tuple[str, str]) -> pa.Table:
        stamps = [at("2013-01-02 10:00")] * len(rows)
        ids, headlines = zip(*rows, strict=True)
        columns = {
            "source": ["x"] * len(rows),
            "id": ids,
            "headline": headlines,
            "symbols": [["AAPL.XNAS"]] * len(rows),
        }
        return pa.table({**columns, "published_at": stamps, "available_at": stamps})

    datasets.write(roots.team, "articles", articles(("1", "team"), ("2", "team")), "team")
    datasets.write(roots.writable, "articles", articles(("2", "own"), ("3", "own")), "own")
    told = {row["id"]: row["headline"] for row in datasets.read(roots, "articles").to_pylist()}
    assert told == {"1": "team", "2": "own", "3": "own"}


def test_the_index_sees_both(roots: Roots, aapl: Instrument):
    writer.write_instruments(roots.team, [aapl])
    writer.write_instruments(roots.writable, [Instrument("MINE.XNYS", "My own")])
    assert [each.id for each in Index(roots).instruments()] == ["AAPL.XNAS", "MINE.XNYS"]
    assert Index(roots).resolve("MINE").name == "My own"


def test_an_empty_catalog_says_how_to_fill_it(roots: Roots):
    with pytest.raises(CatalogEmpty, match=r"make up.*alphapulse ingest sample") as refused:
        roots.require()
    assert str(roots.team) in str(refused.value)
    with locked(roots.team):
        pass
    roots.require()


def test_a_catalog_of_a_later_format_is_refused(tmp_path: Path):
    with locked(tmp_path):
        pass
    (tmp_path / "catalog.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(CatalogFormat, match=r"format 99.*reads up to 2"):
        Roots(tmp_path).require()
    with pytest.raises(CatalogFormat), locked(tmp_path):
        pass
    (tmp_path / "catalog.json").write_text("torn")
    with pytest.raises(CatalogFormat):
        Roots(tmp_path).require()


def test_a_place_that_cannot_be_written_to(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogReadOnly, match="ALPHAPULSE_CATALOG"), locked(tmp_path / "file" / "catalog"):
        pass
