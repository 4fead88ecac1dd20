"""Alpaca: history of US stocks and of crypto, its list of assets, corporate actions.

https://docs.alpaca.markets/reference. What is Alpaca's own and is put right here: bars are stamped with their opens;
a stock's day is stamped with New York's midnight, a coin's with UTC's; prices are asked for as traded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from alphapulse_lib import clock
from alphapulse_lib.errors import InputError, did_you_mean
from alphapulse_lib.model.period import Period
from alphapulse_lib.providers.alpaca_calls import Calls
from alphapulse_lib.providers.contract import Batch, Estimate, Fetch
from alphapulse_lib.settings import settings

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Alpaca"]

_NEW_YORK = ZoneInfo("America/New_York")
_SECOND, _DAY = 10**9, 86_400 * 10**9
#: Our period to Alpaca's unit and how many of them.
_PERIODS = {"1m": (1, "Min"), "5m": (5, "Min"), "15m": (15, "Min"), "1h": (1, "Hour"), "1d": (1, "Day")}
_FEEDS = ("iex", "sip")
#: Each ticker's own rows. Otherwise a ticker brings the rows of the names its company had before, or another's.
_AS_LISTED = "-"
#: Tickers in one request: its address stays shorter than what servers take.
_TOGETHER = 200
#: SIP data is closed to free plans for 15 minutes; by then late prints have changed the bars they belong to.
_SETTLED = 16 * 60 * _SECOND
#: Alpaca promises no time by which it knows an action; a week is our own caution.
_ACTIONS_SETTLED = 7 * _DAY
#: Of an estimate: nothing is held of before 2016.
_BEGINS = 1_451_606_400 * _SECOND
#: Of an estimate. Seconds a day in which there are bars: of stocks from 04:00 to 20:00, of crypto always.
_TRADED = {"stocks": 16 * 3600, "crypto": 24 * 3600}
#: Of an estimate: ticks a day of a name that trades much, and the bytes of a row in Alpaca's JSON.
_A_DAY = {"trades": 100_000, "quotes": 1_000_000, "actions": 0.05}
_BYTES = {"bars": 110, "trades": 90, "quotes": 120, "actions": 300}


class Alpaca:
    """Alpaca's history.

    Parameters
    ----------
    calls : Calls, optional
        How it is called: the pace, the time-out. By default at the pace of the key, shared by the process.
    """

    name = "alpaca"
    kinds = frozenset({"bars", "trades", "quotes", "actions"})
    periods = frozenset(_PERIODS)
    venues = frozenset({"XNAS", "XNYS", "ARCX", "BATS", "XASE", "CRYPTO"})

    def __init__(self, calls: Calls | None = None) -> None:
        self._calls = calls or Calls()

    def instruments(self, at: date | None = None) -> pa.Table:  # noqa: ARG002
        """Alpaca's assets of today, whatever ``at``: it keeps no older lists. See `Vendor.instruments`."""
        from alphapulse_lib.providers.alpaca_assets import assets

        return assets(self._calls)

    def estimate(self, fetch: Fetch) -> Estimate:
        """See `Vendor.estimate`. Bars are counted as if every minute from 04:00 to 20:00 had a trade."""
        self._refuse_unserved(fetch)
        calls = rows = 0
        for service, symbols in _requests(fetch.symbols):
            start, end = self._bounds(fetch)
            days = max(0, end - max(start, _BEGINS)) / _DAY * (1.0 if service == "crypto" else 5 / 7)
            if fetch.kind == "bars":
                period = Period.parse(fetch.period or "")
                each: float = 1 if period.is_session else -(-_TRADED[service] * _SECOND // period.nanoseconds)
            else:
                each = _A_DAY[fetch.kind]
            here = int(-(-days * each // 1)) * len(symbols)
            rows += here
            calls += max(1, -(-here // 10_000))
        return Estimate(calls, rows, rows * _BYTES[fetch.kind])

    def seconds_for(self, calls: int) -> float:
        """See `Paced`."""
        return self._calls.seconds_for(calls)

    def fetch(self, fetch: Fetch) -> Iterator[Batch]:
        """See `Vendor.fetch`."""
        from alphapulse_lib.providers import alpaca_actions, alpaca_rows
        from alphapulse_lib.providers.alpaca_pages import pages

        self._refuse_unserved(fetch)
        start, end = self._bounds(fetch)
        if start > end or not fetch.symbols:
            return
        if fetch.kind == "actions":
            yield from alpaca_actions.batches(self._calls, fetch.symbols, start, end)
            return
        line = 1
        for service, symbols in _requests(fetch.symbols):
            path = f"/stocks/{fetch.kind}" if service == "stocks" else f"/crypto/us/{fetch.kind}"
            asked = self._asked(fetch, service, symbols, start, end)
            for page in pages(self._calls, service, path, fetch.kind, symbols, asked):
                batch = alpaca_rows.batch(page, fetch, service, line)
                line += page.rows.num_rows
                if batch.table.num_rows:
                    yield batch

    def final_until(self, kind: str, period: str | None = None) -> int:
        """See `Vendor.final_until`: 16 minutes ago; of days the last one over in New York; of actions the last one over
        a week ago: they have dates, and who asks twice a day asks for nothing new.
        """
        now = clock.now_ns()
        if kind == "actions":
            return (now - _ACTIONS_SETTLED) // _DAY * _DAY - 1
        if kind == "bars" and period and Period.parse(period).is_session:
            today = datetime.fromtimestamp((now - _SETTLED) / _SECOND, _NEW_YORK).date()
            return int(datetime(today.year, today.month, today.day, tzinfo=_NEW_YORK).timestamp()) * _SECOND - 1
        return now - _SETTLED

    def _bounds(self, fetch: Fetch) -> tuple[int, int]:
        """The window as far as its data is final."""
        return max(fetch.window.start, 0), min(fetch.window.end, self.final_until(fetch.kind, fetch.period))

    def _asked(self, fetch: Fetch, service: str, symbols: Sequence[str], start: int, end: int) -> dict[str, Any]:
        """The fields of a request, by alpaca-py's own models."""
        from alpaca.data import requests as models
        from alpaca.data.enums import Adjustment, DataFeed
        from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

        more: dict[str, Any] = {"symbol_or_symbols": list(symbols)}
        if service == "stocks":
            more["feed"] = DataFeed(fetch.feed or settings().alpaca_feed)
            more["asof"] = _AS_LISTED
        if fetch.kind != "bars":
            stocks = {"trades": models.StockTradesRequest, "quotes": models.StockQuotesRequest}
            crypto = {"trades": models.CryptoTradesRequest, "quotes": models.CryptoQuoteRequest}
            model: Any = (stocks if service == "stocks" else crypto)[fetch.kind]
            more |= {"start": _moment(start), "end": _moment(end + 999)}
        else:
            count, unit = _PERIODS[fetch.period or ""]
            more |= {"timeframe": TimeFrame(count, TimeFrameUnit(unit))}
            model = models.StockBarsRequest if service == "stocks" else models.CryptoBarsRequest
            if service == "stocks":
                more["adjustment"] = Adjustment.RAW
            if Period.parse(fetch.period or "").is_session:
                zone = _NEW_YORK if service == "stocks" else ZoneInfo("UTC")
                if service == "crypto":  # New York's midnight ends no day of UTC: none that is still on its way
                    end = min(end, self.final_until("bars", fetch.period) - _DAY)
                more |= {"start": _midnight(start, zone), "end": _moment(end)}
            else:
                length = Period.parse(fetch.period or "").nanoseconds
                more |= {"start": _moment(start - length), "end": _moment(end - length)}
        asked: dict[str, Any] = model(**more).to_request_fields()
        return asked

    def _refuse_unserved(self, fetch: Fetch) -> None:
        if fetch.kind not in self.kinds:
            raise InputError(f"Alpaca has no {fetch.kind!r} here.", f"It has {', '.join(sorted(self.kinds))}.")
        if fetch.kind == "bars" and fetch.period not in _PERIODS:
            raise InputError(
                f"Alpaca's bars are not asked for by {fetch.period!r}.",
                f"It has {', '.join(_PERIODS)}; a longer period is made from a shorter one when it is read.",
            )
        if fetch.feed not in (None, *_FEEDS):
            raise InputError(
                f"Alpaca has no feed {fetch.feed!r}.", did_you_mean(str(fetch.feed), _FEEDS, "There are iex and sip.")
            )


def _requests(symbols: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The tickers of each request: pairs such as ``BTC/USD`` are crypto."""
    for service in ("stocks", "crypto"):
        chosen = sorted({each for each in symbols if ("/" in each) == (service == "crypto")})
        for first in range(0, len(chosen), _TOGETHER):
            yield service, tuple(chosen[first : first + _TOGETHER])


def _moment(instant: int) -> datetime:
    """A moment of UTC to the microsecond, at or before the nanosecond."""
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=instant // 1000)


def _midnight(instant: int, zone: ZoneInfo) -> datetime:
    """The first moment of the day that a moment lies in."""
    return _moment(instant).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
