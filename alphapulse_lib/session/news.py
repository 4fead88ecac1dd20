"""`ap.news` and `ap.sentiment`: what could be read about an instrument, and how good or bad it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alphapulse_lib import clock
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import CatalogBusy, CatalogReadOnly
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Moment, Window, moment_ns
from alphapulse_lib.session.frames import Frame, check_frame, framed
from alphapulse_lib.session.symbols import resolved

if TYPE_CHECKING:
    import pyarrow as pa

    from alphapulse_lib.scoring.contract import Scorer

__all__ = ["ensure_scores", "news", "sentiment"]

#: How long a reader waits to store the scores it computed while somebody else writes, in seconds.
_PATIENCE = 1.0


def news(
    symbols: str | Sequence[str] | None = None,
    start: Moment = None,
    end: Moment = None,
    *,
    scorer: str | Scorer | None = None,
    as_of: Moment = None,
    recorded_as_of: Moment = None,
    frame: Frame = "pandas",
) -> Any:
    """The articles about one or more instruments, one row each, in their newest revision.

    Parameters
    ----------
    symbols : str or sequence of str, optional
        Tickers or ids; all articles unless told, also those about no instrument of the catalog.
    start, end : str, date or datetime, optional
        Bounds of ``published_at``, both included. A bare date is that whole day in the exchange's zone.
    scorer : str or Scorer, optional
        Who scores the headlines: ``"finance"``, ``"vader"``, ... Unless told, the setting ``ALPHAPULSE_SCORER``.
    as_of : str, date or datetime, optional
        Only what could be read then, and each article as it stood then. A bare date is its end. Now unless told.
    recorded_as_of : str, date or datetime, optional
        Only what this catalog held then. Now unless told.
    frame : {"pandas", "polars", "arrow"}
        The kind of table.

    Returns
    -------
    pandas.DataFrame, polars.DataFrame or pyarrow.Table
        ``published_at``, ``available_at`` (when this revision could first be read; UTC), ``symbols`` (all it is about,
        such as ``"AAPL, GOOG"``), ``headline``, ``score`` (-1 bad to 1 good), ``scorer``, ``version``, ``source``,
        ``url``, ``body``, ``article_id``, ``revision`` (1 is the first), sorted by ``published_at``. No rows where
        there was no news.

    Raises
    ------
    UnknownSymbol, AmbiguousSymbol, UnknownScorer, ReversedWindow, InputError
        An argument cannot be used.
    CatalogEmpty
        Nothing was ever written to the catalog.

    Examples
    --------
    >>> ap.news("AAPL", "2011-08-24", "2011-08-25")["headline"].tolist()
    ['Steve Jobs resigns as chief executive of Apple; Tim Cook succeeds him']
    >>> ap.news("AAPL", "2011-08-24", "2011-08-25", as_of="2011-08-24 16:00").empty  # it came in the evening
    True
    """
    from alphapulse_lib.query import articles
    from alphapulse_lib.query.scores import with_scores

    check_frame(frame)
    asked = _Asked(symbols, start, end, as_of, recorded_as_of)
    wanted = None if symbols is None else [each.id for each in asked.instruments]
    table = articles.news(asked.roots, wanted, asked.window, asked.as_of, asked.recorded_as_of)
    table = with_scores(table, ensure_scores(asked.roots, scorer, asked.recorded_as_of))
    table = table.append_column("symbols", asked.told(table["instrument_ids"]))
    columns = ["published_at", "available_at", "symbols", "headline", "score", "scorer", "version", "source", "url"]
    return framed(table.select([*columns, "body", "article_id", "revision"]), frame)


def sentiment(
    symbols: str | Sequence[str],
    start: Moment = None,
    end: Moment = None,
    *,
    every: str = "1d",
    scorer: str | Scorer | None = None,
    as_of: Moment = None,
    recorded_as_of: Moment = None,
    frame: Frame = "pandas",
) -> Any:
    """How good or bad the news was, by session, as it was known at each session's close.

    An article that could be read up to a close counts for that session, a later one for the next; so a row may be used
    at its ``ts`` and never knew more. Articles count once, by their headline.

    Parameters
    ----------
    symbols : str or sequence of str
        Tickers or ids.
    start, end : str, date or datetime, optional
        Bounds of ``ts``, both included. A bare date is that whole day in the exchange's zone.
    every : str
        ``"1d"`` by session, ``"1w"`` by week (known at its last session's close), ``"1h"`` by the clock.
    scorer : str or Scorer, optional
        ``"finance"``, ``"vader"``, ... Unless told, the setting ``ALPHAPULSE_SCORER``.
    as_of : str, date or datetime, optional
        Only periods that had ended then. A bare date is its end. Now unless told.
    recorded_as_of : str, date or datetime, optional
        Only articles that this catalog held then. Now unless told.
    frame : {"pandas", "polars", "arrow"}
        The kind of table.

    Returns
    -------
    pandas.DataFrame, polars.DataFrame or pyarrow.Table
        ``symbol``, ``ts`` (the close at which it is known, UTC), ``score`` (mean, -1 bad to 1 good), ``articles``,
        ``positive``, ``negative`` (how many of them are), ``scorer``, ``version``, sorted by ``ts``, then ``symbol``.
        A session without articles has no row.

    Raises
    ------
    UnknownSymbol, AmbiguousSymbol, UnknownPeriod, UnknownScorer, ReversedWindow, InputError
        An argument cannot be used.
    CatalogEmpty
        Nothing was ever written to the catalog.

    Examples
    --------
    An article of the evening of 24 July 2012 counts for the session of the 25th:

    >>> tone = ap.sentiment("AAPL", "2012-07-24", "2012-07-25")
    >>> tone["ts"].dt.strftime("%d %H:%M").tolist(), tone["negative"].tolist()
    (['25 20:00'], [1])
    """
    from alphapulse_lib import scoring
    from alphapulse_lib.query import scores
    from alphapulse_lib.query.bars import names

    check_frame(frame)
    period, chosen = Period.parse(every), scoring.find(scorer)
    asked = _Asked(symbols, start, end, as_of, recorded_as_of, by_close=True)
    known = ensure_scores(asked.roots, chosen, asked.recorded_as_of)
    ids = [each.id for each in asked.instruments]
    heard = scores.events(asked.roots, ids, None, chosen.name, asked.as_of, asked.recorded_as_of, known)
    parts = [
        _by_period(heard, each, period, asked, symbol)
        for each, symbol in zip(asked.instruments, names(asked.instruments), strict=True)
    ]
    return framed(_named(parts, chosen), frame)


def ensure_scores(roots: Roots, scorer: str | Scorer | None = None, recorded_as_of: int | None = None) -> pa.Table:
    """The scores of every article held, computed where they are missing, and stored so that the work is done once.

    A catalog that cannot be written to now is left as it is.

    Parameters
    ----------
    recorded_as_of : int, optional
        Score the articles held then, nanoseconds since 1970, UTC; now unless told.

    Returns
    -------
    pyarrow.Table
        In the columns of `alphapulse_lib.query.scores.stored`, of the scorer's present version.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from alphapulse_lib import scoring
    from alphapulse_lib.query import articles, scores

    roots.require()
    chosen = scoring.find(scorer)
    held = scores.stored(roots, chosen.name, chosen.version)
    table = articles.revisions(roots, None, recorded_as_of)
    lacking = table.filter(pc.is_null(scores.with_scores(table, held)["score"]))
    if not lacking.num_rows:
        return held
    computed = _scored(lacking, chosen)
    _store(roots, computed)
    now = pa.repeat(pa.scalar(clock.now_ns(), held.schema.field("recorded_at").type), computed.num_rows)
    computed = computed.append_column("recorded_at", now).select(held.column_names).cast(held.schema)
    outdated = pc.is_in(articles.keys_of(held, articles.REVISION), articles.keys_of(computed, articles.REVISION))
    return pa.concat_tables([held.filter(pc.invert(outdated)), computed])


def _scored(articles: pa.Table, scorer: Scorer) -> pa.Table:
    import pyarrow as pa

    from alphapulse_lib import scoring

    columns = articles.select(["source", "article_id", "published_at", "available_at"])
    for name, value in (("scorer", scorer.name), ("version", scorer.version)):
        columns = columns.append_column(name, pa.repeat(pa.scalar(value), articles.num_rows))
    return columns.append_column("score", pa.array(scoring.score(articles["headline"], scorer)))


def _store(roots: Roots, computed: pa.Table) -> None:
    from alphapulse_lib.catalog import datasets
    from alphapulse_lib.catalog.publish import locked

    try:
        with locked(roots.writable, _PATIENCE):
            datasets.write(roots.writable, "scores", computed, f"scores-{computed['scorer'][0]}")
    except (CatalogReadOnly, CatalogBusy):
        return  # They are computed again next time: slower, and the same.


class _Asked:
    """What was asked for, as the stages below take it."""

    def __init__(
        self,
        symbols: str | Sequence[str] | None,
        start: Moment,
        end: Moment,
        as_of: Moment,
        recorded_as_of: Moment,
        *,
        by_close: bool = False,
    ) -> None:
        self.roots = Roots.of_settings()
        self.roots.require()
        self._index = Index(self.roots)
        self.instruments = self._chosen(symbols)
        zones = {each.venue.timezone for each in self.instruments}
        zone = zones.pop() if len(zones) == 1 else "UTC"
        always = by_close and any(each.venue.over_midnight for each in self.instruments)
        self.window = Window.of(start, end, zone, by_close=always)
        self.as_of = None if as_of is None else moment_ns(as_of, zone, end=True)
        self.recorded_as_of = None if recorded_as_of is None else moment_ns(recorded_as_of, zone, end=True)

    def told(self, instrument_ids: pa.ChunkedArray) -> pa.Array:
        """Ids as short symbols, in one text a row."""
        import pyarrow as pa

        from alphapulse_lib.query.bars import names

        known = self._index.instruments()
        short = dict(zip((each.id for each in known), names(known), strict=True))
        return pa.array(
            [", ".join(short.get(each, each) for each in row) for row in instrument_ids.to_pylist()], pa.string()
        )

    def _chosen(self, symbols: str | Sequence[str] | None) -> list[Instrument]:
        if symbols is None:
            return self._index.instruments()
        return resolved(self._index, symbols)


def _by_period(heard: pa.Table, instrument: Instrument, period: Period, asked: _Asked, symbol: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    from alphapulse_lib.query.articles import within
    from alphapulse_lib.scoring.daily import by_period, closes

    own = heard.filter(pc.equal(heard["instrument_id"], instrument.id))
    until = min(asked.window.end, clock.now_ns() if asked.as_of is None else asked.as_of)
    table = by_period(own, closes(instrument.venue.code, period, own["available_at"]))
    table = within(table, "ts", Window(min(asked.window.start, until), until))
    return table.add_column(0, "symbol", pa.repeat(pa.scalar(symbol), table.num_rows))


def _named(parts: list[pa.Table], scorer: Scorer) -> pa.Table:
    import pyarrow as pa

    table = pa.concat_tables(parts).sort_by([("ts", "ascending"), ("symbol", "ascending")])
    for name, value in (("scorer", scorer.name), ("version", scorer.version)):
        table = table.append_column(name, pa.repeat(pa.scalar(value), table.num_rows))
    return table
