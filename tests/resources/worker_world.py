"""A worker for tests with a database and a DBOS of its own, and a hub that answers as it is told to."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from dbos import DBOS
from dbos._dbos import _get_or_create_dbos_registry
from sqlalchemy import Engine, true
from waiting import until

from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.settings import Settings
from hub.api.database import opened
from hub.api.notifications.schema import Notification
from hub.api.notifications.store import NotificationStore
from hub.api.schedules.schema import Asked, Firing
from hub.api.schedules.store import ScheduleStore
from hub.vault import Vault
from hub.worker import durable
from hub.worker.__main__ import Worker
from hub.worker.fetches import Fetches
from hub.worker.fetching import FetchRunner
from hub.worker.firing import FiringRunner
from hub.worker.line import FetchLine
from hub.worker.measures import Measures
from hub.worker.patience import patiently
from hub.worker.presence import Presence
from hub.worker.record import Firings
from hub.worker.unsealing import Unsealing
from tests.resources.sight import ALL_SEEING


class World:
    """A worker with a database, a DBOS and a hub of its own; the hub's servers all run and their jobs are done."""

    def __init__(self, chosen: Settings) -> None:
        self.engine: Engine = opened(chosen)
        self.store, self.firings, self.presence = (
            ScheduleStore(self.engine, ALL_SEEING),
            Firings(self.engine),
            Presence(self.engine),
        )
        self.removed: list[str] = []
        self.asked: list[str] = []
        #: What a test answers in the hub's place; nothing: as below.
        self.instead: Callable[[httpx.Request], httpx.Response | None] = lambda _: None
        self.http = httpx.Client(transport=httpx.MockTransport(self._answer))
        self.runner = FiringRunner(self.firings, self.http, "http://hub/hub/api", "http://proxy")
        fetches = Fetches(self.engine)
        line = FetchLine(fetches, FetchRunner(fetches, chosen, turn=0.0))
        measures = Measures(self.engine, self.presence.id, Roots(chosen.catalog_root))
        unsealing = Unsealing(Vault.of(chosen))
        self.worker = Worker(self.engine, self.firings, self.presence, self.runner, line, measures, unsealing)
        durable.launch(chosen, self.presence.id)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(f"{request.method} {request.url.host} {path}")
        if (answer := self.instead(request)) is not None:
            return answer
        if request.url.host == "proxy":
            return httpx.Response(200, json={"state": "done", "error": "", "cells": 1, "cells_done": 1})
        if request.method == "DELETE":
            self.removed.append(path.rpartition("/job-")[2])
            return httpx.Response(204)
        if path.endswith("/tokens"):
            return httpx.Response(201, json={"token": "narrow"})
        if request.method == "POST":
            return httpx.Response(400, json={"message": "it is already running"})
        # A hub answers while the worker's database is away: what the tests know of its servers stands in there.
        firings = patiently(lambda: self.store.firings(50, None))
        every = {f"job-{each.id}": {"ready": True, "url": "/x/"} for _, each in firings}
        return httpx.Response(200, json={"servers": every})

    def ask(self) -> str:
        return self.store.run(Asked(notebook="a.ipynb"), "ada").id

    def run(self, firing_id: str | None = None) -> Firing:
        firing_id = firing_id or self.ask()
        self.worker.look()
        until(lambda: self.store.firing(firing_id).state not in ("due", "starting", "running"))
        return self.store.firing(firing_id)

    def told(self) -> list[str]:
        return [each.kind for _, each in self.notifications()]

    def notifications(self) -> list[tuple[int, Notification]]:
        return NotificationStore(self.engine).page(true(), "ada", False, 200, None)

    def end(self) -> None:
        """Let another world be made in this process."""
        DBOS.destroy(destroy_registry=False)
        _get_or_create_dbos_registry().instance_info_map.clear()
        self.engine.dispose()
