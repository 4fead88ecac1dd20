"""Numbers, moments and names as traders write them. The text always carries the sign; colour only repeats it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from alphapulse_lib.model.currency import decimals_of
from alphapulse_lib.model.instrument import VENUES, Venue, priced_in, zone_of_days
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import FILLED, Fill, RunRecord, RunSpec
from alphapulse_lib.model.window import FOREVER

__all__ = [
    "against",
    "count",
    "counted",
    "currency",
    "currency_of",
    "day",
    "duration",
    "fill",
    "instruments",
    "is_share",
    "money",
    "parameter",
    "percent",
    "place",
    "plain",
    "price",
    "prices",
    "probability",
    "ratio",
    "span",
    "statistic",
    "symbols",
    "tone",
    "venue_of",
    "window",
    "window_in_full",
]

_MINUS = "\N{MINUS SIGN}"
_NONE = "\N{EM DASH}"
#: Statistics that are shares; the others that a sweep may look for are ratios.
_SHARES = (
    *("total_return", "cagr", "volatility", "max_drawdown", "hit_rate", "alpha", "expectancy", "value_at_risk"),
    *("conditional_value_at_risk", "downside_deviation", "tracking_error", "time_under_water", "exposure"),
    *("gross_exposure", "max_gross_exposure", "participation"),
)
#: Those that are amounts of the account's currency.
_AMOUNTS = ("end_equity", "average_trade", "average_win", "average_loss", "capacity", "commission")
_COUNTS = ("trades", "orders", "orders_rejected", "fills", "observations", "longest_under_water")
_ANYWHERE = Venue("", "24/7", "UTC", "USD")


def percent(value: float | None, decimals: int = 2, *, signed: bool = True) -> str:
    """A share as signed per cent.

    Examples
    --------
    >>> percent(0.1234), percent(0.5, 0, signed=False), percent(None)
    ('+12.34%', '50%', '—')
    """
    if value is None or not math.isfinite(value):
        return _NONE
    return f"{_number(100 * value, decimals, signed=signed)}%"


def ratio(value: float | None, decimals: int = 2) -> str:
    """A ratio.

    Examples
    --------
    >>> ratio(1.234), ratio(-0.5)
    ('1.23', '−0.50')
    """
    return _NONE if value is None or not math.isfinite(value) else _number(value, decimals)


def statistic(name: str, currency: str = "") -> Callable[[float | None], str]:
    """How a statistic is written that a sweep looks for, with or without a minus before its name.

    Trials are ranked by it: of a small one, too, two digits tell. An amount has its currency's decimals.

    Examples
    --------
    >>> statistic("total_return")(0.5995), statistic("-volatility")(-0.08), statistic("sharpe")(0.854)
    ('+59.95%', '−8.00%', '0.85')
    >>> statistic("expectancy")(0.000123), statistic("sharpe_per_period")(-0.0012)
    ('+0.012%', '−0.0012')
    >>> statistic("end_equity", "JPY")(1_020_000.0), statistic("end_equity", "USD")(102_000.0), statistic("trades")(12)
    ('1,020,000', '102,000.00', '12')
    """
    if is_share(name):
        return lambda value: percent(value, _decimals(value, 100))
    if name.removeprefix("-") in _COUNTS:
        return count
    least = decimals_of(currency) if name.removeprefix("-") in _AMOUNTS else 2
    return lambda value: ratio(value, _decimals(value, least=least))


def is_share(name: str) -> bool:
    """Whether a statistic is written in per cent, with or without a minus before its name."""
    return name.removeprefix("-") in _SHARES


def _decimals(value: float | None, times: int = 1, least: int = 2) -> int:
    """The least decimals, or as many as leave two digits of what is small; none needs more than ten."""
    if not value or not math.isfinite(value):
        return least
    return min(max(least, 1 - math.floor(math.log10(abs(value) * times))), 10)


def parameter(value: object) -> str:
    """A strategy's parameter in short.

    Examples
    --------
    >>> parameter(0.30000000000000004), parameter(20), parameter("long")
    ('0.3', '20', 'long')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def plain(value: float) -> str:
    """A number as it was given, without powers of ten; True as ``yes``.

    Examples
    --------
    >>> plain(0.000048), plain(0.0175 + 0.056), plain(True)
    ('0.000048', '0.0735', 'yes')
    """
    return "yes" if value is True else f"{Decimal(f'{value:.10g}').normalize():f}"


def probability(value: float | None) -> str:
    """A probability that never claims to be certain.

    Examples
    --------
    >>> probability(0.9004), probability(0.9999), probability(0.0)
    ('0.90', '>0.99', '<0.01')
    """
    if value is None or not math.isfinite(value):
        return _NONE
    return "<0.01" if value < 0.01 else ">0.99" if value > 0.99 else f"{value:.2f}"


def deflated(found: dict[str, float]) -> str:
    """Of the best of many trials, how likely it is no luck.

    Examples
    --------
    >>> deflated({"trials": 226, "deflated_sharpe": 0.115})
    'Deflated Sharpe ratio 0.12, among 226 trials of the family.'
    """
    told = counted(int(found["trials"]), "trial")
    return f"Deflated Sharpe ratio {probability(found['deflated_sharpe'])}, among {told} of the family."


def money(value: float | None, currency: str = "", *, signed: bool = False, named: bool = True) -> str:
    """An amount in as many decimals as its currency has, with its name unless that stands elsewhere.

    Examples
    --------
    >>> money(1234567.891, "USD"), money(-95, "USD", signed=True), money(1234567.891, "JPY", named=False)
    ('1,234,567.89 USD', '−95.00 USD', '1,234,568')
    """
    if value is None or not math.isfinite(value):
        return _NONE
    return f"{_number(value, decimals_of(currency), signed=signed)} {currency if named else ''}".rstrip()


def price(value: float, precision: int = 4) -> str:
    """A price: at least cents, and what more of its precision is not zero; of one below a dime four digits tell.

    Examples
    --------
    >>> price(100), price(100.0625), price(1234.5), price(0.0000123456)
    ('100.00', '100.0625', '1,234.50', '0.00001235')
    """
    if 0 < abs(value) < 0.1:
        precision = max(precision, 3 - math.floor(math.log10(abs(value))))
    text = _number(value, precision)
    head, _, tail = text.partition(".")
    return f"{head}.{tail.rstrip('0').ljust(2, '0')}"


def prices(values: Sequence[float]) -> list[str]:
    """Prices that stand below each other: each with as many decimals as any of them needs.

    Examples
    --------
    >>> prices([100, 100.0625, 1234.5])
    ['100.0000', '100.0625', '1,234.5000']
    """
    decimals = max((len(price(each).partition(".")[2]) for each in values), default=2)
    return [_number(each, decimals) for each in values]


def count(value: float | None) -> str:
    """A count or a quantity, thousands separated.

    Examples
    --------
    >>> count(12345), count(0.25)
    ('12,345', '0.25')
    """
    if value is None or not math.isfinite(value):
        return _NONE
    return _number(value, 0) if float(value).is_integer() else f"{_number(value, 8).rstrip('0')}"


def counted(value: int, noun: str) -> str:
    """A count with its noun.

    Examples
    --------
    >>> counted(1, "trial"), counted(1200, "trial")
    ('1 trial', '1,200 trials')
    """
    return f"{count(value)} {noun}{'' if value == 1 else 's'}"


def tone(value: float | None, write: Callable[[float], str] = percent) -> str:
    """The class of a gain (``"up"``) or a loss (``"down"``); empty for neither, and for what is written as nothing.

    So colour is never without a sign: `percent` and `money` write one where anything but zeros is left.

    Examples
    --------
    >>> tone(0.01), tone(-0.00001), tone(-1.8, money)
    ('up', '', 'down')
    """
    if value is None or not any(digit in "123456789" for digit in write(value)):
        return ""
    return "up" if value > 0 else "down"


def against(spec: RunSpec, otherwise: str = "Buy and hold") -> str:
    """What a run is held against: the symbol that its spec names, or else its own instruments.

    Examples
    --------
    >>> from alphapulse_lib.model.run import StrategySource
    >>> against(RunSpec(StrategySource("m:S", ""), ("GOOG.XNAS",), "1d", 0, 1, benchmark="SPY.ARCX"))
    'SPY'
    """
    return spec.benchmark.rpartition(".")[0] or otherwise


def fill(convention: Fill) -> str:
    """A fill convention by its name: what orders fill at.

    Examples
    --------
    >>> fill("next_open"), fill("close")
    ('next open', "signal's close")
    """
    return FILLED[convention].removeprefix("at the ")


def place(spec: RunSpec) -> Venue:
    """Where the first instrument of a run trades, and in which zone."""
    return venue_of(spec.instruments[0] if spec.instruments else "")


def currency(record: RunRecord) -> str:
    """What the account of a run is kept in: the currency of its instruments."""
    first = (record.spec.instruments or ("",))[0]
    return record.environment.get("currency") or currency_of(first)


def currency_of(instrument_id: str) -> str:
    """What an instrument's prices are in, by its id; dollars where the venue is not known."""
    return priced_in(instrument_id) if venue_of(instrument_id) is not _ANYWHERE else _ANYWHERE.currency


def venue_of(instrument_id: str) -> Venue:
    """Where an instrument trades; a place without a name, in UTC, where the venue is not known."""
    return VENUES.get(instrument_id.rpartition(".")[2], _ANYWHERE)


def symbols(names: Sequence[str]) -> str:
    """What a run's instruments are called, the first four of them.

    Examples
    --------
    >>> symbols(("GOOG", "AAPL"))
    'GOOG, AAPL'
    """
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def instruments(record: RunRecord) -> list[str]:
    """The ids of a run's instruments, with what they were asked for and called where that is something else."""
    told = []
    for each, symbol, ticker in zip(record.spec.instruments, record.symbols, record.tickers, strict=True):
        asked = f"asked for as {symbol}" if symbol not in (each, each.rpartition(".")[0]) else ""
        called = f"called {ticker} when it ran" if ticker != symbol else ""
        others = ", ".join(filter(None, (asked, called)))
        told.append(f"{each} ({others})" if others else each)
    return told


def day(nanoseconds: int, zone: str = "UTC", pattern: str = "%Y-%m-%d") -> str:
    """A moment in a zone.

    Examples
    --------
    >>> day(0, "America/New_York", "%Y-%m-%d %H:%M %Z")
    '1969-12-31 19:00 EST'
    """
    told = datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC).astimezone(ZoneInfo(zone))
    return told.strftime(pattern)


def bar_day(close: int, zone: str = "UTC") -> str:
    """The day of a bar or a session, by its close: what closes at midnight is of the day that ends then.

    Examples
    --------
    >>> bar_day(86_400 * 10**9)
    '1970-01-01'
    """
    return day(close - 1, zone)


def span(period: str) -> str:
    """What a return of a run of bars of this period is of: a session, or the week or the month that its bars are of.

    Examples
    --------
    >>> span("1m"), span("1d"), span("1w"), span("1mo"), span("2w")
    ('session', 'session', 'week', 'month', 'bar')
    """
    found = Period.parse(period)
    if found.is_session and found.count > 1:
        return "bar"
    return {"w": "week", "mo": "month"}.get(found.unit, "session")


def window(record: RunRecord) -> str:
    """A run's window in days of its venue: as asked for; where that was open, as read; ``open`` where nothing was."""
    first, last = _days(record)
    return f"{first or 'open'} to {last or 'open'}" if first or last else "open"


def window_in_full(record: RunRecord) -> str:
    """The same with the zone of its days, for a heading; in words where an end is open."""
    first, last = _days(record)
    if not (first or last):
        return "from the first bar to the last"
    zone = zone_of_days(map(venue_of, record.spec.instruments)).rpartition("/")[2].replace("_", " ")
    return f"{first or 'the first bar'} to {last or 'the last bar'}, {zone} time"


def _days(record: RunRecord) -> tuple[str, str]:
    """The first and the last day, as asked for or else as read; empty where neither tells one.

    A fold of a walk-forward is asked for from the close before it, and begins on the day of its first bar. A bar that
    ends at midnight is of the day that ends then.
    """
    venues = [venue_of(each) for each in record.spec.instruments]
    zone, start, end = zone_of_days(venues), record.spec.start, record.spec.end
    first = min((each.first - 1 for each in record.series), default=0)
    if start <= 0 or (first > start and day(start, zone, "%H:%M") != "00:00"):
        start = first
    if end >= FOREVER:
        end = max((each.last - 1 for each in record.series), default=FOREVER)
    elif any(each.over_midnight for each in venues):
        end -= 1
    return day(start, zone) if start > 0 else "", day(end, zone) if end < FOREVER else ""


def duration(nanoseconds: int) -> str:
    """A length of time.

    Examples
    --------
    >>> duration(1_400_000_000), duration(95_000_000_000), duration(3 * 86_400_000_000_000)
    ('1.4 s', '1 min 35 s', '3.0 days')
    """
    seconds = nanoseconds / 1e9
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{seconds / 3600:.1f} h" if seconds < 86_400 else f"{seconds / 86_400:.1f} days"


def _number(value: float, decimals: int, *, signed: bool = False) -> str:
    text = f"{abs(value):,.{decimals}f}"
    if not text.strip("0.,"):
        return text
    return (_MINUS if value < 0 else "+" if signed else "") + text
