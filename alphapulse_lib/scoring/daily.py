"""Sentiment by session, as it was known at each session's close.

- An article that could be read up to a session's close counts for that session; one that came after it, for the next.
- Within a period an article counts once, by its newest revision in it. A revision that came in a later period counts
  there again if it changed the headline: that was news that day. Earlier rows never change.
- A period without articles has no row: nothing was said, which is not the same as a score of zero.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.model.period import Period

__all__ = ["by_period", "closes"]

#: A score beyond this counts as good, or as bad, in the columns that count.
_BAND = 0.05


def closes(venue: str, period: Period, moments: pa.ChunkedArray) -> NDArray[np.int64]:
    """When each period of a venue ends, nanoseconds since 1970, UTC.

    Sessions, weeks and months end with their (last) session's close (`Sessions.last_of`). Shorter periods
    end on the clock of UTC, and only those are given that contain one of the ``moments`` (ns, UTC).
    """
    ends: NDArray[np.int64]
    if not period.is_session:
        stamps = moments.cast(pa.int64()).to_numpy()
        ends = np.unique(-(-stamps // period.nanoseconds) * period.nanoseconds)
        return ends
    known = sessions(venue)
    ends = known.closes[np.unique(known.last_of(period))]
    return ends


def by_period(events: pa.Table, ends: NDArray[np.int64]) -> pa.Table:
    """The scores of one instrument's articles, together by period.

    Parameters
    ----------
    events : pyarrow.Table
        ``source``, ``article_id``, ``headline``, ``available_at`` (ns, UTC) and ``score``, sorted by ``available_at``:
        one row a revision.
    ends : array of int64, shape (periods,)
        When each period ends, nanoseconds since 1970, UTC, ascending; each begins right after the one before.

    Returns
    -------
    pyarrow.Table
        ``ts`` (the period's close, ns, UTC), ``score`` (the mean), ``articles``, ``positive`` and ``negative`` (how
        many scored beyond 0.05); one row a period with articles that has ended within ``ends``.
    """
    events = _newly_said(events)
    available = events["available_at"].cast(pa.int64()).to_numpy()
    period = np.searchsorted(ends, available, side="left")
    article = _article(events)
    last = _last_of_each(period, article)
    last = last[period[last] < len(ends)]
    period, score = period[last], events["score"].to_numpy()[last]
    rows, place = np.unique(period, return_inverse=True)
    count = np.bincount(place, minlength=len(rows))
    return pa.table(
        {
            "ts": pa.array(ends[rows]).cast(pa.timestamp("ns", "UTC")),
            "score": np.bincount(place, score, minlength=len(rows)) / np.maximum(count, 1),
            "articles": count.astype(np.int64),
            "positive": np.bincount(place, score > _BAND, minlength=len(rows)).astype(np.int64),
            "negative": np.bincount(place, score < -_BAND, minlength=len(rows)).astype(np.int64),
        }
    )


def _newly_said(events: pa.Table) -> pa.Table:
    """The revisions whose headline is not the one the article had before."""
    article, headline = _article(events), _codes(events["headline"])
    order = np.argsort(article, kind="stable")
    same = np.zeros(len(order), dtype=bool)
    same[1:] = (article[order][1:] == article[order][:-1]) & (headline[order][1:] == headline[order][:-1])
    return events.take(pa.array(np.sort(order[~same])))


def _last_of_each(period: NDArray[np.int64], article: NDArray[np.int64]) -> NDArray[np.int64]:
    """The last row of each article in each period."""
    last = {key: row for row, key in enumerate(zip(period.tolist(), article.tolist(), strict=True))}
    return np.array(sorted(last.values()), dtype=np.int64)


def _article(events: pa.Table) -> NDArray[np.int64]:
    article: NDArray[np.int64] = _codes(events["source"]) * (events.num_rows + 1) + _codes(events["article_id"])
    return article


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.asarray(column.fill_null("").combine_chunks().dictionary_encode().indices, dtype=np.int64)
