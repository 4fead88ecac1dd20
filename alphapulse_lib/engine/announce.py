"""The articles and scores of a run as events, in the order in which they could be read."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from alphapulse_lib.engine.events import news_events, sentiment_events

__all__ = ["events_of"]


def events_of(heard: pa.Table) -> list[Any]:
    """Of each revision of an article that a run could read, and each instrument it is about, `News` and `Sentiment`.

    Parameters
    ----------
    heard : pyarrow.Table
        As `alphapulse_lib.query.facts.heard` gives it. A revision without a score is delivered as `News` alone.
    """
    return [*news_events(heard), *sentiment_events(heard.filter(heard["score"].is_valid()))]
