"""`ap.ingest("alpaca", ...)` over Alpaca's own protocol: stocks and crypto, minutes and days, splits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alpaca_server import KEY, SECRET, AlpacaServer, HangsUp, Market, Row, alpaca

import alphapulse_lib as ap
from alphapulse_lib.errors import ProviderError


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
    report = ap.ingest("alpaca", "BTC/USD", "1d", "2020-08-27", "2020-09-01")
    assert report.written == 3, "the first of September closes at the midnight after it, outside of the window"
    assert ap.bars("BTC/USD", "1d")["volume"].tolist() == pytest.approx([0.12345678] * 3, abs=1e-9)
    assert ap.ingest("alpaca", "BTC/USD", "1d", "2020-08-27", "2020-09-02").written == 1


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
