"""Scores of articles, one a revision, and the stream of them that a backtest hears.

Scores are a pure function of a headline and a scorer's version, so a score could be known when its article could:
``available_at`` is the article's. ``recorded_at`` is when it was computed; a score that was computed before its article
was recorded as it now stands (the article was taken back and imported anew) is not used.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.model.window import Window
from alphapulse_lib.query.articles import REVISION, keys_of, revisions, versions, within

__all__ = ["events", "stored", "with_scores"]


def stored(
    roots: Roots | PurePath, scorer: str, version: str | None = None, recorded_as_of: int | None = None
) -> pa.Table:
    """The scores that the catalog holds of a scorer.

    Parameters
    ----------
    version : str, optional
        Of the scorer. Unless told, the one recorded last: then all scores come from one version.
    recorded_as_of : int, optional
        Nanoseconds since 1970, UTC; now unless told.

    Returns
    -------
    pyarrow.Table
        ``source``, ``article_id``, ``published_at``, ``scorer``, ``version``, ``score``, ``available_at``,
        ``recorded_at``.
    """
    table = versions(roots, "scores", recorded_as_of=recorded_as_of)
    table = table.filter(pc.equal(table["scorer"], scorer))
    if version is None and table.num_rows:
        recorded = table["recorded_at"].cast(pa.int64()).to_numpy()
        version = table["version"][int(recorded.argmax())].as_py()
    return table.filter(pc.equal(table["version"], version)) if table.num_rows else table


def with_scores(articles: pa.Table, scores: pa.Table) -> pa.Table:
    """Articles with the columns ``score``, ``scorer`` and ``version``; null where a revision has no score.

    Parameters
    ----------
    articles : pyarrow.Table
        ``source``, ``article_id``, ``available_at``, ``recorded_at``.
    scores : pyarrow.Table
        As `stored` gives them: of one scorer and version.
    """
    place = pc.index_in(keys_of(articles, REVISION), keys_of(scores, REVISION))
    late = pc.less(scores["recorded_at"].take(place), articles["recorded_at"])
    place = pc.if_else(pc.fill_null(late, True), None, place)
    for name in ("score", "scorer", "version"):
        articles = articles.append_column(name, scores[name].take(place))
    return articles


def events(
    roots: Roots | PurePath,
    instrument_ids: Iterable[str],
    window: Window | None = None,
    scorer: str = "finance",
    as_of: int | None = None,
    recorded_as_of: int | None = None,
    scores: pa.Table | None = None,
) -> pa.Table:
    """What somebody who watches instruments hears, in the order in which it could be heard.

    One row for each revision of an article and each instrument that it is about.

    Parameters
    ----------
    window : Window, optional
        Bounds of ``available_at``.
    scorer : str
        Whose scores; the version recorded last is read.
    as_of, recorded_as_of : int, optional
        What could be known, and what was recorded, by then: nanoseconds since 1970, UTC; now unless told.
    scores : pyarrow.Table, optional
        Instead of those that the catalog holds, in the columns of `stored`.

    Returns
    -------
    pyarrow.Table
        ``available_at``, ``instrument_id``, ``headline``, ``source``, ``article_id``, ``score``, ``scorer``,
        ``version``, ``published_at``, ``body``, ``url``; sorted by ``available_at``. The score is null where the
        revision has none.
    """
    articles = within(revisions(roots, as_of, recorded_as_of), "available_at", window)
    articles = with_scores(articles, stored(roots, scorer, None, recorded_as_of) if scores is None else scores)
    mentions = versions(roots, "mentions", as_of, recorded_as_of)
    mentions = mentions.filter(pc.is_in(mentions["instrument_id"], pa.array(list(instrument_ids), pa.string())))
    place = pc.index_in(keys_of(mentions, REVISION), keys_of(articles, REVISION))
    heard = np.flatnonzero(pc.is_valid(place).to_numpy(zero_copy_only=False))
    table = articles.take(place.take(pa.array(heard)))
    table = table.append_column("instrument_id", mentions["instrument_id"].take(pa.array(heard)))
    columns = ["available_at", "instrument_id", "headline", "source", "article_id", "score", "scorer", "version"]
    order = [(name, "ascending") for name in ("available_at", "source", "article_id", "instrument_id")]
    return table.select([*columns, "published_at", "body", "url"]).sort_by(order)
