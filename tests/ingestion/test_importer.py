"""Imports as a whole: from a file to the catalog, into its quarantine, and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from alphapulse_lib import clock
from alphapulse_lib.catalog import actions, datasets
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.reader import bar_floats
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import IngestError, InputError, MissingColumn, NothingUsable, UnknownImport
from alphapulse_lib.ingestion import importer
from alphapulse_lib.ingestion.records import adjusted_series, find, records
from alphapulse_lib.ingestion.report import Report
from alphapulse_lib.providers.contract import Request
from alphapulse_lib.providers.files import FilesProvider

HEADER = "Date,Open,High,Low,Close,Volume\n"
GOOD = "2013-05-01,10,11,9,10.5,100\n2013-05-02,10.5,12,10,11,200\n2013-05-03,11,11.5,10.5,11.25,300\n"


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return Roots(tmp_path / "catalog")


@pytest.fixture
def bring(tmp_path: Path, roots: Roots) -> Any:
    def bring_text(text: str, file: str = "prices.csv", **options: Any) -> Report:
        path = tmp_path / file
        path.write_text(text)
        request = Request(path, **{"symbol": "AAA", "venue": "XNYS", **options})
        return importer.ingest(FilesProvider(), [request], roots)

    return bring_text


def held(roots: Roots, instrument: str = "AAA.XNYS", period: str = "1d", **options: Any) -> pd.DataFrame:
    return bar_floats(roots, instrument, period, **options).to_pandas()


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*.parquet")
        if path.relative_to(folder).parts[0] != "quarantine"
    }


def test_bars_are_in_the_catalog_as_they_were_in_the_file(bring: Any, roots: Roots) -> None:
    report = bring(HEADER + GOOD)
    assert (report.written, report.unchanged, report.restated, len(report.quarantined)) == (3, 0, 0, 0)
    assert report.instruments == ("AAA.XNYS",)
    found = held(roots)
    assert found.close.tolist() == [10.5, 11.0, 11.25]
    assert found.volume.tolist() == [100, 200, 300]
    assert found.ts[0] == pd.Timestamp("2013-05-01 20:00", tz="UTC")


def test_bad_rows_are_set_aside_with_line_and_reason_and_good_ones_kept(bring: Any, roots: Roots) -> None:
    bad = (
        "2013-05-04,1,2,1,1,1\n2013-05-06,10,9,11,10,1\n2013-05-07,10,11,9,,1\n2013-05-03,11,11.5,10.5,11.3,300\n"
        "2013-05-02,10.5,12,10,11,200\n2013-05-08,0,1,0,1,1\n2013-05-09,x,1,1,1,1\n2013-05-10,1,1\n2099-05-01,1,1,1,1,1\n"
    )
    with clock.at(datetime(2026, 1, 1, tzinfo=UTC)):
        report = bring(HEADER + GOOD + bad)
    assert dict(zip(report.quarantined.line, report.quarantined.reason, strict=True)) == {
        5: "2013-05-04 is no session of XNYS",
        6: "high 9 is below low 11",
        7: "close is missing",
        8: "line 4 has another bar for this time",
        10: "open 0 is not above 0",
        11: "open 'x' is not a number",
        12: "has not the 6 fields of the header",
        13: "it closes in the future",
    }
    assert report.written == 3
    assert any(note.endswith("passed over: 1") for note in report.notes)
    assert report.quarantined.row[report.quarantined.line == 12].item() == "2013-05-10,1,1"
    assert pq.read_table(roots.team / "quarantine" / f"{report.id}.parquet").num_rows == 8
    assert len(held(roots)) == 3


def test_an_impossible_number_is_set_aside_and_the_rest_kept(bring: Any, roots: Roots) -> None:
    bad = "2013-05-06,1e25,1e25,9,10,1\n2013-05-07,10,11,9,10,1e30\n2013-05-08,10,1e300,9,10,1\n"
    report = bring(HEADER + GOOD + bad)
    assert dict(zip(report.quarantined.line, report.quarantined.reason, strict=True)) == {
        5: "open 1e+25 is too large",
        6: "volume 1e+30 is too large",
        7: "high 1e+300 is too large",
    }
    assert held(roots).close.tolist() == [10.5, 11.0, 11.25]


def test_a_file_of_impossible_numbers_leaves_no_instrument(bring: Any, roots: Roots) -> None:
    with pytest.raises(NothingUsable, match="too large"):
        bring(HEADER + "2013-05-06,1e25,1e25,9,10,1\n")
    assert Index(roots).instruments() == []


def test_prices_with_decimal_commas_and_points_between_thousands(bring: Any, roots: Roots) -> None:
    rows = "2013-05-01;1.010,50;1.011;1.009;1.010,25;12.500\n2013-05-02;999,5;1.000,75;998;999;900\n"
    assert bring("Date;Open;High;Low;Close;Volume\n" + rows).written == 2
    found = held(roots)[["open", "high", "low", "close", "volume"]].to_numpy().tolist()
    assert found == [[1010.5, 1011, 1009, 1010.25, 12500], [999.5, 1000.75, 998, 999, 900]]


def test_large_volumes_take_decimals_away_and_are_kept(bring: Any, roots: Roots) -> None:
    text = HEADER + "2013-05-02,10,11,9,10.5,0.123456789\n2013-05-03,10,11,9,10.5,1e30\n2013-05-06,10,11,9,10.5,4e12\n"
    report = bring(text, symbol="AAA", venue="XETR")
    assert report.quarantined.line.tolist() == [3]
    assert held(roots, "AAA.XETR").volume.tolist() == [0.123457, 4e12]


def test_a_bar_that_is_not_final_is_set_aside(bring: Any) -> None:
    with clock.at(datetime(2013, 5, 3, 19, 59, tzinfo=UTC)):
        assert bring(HEADER + GOOD).quarantined.reason.tolist() == ["it closes in the future"]


def test_the_same_rows_again_change_nothing(bring: Any, roots: Roots) -> None:
    bring(HEADER + GOOD)
    before = files_of(roots.team)
    report = bring(HEADER + GOOD)
    assert (report.written, report.unchanged, report.restated) == (0, 3, 0)
    assert files_of(roots.team) == before


def test_a_correction_is_seen_now_and_not_before_it_came(bring: Any, roots: Roots) -> None:
    bring(HEADER + GOOD)
    before = clock.now_ns()
    report = bring(HEADER + GOOD.replace("11.25", "11.4"))
    assert (report.written, report.unchanged, report.restated) == (0, 2, 1)
    assert held(roots).close.tolist() == [10.5, 11.0, 11.4]
    assert held(roots, as_of=before).close.tolist() == [10.5, 11.0, 11.25]


def test_the_first_file_again_takes_a_correction_back(bring: Any, roots: Roots) -> None:
    for text in (GOOD, GOOD.replace("11.25", "11.4"), GOOD):
        report = bring(HEADER + text)
    assert (report.written, report.unchanged, report.restated) == (0, 2, 1)
    assert held(roots).close.tolist() == [10.5, 11.0, 11.25]


def test_versions_in_one_file_are_seen_each_at_its_time(bring: Any, roots: Roots) -> None:
    header = "date,o,h,l,c,v,available_at\n"
    rows = "2015-03-23,10,11,9,10,1,2015-03-24\n2015-03-23,10,11,9,10.5,1,2015-03-27\n"
    assert bring(header + rows).restated == 1
    day = 86_400 * 10**9
    first = int(pd.Timestamp("2015-03-25 04:00", tz="UTC").value)
    assert held(roots, as_of=first - 2).close.tolist() == []
    assert held(roots, as_of=first).close.tolist() == [10.0]
    assert held(roots, as_of=first + 4 * day).close.tolist() == [10.5]


def test_a_bar_is_never_available_before_its_close(bring: Any, roots: Roots) -> None:
    report = bring("date,o,h,l,c,v,available_at\n2015-03-23,10,11,9,10,1,2015-03-23 12:00\n")
    close = int(pd.Timestamp("2015-03-23 20:00", tz="UTC").value)
    assert any("before the close" in warning for warning in report.warnings)
    assert len(held(roots, as_of=close - 1)) == 0
    assert len(held(roots, as_of=close)) == 1


def test_reverting_brings_back_what_was_there(bring: Any, roots: Roots) -> None:
    bring(HEADER + GOOD)
    before = held(roots)
    bad = bring(HEADER + GOOD.replace("11.25", "11.4") + "2013-05-06,11,12,11,12,1\n")
    taken = importer.revert(roots, bad.id)
    assert taken.bars == 2
    pd.testing.assert_frame_equal(held(roots), before)
    assert find(roots.team, bad.id)["status"] == "reverted"


def test_reverting_the_first_import_leaves_no_instrument(bring: Any, roots: Roots) -> None:
    report = bring(HEADER + GOOD)
    assert importer.revert(roots, report.id[:-2]).instruments == ("AAA.XNYS",)
    assert Index(roots).instruments() == []
    assert not list((roots.team / "data").rglob("*.parquet"))


def test_reverting_twice_says_so(bring: Any, roots: Roots) -> None:
    report = bring(HEADER + GOOD)
    importer.revert(roots, report.id)
    with pytest.raises(InputError, match="taken back already"):
        importer.revert(roots, report.id)


def test_an_unknown_import_tells_the_last_ones(bring: Any, roots: Roots) -> None:
    with pytest.raises(UnknownImport) as nothing:
        importer.revert(roots, "x")
    assert "No import" in nothing.value.hint
    report = bring(HEADER + GOOD)
    with pytest.raises(UnknownImport) as refused:
        importer.revert(roots, "x")
    assert report.id in refused.value.hint


def test_when_every_row_is_bad_nothing_is_written_but_the_evidence(bring: Any, roots: Roots) -> None:
    with pytest.raises(NothingUsable, match=r"None of the 2 rows of prices.csv .* line 2: 2013-05-04 is no session"):
        bring(HEADER + "2013-05-04,1,2,1,1,1\n2013-05-05,1,2,1,1,1\n")
    assert not (roots.team / "data").exists()
    record = next(records(roots.team))
    assert record["status"] == "refused"
    assert pq.read_table(roots.team / "quarantine" / f"{record['id']}.parquet").num_rows == 2


def test_a_bad_second_file_leaves_the_first_one_out(tmp_path: Path, roots: Roots) -> None:
    (tmp_path / "a.csv").write_text(HEADER + GOOD)
    (tmp_path / "b.csv").write_text("Date,Price\n2013-05-01,1\n")
    with pytest.raises(MissingColumn):
        importer.ingest(FilesProvider(), [Request([tmp_path / "a.csv", tmp_path / "b.csv"], venue="XNYS")], roots)
    assert not roots.team.exists()


def test_an_interrupted_import_can_be_taken_back_or_run_again(bring: Any, roots: Roots, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text("symbol,Date,O,H,L,C\nA,2013-05-01,1,2,1,1\nB,2013-05-01,1,2,1,1\n")
    request = Request(tmp_path / "prices.csv", venue="XNYS")

    def pull_the_plug(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        importer.ingest(FilesProvider(), [request], roots, annotate=pull_the_plug)
    record = next(records(roots.team))
    assert record["status"] == "interrupted"
    assert importer.ingest(FilesProvider(), [request], roots).unchanged == 2
    assert importer.revert(roots, record["id"]).bars == 2


def test_adjusted_prices_are_marked(bring: Any, roots: Roots) -> None:
    report = bring(HEADER + GOOD, adjusted=True)
    bar_type = "AAA.XNYS-1-DAY-LAST-EXTERNAL"
    assert adjusted_series(roots) == {bar_type: f"declared adjusted (import {report.id})"}
    importer.revert(roots, report.id)
    assert adjusted_series(roots) == {}


@pytest.mark.parametrize("first", [True, False])
def test_adjusted_prices_and_traded_ones_are_not_mixed(bring: Any, first: bool) -> None:
    bring(HEADER + GOOD, adjusted=first)
    with pytest.raises(InputError, match="as traded"):
        bring(HEADER + GOOD, adjusted=not first)
    bring(HEADER + GOOD, adjusted=first)


def test_adjusted_prices_declared_as_traded_are_found_out(bring: Any, roots: Roots) -> None:
    """A split is known and the price runs on as if there had been none."""
    bring("ex_date,kind,ratio\n2013-05-03,split,2\n", "actions.csv", kind="actions")
    report = bring(HEADER + GOOD)
    assert any("2:1 split of 2013-05-03" in warning for warning in report.warnings)
    assert "2:1 split" in adjusted_series(roots)["AAA.XNYS-1-DAY-LAST-EXTERNAL"]


def test_a_bad_action_does_not_take_a_good_one_with_it(bring: Any, roots: Roots) -> None:
    rows = (
        "AAA,XNYS,split,2013-05-01,0,\nAAA,XNYS,split,2013-05-01,2,\nAAA,XNYS,split,2013-05-01,3,\n"
        "AAA,XNYS,split,2013-05-02,inf,\nAAA,XNYS,split,2013-05-03,1e300,\nAAA,XNYS,split,2013-05-06,10001,\n"
        "AAA,XNYS,split,2013-05-07,0.00009,\nAAA,XNYS,split,2013-05-08,1:10000,\nAAA,XNYS,split,2013-05-09,2/0,\n"
        "AAA,XNYS,dividend,2013-05-10,,inf\nAAA,XNYS,dividend,2013-05-10,,0.5\nAAA,XNYS,dividend,2013-05-13,,1e300\n"
    )
    header = "symbol,venue,kind,ex_date,ratio,amount\n"
    report = bring(header + rows, "actions.csv", kind="actions", symbol=None, venue=None)
    assert dict(zip(report.quarantined.line, report.quarantined.reason, strict=True)) == {
        2: "a split needs a ratio above 0",
        4: "line 3 says otherwise of the same",
        5: "a ratio of inf is not between 1/10,000 and 10,000",
        6: "a ratio of 1e+300 is not between 1/10,000 and 10,000",
        7: "a ratio of 10001 is not between 1/10,000 and 10,000",
        8: "a ratio of 9e-05 is not between 1/10,000 and 10,000",
        10: "a ratio of inf is not between 1/10,000 and 10,000",
        11: "an amount of inf cannot be held",
        13: "an amount of 1e+300 cannot be held",
    }
    kept = actions.read(roots, "AAA.XNYS").select(["ex_date", "ratio", "amount"]).to_pylist()
    assert [(f"{each['ex_date']:%d}", each["ratio"], each["amount"]) for each in kept] == [
        ("01", 2.0, None),
        ("08", 0.0001, None),
        ("10", None, 0.5),
    ]


def test_years_of_four_digits_are_what_they_say(bring: Any, roots: Roots) -> None:
    rows = "0001-05-01,10,11,9,10,1\n0013-05-02,10,11,9,10,1\n"
    report = bring(HEADER + GOOD + rows)
    assert dict(zip(report.quarantined.line, report.quarantined.reason, strict=True)) == {
        5: "stamp '0001-05-01' is not understood",
        6: "stamp '0013-05-02' is not understood",
    }
    assert held(roots).close.tolist() == [10.5, 11.0, 11.25]


def test_traded_prices_with_a_split_are_not_doubted(bring: Any, roots: Roots) -> None:
    bring("ex_date,kind,ratio\n2013-05-03,split,2\n", "actions.csv", kind="actions")
    bring(HEADER + GOOD.replace("2013-05-03,11,11.5,10.5,11.25", "2013-05-03,5.5,5.75,5.25,5.6"))
    assert adjusted_series(roots) == {}


def test_actions_are_recovered_beside_adjusted_closes(bring: Any, roots: Roots) -> None:
    text = (
        "date,o,h,l,c,v,adj close\n2013-05-01,10.25,10.25,10.25,10.25,1,5.0225\n2013-05-02,10,10,10,10,1,4.9\n"
        "2013-05-03,5,5,5,5,1,4.9\n2013-05-06,4.9,4.9,4.9,4.9,1,4.9\n"
    )
    assert bring(text).actions == 2
    found = actions.read(roots, "AAA.XNYS").to_pylist()
    assert [(row["kind"], str(row["ex_date"])) for row in found] == [
        ("split", "2013-05-03"),
        ("dividend", "2013-05-06"),
    ]
    assert found[0]["ratio"] == 2.0
    assert found[1]["amount"] == 0.1
    assert found[0]["available_at"] == pd.Timestamp("2013-05-03 13:30", tz="UTC")
    assert bring(text, recover=False).actions == 0


def test_actions_without_a_time_are_known_from_the_open_of_their_ex_date(bring: Any, roots: Roots) -> None:
    report = bring("ex_date,kind,ratio,amount\n2013-05-02,dividend,,0.5\n2013-05-04,split,2,\n", kind="actions")
    assert (report.written, len(report.quarantined)) == (1, 1)
    assert report.quarantined.reason.tolist() == ["2013-05-04 is no session"]
    row = actions.read(roots, "AAA.XNYS").to_pylist()[0]
    assert (row["amount"], row["available_at"]) == (0.5, pd.Timestamp("2013-05-02 13:30", tz="UTC"))
    assert any("assumed" in note for note in report.notes)
    assert importer.revert(roots, report.id).actions == 1


def test_actions_of_an_unknown_symbol_are_set_aside_and_the_rest_kept(bring: Any, roots: Roots) -> None:
    bring(HEADER + GOOD)
    text = "symbol,ex_date,kind,ratio\nAAA,2013-05-02,split,2\nZZZ,2013-05-02,split,2\n"
    report = bring(text, "actions.csv", kind="actions", symbol=None, venue=None)
    assert report.quarantined.line.tolist() == [3]
    assert report.quarantined.reason.tolist()[0].startswith("Where does ZZZ trade? Say venue='XNAS'")
    assert [row["ratio"] for row in actions.read(roots, "AAA.XNYS").to_pylist()] == [2.0]
    assert [each.id for each in Index(roots).instruments()] == ["AAA.XNYS"]
    with pytest.raises(InputError, match="Where does ZZZ trade"):
        bring(text.replace("AAA", "ZZZ"), "actions.csv", kind="actions", symbol=None, venue=None)


def test_articles(bring: Any, roots: Roots) -> None:
    bring(HEADER + GOOD)
    text = (
        "published_at,headline,symbols,source\n2013-05-01 09:30,AAA does well,AAA;ZZZ,wire\n"
        "2013-05-01 09:31,,AAA,wire\n2013-05-01 09:30,AAA does well,AAA;ZZZ,wire\n2099-05-01 09:30,Later,,wire\n"
    )
    report = bring(text, "news.csv", kind="articles", timezone="America/New_York")
    assert dict(zip(report.quarantined.line, report.quarantined.reason, strict=True)) == {
        3: "no headline",
        5: "it was published in the future",
    }
    row = datasets.read(roots, "articles").to_pylist()
    assert len(row) == 1
    assert row[0]["symbols"] == ["AAA.XNYS"]
    assert row[0]["source"] == "wire"
    assert row[0]["published_at"] == pd.Timestamp("2013-05-01 13:30", tz="UTC")
    assert any("ZZZ" in note for note in report.notes)
    assert bring(text, "news.csv", kind="articles", timezone="America/New_York").unchanged == 1


def test_many_symbols_and_their_venues(bring: Any, roots: Roots) -> None:
    text = "symbol,date,o,h,l,c\nB,2013-05-01,1,2,1,1\nA,2013-05-02,1,2,1,1\nB,2013-05-02,1,2,1,2\n"
    report = bring(text, symbol=None, venue={"A": "XNAS", "B": "XNYS"}, name={"A": "Alpha Inc."})
    assert report.instruments == ("A.XNAS", "B.XNYS")
    assert held(roots, "B.XNYS").close.tolist() == [1.0, 2.0]
    assert Index(roots).resolve("A").name == "Alpha Inc."


def test_a_symbol_that_nobody_knows_needs_a_venue(bring: Any, roots: Roots) -> None:
    with pytest.raises(InputError, match="Where does AAA trade") as refused:
        bring(HEADER + GOOD, venue=None)
    assert "XNAS" in refused.value.hint
    bring(HEADER + GOOD)
    assert bring(HEADER + GOOD, venue=None).unchanged == 3
    assert bring(HEADER + GOOD, symbol="AAA.XNYS", venue=None).unchanged == 3


def test_crypto_keeps_the_decimals_it_comes_with(bring: Any, roots: Roots) -> None:
    text = "date,o,h,l,c,v\n2021-10-01 00:15:00+00:00,43548.7734375,43548.8,43548.7,43548.75,0.125\n"
    bring(text, symbol="BTCUSD", venue="CRYPTO", period="15m", stamps="close")
    instrument = Index(roots).resolve("BTCUSD")
    assert (instrument.price_precision, instrument.size_precision) == (7, 3)
    assert held(roots, "BTCUSD.CRYPTO", "15m").open.tolist() == [43548.7734375]


def test_own_files_go_to_the_personal_root(tmp_path: Path) -> None:
    roots = Roots(tmp_path / "team", tmp_path / "own")
    (tmp_path / "prices.csv").write_text(HEADER + GOOD)
    importer.ingest(FilesProvider(), [Request(tmp_path / "prices.csv", symbol="AAA", venue="XNYS")], roots)
    assert not roots.team.exists()
    assert len(held(roots)) == 3


def test_a_failed_request_writes_nothing(bring: Any, roots: Roots) -> None:
    with pytest.raises(IngestError):
        bring(HEADER + GOOD, period="1m", stamps="open")
    assert not roots.team.exists()


def test_the_record_and_the_report_say_the_same(bring: Any, roots: Roots) -> None:
    report = bring(HEADER + GOOD + "2013-05-04,1,2,1,1,1\n")
    record = json.loads((roots.team / "imports" / f"{report.id}.json").read_text())
    assert (record["written"], record["quarantined"], record["status"]) == (3, 1, "finished")
    assert json.loads(json.dumps(report.to_dict()))["quarantined"][0]["line"] == 5
    text = str(report)
    assert "3 written, 1 set aside" in text
    assert "prices.csv line 5: 2013-05-04 is no session of XNYS" in text


def test_a_long_file_in_any_order(bring: Any, roots: Roots) -> None:
    count = 5_000
    closes = np.round(100 + np.sin(np.arange(count)), 2)
    minutes = pd.date_range("2021-01-04 00:00", periods=count, freq="1min")
    frame = pd.DataFrame({"ts": minutes, "o": closes, "h": closes, "l": closes, "c": closes})
    shuffled = frame.sample(frac=1, random_state=3)
    bring(shuffled.to_csv(index=False), symbol="X", venue="CRYPTO", period="1m", stamps="open")
    found = held(roots, "X.CRYPTO", "1m")
    assert found.close.tolist() == closes.tolist()
    assert found.ts.is_monotonic_increasing


def test_a_symbol_of_a_file_of_its_own_and_of_one_of_many_is_read_as_one(tmp_path: Path, roots: Roots) -> None:
    folder = tmp_path / "bars"
    folder.mkdir()
    (folder / "AAA.csv").write_text(HEADER + GOOD)
    (folder / "BBB.csv").write_text(HEADER + GOOD)
    more = "2013-05-03,11,11.5,10.5,11.25,300\n", "2013-05-02,10.5,12,10,11.5,200\n", "2013-05-06,11,12,11,11,400\n"
    (folder / "more.csv").write_text(f"Symbol,{HEADER}" + "".join(f"AAA,{each}" for each in more))
    report = importer.ingest(FilesProvider(), [Request(folder, venue="XNYS")], roots)
    assert held(roots).close.tolist() == [10.5, 11.0, 11.25, 11.0]
    assert held(roots, "BBB.XNYS").close.tolist() == [10.5, 11.0, 11.25]
    assert report.quarantined.reason.tolist() == ["line 3 has another bar for this time"]


def test_of_a_folder_s_files_each_row_set_aside_has_its_text(tmp_path: Path, roots: Roots) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, high in (("AAA", "9"), ("BBB", "11")):
        rows = f"2013-01-02,10,11,9,10,100\n2013-01-03,10,{high},9.5,10,200\n"
        (folder / f"{name}.csv").write_text("date,open,high,low,close,volume\n" + rows)
    report = importer.ingest(FilesProvider(), [Request(folder, period="1d", venue="XNAS")], roots)
    assert report.written == 3
    (aside,) = report.quarantined[["file", "line", "row"]].to_numpy().tolist()
    assert aside == ["AAA.csv", 3, "2013-01-03,10,9,9.5,10,200"]
