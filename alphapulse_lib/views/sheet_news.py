"""The articles that were known by a run's trades, as marks under the price and as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from alphapulse_lib.results.breakdown import nanoseconds
from alphapulse_lib.results.known_news import DAYS
from alphapulse_lib.views import numbers
from alphapulse_lib.views.drawing import Marker

if TYPE_CHECKING:
    import pandas as pd

    from alphapulse_lib.results.run import Run

__all__ = ["marks", "shown", "table"]

#: Before one trade, and in all: what more there is, is counted.
_BEFORE_A_TRADE = 3
_MOST = 60
#: Characters of a headline: vendors have sent whole articles.
_LONGEST = 240


def shown(news: pd.DataFrame | None) -> pd.DataFrame | None:
    """The last articles before each trade, and of all these the last."""
    if news is None:
        return None
    return news.groupby(["symbol", "traded"], sort=False).tail(_BEFORE_A_TRADE).tail(_MOST).reset_index(drop=True)


def marks(news: pd.DataFrame | None, symbol: str, moments: Any, day: Callable[[int], str]) -> list[Marker]:
    """A sign below the price for each bar before which articles became available; it leads to their rows.

    Parameters
    ----------
    news : pandas.DataFrame, optional
        Of `shown`.
    moments : array of int64
        The closes of the chart's bars.
    """
    if news is None or news.empty:
        return []
    mine = news[news["symbol"] == symbol]
    bars = moments.searchsorted(nanoseconds(mine["available_at"])).clip(max=len(moments) - 1)
    found = []
    for bar, rows in mine.groupby(bars):
        said = "\n".join(f"{day(at)} {_cut(text)}" for at, text in zip(_moments(rows), rows["headline"], strict=True))
        found.append(Marker(int(moments[bar]), float("nan"), "◆", "news", said, f"news-{rows.index[0]}"))
    return found


def table(run: Run, news: pd.DataFrame | None, held: pd.DataFrame | None) -> dict[str, Any]:
    """The rows of the table below the prices, or the line that stands in its place.

    Parameters
    ----------
    news : pandas.DataFrame, optional
        Of `alphapulse_lib.results.known_news.known_news`; unless given, nothing is said.
    held : pandas.DataFrame, optional
        Of `shown`.
    """
    if news is None or held is None or not len(run.fills):
        return {"news": [], "news_note": "", "news_scored": False}
    before = f"in the {DAYS} days before a trade"
    if why := news.attrs.get("unread"):
        return {"news": [], "news_note": f"No article can be read: {why}", "news_scored": False}
    if news.empty:
        note = f"No article about {numbers.symbols(run.symbols)} is held that was known {before}."
        return {"news": [], "news_note": note, "news_scored": False}
    note = f"known {before}, by the exchange's time"
    if len(held) < len(news):
        note += f"; the last {_BEFORE_A_TRADE} of a trade, {len(held)} of {numbers.count(len(news))} in all"
    zone = numbers.place(run.spec).timezone
    rows = [
        (
            numbers.day(known, zone, "%Y-%m-%d %H:%M"),
            _cut(row["headline"]),
            f"{row['symbol']} {'bought' if row['side'] == 'buy' else 'sold'} {numbers.day(at, zone, '%Y-%m-%d %H:%M')}",
            row["source"],
            numbers.ratio(row["score"]),
        )
        for row, known, at in zip(
            held.to_dict("records"), _moments(held), nanoseconds(held["traded"]).tolist(), strict=True
        )
    ]
    return {"news": rows, "news_note": note, "news_scored": bool(held["score"].notna().any())}


def _moments(news: pd.DataFrame) -> list[int]:
    return [int(each) for each in nanoseconds(news["available_at"])]


def _cut(headline: str) -> str:
    text = " ".join(headline.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rstrip()}…"
