"""`ap.ingest("alpaca", ...)` over Alpaca's own protocol: stocks and crypto, minutes and days, splits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from alpaca_server import KEY, SECRET, AlpacaServer, HangsUp, Market, Row, alpaca

import alphapulse_lib as ap
from alphapulse_lib import clock
from alphapulse_lib.errors import InputError, ProviderError, UnknownSymbol


def bar(at: str, close: float, volume: float = 100) -> Row:
    return {"t": at, "o": close, "h": close + 1, "l": close - 1, "c": close, "v": volume, "n": 3, "vw": close}


def asset(symbol: str, exchange: str, sort: str) -> Row:
    return {
        "id": f"00000000-0000-0000-0000-{abs(hash(symbol)) % 10**12:012}", "class": sort, "exchange": exchange,
        "symbol": symbol, "name": f"{symbol} Inc.", "status": "active", "tradable": True, "marginable": True,
        "shortable": True, "easy_to_borrow": True, "fractionable": True,
    }  # fmt: skip


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AlpacaServer]:
    days = {"2020-08-27": 500.04, "2020-08-28": 499.23, "2020-08-31": 129.04, "2020-09-01": 134.18}
    market = Market(
        bars={
            ("AAPL", "1Day"): [bar(f"{day}T04:00:00Z", close) for day, close in days.items()],
            ("AAPL", "1Min"): [bar(f"2020-08-28T13:{30 + each}:00Z", 500 + each / 100) for each in range(30)],
            ("BTC/USD", "1Day"): [bar(f"{day}T00:00:00Z", 11_000 + at, 0.12345678) for at, day in enumerate(days)],
        },
        trades={
            "AAPL": [
                {"t": f"2020-08-28T13:30:00.{each}Z", "p": price, "s": 100, "i": each, "x": "V", "c": ["@"], "z": "C"}
                for each, price in ((1, 504.05), (2, -1.0), (3, 504.1))
            ]
        },
        actions={
            "forward_splits": [
                {
                    "id": "1", "symbol": "AAPL", "cusip": "037833100", "new_rate": 4, "old_rate": 1,
                    "process_date": "2020-08-31", "ex_date": "2020-08-31", "record_date": "2020-08-24",
                    "payable_date": "2020-08-28",
                }
            ]
        },
        assets=[asset("AAPL", "NASDAQ", "us_equity"), asset("BTC/USD", "CRYPTO", "crypto")],
    )  # fmt: skip
    with alpaca(market) as running:
        for name, value in {"KEY": KEY, "SECRET": SECRET, "URL": running.url, "TRADING_URL": running.url}.items():
            monkeypatch.setenv(f"ALPHAPULSE_ALPACA_{name}", value)
        yield running


def test_days_with_the_split_that_alpaca_tells(server: AlpacaServer) -> None:
    report = ap.ingest("alpaca", ["AAPL"], "1d", "2020-08-27", "2020-09-01")
    assert (report.written, report.actions, report.instruments) == (4, 1, ("AAPL.XNAS",))
    assert ap.bars("AAPL", "1d", adjust="none")["close"].tolist() == [500.04, 499.23, 129.04, 134.18]
    assert ap.bars("AAPL", "1d")["close"].tolist() == [125.01, 124.8075, 129.04, 134.18]
    asked = len(server.asked)
    assert ap.ingest("alpaca", ["AAPL"], "1d", "2020-08-27", "2020-09-01").written == 0
    assert len(server.asked) == asked, "nothing is asked for twice"


def test_minutes_close_a_minute_after_alpacas_stamp(server: AlpacaServer) -> None:
    assert ap.ingest("alpaca", "AAPL", "1m", "2020-08-28", "2020-08-28").written == 30
    assert str(ap.bars("AAPL", "1m")["ts"].iloc[0]) == "2020-08-28 13:31:00+00:00"


def test_crypto_keeps_its_decimals(server: AlpacaServer) -> None:
    report = ap.ingest("alpaca", "BTC/USD", "1d", "2020-08-27", "2020-08-31")
    assert report.written == 3
    midnight = pd.Timestamp("2020-09-01", tz="UTC")
    assert ap.bars("BTC/USD", "1d")["ts"].max() == midnight, "the last of August closes then, and is of its own day"
    assert ap.bars("BTC/USD", "1d")["volume"].tolist() == pytest.approx([0.12345678] * 3, abs=1e-9)
    assert ap.ingest("alpaca", "BTC/USD", "1d", "2020-08-27", "2020-09-01").written == 1


def test_a_dry_run_and_a_failure_make_no_claim(server: AlpacaServer) -> None:
    plan = ap.ingest("alpaca", "AAPL", "1d", "2020-08-27", "2020-09-01", dry_run=True)
    assert (plan.calls > 0, server.asked) == (True, [])
    server.misbehave(HangsUp())
    with pytest.raises(ProviderError):
        ap.ingest("alpaca", "AAPL", "1d", "2020-08-27", "2020-09-01")


def test_trades_come_too_and_impossible_ones_are_set_aside(server: AlpacaServer) -> None:
    report = ap.ingest("alpaca", "AAPL", start="2020-08-28", end="2020-08-28", kind="trades")
    assert (report.written, report.quarantined.reason.tolist()) == (2, ["price -1 cannot be one"])
    assert ap.trades("AAPL", "2020-08-28", "2020-08-28")["price"].tolist() == [504.05, 504.1]
    asked = len(server.asked)
    assert ap.ingest("alpaca", "AAPL", start="2020-08-28", end="2020-08-28", kind="trades").written == 0
    assert len(server.asked) == asked


def test_what_is_spun_off_is_kept(server: AlpacaServer) -> None:
    """One GE HealthCare for three General Electric, which were without it from 2023-01-04 on."""
    spun = {"source_symbol": "GE", "source_rate": 3, "new_symbol": "GEHC", "new_rate": 1}
    server.market.actions["spin_offs"] = [{"id": "2", "process_date": "2023-01-04", "ex_date": "2023-01-04"} | spun]
    server.market.assets.append(asset("GE", "NYSE", "us_equity"))
    server.market.bars["GE", "1Day"] = [bar("2023-01-03T05:00:00Z", 90.0), bar("2023-01-04T05:00:00Z", 71.0)]
    assert ap.ingest("alpaca", "GE", "1d", "2023-01-03", "2023-01-04").actions == 1
    query = "SELECT symbol, kind, ex_date::VARCHAR, round(ratio, 4), new_symbol FROM actions"
    assert ap.sql(query).fetchall() == [("GE", "spin_off", "2023-01-04", 0.3333, "GEHC")]
    assert ap.sql(query, as_of="2023-01-03").fetchall() == []


JUNE = ["2022-06-07", "2022-06-08", "2022-06-09", "2022-06-10"]


@pytest.fixture
def meta(server: AlpacaServer) -> AlpacaServer:
    """Facebook, whose ticker was META from 2022-06-09 on; a fund had that before, another firm has FB since 2025."""
    days = {each: bar(f"{each}T04:00:00Z", 190.0 + at) for at, each in enumerate(JUNE)}
    fund, firm = bar("2022-01-03T05:00:00Z", 15.0), bar("2025-03-03T05:00:00Z", 7.0)
    market = server.market
    market.bars |= {
        ("FB", "1Day"): [days[each] for each in JUNE[:2]] + [firm],
        ("META", "1Day"): [fund] + [days[each] for each in JUNE[2:]],
    }
    market.actions["name_changes"] = [
        {"id": "3", "process_date": "2022-06-09", "old_symbol": "FB", "new_symbol": "META"}
    ]
    market.actions["cash_dividends"] = [
        {"id": "4", "symbol": "META", "rate": 0.5, "process_date": "2024-02-26", "ex_date": "2024-02-21"},
        {"id": "5", "symbol": "META", "rate": 0.1, "process_date": "2021-12-30", "ex_date": "2021-12-29"},
        {"id": "6", "symbol": "FB", "rate": 0.2, "process_date": "2025-03-12", "ex_date": "2025-03-10"},
    ]
    market.assets += [asset("FB", "NASDAQ", "us_equity"), asset("META", "NASDAQ", "us_equity")]
    return server


def asked_of(server: AlpacaServer, symbol: str) -> list[tuple[str, str]]:
    """The windows that bars of a ticker were asked for."""
    return [(a["start"][:10], a["end"][:10]) for path, a in server.asked if path.endswith("/bars") and
            symbol in a["symbols"].split(",")]  # fmt: skip


@pytest.mark.parametrize("tickers", [["FB"], ["FB", "META"], ["META", "FB"]])
def test_a_renamed_instrument_is_asked_for_under_the_ticker_of_the_time(meta: AlpacaServer, tickers: list[str]) -> None:
    report = ap.ingest("alpaca", tickers, "1d", "2021-12-01", "2024-06-28")
    assert (report.written, report.instruments) == (4, ("FB.XNAS",))
    assert ap.bars("META", adjust="none").close.tolist() == [190.0, 191.0, 192.0, 193.0]
    assert asked_of(meta, "META") == [("2022-06-09", "2024-06-29")]
    assert ap.sql("SELECT symbol, kind, new_symbol, amount FROM actions ORDER BY ex_date").fetchall() == [
        ("META", "rename", "META", None), ("META", "dividend", "", 0.5)
    ]  # fmt: skip
    assert len(ap.bars("FB", "1d", "2022-06-07", "2022-06-08")) == 2
    with pytest.raises(UnknownSymbol):
        ap.bars("META", as_of="2022-06-08")
    before = len(meta.asked)
    assert ap.ingest("alpaca", "META", "1d", "2021-12-01", "2024-06-28").written == 0
    assert len(meta.asked) == before


def test_a_rename_that_is_told_late_fills_what_was_asked_for_in_vain(meta: AlpacaServer) -> None:
    with clock.at(datetime(2022, 6, 13, 22, tzinfo=UTC)):  # Alpaca's actions of the last week are not final
        assert ap.ingest("alpaca", "FB", "1d", "2022-06-01", "2022-06-13").written == 2
        assert ap.instruments(at="2022-06-10").symbol.tolist() == ["FB"]
    assert ap.ingest("alpaca", "FB", "1d", "2022-06-01", "2022-06-13").written == 2
    assert len(ap.bars("META")) == 4
    assert ap.coverage("META", start="2022-06-07", end="2022-06-10").complete


def test_another_firm_on_an_old_ticker_gets_its_own_id(meta: AlpacaServer) -> None:
    ap.ingest("alpaca", "FB", "1d", "2022-06-01", "2024-06-28")
    report = ap.ingest("alpaca", "FB", "1d", "2025-03-01", "2025-03-31")
    assert (report.written, report.actions, report.instruments) == (1, 1, ("FB-2.XNAS",))
    assert ap.bars("FB", "1d", "2025-03-01", "2025-03-31", adjust="none").close.tolist() == [7.0]
    assert ap.bars("FB", "1d", "2022-06-07", "2022-06-08").close.tolist() == [190.0, 191.0]
    assert ap.instruments(at="2025-03-03").set_index("id").symbol.to_dict() == {"FB-2.XNAS": "FB", "FB.XNAS": "META"}


def test_what_died_is_not_asked_for_after_its_last_day(server: AlpacaServer) -> None:
    """Twitter's holders got 54.20 a share on 2022-10-28; its last session was the day before."""
    server.market.bars["TWTR", "1Day"] = [bar("2022-10-27T04:00:00Z", 53.7)]
    gone = {"acquiree_symbol": "TWTR", "rate": 54.2, "effective_date": "2022-10-28"}
    server.market.actions["cash_mergers"] = [{"id": "7", "process_date": "2022-10-28"} | gone]
    server.market.assets.append(asset("TWTR", "NYSE", "us_equity") | {"status": "inactive"})
    assert ap.ingest("alpaca", "TWTR", "1d", "2022-10-03", "2024-06-28").written == 1
    assert ap.instruments(at="2022-10-28").empty
    assert ap.instruments(at="2022-10-27").symbol.tolist() == ["TWTR"]
    assert [end for _, end in asked_of(server, "TWTR")] == ["2022-10-28"]
    assert ap.sql("SELECT kind, amount FROM actions").fetchall() == [("delisting", 54.2)]


def test_a_universe_brings_its_members_of_the_whole_history(meta: AlpacaServer, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "large.csv").write_text(
        "ticker,from,to\nFB,2013-12-23,2022-06-09\nMETA,2022-06-09,\nAAPL,1982-11-30,2020-08-29\nLEH,1998-01-12,2008-09-17\n"
        "DEAD,2010-01-04,2021-01-04\n"
    )
    ap.ingest("files", tmp_path / "large.csv", kind="universe", name="large")
    said = "provider: alpaca\nuniverse: {}\nperiods: [1d]\nhistory: 2020-08-01\n"
    for name, universe in (("us", "large"), ("none", "larg")):
        (tmp_path / f"{name}.yaml").write_text(said.format(universe))
    monkeypatch.setenv("ALPHAPULSE_DATASETS", str(tmp_path))
    report = ap.ingest("us")
    assert (report.written, report.instruments) == (8, ("AAPL.XNAS", "FB.XNAS"))
    assert [note for note in report.notes if "left out" in note] == [
        "left out of large: DEAD are not listed by alpaca"
    ], "Lehman was no member since 2020"
    with pytest.raises(InputError, match=r"(?s)no such universe.*large"):
        ap.ingest("none")
