"""What Prometheus reads at the API: counted by hand, by templates of routes, and for who holds the scope alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from alphapulse_lib import clock
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.providers.budget import budget_of
from alphapulse_lib.settings import Settings
from hub.api.database import opened
from hub.api.metrics.schema import MEASURES
from hub.api.schedules.schema import FIRINGS
from hub.worker.measures import Measures
from hub.worker.presence import Presence
from tests.resources.api_server import Api, serving

MINUTE = 60 * 10**9


@pytest.fixture
def api(chosen: Settings) -> Iterator[Api]:
    with serving(chosen) as api:
        yield api


def read(api: Api) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = api("GET", "/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def value(api: Api, name: str, **labels: str) -> float | None:
    return read(api).get((f"alphapulse_{name}", frozenset(labels.items())))


def measured(api: Api) -> Any:
    """The same for the administrators' page."""
    answer = api("GET", "/v1/measures", "root")
    assert answer.status_code == 200, answer.text
    return answer.json()


def firing(name: str, state: str, **more: Any) -> dict[str, Any]:
    plain = {"kind": "slot", "owner": "ada", "notebook": "a.ipynb", "parameters": {}, "output": "b", "timeout": 1}
    empty = {"slot": None, "started_at": None, "ended_at": None, "created_at": clock.now_ns() - 5 * MINUTE}
    return {"id": name, "state": state} | plain | empty | more


def test_who_may_read_is_said_by_a_scope(api: Api):
    api.door.scopes["narrow"] = tuple(each for each in api.door.scopes["ada"] if each != "read:metrics")
    assert api("GET", "/metrics", None).status_code == 401
    refused = api("GET", "/metrics", "narrow")
    assert (refused.status_code, "read:metrics" in refused.json()["detail"]) == (403, True)
    refused = api("GET", "/v1/measures", "ada")
    assert (refused.status_code, "custom:usage:read" in refused.json()["detail"]) == (403, True)
    assert api("GET", "/v1/measures", None).status_code == 401


def test_latencies_go_by_templates_of_routes_and_not_by_what_people_write(api: Api):
    for name in ("aa", "bb", "cc"):
        assert api("GET", f"/v1/schedules/{name}").status_code == 404
        assert api("GET", f"/{name}").status_code == 404
        assert api(name.upper(), "/v1/schedules").status_code == 405
    found = read(api)
    counts = {
        frozenset(labels): count
        for (name, labels), count in found.items()
        if name == "alphapulse_api_request_duration_seconds_count"
    }
    template = {("method", "GET"), ("route", "/v1/schedules/{schedule_id}"), ("status", "404")}
    assert counts[frozenset(template)] == 3
    assert counts[frozenset({("method", "GET"), ("route", "none"), ("status", "404")})] == 3
    assert sum(count for labels, count in counts.items() if ("status", "405") in labels) == 3
    said = str(counts)
    assert not any(each in said for each in ("'aa'", "/bb", "CC", "ada"))
    bounds = [labels for name, labels in found if name.endswith("duration_seconds_bucket") and template < labels]
    assert len(bounds) == 13


def test_firings_are_counted_by_how_they_ended_and_how_late_they_began(api: Api, chosen: Settings):
    engine, now = opened(chosen), clock.now_ns()
    slot = now - 10 * MINUTE
    late = {"slot": slot, "started_at": slot + 3 * 10**9}
    rows = [
        firing("1", "finished", **late),
        firing("2", "failed", slot=slot + 1, started_at=slot + 1 + 90 * 10**9),
        firing("3", "running", slot=slot + 2, started_at=slot + 2 + 10**8),
        firing("4", "missed", slot=slot + 3),
        firing("5", "finished", kind="asked", started_at=now),
        firing("6", "due", slot=now - 2 * MINUTE),
    ]
    before = value(api, "firing_lag_seconds_count") or 0
    with engine.begin() as connection:
        connection.execute(insert(FIRINGS), rows)
    found = read(api)

    def of(name: str, **labels: str) -> float:
        return found[f"alphapulse_{name}", frozenset(labels.items())]

    assert [of("firings_total", state=each) for each in ("finished", "failed", "missed", "lost")] == [2, 1, 1, 0]
    assert [of("firings_open", state=each) for each in ("due", "starting", "running")] == [1, 0, 1]
    assert of("firing_lag_seconds_count") - before == 3
    assert of("firing_lag_seconds_sum") == pytest.approx(3 + 90 + 0.1)
    steps = [of("firing_lag_seconds_bucket", le=each) for each in ("0.5", "2.5", "5.0", "60.0", "300.0", "+Inf")]
    assert steps == [1, 1, 2, 2, 3, 3]
    assert 120 <= of("firing_overdue_seconds") < 240
    # What is settled is not read again, and what ends later is counted once.
    with engine.begin() as connection:
        connection.execute(FIRINGS.update().where(FIRINGS.c.id == "3").values(state="lost"))
        connection.execute(insert(FIRINGS).values(firing("7", "finished", created_at=now)))
    for _ in range(3):
        found = read(api)
        assert [of("firings_total", state=each) for each in ("finished", "failed", "missed", "lost")] == [3, 1, 1, 1]
        assert of("firing_lag_seconds_count") - before == 3
    # One that is still due, the sixth, has nobody after it read again: what is settled stays counted, there or not.
    with engine.begin() as connection:
        connection.execute(FIRINGS.update().where(FIRINGS.c.id == "7").values(created_at=now - 10 * MINUTE))
        connection.execute(insert(FIRINGS).values(firing("8", "skipped")))
    for _ in range(2):
        found = read(api)
        assert [of("firings_total", state="skipped"), of("firings_open", state="due")] == [1, 1]
        with engine.begin() as connection:
            connection.execute(FIRINGS.delete().where(FIRINGS.c.id == "8"))
    with engine.begin() as connection:
        connection.execute(FIRINGS.update().where(FIRINGS.c.id == "6").values(state="missed"))
    for _ in range(2):
        found = read(api)
        assert [of("firings_total", state=each) for each in ("finished", "missed", "skipped")] == [3, 2, 1]
    engine.dispose()


def test_budgets_are_of_all_workers_together_and_end_with_them(api: Api, chosen: Settings):
    engine = opened(chosen)
    workers = [Presence(engine), Presence(engine)]
    vendor = f"vendor-{uuid4().hex[:8]}"
    budget = budget_of(vendor, "a-key")
    for worker in workers:
        worker.beat()
        budget.take()
        Measures(engine, worker.id, Roots(chosen.catalog_root)).vendors()
    # One process stands for both: the first told of one call, the second of two.
    assert value(api, "workers") == 2
    assert value(api, "provider_calls_made", provider=vendor) == 3
    assert value(api, "provider_calls_allowed", provider=vendor) == 190  # 95 in a hundred of 200
    told = measured(api)
    assert told["workers"] == 2
    assert {"provider": vendor, "made": 3, "allowed": 190} in told["budgets"]
    workers[0].leave()
    assert value(api, "provider_calls_made", provider=vendor) == 2
    workers[1].forget(workers[0].id)
    with engine.begin() as connection:
        kept = set(connection.execute(MEASURES.select()).scalars())
    assert kept == {workers[1].id}
    workers[1].forget(workers[1].id)
    told = measured(api)
    assert (told["workers"], told["budgets"]) == (0, [])
    engine.dispose()


def test_what_the_catalog_lacks_is_counted_by_one_of_the_workers(api: Api, chosen: Settings, sample_catalog: Path):
    import alphapulse_lib as ap

    engine = opened(chosen)
    measures = [Measures(engine, name, Roots(sample_catalog)) for name in ("one", "two")]
    assert [each.count() for each in measures] == [True, False]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALPHAPULSE_CATALOG", str(sample_catalog))
        symbols = list(ap.instruments()["symbol"])
        held = [ap.coverage(each, "1d") for each in symbols if each != "SPY"]  # of which there are minutes alone
    assert value(api, "catalog_series", period="1d") == len(held)
    assert value(api, "catalog_gaps", period="1d") == sum(len(each.gaps) for each in held)
    assert value(api, "catalog_missing_sessions", period="1d") == sum(each.missing_sessions for each in held)
    newest = max(each.last for each in held)
    assert value(api, "catalog_newest_bar_timestamp_seconds", period="1d") == newest.timestamp()
    told = value(api, "catalog_measured_timestamp_seconds")
    assert told is not None and abs(told - clock.now_ns() / 1e9) < 600
    (daily,) = [each for each in measured(api)["catalog"] if each["period"] == "1d"]
    assert (daily["series"], daily["gaps"]) == (len(held), sum(len(each.gaps) for each in held))
    assert daily["missing_sessions"] == sum(each.missing_sessions for each in held)
    assert datetime.fromisoformat(daily["newest_at"]) == newest
    assert datetime.fromisoformat(measured(api)["counted_at"]).timestamp() == pytest.approx(told)
    engine.dispose()


def test_a_catalog_of_nothing_has_no_series_and_stops_nobody(api: Api, chosen: Settings, tmp_path: Path):
    engine = opened(chosen)
    measures = Measures(engine, "one", Roots(tmp_path / "nothing"))
    with engine.begin() as connection:
        connection.execute(MEASURES.delete())
    assert (measured(api)["catalog"], measured(api)["counted_at"]) == ([], None)
    assert measures.count()
    measures.begin(stopping := threading.Event())
    stopping.set()
    engine.dispose()
