"""The team's catalog as pages show it. Functions here take a while: run them in a thread, and keep what they say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from alphapulse_lib import clock
from alphapulse_lib.errors import CatalogDamaged, CatalogEmpty
from alphapulse_lib.views.numbers import currency_of, venue_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "WINDOWS",
    "Article",
    "Listed",
    "Quote",
    "article",
    "articles",
    "dividends",
    "instruments",
    "quotes",
    "splits",
    "stamp",
    "step",
    "window_start",
]

#: How far back a choice reaches, in days; 0 is all.
WINDOWS = {"1m": 31, "3m": 92, "6m": 183, "1y": 366, "5y": 1827, "all": 0}
_SPARK_DAYS = 183
_HEADLINES = 10
_OLD = 5  # days: a long weekend


@dataclass(frozen=True)
class Listed:
    """An instrument of the catalog. Times are nanoseconds since 1970, UTC."""

    id: str
    symbol: str
    name: str
    periods: tuple[str, ...]
    first: int
    last: int
    bars: int
    fault: str = ""

    @property
    def period(self) -> str:
        """What is shown unless told: daily bars, where there are any."""
        return "1d" if "1d" in self.periods or not self.periods else self.periods[0]

    @property
    def zone(self) -> str:
        """Its exchange's zone."""
        return venue_of(self.id).timezone

    @property
    def never_closes(self) -> bool:
        """Whether its bars close at midnight, and are of the day that ends then."""
        return venue_of(self.id).never_closes

    @property
    def over_midnight(self) -> bool:
        """Whether it trades at midnight, so that a bar which closes then is of the day that ends."""
        return venue_of(self.id).over_midnight

    @property
    def currency(self) -> str:
        """What it is traded in."""
        return currency_of(self.id)


@dataclass(frozen=True)
class Quote:
    """The last bar of an instrument, and what led there."""

    id: str
    symbol: str
    name: str
    last: float
    change: float | None
    ts: int
    zone: str
    spark: Markup
    score: float | None

    @property
    def old(self) -> int:
        """Its age in nanoseconds where it is older than a long weekend, else 0."""
        away = clock.now_ns() - self.ts
        return away if away > step(_OLD) else 0


@dataclass(frozen=True)
class Article:
    """An article as it can be read now. Times are nanoseconds since 1970, UTC."""

    article_id: str
    headline: str
    body: str
    symbols: str
    score: float | None
    scorer: str
    source: str
    url: str
    revision: int
    published_at: int
    available_at: int
    zone: str


def instruments() -> list[Listed]:
    """All of them, by symbol; none where the catalog is empty."""
    import alphapulse_lib as ap

    try:
        frame = ap.instruments()
    except CatalogEmpty:
        return []
    found = [
        Listed(
            id=str(row["id"]),
            symbol=str(row["symbol"]),
            name=str(row["name"]),
            periods=tuple(each for each in str(row["periods"]).split(", ") if each),
            first=_ns(row["first"]),
            last=_ns(row["last"]),
            bars=int(row["bars"]),
            fault=str(row["fault"]),
        )
        for row in frame.to_dict("records")
    ]
    return sorted(found, key=lambda each: each.symbol)


def quotes(names: tuple[Listed, ...]) -> list[Quote]:
    """The last prices of instruments, in the order asked; those without a bar are left out."""
    return [_quote(each) for each in names if each.bars]


def _quote(listed: Listed) -> Quote:
    import alphapulse_lib as ap
    from alphapulse_lib.views.drawing import spark

    bars = ap.bars(listed.id, listed.period, start=stamp(listed.last - step(_SPARK_DAYS)))
    closes = bars["close"].to_numpy()
    if not listed.period.endswith(("d", "w", "mo")):
        # A change is told against the close of the session before, not against the bar before.
        days = bars["ts"].dt.tz_convert(listed.zone).dt.date
        before = bars["close"][days < days.iloc[-1]]
        base = float(before.iloc[-1]) if len(before) else math.nan
    else:
        base = float(closes[-2]) if len(closes) > 1 else math.nan
    change = float(closes[-1]) / base - 1 if base > 0 else None
    return Quote(
        id=listed.id,
        symbol=listed.symbol,
        name=listed.name,
        last=float(closes[-1]),
        change=change,
        ts=_ns(bars["ts"].iloc[-1]),
        zone=listed.zone,
        spark=Markup(spark(closes, 90, 22)),  # noqa: S704  drawn by us, of numbers
        score=_mood(listed),
    )


def _mood(listed: Listed) -> float | None:
    """The mean score of its last headlines; none where they cannot be read, which the news says itself."""
    import alphapulse_lib as ap

    try:
        scores = ap.news(listed.id)["score"].dropna().tail(_HEADLINES)
    except CatalogDamaged:
        return None
    return float(scores.mean()) if len(scores) else None


def articles(instrument_id: str | None, start: int | None, end: int | None, most: int) -> list[Article]:
    """The newest articles of a window, about one instrument or all of them."""
    import alphapulse_lib as ap

    frame = ap.news(instrument_id, stamp(start), stamp(end))
    zone = venue_of(instrument_id).timezone if instrument_id else "America/New_York"
    return [_article(row, zone) for row in frame.tail(most).iloc[::-1].to_dict("records")]


def article(article_id: str) -> Article | None:
    """One article, if the catalog has it."""
    import alphapulse_lib as ap

    frame = ap.news()
    found = frame[frame["article_id"] == article_id].to_dict("records")
    return _article(found[-1], "America/New_York") if found else None


def dividends(instrument_id: str, zone: str) -> list[tuple[int, float]]:
    """The first moments of an instrument's ex-dates in its exchange's zone, and what a share was paid."""
    import pandas as pd

    import alphapulse_lib as ap

    table = ap.sql("SELECT instrument_id, kind, amount, ex_date FROM actions").df()
    mine = table[(table["instrument_id"] == instrument_id) & (table["kind"] == "dividend")]
    days = (
        pd.to_datetime(mine["ex_date"])
        .dt.as_unit("ns")
        .dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    )
    moments = days.astype("int64").tolist()
    return sorted((int(at), float(paid)) for at, paid in zip(moments, mine["amount"], strict=True))


def splits(instrument_id: str) -> list[tuple[int, float]]:
    """When an instrument's shares were split, and into how many each."""
    import alphapulse_lib as ap

    table = ap.sql("SELECT instrument_id, kind, ratio, epoch_ns(available_at) AS ts FROM actions").df()
    mine = table[(table["instrument_id"] == instrument_id) & (table["kind"] == "split")]
    return [(int(row["ts"]), float(row["ratio"])) for row in mine.sort_values("ts").to_dict("records")]


def window_start(listed: Listed, window: str) -> int:
    """Where a window such as ``"1y"`` begins, counted back from the last bar; 0 for all of it."""
    days = WINDOWS.get(window, WINDOWS["1y"])
    return max(listed.last - step(days), 0) if days else 0


def step(days: float) -> int:
    """Days in nanoseconds."""
    return int(days * 86_400 * 10**9)


def _article(row: dict[str, Any], zone: str) -> Article:
    score = float(row["score"]) if row["score"] is not None else math.nan
    return Article(
        article_id=str(row["article_id"]),
        headline=str(row["headline"]),
        body=str(row["body"] or ""),
        symbols=str(row["symbols"] or ""),
        score=score if math.isfinite(score) else None,
        scorer=str(row["scorer"]),
        source=str(row["source"]),
        url=str(row["url"] or ""),
        revision=int(row["revision"]),
        published_at=_ns(row["published_at"]),
        available_at=_ns(row["available_at"]),
        zone=zone,
    )


def stamp(nanoseconds: int | None) -> pd.Timestamp | None:
    """The moment as the library takes it; open where there is none."""
    import pandas as pd

    return None if not nanoseconds else pd.Timestamp(nanoseconds, tz="UTC")


def _ns(stamp: Any) -> int:
    import pandas as pd

    return 0 if pd.isna(stamp) else int(pd.Timestamp(stamp).as_unit("ns").value)
