"""What a run reads besides its bars, and how a record tells of it: corporate actions, news and their scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.fingerprints import of_rows
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.model.run import RunSpec
from alphapulse_lib.model.window import Window
from alphapulse_lib.query import scores as query_scores

__all__ = ["ACTIONS", "BENCHMARK", "NEWS", "actions_of", "actions_table", "heard", "news_of", "news_table", "told"]

#: What a record calls them.
ACTIONS, NEWS, BENCHMARK = "actions", "news", "benchmark"

_ACTS = ("instrument_id", "kind", "part", "ex_date", "ratio", "amount", "new_symbol")
_HEARD = ("available_at", "instrument_id", "source", "article_id", "headline", "body", "url", "published_at", "score")
_DAY = 86_400 * 10**9


def actions_table(roots: Roots, spec: RunSpec) -> pa.Table:
    """What befell a run's instruments on the days of its window, as could be known and was recorded by its moments.

    Returns
    -------
    pyarrow.Table
        ``instrument_id``, ``kind``, ``part``, ``ex_date``, ``ratio``, ``amount``, ``new_symbol``.
    """
    table = actions.read(roots, None, spec.as_of, spec.recorded_as_of)
    table = table.filter(pc.is_in(table["instrument_id"], pa.array(spec.instruments, pa.string())))
    first, last = (int(np.clip(each // _DAY, -(2**31), 2**31 - 1)) for each in (spec.start, spec.end))
    days = table["ex_date"].cast(pa.int32())
    inside = pc.and_(pc.greater_equal(days, first), pc.less_equal(days, last))
    order = [(name, "ascending") for name in ("instrument_id", "ex_date", "kind", "part")]
    return table.filter(inside).select(list(_ACTS)).sort_by(order)


def actions_of(roots: Roots, spec: RunSpec) -> list[dict[str, Any]]:
    """How a record tells of the actions; nothing where there are none."""
    table = actions_table(roots, spec)
    days = table["ex_date"].cast(pa.int32()).to_numpy().astype(np.int64) * _DAY
    return [told(ACTIONS, table, days)] if table.num_rows else []


def heard(roots: Roots, spec: RunSpec, window: Window, scores: pa.Table | None = None) -> pa.Table:
    """Each revision of an article that a run could read, and each of its instruments that it is about.

    Parameters
    ----------
    window : Window
        Bounds of ``available_at``.
    scores : pyarrow.Table, optional
        Those of ``spec.scorer``, in the columns of `alphapulse_lib.query.scores.stored`; unless given, those that the
        catalog holds.
    """
    return query_scores.events(roots, spec.instruments, window, spec.scorer, spec.as_of, spec.recorded_as_of, scores)


def news_table(table: pa.Table) -> pa.Table:
    """Of what was heard the columns that count."""
    return table.select(list(_HEARD))


def news_of(table: pa.Table) -> dict[str, Any]:
    """How a record tells of what was heard."""
    return told(NEWS, news_table(table), table["available_at"].cast(pa.int64()).to_numpy())


def told(name: str, table: pa.Table, moments: Any) -> dict[str, Any]:
    """How a record tells of a table."""
    return {
        "name": name,
        "root": "",
        "rows": table.num_rows,
        "first": int(moments.min()) if len(moments) else 0,
        "last": int(moments.max()) if len(moments) else 0,
        "fingerprint": of_rows(table),
    }
