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
from hub.api.metrics.measured import Values, budgets, catalog, workers
from hub.api.metrics.schema import CATALOG, PROVIDER
from hub.api.schedules.schema import FIRINGS, OPEN

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
    says = "Workers that gave a sign of life of late."
    return GaugeMetricFamily("alphapulse_workers", says, value=workers(connection))


def _providers(connection: Connection) -> Iterator[Metric]:
    yield from _gauges(PROVIDER, "provider", budgets(connection))


def _catalog(connection: Connection) -> Iterator[Metric]:
    held, counted_at = catalog(connection)
    yield from _gauges(CATALOG, "period", held)
    says = "When the catalog's series and gaps were last counted; 0 before the first time."
    yield GaugeMetricFamily("alphapulse_catalog_measured_timestamp_seconds", says, value=counted_at)


def _gauges(names: dict[str, str], label: str, held: Values) -> Iterator[Metric]:
    for name, says in names.items():
        gauge = GaugeMetricFamily(f"alphapulse_{name}", says, labels=[label])
        for told, value in held[name].items():
            gauge.add_metric([told], value)
        yield gauge
