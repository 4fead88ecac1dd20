"""Alpaca, asked over a real socket. Times and closes are written by hand; New York changed its clocks on 2024-03-10."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from alpaca_server import (
    KEY,
    SECRET,
    AlpacaServer,
    AsksToWait,
    BadJson,
    CorrectedBars,
    ForeignSymbol,
    HangsUp,
    Market,
    Misbehaviour,
    NoData,
    ReorderedPages,
    RepeatedToken,
    Row,
    Server5xx,
    ShuffledRows,
    TimesOut,
    TruncatedPage,
    alpaca,
    stamp,
)

from alphapulse_lib import clock
from alphapulse_lib.errors import (
    BadAnswer,
    InputError,
    KeysMissing,
    KeysRefused,
    ProviderError,
    RequestRefused,
    TooManyRequests,
    VendorUnreachable,
)
from alphapulse_lib.model.window import Window
from alphapulse_lib.providers import alpaca_pages
from alphapulse_lib.providers.alpaca import Alpaca
from alphapulse_lib.providers.alpaca_calls import Calls
from alphapulse_lib.providers.budget import Budget
from alphapulse_lib.providers.contract import Fetch


def bar(at: str, close: float = 1.5, volume: float = 100) -> Row:
    return {"t": at, "o": 1.0, "h": 2.0, "l": 0.5, "c": close, "v": volume, "n": 3, "vw": 1.2}


def minutes(count: int, hour: int = 14) -> list[Row]:
    return [bar(f"2024-03-08T{hour + each // 60:02}:{each % 60:02}:00Z", 1 + each / 1000) for each in range(count)]


@pytest.fixture
def market() -> Market:
    days = ["2024-03-08T05:00:00Z", "2024-03-11T04:00:00Z"]
    return Market(
        bars={
            ("AAPL", "1Min"): minutes(120),
            ("MSFT", "1Min"): minutes(90),
            ("AAPL", "1Day"): [bar(each) for each in days],
            ("BTC/USD", "1Min"): minutes(70),
            ("BTC/USD", "1Day"): [bar("2024-03-09T00:00:00Z"), bar("2024-03-10T00:00:00Z")],
        }
    )


@pytest.fixture
def server(market: Market, monkeypatch: pytest.MonkeyPatch) -> Iterator[AlpacaServer]:
    monkeypatch.setattr(alpaca_pages, "ROWS", 50)
    with alpaca(market) as running:
        for name, value in {"KEY": KEY, "SECRET": SECRET, "URL": running.url, "TRADING_URL": running.url}.items():
            monkeypatch.setenv(f"ALPHAPULSE_ALPACA_{name}", value)
        yield running


@pytest.fixture
def vendor() -> Alpaca:
    return Alpaca(Calls(Budget(100_000), patience=0.01))


def asked(*symbols: str, kind: str = "bars", period: str | None = "1m", days: tuple[str, str] | None = None) -> Fetch:
    start, end = days or ("2024-03-08", "2024-03-08")
    return Fetch(kind, symbols, Window.of(start, end), period if kind == "bars" else None)  # type: ignore[arg-type]


def rows(vendor: Alpaca, fetch: Fetch) -> pa.Table:
    return pa.concat_tables([batch.table for batch in vendor.fetch(fetch)])


def test_every_row_comes_once_whatever_the_pages(server: AlpacaServer, vendor: Alpaca) -> None:
    batches = list(vendor.fetch(asked("MSFT", "AAPL")))
    assert [batch.table.num_rows for batch in batches] == [50, 50, 50, 50, 10]
    got = pa.concat_tables([batch.table for batch in batches])
    assert got["symbol"].to_pylist() == ["AAPL"] * 120 + ["MSFT"] * 90
    assert got["line"].to_pylist() == list(range(1, 211))
    assert got["close"].to_pylist() == [1 + each / 1000 for each in [*range(120), *range(90)]]
    assert {call["adjustment"] for _, call in server.asked} == {"raw"}


def test_opens_become_closes_on_both_sides_of_the_change_of_clocks(
    market: Market, server: AlpacaServer, vendor: Alpaca
) -> None:
    # 09:30 in New York is 14:30 of UTC on Friday the 8th and 13:30 on Monday the 11th.
    opens = ["2024-03-08T14:30:00Z", "2024-03-08T20:45:00Z", "2024-03-11T13:30:00Z"]
    market.bars["AAPL", "15Min"] = [bar(each) for each in opens]
    got = rows(vendor, asked("AAPL", period="15m", days=("2024-03-08", "2024-03-11")))
    closes = ["2024-03-08T14:45:00", "2024-03-08T21:00:00", "2024-03-11T13:45:00"]
    assert got["instant"].to_pylist() == [stamp(each) for each in closes]
    assert got["bare"].to_pylist() == [False] * 3


def test_a_windows_bounds_are_closes_both_included(server: AlpacaServer, vendor: Alpaca) -> None:
    window = Window(stamp("2024-03-08T14:01:00"), stamp("2024-03-08T14:03:00"))
    got = rows(vendor, Fetch("bars", ("AAPL",), window, "1m"))
    assert got["close"].to_pylist() == [1.0, 1.001, 1.002]  # opened at 14:00, 14:01 and 14:02


def test_a_days_row_names_its_session(server: AlpacaServer, vendor: Alpaca) -> None:
    got = rows(vendor, asked("AAPL", "BTC/USD", period="1d", days=("2024-03-08", "2024-03-11")))
    dates = ["2024-03-08", "2024-03-11", "2024-03-09", "2024-03-10"]
    assert got["wall"].to_pylist() == [stamp(each) for each in dates]
    assert got["bare"].to_pylist() == [True] * 4
    assert got["venue"].to_pylist() == [None, None, "CRYPTO", "CRYPTO"]
    assert got["reason"].null_count == 4


def test_a_day_that_is_no_day_carries_a_reason(market: Market, server: AlpacaServer, vendor: Alpaca) -> None:
    market.bars["BTC/USD", "1Day"] = [bar("2024-03-09T06:00:00Z")]  # Chicago's midnight, as before July 2025
    got = rows(vendor, asked("BTC/USD", period="1d", days=("2024-03-08", "2024-03-11")))
    assert "midnight of UTC" in got["reason"][0].as_py()


def test_a_day_that_is_not_over_is_not_asked_for(market: Market, server: AlpacaServer, vendor: Alpaca) -> None:
    fetch = asked("AAPL", "BTC/USD", period="1d", days=("2024-03-08", "2024-03-12"))
    with clock.at(datetime(2024, 3, 11, 18, tzinfo=UTC)):
        market.bars["BTC/USD", "1Day"].append(bar("2024-03-11T00:00:00Z"))
        got = rows(vendor, fetch)
    assert got["wall"].to_pylist() == [stamp(each) for each in ("2024-03-08", "2024-03-09", "2024-03-10")]


def test_nothing_is_asked_for_that_is_not_final(server: AlpacaServer, vendor: Alpaca) -> None:
    with clock.at(datetime(2024, 3, 8, 15, tzinfo=UTC)):
        got = rows(vendor, asked("AAPL"))
    assert got["instant"].to_pylist()[-1] == stamp("2024-03-08T14:44:00")


def test_crypto_needs_no_key(server: AlpacaServer, vendor: Alpaca, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALPHAPULSE_ALPACA_KEY")
    monkeypatch.delenv("ALPHAPULSE_ALPACA_SECRET")
    assert rows(vendor, asked("BTC/USD")).num_rows == 70
    with pytest.raises(KeysMissing) as refused:
        rows(vendor, asked("AAPL"))
    assert "ALPHAPULSE_ALPACA_KEY" in refused.value.hint


def test_a_wrong_key_is_refused_at_once(server: AlpacaServer, vendor: Alpaca, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPHAPULSE_ALPACA_SECRET", "wrong")
    with pytest.raises(KeysRefused, match="forbidden"):
        rows(vendor, asked("AAPL"))
    with pytest.raises(KeysRefused):
        vendor.instruments()
    assert server.statuses == [401, 403]


@pytest.mark.parametrize("how", [Server5xx, HangsUp, TruncatedPage, BadJson, ForeignSymbol, RepeatedToken, NoData])
def test_what_goes_wrong_for_a_while_costs_no_row(
    how: type[Misbehaviour], server: AlpacaServer, vendor: Alpaca
) -> None:
    server.misbehave(how(times=3, after=2))
    got = rows(vendor, asked("AAPL", "MSFT"))
    assert got["close"].to_pylist() == [1 + each / 1000 for each in [*range(120), *range(90)]]
    assert len(server.asked) == 5 + 3


def test_silence_is_waited_out(server: AlpacaServer) -> None:
    vendor = Alpaca(Calls(Budget(100_000), timeout=1.0, patience=0.01))
    server.misbehave(TimesOut(times=1, after=1))
    assert rows(vendor, asked("AAPL")).num_rows == 120


@pytest.mark.parametrize(
    ("how", "error", "calls"),
    [
        (Server5xx, VendorUnreachable, 5),
        (HangsUp, VendorUnreachable, 5),
        (TruncatedPage, BadAnswer, 5),
        (BadJson, BadAnswer, 5),
        (ForeignSymbol, BadAnswer, 5),
        (NoData, BadAnswer, 5),
    ],
)
def test_what_stays_wrong_is_refused_by_name(
    how: type[Misbehaviour], error: type[ProviderError], calls: int, server: AlpacaServer, vendor: Alpaca
) -> None:
    server.misbehave(how())
    with pytest.raises(error) as refused:
        rows(vendor, asked("AAPL"))
    assert refused.value.hint
    assert len(server.asked) == calls


@pytest.mark.parametrize("how", [ReorderedPages, RepeatedToken])
def test_pages_that_do_not_follow_are_never_handed_over(
    how: type[Misbehaviour], server: AlpacaServer, vendor: Alpaca
) -> None:
    server.misbehave(how(after=1))
    kept = []
    with pytest.raises(BadAnswer, match=r"follow|given before"):
        kept.extend(batch.table for batch in vendor.fetch(asked("AAPL")))
    instants = pa.concat_tables(kept)["instant"].to_pylist()
    assert instants == sorted(set(instants))


def test_reordered_pages_are_asked_for_again(server: AlpacaServer, vendor: Alpaca) -> None:
    server.misbehave(ReorderedPages(times=2, after=1))
    assert rows(vendor, asked("AAPL"))["close"].to_pylist() == [1 + each / 1000 for each in range(120)]


def test_shuffled_rows_are_sorted_and_said(server: AlpacaServer, vendor: Alpaca) -> None:
    server.misbehave(ShuffledRows(times=1))
    batches = list(vendor.fetch(asked("AAPL")))
    assert pa.concat_tables([each.table for each in batches])["close"].to_pylist() == [
        1 + each / 1000 for each in range(120)
    ]
    assert "sorted" in batches[0].notes[0]
    assert "t=2024-03-08T14:00:00Z" in batches[0].raw["row"][0].as_py()


def test_a_correction_is_seen_when_asked_again(server: AlpacaServer, vendor: Alpaca) -> None:
    before = rows(vendor, asked("AAPL"))
    server.misbehave(CorrectedBars())
    assert rows(vendor, asked("AAPL"))["close"][0].as_py() == pytest.approx(before["close"][0].as_py() + 0.01)


def test_the_limit_of_an_answer_is_kept_below(server: AlpacaServer) -> None:
    server.calls, server.window = 6, 2.0
    vendor = Alpaca(Calls(Budget(200, window=2.0), patience=0.01))
    for _ in range(4):
        assert rows(vendor, asked("AAPL")).num_rows == 120
    assert len(server.asked) == 12 + server.refused_for_pace
    assert server.refused_for_pace <= 1  # the first window, before any answer told the limit


def test_a_429_waits_for_the_reset(server: AlpacaServer) -> None:
    server.misbehave(AsksToWait(times=1, after=1))
    vendor = Alpaca(Calls(Budget(100_000), patience=0.01))
    began = time.time()
    assert rows(vendor, asked("AAPL", "MSFT")).num_rows == 210
    assert time.time() >= AsksToWait.until > began
    assert server.statuses == [200, 429, 200, 200, 200, 200]


def test_who_is_always_told_to_wait_is_told_so(server: AlpacaServer) -> None:
    server.calls, server.window = 0, 0.05
    vendor = Alpaca(Calls(Budget(100_000, window=0.05), patience=0.01))
    with pytest.raises(TooManyRequests, match="asks to wait"):
        rows(vendor, asked("AAPL"))
    assert server.statuses == [429] * 5


def test_a_ticker_that_is_none_is_refused_in_the_vendors_words(server: AlpacaServer, vendor: Alpaca) -> None:
    with pytest.raises(RequestRefused, match="invalid symbol: not a ticker"):
        rows(vendor, asked("not a ticker"))


@pytest.mark.parametrize(
    ("fetch", "says"),
    [
        (asked("AAPL", period="2m"), "1m, 5m, 15m, 1h, 1d"),
        (Fetch("bars", ("AAPL",), Window(), "1d", "sipp"), "sip"),
        (Fetch("articles", ("AAPL",), Window()), "actions, bars, quotes, trades"),
    ],
)
def test_what_is_not_served_is_refused_without_a_call(
    fetch: Fetch, says: str, server: AlpacaServer, vendor: Alpaca
) -> None:
    for ask in (vendor.estimate, lambda each: list(vendor.fetch(each))):
        with pytest.raises(InputError) as refused:
            ask(fetch)
        assert says in refused.value.hint
    assert not server.asked


def test_an_estimate_makes_no_call_and_lies_above(server: AlpacaServer, vendor: Alpaca) -> None:
    guess = vendor.estimate(asked("AAPL", "MSFT"))
    assert not server.asked
    assert guess.rows >= 210
    # 16 hours of minutes, five days in seven, two names: 2 * ceil(960 * 5 / 7)
    assert (guess.calls, guess.rows) == (1, 1372)


def test_trades_keep_their_nanoseconds_and_say_which_were_taken_back(
    market: Market, server: AlpacaServer, vendor: Alpaca
) -> None:
    at = "2024-03-08T14:30:00.123456789Z"
    known = {"x": "V", "p": 170.15, "s": 100, "c": ["@", "I"], "z": "C"}
    market.trades["AAPL"] = [
        {"t": at, "i": 52983525029461, **known},
        {"t": at, "i": 52983525029462, **known},
        {"t": "2024-03-08T14:30:01.5Z", "i": 52983525029463, "u": "canceled", **known},
    ]
    market.trades["BTC/USD"] = [{"t": at, "p": 68_000.5, "s": 0.0125, "tks": "B", "i": 7}]
    got = rows(vendor, asked("AAPL", "BTC/USD", kind="trades"))
    assert got["instant"].to_pylist() == [stamp(at), stamp(at), stamp("2024-03-08T14:30:01.5"), stamp(at)]
    assert got["trade_id"].to_pylist() == ["52983525029461", "52983525029462", "52983525029463", "7"]
    assert got["conditions"].to_pylist() == ["@,I", "@,I", "@,I", "B"]
    assert got["reason"].to_pylist() == [None, None, "the exchange took it back: canceled", None]
    exact = Fetch("trades", ("AAPL",), Window(stamp(at) + 1, stamp("2024-03-08T14:30:01.5")))
    assert rows(vendor, exact).num_rows == 1


def test_ticks_of_one_nanosecond_may_stand_on_two_pages(market: Market, server: AlpacaServer, vendor: Alpaca) -> None:
    known = {"t": "2024-03-08T14:30:00Z", "x": "V", "p": 1.0, "s": 1, "c": ["@"], "z": "C"}
    market.trades["AAPL"] = [{"i": each, **known} for each in range(120)]
    assert rows(vendor, asked("AAPL", kind="trades"))["trade_id"].to_pylist() == [str(each) for each in range(120)]


def test_a_ticker_brings_its_own_rows_alone(market: Market, server: AlpacaServer, vendor: Alpaca) -> None:
    market.renamed = {"META": "FB"}
    market.bars["FB", "1Day"] = [bar("2022-06-08T04:00:00Z", 196.64)]
    market.bars["META", "1Day"] = [bar("2022-06-09T04:00:00Z", 184.0)]
    fetch = asked("FB", "META", period="1d", days=("2022-06-01", "2022-06-30"))
    got = rows(vendor, fetch)
    assert list(zip(got["symbol"].to_pylist(), got["close"].to_pylist(), strict=True)) == [
        ("FB", 196.64),
        ("META", 184.0),
    ]


def test_quotes(market: Market, server: AlpacaServer, vendor: Alpaca) -> None:
    at = "2024-03-08T14:30:00.000000001Z"
    market.quotes["AAPL"] = [
        {"t": at, "ax": "V", "ap": 170.2, "as": 3, "bx": "Q", "bp": 170.1, "bs": 2, "c": ["R"], "z": "C"}
    ]
    row = rows(vendor, asked("AAPL", kind="quotes")).to_pylist()[0]
    assert (row["instant"], row["bid"], row["ask"], row["bid_size"], row["ask_size"]) == (
        stamp(at), 170.1, 170.2, 2.0, 3.0,
    )  # fmt: skip


def test_pages_are_streamed_not_gathered(
    market: Market, server: AlpacaServer, vendor: Alpaca, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alpaca_pages, "ROWS", 50)
    arriving = vendor.fetch(asked("AAPL", "MSFT"))
    next(arriving)
    assert len(server.asked) == 1
    next(arriving)
    assert len(server.asked) == 2


def test_keys_are_in_no_message_and_no_settings_repr(server: AlpacaServer, vendor: Alpaca) -> None:
    from alphapulse_lib.settings import settings

    server.misbehave(Server5xx())
    with pytest.raises(VendorUnreachable) as refused:
        rows(vendor, asked("AAPL"))
    for text in (str(refused.value), repr(settings())):
        assert SECRET not in text
        assert os.environ["ALPHAPULSE_ALPACA_KEY"] not in text
