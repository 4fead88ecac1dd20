"""How the services behind the API are, read from their database at each scrape."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine, func, select

from alphapulse_lib import clock
from hub.api.database import reading
from hub.api.ingests.schema import FETCHES
from hub.api.ingests.schema import OPEN as OPEN_FETCHES
from hub.api.metrics.firings import FiringCounts
from hub.api.metrics.schema import CATALOG, EVERYBODY, MEASURES, PROVIDER
from hub.api.schedules.schema import FIRINGS, OPEN
from hub.worker.presence import SILENCE, WORKERS

__all__ = ["State"]


class State(Collector):
    """What the database of one hub tells."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._firings = engine, FiringCounts()

    def describe(self) -> list[Metric]:
        """Nothing: a registry would otherwise read the database to learn the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric as it is now."""
        with reading(self._engine) as connection:
            found = [
                *self._firings.read(connection),
                *_waiting(connection),
                _workers(connection),
                *_providers(connection),
                *_catalog(connection),
            ]
        yield from found


def _waiting(connection: Connection) -> Iterator[Metric]:
    for table, states, name, says in (
        (FIRINGS, OPEN, "alphapulse_firings_open", "Firings that are not over, by how far they are."),
        (FETCHES, OPEN_FETCHES, "alphapulse_fetches_open", "Fetches of vendors' data that are not over."),
    ):
        is_open = table.c.state.in_(states)
        grouped = select(table.c.state, func.count()).where(is_open).group_by(table.c.state)
        counts: dict[str, int] = {row[0]: row[1] for row in connection.execute(grouped)}
        open_ones = GaugeMetricFamily(name, says, labels=["state"])
        for state in states:
            open_ones.add_metric([state], counts.get(state, 0))
        yield open_ones
    since = select(func.min(func.coalesce(FIRINGS.c.slot, FIRINGS.c.created_at))).where(FIRINGS.c.state == "due")
    oldest = connection.execute(since).scalar()
    waited = 0.0 if oldest is None else max(0.0, (clock.now_ns() - oldest) / 1e9)
    says = "How long the firing has been due that has been so for longest; 0 where none is."
    yield GaugeMetricFamily("alphapulse_firing_overdue_seconds", says, value=waited)


def _workers(connection: Connection) -> Metric:
    living = select(func.count()).where(WORKERS.c.seen_at >= clock.now_ns() - SILENCE)
    count = connection.execute(living).scalar_one()
    return GaugeMetricFamily("alphapulse_workers", "Workers that gave a sign of life of late.", value=count)


def _providers(connection: Connection) -> Iterator[Metric]:
    """One key is everybody's: what all workers made of it, and what the one that knows most of it is allowed."""
    of_the_living = select(MEASURES).join(WORKERS, WORKERS.c.id == MEASURES.c.worker)
    rows = connection.execute(of_the_living.where(WORKERS.c.seen_at >= clock.now_ns() - SILENCE)).all()
    for name, says in PROVIDER.items():
        gauge = GaugeMetricFamily(f"alphapulse_{name}", says, labels=["provider"])
        for provider in sorted({row.label for row in rows if row.name == name}):
            values = [row.value for row in rows if (row.name, row.label) == (name, provider)]
            gauge.add_metric([provider], sum(values) if name == "provider_calls_made" else max(values))
        yield gauge


def _catalog(connection: Connection) -> Iterator[Metric]:
    rows = connection.execute(select(MEASURES).where(MEASURES.c.worker == EVERYBODY).order_by(MEASURES.c.label)).all()
    for name, says in CATALOG.items():
        gauge = GaugeMetricFamily(f"alphapulse_{name}", says, labels=["period"])
        for row in rows:
            if row.name == name:
                gauge.add_metric([row.label], row.value)
        yield gauge
    measured = max((row.measured_at for row in rows), default=0) / 1e9
    says = "When the catalog's series and gaps were last counted; 0 before the first time."
    yield GaugeMetricFamily("alphapulse_catalog_measured_timestamp_seconds", says, value=measured)
