"""What a strategy receives in ``on_data``: articles and their scores, at the moment somebody could have read them.

A strategy subscribes natively and unwraps what arrives, as with any custom data of NautilusTrader::

    def on_start(self):
        self.subscribe_data(DataType("Sentiment"))

    def on_data(self, data):
        event = data.data          # a Sentiment
        if event.instrument_id == self.config.instrument_id and event.score > 0.5: ...

One event an article and instrument that it is about, and one more for each revision. An article that is about no
instrument of the run is not delivered. ``ts_event`` is the source's own stamp, ``ts_init`` (the engine's time when
``on_data`` is called) the moment it could first have been read.
"""

from __future__ import annotations

import pyarrow as pa
from nautilus_trader.model import CustomData, DataType, InstrumentId, register_custom_data_class
from nautilus_trader.model.custom import customdataclass

__all__ = ["News", "Sentiment", "event_names", "news_events", "sentiment_events"]


@customdataclass
class News:
    """An article about an instrument.

    Attributes
    ----------
    instrument_id : InstrumentId
        What it is about.
    article_id, source : str
        Together they name the article; its revisions share them.
    headline, body, url : str
        As the source has them; empty where it has none.
    ts_event, ts_init : int
        Published, and first readable; nanoseconds since 1970, UTC.
    """

    instrument_id: InstrumentId = InstrumentId.from_str("NONE.NONE")
    article_id: str = ""
    source: str = ""
    headline: str = ""
    body: str = ""
    url: str = ""


@customdataclass
class Sentiment:
    """How good or bad an article about an instrument is.

    Attributes
    ----------
    instrument_id : InstrumentId
        What the article is about.
    score : float
        From -1 (bad) to 1 (good).
    article_id, source : str
        Together they name the article.
    headline : str
        Its headline.
    scorer, version : str
        Who scored it.
    ts_event, ts_init : int
        Published, and first readable; nanoseconds since 1970, UTC.
    """

    instrument_id: InstrumentId = InstrumentId.from_str("NONE.NONE")
    score: float = 0.0
    article_id: str = ""
    source: str = ""
    headline: str = ""
    scorer: str = ""
    version: str = ""


register_custom_data_class(News)
register_custom_data_class(Sentiment)


def event_names() -> tuple[str, str]:
    """The names that a strategy subscribes to."""
    return News.__name__, Sentiment.__name__


def news_events(articles: pa.Table) -> list[CustomData]:
    """One `News` a row, in the order of the rows.

    Parameters
    ----------
    articles : pyarrow.Table
        ``instrument_id``, ``article_id``, ``source``, ``headline``, ``body``, ``url``, ``published_at`` and
        ``available_at`` (ns, UTC).
    """
    return _events(News, articles, ("article_id", "source", "headline", "body", "url"))


def sentiment_events(scores: pa.Table) -> list[CustomData]:
    """One `Sentiment` a row, in the order of the rows.

    Parameters
    ----------
    scores : pyarrow.Table
        ``instrument_id``, ``score``, ``article_id``, ``source``, ``headline``, ``scorer``, ``version``,
        ``published_at`` and ``available_at`` (ns, UTC).
    """
    return _events(Sentiment, scores, ("score", "article_id", "source", "headline", "scorer", "version"))


def _events(kind: type, table: pa.Table, names: tuple[str, ...]) -> list[CustomData]:
    data_type = DataType(kind.__name__)
    stamps = (table[name].cast(pa.int64()).to_pylist() for name in ("published_at", "available_at"))
    ids = (InstrumentId.from_str(each) for each in table["instrument_id"].to_pylist())
    values = (table[name].to_pylist() for name in names)
    return [
        CustomData(data_type, kind(published, available, *row))
        for published, available, *row in zip(*stamps, ids, *values, strict=True)
    ]
