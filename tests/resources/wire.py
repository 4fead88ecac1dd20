"""A news wire for tests: writes articles, what they are about and their times into a catalog, as an import does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from alphapulse_lib.articles import mentions
from alphapulse_lib.catalog import datasets
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.model.instrument import Instrument

__all__ = ["APPLE", "IBM", "VODAFONE", "ns", "send"]

APPLE = Instrument("AAPL.XNAS", "Apple Inc.")
IBM = Instrument("IBM.XNYS", "International Business Machines Corporation")
VODAFONE = Instrument("VOD.XLON", "Vodafone Group plc", currency="GBP")


def ns(moment: str) -> int:
    """Nanoseconds of a moment of UTC, such as ``"2012-06-01T20:00"``."""
    return int(np.datetime64(moment, "ns").astype(np.int64))


def send(
    root: Path,
    articles: Sequence[tuple[str, str, str]] | Sequence[tuple[str, str, str, str]],
    *,
    recorded_at: str | None = None,
    import_id: str = "wire",
) -> None:
    """Write articles of the source ``wire``: id, when available (and published), headline, and perhaps when published.

    Revisions of an article share its id.
    """
    index = Index(root)
    if not index.instruments():
        index.add([APPLE, IBM, VODAFONE])
        index = Index(root)
    table = pa.table(
        {
            "source": ["wire"] * len(articles),
            "id": [row[0] for row in articles],
            "published_at": pa.array([ns(row[3] if len(row) > 3 else row[1]) for row in articles]).cast(TIME),
            "available_at": pa.array([ns(row[1]) for row in articles]).cast(TIME),
            "headline": [row[2] for row in articles],
            "body": [""] * len(articles),
        }
    )
    recorded = None if recorded_at is None else ns(recorded_at)
    written = datasets.write(root, "articles", table, import_id, recorded_at=recorded).added
    found = mentions.find(written, index.instruments(), index.listings())
    datasets.write(root, "mentions", found, import_id, recorded_at=recorded)
