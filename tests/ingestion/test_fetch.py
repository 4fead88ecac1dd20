"""A vendor's data over a real socket: only what is missing, resumed after any end, reckoned before it is asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_vendor import SmallVendor, VendorServer

import alphapulse_lib as ap
from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.layout import partition_of
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import InputError, UnknownSymbol, VendorUnreachable
from alphapulse_lib.ingestion.plan import planned
from alphapulse_lib.ingestion.records import records
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window
from alphapulse_lib.providers import registry

RESOURCES = Path(__file__).parents[1] / "resources"


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[VendorServer]:
    server = VendorServer()
    monkeypatch.setenv("SMALL_VENDOR_URL", server.url)
    monkeypatch.setitem(registry._BUILT_IN[registry.VENDORS], "small", "small_vendor:SmallVendor")
    yield server
    server.stop()


def asked(vendor: VendorServer, kind: str = "bars") -> list[tuple[str, str]]:
    return [(each["symbols"], each["page"]) for each in vendor.calls if each["kind"] == kind]


def test_days_arrive_with_their_splits_as_the_sample_has_them(vendor: VendorServer, sample_catalog: Path) -> None:
    report = ap.ingest("small", ["AAPL", "MSFT"], "1d", "2004-01-01", "2006-12-31")
    assert (report.written, report.actions, report.restated) == (1510, 1, 0)
    held = ap.bars(["AAPL", "MSFT"], "1d", adjust="none")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALPHAPULSE_CATALOG", str(sample_catalog))
        sample = ap.bars(["AAPL", "MSFT"], "1d", "2004-01-01", "2006-12-31", adjust="none")
    assert held.equals(sample), "the very bars that the sample's own files give"
    assert actions.read(Roots.of_settings()).to_pylist()[0]["ratio"] == 2.0
    assert ap.instruments()["name"].tolist() == ["AAPL Inc.", "MSFT Inc."]


def test_what_was_asked_is_not_asked_again(vendor: VendorServer) -> None:
    ap.ingest("small", "AAPL", "1d", "2004-01-01", "2006-12-31")
    before = len(vendor.calls)
    again = ap.ingest("small", "AAPL", "1d", "2004-01-01", "2006-12-31")
    assert (again.written, again.unchanged, len(vendor.calls)) == (0, 0, before)
    later = ap.ingest("small", "AAPL", "1d", "2003-06-01", "2007-06-30")
    windows = [(each["start"], each["end"]) for each in vendor.calls[before:] if each["kind"] == "bars"]
    assert len(windows) == 2, "the half year before, and the one after"
    assert later.written == 273


def test_a_stretch_without_a_bar_is_remembered(vendor: VendorServer) -> None:
    vendor.rows["AAPL 1d"] = vendor.rows["AAPL 1d"][:100] + vendor.rows["AAPL 1d"][200:]
    ap.ingest("small", "AAPL", "1d", "2000-03-01", "2001-12-31")
    before = len(vendor.calls)
    ap.ingest("small", "AAPL", "1d", "2000-03-01", "2001-12-31")
    assert len(vendor.calls) == before
    assert not ap.coverage("AAPL", "1d").complete


def test_gaps_of_what_files_brought_are_what_a_vendor_is_asked_for(vendor: VendorServer, tmp_path: Path) -> None:
    days = ["2005-01-03,1,1,1,1,1", "2005-01-04,1,1,1,1,1", "2005-01-07,1,1,1,1,1", "2005-01-10,1,1,1,1,1"]
    (tmp_path / "a.csv").write_text("Date,Open,High,Low,Close,Volume\n" + "\n".join(days))
    ap.ingest("files", tmp_path / "a.csv", symbol="AAPL", venue="XNAS")
    report = ap.ingest("small", "AAPL", "1d", "2005-01-03", "2005-01-10")
    assert (report.written, report.restated) == (2, 0), "the fifth and the sixth of January alone"


def test_minutes_are_stamped_at_their_closes_and_taken_to_the_window(vendor: VendorServer) -> None:
    report = ap.ingest("small", "SPY", "1m", "2020-12-15", "2020-12-16")
    assert report.written == 782
    assert str(ap.bars("SPY", "1m")["ts"].iloc[0]) == "2020-12-15 14:31:00+00:00"
    assert ap.ingest("small", "SPY", "1m", "2020-12-14", "2020-12-18").written == 782


def test_cut_off_it_keeps_what_it_had_and_asks_for_the_rest(
    vendor: VendorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alphapulse_lib.ingestion.plan._MOST_ROWS", 3000)
    vendor.fail_after = 12
    with pytest.raises(VendorUnreachable):
        ap.ingest("small", ["AAPL", "MSFT", "IBM"], "1d", "2000-01-01", "2013-12-31")
    record = next(iter(records(Roots.of_settings().writable)))
    assert record["status"] == "interrupted"
    assert 0 < record["written"] < 9810
    vendor.fail_after, answered = None, len(vendor.calls)
    rest = ap.ingest("small", ["AAPL", "MSFT", "IBM"], "1d", "2000-01-01", "2013-12-31")
    assert record["written"] + rest.written == 9810
    assert rest.unchanged == 0
    done = {each for each in asked(vendor)[:answered] if each[0] not in {one[0] for one in asked(vendor)[answered:]}}
    assert done, "what was written before is not asked for again"


def test_killed_at_any_moment_it_goes_on_where_it_was(vendor: VendorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import alphapulse_lib as ap\nfrom alphapulse_lib.ingestion import plan\n"
        "from alphapulse_lib.providers import registry\n"
        "registry._BUILT_IN[registry.VENDORS]['small'] = 'small_vendor:SmallVendor'\nplan._MOST_ROWS = 1\n"
        "print(ap.ingest('small', ['AAPL', 'MSFT', 'IBM', 'GOOG'], '1d', '2000-01-01', '2013-12-31').written)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(RESOURCES)}
    vendor.delay = 0.2  # so that it is at work for long, however late it is killed
    for more in (4, 9):
        start = len(vendor.calls)
        running = subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE)
        deadline = time.monotonic() + 120
        while len(vendor.calls) < start + more and time.monotonic() < deadline and running.poll() is None:
            time.sleep(0.005)
        running.send_signal(signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL, "it was still at work"
        running.stdout.close()  # type: ignore[union-attr]
    vendor.delay = 0.0
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True, timeout=300)
    kept = [record for record in records(Roots.of_settings().writable) if record["written"]]
    assert sum(record["written"] for record in kept) + sum(record["unchanged"] for record in kept) >= 11_958
    assert len(ap.bars(["AAPL", "MSFT", "IBM", "GOOG"], "1d")) == 11_958
    assert ap.check().empty


def test_a_dry_run_reckons_and_asks_nothing(vendor: VendorServer) -> None:
    plan = ap.ingest("small", ["AAPL", "MSFT"], "1d", "2004-01-01", "2006-12-31", dry_run=True)
    assert vendor.calls == []
    assert plan.rows >= 1510
    assert plan.calls >= 4
    rows = plan.instruments.to_pylist()
    assert {(each["instrument_id"].split(".")[0], each["kind"]) for each in rows} == {
        ("AAPL", "actions"), ("AAPL", "bars"), ("MSFT", "actions"), ("MSFT", "bars"),
    }  # fmt: skip
    assert "would be asked" in str(plan)
    assert "2004-01-01 to 2006-12-31" in str(plan)
    ap.ingest("small", ["AAPL", "MSFT"], "1d", "2004-01-01", "2006-12-31")
    assert ap.ingest("small", ["AAPL", "MSFT"], "1d", "2004-01-01", "2006-12-31", dry_run=True).calls == 0


def test_a_reverted_ingest_is_asked_for_again(vendor: VendorServer) -> None:
    first = ap.ingest("small", "AAPL", "1d", "2004-01-01", "2004-12-31")
    ap.revert(first.id)
    assert ap.ingest("small", "AAPL", "1d", "2004-01-01", "2004-12-31").written == first.written == 252


def test_bad_rows_of_a_vendor_are_set_aside(vendor: VendorServer) -> None:
    vendor.rows["AAPL 1d"][0]["h"] = 0.01
    report = ap.ingest("small", "AAPL", "1d", "2000-01-01", "2000-12-31")
    assert len(report.quarantined) == 1
    assert len(ap.quarantine(report.id)) == 1


def test_requests_end_where_files_end_and_share_what_they_can() -> None:
    window = Window.of("2019-12-30", "2021-01-02")
    parts = list(planned(SmallVendor(), {"A": [window], "B": [window]}, "bars", Period.parse("1m"), None))
    years = [partition_of(Period.parse("1m"), year) for year in (2019, 2020, 2021)]
    assert [each.symbols for each in parts] == [("A", "B")] * 3
    assert [each.window.end for each in parts] == [years[0].end, years[1].end, window.end]
    assert [each.window.start for each in parts] == [window.start, years[1].start, years[2].start]
    days = list(planned(SmallVendor(), {str(n): [window] for n in range(250)}, "bars", Period.parse("1d"), None))
    assert [len(each.symbols) for each in days] == [100, 100, 50]


def test_what_a_vendor_cannot_be_asked_says_so(vendor: VendorServer) -> None:
    with pytest.raises(UnknownSymbol, match="lists no 'AAPLE'"):
        ap.ingest("small", "AAPLE", "1d", "2004-01-01")
    with pytest.raises(InputError, match="no 1h bars"):
        ap.ingest("small", "AAPL", "1h", "2004-01-01")
    with pytest.raises(InputError, match="From when on"):
        ap.ingest("small", "AAPL", "1d")
    with pytest.raises(InputError, match="stamps='open' means nothing"):
        ap.ingest("small", "AAPL", "1d", "2004-01-01", stamps="open")
    with pytest.raises(InputError, match="means nothing to files"):
        ap.ingest("files", "x.csv", feed="iex")
    with pytest.raises(InputError, match="Which tickers"):
        ap.ingest("small")
