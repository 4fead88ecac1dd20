"""What workers measure and Prometheus reads, and what they know: the newest value of each, in the database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, String, Table

from hub.api.database import METADATA

__all__ = ["CATALOG", "EVERYBODY", "KNOWN", "MEASURES", "PROVIDER"]

#: In place of a worker's id: what is the same whichever worker measures it.
EVERYBODY = ""

MEASURES = Table(
    "measures",
    METADATA,
    Column("worker", String(32), primary_key=True),
    Column("name", String(64), primary_key=True),
    # What tells apart several of one name: a provider, a period.
    Column("label", String(64), primary_key=True),
    Column("value", Float(53), nullable=False),
    Column("measured_at", BigInteger, nullable=False),
)

#: Of each provider, by worker: the calls of the last window of its budget, and how many that allows to everybody.
PROVIDER = {
    "provider_calls_made": "Calls of a provider in the running window of its budget, of all workers.",
    "provider_calls_allowed": "Calls that a provider's budget allows in a window, a minute unless it says otherwise.",
}
#: Each vendor that a worker could ask, whether it has or not: requests of others are refused. Prometheus reads it not.
KNOWN = "vendor_known"
#: Of each period of bars in the team's catalog.
CATALOG = {
    "catalog_series": "Series of bars in the team's catalog.",
    "catalog_gaps": "Stretches that are missing between a series' first bar and its last, over all series.",
    "catalog_missing_sessions": "Sessions of which a series has no bar at all, over all series.",
    "catalog_newest_bar_timestamp_seconds": "The newest bar of any series.",
}
