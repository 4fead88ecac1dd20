"""Which instruments an article is about, and how that was found.

The surest sign counts: ``"source"`` (its source names the instrument), ``"ticker"`` (``NASDAQ: AAPL``), ``"cashtag"``
(``$AAPL``), ``"name"`` (the company's name in the headline), ``"body"`` (any of these in the body, looked at only where
source and headline name nobody: a company named in passing is not what an article is about).

A ticker means the instrument it was listed for on the day the article was published.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime

import pyarrow as pa

from alphapulse_lib.articles.names import Names
from alphapulse_lib.catalog.schemas import MENTIONS
from alphapulse_lib.model.instrument import Instrument, Listing

__all__ = ["find"]

#: What a source calls an exchange -> the venues a ticker may then belong to.
_AMERICAN = ("XNAS", "XNYS", "ARCX", "BATS")
_EXCHANGES = {
    **dict.fromkeys(("NASDAQ", "NASDAQGS", "NASDAQGM", "NYSE", "NYSEARCA", "NYSEMKT", "AMEX", "ARCA"), _AMERICAN),
    **dict.fromkeys(_AMERICAN, _AMERICAN),
    **dict.fromkeys(("LON", "LSE", "XLON"), ("XLON",)),
    **dict.fromkeys(("ETR", "FRA", "XETR"), ("XETR",)),
    **dict.fromkeys(("EPA", "XPAR"), ("XPAR",)),
    **dict.fromkeys(("TYO", "XTKS"), ("XTKS",)),
}
_TICKER = re.compile(r"\b([A-Za-z]{3,8}(?: (?:Arca|MKT))?) ?: ?([A-Z]{1,6}(?:[.-][A-Z]{1,2})?)\b")
_CASHTAG = re.compile(r"(?<![\w$])\$([A-Za-z]{1,6}(?:\.[A-Za-z]{1,2})?)\b")


def find(articles: pa.Table, instruments: Iterable[Instrument], listings: Iterable[Listing] = ()) -> pa.Table:
    """The instruments that each revision of each article is about.

    After an import of articles, give it the rows that were written (``datasets.write(...).added``), whose times are
    those in the catalog, and write what it returns as the dataset ``"mentions"`` with the import's id.

    Parameters
    ----------
    articles : pyarrow.Table
        ``source``, ``id``, ``published_at``, ``available_at`` (ns, UTC), ``headline``, ``body``, ``symbols`` (lists of
        instrument ids or tickers); ``body`` and ``symbols`` may be absent.
    instruments : iterable of Instrument
        Those that may be found; names are looked for where an instrument has one.
    listings : iterable of Listing, optional
        When which ticker meant which instrument; without one, a ticker is the id's first part at all times.

    Returns
    -------
    pyarrow.Table
        ``source``, ``article_id``, ``instrument_id``, ``published_at``, ``how``, ``available_at``: one row an
        instrument that a revision is about, in the order of the articles.

    Examples
    --------
    >>> table = pa.table({"source": ["wire"], "id": ["1"], "published_at": [0], "available_at": [0],
    ...                   "headline": ["Apple beats estimates"]})
    >>> find(table, [Instrument("AAPL.XNAS", "Apple Inc.")])["how"].to_pylist()
    ['name']
    """
    finder = _Finder(list(instruments), list(listings))
    rows: list[int] = []
    found: list[tuple[str, str]] = []
    texts = [_column(articles, name) for name in ("headline", "body", "symbols")]
    days = [_day(stamp) for stamp in articles["published_at"].cast(pa.int64()).to_pylist()]
    for row, (headline, body, symbols, day) in enumerate(zip(*texts, days, strict=True)):
        for mention in finder.mentions(headline or "", body or "", symbols or (), day):
            rows.append(row)
            found.append(mention)
    about = articles.select(["source", "id", "published_at", "available_at"]).take(pa.array(rows, pa.int64()))
    return pa.table(
        {
            "source": about["source"],
            "article_id": about["id"],
            "instrument_id": pa.array([instrument_id for instrument_id, _ in found], pa.string()),
            "published_at": about["published_at"].cast(MENTIONS.schema.field("published_at").type),
            "how": pa.array([how for _, how in found], pa.string()),
            "available_at": about["available_at"].cast(MENTIONS.schema.field("available_at").type),
        }
    )


class _Finder:
    def __init__(self, instruments: Sequence[Instrument], listings: Sequence[Listing]) -> None:
        self._ids = {each.id for each in instruments}
        self._names = Names(instruments)
        self._tickers: dict[str, list[Listing]] = {}
        listed = {each.instrument_id for each in listings}
        unlisted = [each for each in instruments if each.id not in listed]
        own = [Listing(each.symbol, each.id.rpartition(".")[2], each.id) for each in unlisted]
        for listing in (*listings, *own):
            self._tickers.setdefault(listing.ticker.upper(), []).append(listing)

    def mentions(self, headline: str, body: str, symbols: Iterable[str], day: date) -> list[tuple[str, str]]:
        """Instrument and how it was found, the surest sign of each."""
        found: dict[str, str] = {}
        for how, instrument_id in (*self._named_by_source(symbols, day), *self._in_text(headline, day)):
            found.setdefault(instrument_id, how)
        if not found and body:
            found = {instrument_id: "body" for _, instrument_id in self._in_text(body, day)}
        return list(found.items())

    def _named_by_source(self, symbols: Iterable[str], day: date) -> Iterator[tuple[str, str]]:
        for symbol in symbols:
            if symbol in self._ids:
                yield "source", symbol
            else:
                yield from (("source", each) for each in self._listed(symbol, day))

    def _in_text(self, text: str, day: date) -> Iterator[tuple[str, str]]:
        for exchange, ticker in _TICKER.findall(text):
            venues = _EXCHANGES.get(exchange.upper().replace(" ", ""))
            if venues:
                yield from (("ticker", each) for each in self._listed(ticker, day, venues))
        for tag in _CASHTAG.findall(text):
            yield from (("cashtag", each) for each in self._listed(tag, day))
        yield from (("name", each) for each in sorted(self._names.find(text)))

    def _listed(self, ticker: str, day: date, venues: Sequence[str] | None = None) -> list[str]:
        """The one instrument that a ticker means; none where it could be several."""
        meant = {
            listing.instrument_id
            for listing in self._tickers.get(ticker.upper(), ())
            if listing.holds(day) and (venues is None or listing.venue in venues)
        }
        return list(meant & self._ids) if len(meant) == 1 else []


def _column(articles: pa.Table, name: str) -> list[object]:
    return articles[name].to_pylist() if name in articles.column_names else [None] * articles.num_rows


def _day(nanoseconds: int) -> date:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).date()
