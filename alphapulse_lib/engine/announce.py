"""The articles and scores of a run, out of the catalog and as events, in the order in which they could be read."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.engine.events import news_events, sentiment_events
from alphapulse_lib.model.run import RunSpec
from alphapulse_lib.model.window import Window
from alphapulse_lib.query import scores as query_scores

__all__ = ["events_of"]


def events_of(roots: Roots, spec: RunSpec, window: Window, scores: pa.Table | None) -> list[Any]:
    """Of each revision of an article that a run could read, and each instrument it is about, `News` and `Sentiment`.

    Parameters
    ----------
    window : Window
        Bounds of ``available_at``.
    scores : pyarrow.Table, optional
        Those of ``spec.scorer``, in the columns of `alphapulse_lib.query.scores.stored`; unless given, those that the
        catalog holds. A revision without a score is delivered as `News` alone.
    """
    heard = query_scores.events(roots, spec.instruments, window, spec.scorer, spec.as_of, spec.recorded_as_of, scores)
    return [*news_events(heard), *sentiment_events(heard.filter(heard["score"].is_valid()))]
