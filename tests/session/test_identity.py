"""An instrument outlives its ticker, and a universe holds the names that later died."""

from __future__ import annotations

import gzip
import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import alphapulse_lib as ap
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.cli import app
from alphapulse_lib.errors import AmbiguousSymbol, InputError, UnknownSymbol
from alphapulse_lib.model.window import moment_ns
from alphapulse_lib.query.locked import answer
from alphapulse_lib.views import cards
from tests.resources.toy_market import Planned

MEMBERS = Path(__file__).parents[3] / "shared" / "data" / "daily" / "sp500_membership_1996_2025.csv.gz"

#: As it was: a fund had FB until 2010; Facebook from 2012-05-18, as META from 2022-06-09. Lehman's last day on NYSE
#: was 2008-09-17; Google's shares: class A, called GOOG until 2014-04-02 and GOOGL from then on; class C, new, GOOG.
LISTINGS = """id,ticker,venue,name,from,to
META.XNAS,FB,XNAS,Meta Platforms,2012-05-18,2022-06-08
META.XNAS,META,XNAS,,2022-06-09,
FBOLD.XNYS,FB,XNYS,First Banks,1998-01-02,2010-04-30
LEH.XNYS,LEH,XNYS,Lehman Brothers,1994-05-31,2008-09-17
GOOGL.XNAS,GOOG,XNAS,Alphabet class A,2004-08-19,2014-04-02
GOOGL.XNAS,GOOGL,XNAS,,2014-04-03,
GOOG.XNAS,GOOG,XNAS,Alphabet class C,2014-04-03,
"""


@pytest.fixture
def listed(tmp_path: Path) -> str:
    return declare(tmp_path, LISTINGS)


def declare(folder: Path, text: str) -> str:
    path = folder / "instruments.csv"
    path.write_text(text)
    return ap.ingest("files", path, kind="instruments").id


def bars(folder: Path, symbol: str, days: list[str], venue: str = "XNAS") -> None:
    path = folder / "bars.csv"
    path.write_text("Date,Open,High,Low,Close,Volume\n" + "".join(f"{day},10,11,9,10,100\n" for day in days))
    ap.ingest("files", path, symbol=symbol, venue=venue)


def test_a_day_knows_its_tickers(listed: str) -> None:
    del listed

    def on(day: str) -> dict[str, str]:
        return dict(ap.instruments(at=day)[["id", "symbol"]].itertuples(index=False))

    assert on("2008-09-17") == {"FBOLD.XNYS": "FB", "LEH.XNYS": "LEH", "GOOGL.XNAS": "GOOG"}
    assert on("2008-09-18") == {"FBOLD.XNYS": "FB", "GOOGL.XNAS": "GOOG"}
    assert on("2014-04-03") == {"META.XNAS": "FB", "GOOGL.XNAS": "GOOGL", "GOOG.XNAS": "GOOG"}
    assert on("2022-06-09") == {"META.XNAS": "META", "GOOGL.XNAS": "GOOGL", "GOOG.XNAS": "GOOG"}
    assert len(ap.instruments()) == 5


def test_a_ticker_means_what_it_meant_in_the_window(listed: str, tmp_path: Path) -> None:
    del listed
    bars(tmp_path, "META", ["2021-06-01", "2022-06-08", "2022-06-09"])
    bars(tmp_path, "FBOLD.XNYS", ["2009-06-01"], "XNYS")
    assert len(ap.bars("FB", "1d", "2021-01-01", "2021-12-31")) == 1
    assert len(ap.bars("FB", "1d", "2009-01-01", "2009-12-31")) == 1
    assert len(ap.bars("META")) == 3, "the id keeps the bars of both tickers"
    with pytest.raises(AmbiguousSymbol, match=r"FBOLD\.XNYS \(1998-01-02 to 2010-04-30\), META\.XNAS \(2012-05-18 to"):
        ap.bars("FB")
    with pytest.raises(UnknownSymbol, match=r"(?s)holds no .FB. from 2010-06-01 to 2011-06-01.*1998-01-02 to"):
        ap.bars("FB", "1d", "2010-06-01", "2011-06-01")


def test_a_rename_that_a_file_tells_is_known_from_its_day(tmp_path: Path) -> None:
    bars(tmp_path, "FB", ["2022-06-07", "2022-06-08", "2022-06-09"])
    (tmp_path / "acts.csv").write_text("ex_date,kind,symbol,venue,new_symbol\n2022-06-09,name change,FB,XNAS,META\n")
    told = ap.ingest("files", tmp_path / "acts.csv", kind="actions")
    assert ap.bars("META").symbol.tolist() == ["META"] * 3
    assert ap.bars("FB", "1d", "2022-06-07", "2022-06-08").symbol.tolist() == ["FB"] * 2
    assert ap.prices(["META"]).columns.tolist() == ["META"]
    assert ap.bars("FB.XNAS").symbol.tolist() == ap.instruments().symbol.tolist() * 3 == ["META"] * 3
    assert ap.sql("SELECT DISTINCT symbol FROM bars_1d").fetchall() == [("META",)]
    assert ap.sql("SELECT DISTINCT symbol FROM bars_1d", as_of="2022-06-08").fetchall() == [("FB",)]
    assert ap.instruments(as_of="2022-06-08").symbol.tolist() == ["FB"]
    assert ap.instruments(at="2022-06-08").symbol.tolist() == ["FB"]
    with pytest.raises(UnknownSymbol, match=r"knew no 'META' then(?s:.*)FB\.XNAS was called later"):
        ap.bars("META", as_of="2022-06-08")
    ap.revert(told.id)
    assert ap.bars("FB").symbol.tolist() == ["FB"] * 3


@pytest.mark.parametrize(("asked", "title", "told"), [
    ("FB", "FB", "FB.XNAS (called META when it ran)"),
    ("META", "META", "FB.XNAS (asked for as META)"),
    ("FB.XNAS", "META", "FB.XNAS (asked for as META)"),
])  # fmt: skip
def test_a_run_of_a_renamed_instrument_says_what_was_asked_and_is_exact_again(
    tmp_path: Path, asked: str, title: str, told: str
) -> None:
    bars(tmp_path, "FB", ["2022-06-06", "2022-06-07", "2022-06-08", "2022-06-09", "2022-06-10", "2022-06-13"])
    (tmp_path / "acts.csv").write_text("ex_date,kind,symbol,venue,new_symbol\n2022-06-09,name change,FB,XNAS,META\n")
    ap.ingest("files", tmp_path / "acts.csv", kind="actions")
    run = ap.backtest(Planned, asked, "1d", params={"plan": {"1": 10}}, progress=False)
    assert run.symbols == (title,)
    assert run.fills["symbol"].tolist() == [title]
    assert ap.run(run.id).symbols == (title,), "the ledger knows it, too"
    assert ap.runs()["symbols"].tolist() == [title]
    for name in ("FB", "META", "FB.XNAS"):
        assert ap.runs(symbol=name)["id"].tolist() == [run.id], "found by every ticker that it had"
    assert ap.runs(symbol="ZUCK").empty
    page = run.tearsheet(tmp_path / "sheet.html").path.read_text(encoding="utf-8")
    assert told in page
    shown = cards.text(run)
    assert shown.startswith(f"Planned · {title} · 1d")
    assert ("FB was called META when it ran." in shown) == (asked == "FB")
    again = ap.rerun(run.id, progress=False)
    assert again.identical, again.text
    assert again.run.symbols == (title,)
    assert again.run.fills["symbol"].tolist() == [title]
    later = tmp_path / "later.csv"
    later.write_text("ex_date,kind,symbol,venue,new_symbol\n2022-06-10,name change,META,XNAS,ZUCK\n")
    ap.ingest("files", later, kind="actions")
    again = ap.rerun(run.id, progress=False)
    assert again.identical, again.text
    assert run.spec.instruments == ("FB.XNAS",)
    assert run.spec.id == again.run.spec.id


def test_a_sweep_of_a_renamed_instrument_calls_it_as_asked(tmp_path: Path) -> None:
    bars(tmp_path, "FB", ["2022-06-06", "2022-06-07", "2022-06-08", "2022-06-09", "2022-06-10", "2022-06-13"])
    (tmp_path / "acts.csv").write_text("ex_date,kind,symbol,venue,new_symbol\n2022-06-09,name change,FB,XNAS,META\n")
    ap.ingest("files", tmp_path / "acts.csv", kind="actions")
    found = ap.sweep("SmaCross", "META", "1d", grid={"slow": [2, 3]}, params={"fast": 1}, workers=1, progress=False)
    assert {ap.run(each).symbols for each in found.table["id"]} == {("META",)}
    assert repr(found) == "<Sweep SmaCross on META 1d: 2 trials>"
    assert "SmaCross on META 1d" in found._repr_html_()


def test_bars_under_a_ticker_that_moved_on_are_not_laid_to_the_old_company(tmp_path: Path) -> None:
    """Google's class A became GOOGL on 2014-04-03, and GOOG class C."""
    bars(tmp_path, "GOOG", ["2014-04-01", "2014-04-02"])
    (tmp_path / "acts.csv").write_text("ex_date,kind,symbol,venue,new_symbol\n2014-04-03,rename,GOOG,XNAS,GOOGL\n")
    ap.ingest("files", tmp_path / "acts.csv", kind="actions")
    bars(tmp_path, "GOOGL", ["2014-04-03", "2014-04-04"])
    days = "symbol,date,open,high,low,close,volume\n{0},2014-04-02,1,1,1,1,1\n{0},2014-04-03,9,9,9,9,9\n"
    about = {"venue": "XNAS", "period": "1d", "stamps": "session", "adjusted": False}
    path = tmp_path / "class_c.csv"
    path.write_text(days.format("GOOG"))
    (row,) = ap.ingest("files", path, **about).quarantined.to_dict("records")
    assert row["reason"] == "GOOG has not meant GOOG.XNAS since 2014-04-02: name the instrument by its id"
    assert ap.bars("GOOGL", "1d", "2014-04-03")["close"].tolist() != [9.0, 9.0]
    assert len(ap.bars("GOOG.XNAS")) == 4
    (tmp_path / "listing.csv").write_text("id,ticker,venue,from\nGOOG-C.XNAS,GOOG,XNAS,2014-04-03\n")
    ap.ingest("files", tmp_path / "listing.csv", kind="instruments")
    path.write_text(days.format("GOOG-C.XNAS").replace("2014-04-02", "2014-04-04"))
    assert ap.ingest("files", path, **about).written == 2
    assert ap.bars("GOOG", "1d", "2014-04-03", "2014-04-04")["close"].tolist() == [9.0, 1.0]
    assert ap.bars("GOOG", "1d", "2014-04-01", "2014-04-02").symbol.tolist() == ["GOOG"] * 2


def test_a_declaration_is_corrected_and_taken_back(listed: str, tmp_path: Path) -> None:
    del listed
    again = "id,ticker,venue,from,to\nLEH.XNYS,LEH,XNYS,1994-05-31,2008-09-16\n"
    correction = declare(tmp_path, again)
    assert "LEH" not in set(ap.instruments(at="2008-09-17").symbol)
    assert ap.ingest("files", tmp_path / "instruments.csv", kind="instruments").written == 0
    ap.revert(correction)
    assert "LEH" in set(ap.instruments(at="2008-09-17").symbol)


def test_a_declaration_takes_the_place_of_what_bars_assumed(tmp_path: Path) -> None:
    bars(tmp_path, "META", ["2021-06-01"])
    declaration = declare(tmp_path, LISTINGS)
    assert len(ap.bars("FB", "1d", "2021-01-01", "2021-12-31")) == 1
    ap.revert(declaration)
    assert ap.instruments(at="2001-01-01").symbol.tolist() == ["META"]


def test_a_universe_by_hand(listed: str, tmp_path: Path) -> None:
    del listed
    path = tmp_path / "members.csv"
    path.write_text("ticker,from,to\nFB,2013-12-23,2022-06-09\nMETA,2022-06-09,\nLEH,1998-01-12,2008-09-17\nX,bad,\n")
    report = ap.ingest("files", path, kind="universe", name="large")
    assert (report.written, len(report.quarantined)) == (3, 1)
    on = {day: ap.universe("large", at=day) for day in ("2008-09-16", "2008-09-17", "2022-06-08", "2022-06-09")}
    assert [each.symbol.tolist() for each in on.values()] == [["LEH"], [], ["FB"], ["META"]]
    assert on["2022-06-08"].id.tolist() == on["2022-06-09"].id.tolist() == ["META.XNAS"]
    with pytest.raises(InputError, match="large"):
        ap.universe("larg")
    answer = CliRunner().invoke(app, ["universe", "large", "--at", "2008-09-16", "--json"])
    assert [row["symbol"] for row in json.loads(answer.stdout)] == ["LEH"]
    answer = CliRunner().invoke(app, ["instruments", "--at", "2008-09-16", "--json"])
    assert "LEH" in [row["symbol"] for row in json.loads(answer.stdout)]
    ap.revert(report.id)
    with pytest.raises(InputError, match="No universe"):
        ap.universe("large")


def test_a_member_by_intervals_that_overlap_belongs_once(listed: str, tmp_path: Path) -> None:
    del listed
    path = tmp_path / "members.csv"
    path.write_text(
        "ticker,from,to\nLEH,1950-03-04,1999-01-01\nLEH,1998-06-01,2004-01-01\nLEH,2003-01-01,2003-02-01\n"
        "LEH,2004-01-01,2008-09-17\nGOOG,2006-04-03,\nGOOG,2006-03-31,2014-04-03\nFB,2013-12-23,2022-06-09\n"
    )
    ap.ingest("files", path, kind="universe", name="large")
    members = ap.universe("large", at="2003-01-15")
    assert members.astype(str).to_numpy().tolist() == [["LEH", "LEH.XNYS", "1950-03-04", "2004-01-01"]]
    assert ap.universe("large", at="2004-01-01").start.astype(str).tolist() == ["2004-01-01"]
    assert ap.universe("large", at="2007-01-03").symbol.tolist() == ["GOOG", "LEH"]
    assert ap.universe("large", at="2024-01-03").symbol.tolist() == ["GOOG"]  # one of its intervals has no end
    assert ap.sql("SELECT symbol, count(*) FROM universe GROUP BY symbol ORDER BY symbol").fetchall() == [
        ("FB", 1), ("GOOG", 2), ("LEH", 2),
    ]  # fmt: skip  # GOOG meant two instruments, one after the other


def test_sql_joins_bars_to_the_members_of_their_day(listed: str, tmp_path: Path) -> None:
    """FB and META are one: its membership is two intervals. First Banks, on the ticker before, never belonged."""
    del listed
    bars(tmp_path, "META", ["2013-12-20", "2013-12-23", "2022-06-08", "2022-06-09"])
    bars(tmp_path, "FBOLD.XNYS", ["2009-06-01"], "XNYS")
    path = tmp_path / "members.csv"
    path.write_text("ticker,from,to\nFB,2013-12-23,2022-06-09\nMETA,2022-06-09,\nGONE,2000-01-03,2001-01-02\n")
    ap.ingest("files", path, kind="universe", name="large")
    query = """SELECT u.symbol, b.ts::DATE::VARCHAR FROM bars_1d b JOIN universe u ON u.id = b.instrument_id
        AND u.name = 'large' AND b.ts::DATE >= u.starts AND (u.ends IS NULL OR b.ts::DATE < u.ends) ORDER BY b.ts"""
    assert ap.sql(query).fetchall() == [("FB", "2013-12-23"), ("FB", "2022-06-08"), ("META", "2022-06-09")]
    assert ap.sql(query, as_of="2022-06-08").fetchall() == [("FB", "2013-12-23"), ("FB", "2022-06-08")]
    assert ap.sql("SELECT symbol, id FROM universe ORDER BY starts").fetchall() == [
        ("GONE", None), ("FB", "META.XNAS"), ("META", "META.XNAS")
    ]  # fmt: skip
    assert ap.sql("SELECT symbol FROM universe ORDER BY starts", as_of="2013-12-22").fetchall() == [("GONE",)]
    spans = "SELECT symbol, starts::VARCHAR, ends::VARCHAR FROM listings WHERE id = 'META.XNAS' ORDER BY starts"
    assert ap.sql(spans).fetchall() == [("FB", "2012-05-18", "2022-06-09"), ("META", "2022-06-09", None)]
    roots = Roots.of_settings()
    locked = answer(roots, "SELECT count(*) AS members FROM universe", as_of=moment_ns("2013-12-22"))
    assert locked.to_pydict() == {"members": [1]}
    members = ap.universe("large", at="2022-06-09")
    assert ap.prices(members, "1d", "2022-06-09").columns.tolist() == ["META"]


def test_members_go_where_symbols_go_and_none_is_left_out_in_silence(listed: str, tmp_path: Path) -> None:
    del listed
    bars(tmp_path, "META", ["2022-06-08", "2022-06-09"])
    bars(tmp_path, "AAPL", ["2022-06-09"])
    path = tmp_path / "members.csv"
    path.write_text("ticker,from,to\nAAPL,2000-01-03,\nFB,2013-12-23,2022-06-09\n")
    ap.ingest("files", path, kind="universe", name="large")
    members = ap.universe("large", at="2022-06-08")
    assert ap.prices(members, "1d", "2022-06-09").columns.tolist() == ["AAPL", "META"]
    assert ap.bars(pl.from_pandas(members), "1d", "2022-06-09").symbol.tolist() == ["AAPL", "META"]
    path.write_text("ticker,from,to\nGONE,2013-12-23,\nLOST,2013-12-23,\n")
    ap.ingest("files", path, kind="universe", name="large")
    members = ap.universe("large", at="2022-06-08")
    with pytest.raises(InputError, match=r"Of 4 names the catalog holds 2\. It lacks GONE, LOST"):
        ap.prices(members, "1d", "2022-06-09")
    assert ap.prices(members[members.id != ""], "1d", "2022-06-09").columns.tolist() == ["AAPL", "META"]
    with pytest.raises(InputError, match="No symbol was asked for"):
        ap.prices(members[members.id == "nobody"], "1d", "2022-06-09")
    with pytest.raises(InputError, match=r"A table of x names no instruments"):
        ap.bars(pl.DataFrame({"x": [1]}))


def told(folder: Path, text: str, kind: str) -> list[str]:
    (folder / "told.csv").write_text(text)
    return list(ap.ingest("files", folder / "told.csv", kind=kind).warnings)


def test_a_rename_to_what_another_is_called_is_said(tmp_path: Path) -> None:
    bars(tmp_path, "OLDN", ["2020-01-02"])
    bars(tmp_path, "NEWN", ["2020-01-02"])
    rename = "ex_date,kind,symbol,venue,new_symbol\n2020-01-06,rename,OLDN,XNAS,NEWN\n"
    (said,) = told(tmp_path, rename, "actions")
    assert said.startswith("OLDN.XNAS was to be called NEWN from 2020-01-06 on, but that is NEWN.XNAS (... to now)")
    assert ap.check().problem.tolist() == [said]
    assert ap.instruments(at="2020-01-06").symbol.tolist() == ["NEWN"]
    assert not told(tmp_path, rename, "actions"), "it was said already, and check says it"
    gone = rename.replace("rename,OLDN,XNAS,NEWN", "delisting,NEWN,XNAS,")
    assert not told(tmp_path, gone, "actions"), "it left on that day: the ticker was free"
    assert ap.instruments(at="2020-01-06")[["id", "symbol"]].to_numpy().tolist() == [["OLDN.XNAS", "NEWN"]]
    assert ap.check().empty


def test_a_ticker_declared_to_two_at_once_is_said(tmp_path: Path) -> None:
    bars(tmp_path, "AAA", ["2020-01-02"])
    listing = "id,ticker,venue,from,to\nAAA-2.XNAS,AAA,XNAS,{},\n"
    (said,) = told(tmp_path, listing.format("2019-01-02"), "instruments")
    assert said == "AAA at XNAS means both AAA.XNAS (... to now) and AAA-2.XNAS (2019-01-02 to now)"
    (problem,) = ap.check().to_dict("records")
    assert problem["problem"] == said and "kind='instruments'" in problem["advice"]
    assert not told(tmp_path, "id,ticker,venue,from,to\nAAA.XNAS,AAA,XNAS,,2018-12-31\n", "instruments")
    assert ap.check().empty


def test_what_cannot_name_an_instrument_is_set_aside(tmp_path: Path) -> None:
    def aside(text: str, **how: str) -> list[str]:
        path = tmp_path / "strange.csv"
        path.write_text(text)
        return list(ap.ingest("files", path, **how).quarantined.reason)

    bars(tmp_path, "AAA", ["2020-01-02"])
    listings = "id,ticker,venue\na b.XNAS,TT,XNAS\n,../x,XNAS\nBTC/USD.CRYPTO,BTC/USD,CRYPTO\n"
    reasons = ["id a b.XNAS cannot name an instrument", "ticker ../x cannot name an instrument"]
    assert aside(listings, kind="instruments") == reasons
    acts = "ex_date,kind,symbol,venue,new_symbol\n2020-01-06,rename,AAA,XNAS,A/../B\n2020-01-07,rename,AAA,XNAS,BBB\n"
    assert aside(acts, kind="actions") == ["new symbol A/../B cannot name an instrument"]
    rows = "symbol,date,open,high,low,close\n{0},2020-01-02,1,1,1,1\n,2020-01-02,1,1,1,1\nOK,2020-01-02,1,1,1,1\n"
    endless = f"symbol {'A' * 60} cannot name an instrument"
    assert aside(rows.format("A" * 300), venue="XNAS") == [endless, "symbol is missing"]


def test_an_end_that_came_later_changes_no_earlier_answer(tmp_path: Path) -> None:
    path = tmp_path / "members.csv"
    first = "ticker,from,to\nLEH,1998-01-12,\n"
    path.write_text(first)
    ap.ingest("files", path, kind="universe", name="large")
    path.write_text(first.replace("12,", "12,2008-09-17"))
    assert ap.ingest("files", path, kind="universe", name="large").restated == 1
    assert ap.universe("large", at="2009-01-02").empty
    assert ap.universe("large", at="2009-01-02", as_of="2009-01-02").symbol.tolist() == ["LEH"]


@pytest.mark.skipif(not MEMBERS.exists(), reason="needs ../shared/data/daily/sp500_membership_1996_2025.csv.gz")
def test_the_members_of_thirty_years() -> None:
    """Against a plain count of the file's lines, day by day."""
    ap.ingest("files", MEMBERS, kind="universe", name="sp500")
    with gzip.open(MEMBERS, "rt") as file:
        lines = [line.strip().split(",") for line in list(file)[1:]]
    day = date(1996, 1, 2)
    while day < date(2025, 6, 1):
        expected = sorted(t for t, start, end in lines if start <= str(day) and (not end or str(day) < end))
        assert ap.universe("sp500", at=day).symbol.tolist() == expected
        assert 480 < len(expected) < 510
        day += timedelta(days=61)
    assert "LEHMQ" in set(ap.universe("sp500", at="2008-09-12").symbol)
    assert "ENRNQ" in set(ap.universe("sp500", at="2001-11-29").symbol)
    assert "TSLA" not in set(ap.universe("sp500", at="2020-12-18").symbol)
    assert "TSLA" in set(ap.universe("sp500", at="2020-12-21").symbol)
