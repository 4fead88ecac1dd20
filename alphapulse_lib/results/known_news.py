"""The articles that were known by a run's trades: of each instrument, those of the days before it traded.

They are read as of the moment at which the run was made, whether or not its strategy heard them: what became available
after a trade stands before no earlier one, and what was recorded after the run is not read at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import CatalogDamaged
from alphapulse_lib.model.window import Window
from alphapulse_lib.query import facts
from alphapulse_lib.results.run import Run
from alphapulse_lib.results.when_known import spec_then

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DAYS", "known_news"]

#: How long before a trade an article became available at most: over a long weekend.
DAYS = 5
_REACH = DAYS * 86_400 * 10**9
_OF_ARTICLES = ("available_at", "headline", "source", "score")


def known_news(run: Run) -> pd.DataFrame:
    """One row an article and the first trade of its instrument after it, within so many days.

    Returns
    -------
    pandas.DataFrame
        ``symbol``, ``traded`` (when, UTC), ``side``, ``available_at`` (UTC; at or before ``traded``), ``headline`` (its
        newest revision by then), ``source``, ``score`` (of the run's scorer; not a number where it has none), by
        ``available_at``. No rows where the catalog is damaged, which the run's own files do not need:
        ``.attrs["unread"]`` says what is wrong with it.
    """
    import pandas as pd

    fills = run.table("fills")
    none = pd.DataFrame(columns=["symbol", "traded", "side", *_OF_ARTICLES])
    if not fills.num_rows:
        return none
    try:
        return _known(run, fills)
    except CatalogDamaged as damaged:
        none.attrs["unread"] = damaged.message
        return none


def _known(run: Run, fills: pa.Table) -> pd.DataFrame:
    import pandas as pd

    traded = fills["ts"].cast(pa.int64()).to_numpy()
    window = Window(int(traded.min()) - _REACH, int(traded.max()))
    roots = Roots.of_settings()
    articles = facts.heard(roots, spec_then(run.record), window)
    meant = _meant(roots, run)
    frame: pd.DataFrame = fills.select(["symbol", "side"]).to_pandas().assign(at=traded)
    parts = [
        _before(articles.filter(pc.equal(articles["instrument_id"], meant.get(str(symbol), ""))), part)
        for symbol, part in frame.groupby("symbol")
    ]
    return pd.concat(parts).sort_values("available_at", kind="stable", ignore_index=True)


def _meant(roots: Roots, run: Run) -> dict[str, str]:
    """The ids of a run's instruments by all that its fills may call them: tickers of any time, symbols, ids."""
    own = {*run.spec.instruments}
    listed = {each.ticker: each.instrument_id for each in Index.shared(roots).listings() if each.instrument_id in own}
    return listed | {name: each for each in run.spec.instruments for name in (each, each.rpartition(".")[0])}


def _before(articles: pa.Table, fills: Any) -> pd.DataFrame:
    """Of one instrument."""
    import pandas as pd

    at = fills["at"].to_numpy()
    known = articles["available_at"].cast(pa.int64()).to_numpy()
    first = np.searchsorted(at, known)
    near = (first < len(at)) & (at[np.minimum(first, len(at) - 1)] - known <= _REACH)
    rows: pd.DataFrame = articles.select([*_OF_ARTICLES, "article_id"]).filter(pa.array(near)).to_pandas()
    trades = fills.iloc[first[near]]
    rows = rows.assign(
        symbol=trades["symbol"].to_numpy(),
        traded=pd.to_datetime(trades["at"].to_numpy(), utc=True),
        side=trades["side"].to_numpy(),
    )
    # Of an article that was revised before the trade, what was read last.
    rows = rows.drop_duplicates(["source", "article_id", "traded"], keep="last")
    return rows[["symbol", "traded", "side", *_OF_ARTICLES]]
