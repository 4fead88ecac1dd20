"""``python -m hub.worker``: the service, started by the supervisor. Several may run."""

from __future__ import annotations

import logging
import os
import signal
import threading
from types import FrameType

import httpx
from sqlalchemy import Engine

from alphapulse_lib import clock
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.settings import settings
from hub import keys, logs, network, vault_notes
from hub.api.database import opened
from hub.vault import Vault
from hub.worker import durable, timetable
from hub.worker.fetches import Fetches
from hub.worker.fetching import FetchRunner
from hub.worker.firing import FiringRunner
from hub.worker.leftovers import Leftovers
from hub.worker.line import FetchLine
from hub.worker.measures import Measures
from hub.worker.presence import Presence
from hub.worker.record import Firings
from hub.worker.unsealing import Unsealing

_log = logging.getLogger("alphapulse.worker")

_LOOK = 0.3  # seconds between two looks for what was asked for by hand
_BEAT = 5.0  # seconds between two signs of life


class Worker:
    """Looks again and again for what is due, until it is told to stop."""

    def __init__(
        self,
        engine: Engine,
        firings: Firings,
        presence: Presence,
        runner: FiringRunner,
        line: FetchLine,
        measures: Measures,
        unsealing: Unsealing,
    ) -> None:
        self._engine, self._firings, self._presence, self._runner = engine, firings, presence, runner
        self._line, self._measures, self._unsealing = line, measures, unsealing
        self._queued: set[str] = set()
        self._beat_at = 0.0

    def work(self, stopping: threading.Event) -> None:
        """Look until told to stop; whatever a look met, another one follows."""
        wait = 0.0
        while not stopping.wait(wait):
            try:
                wait = self.look()
            except Exception as fault:  # noqa: BLE001  the edge of the service: it is logged, and the others fire
                if timetable.is_away(fault):
                    _log.warning("The database does not answer: %s", fault)
                else:  # another look may do, and what is under way goes on beside it
                    _log.exception("A look at what is due failed; the next one follows")
                wait = 2.0

    def look(self) -> float:
        """Decide what is due, queue it; the seconds until there is something to look for again."""
        now = clock.now_ns()
        timetable.decide(self._engine, now)  # first: a slot is on time though DBOS or another worker is in trouble
        self._live(now / 1e9)
        waiting = self._firings.waiting()
        for firing_id in waiting:
            if firing_id not in self._queued:
                durable.enqueue(self._runner, firing_id)
        self._queued = set(waiting)
        for firing_id in self._firings.waiting(datasets=True):
            self._firings.ask(firing_id)
        self._line.queue()
        following = timetable.next_slot(self._engine)
        until = _LOOK if following is None else (following - clock.now_ns()) / 1e9
        return max(0.0, min(_LOOK, until))

    def _live(self, now: float) -> None:
        if abs(now - self._beat_at) < _BEAT:
            return
        self._beat_at = now
        self._unsealing.look()
        vault_notes.tell(self._engine, self._unsealing.vault.notes)
        self._presence.beat()
        self._measures.vendors()
        for other in self._presence.dead():
            _log.info("Worker %s is dead: taking over what it had begun", other)
            durable.take_over(other)
            self._presence.forget(other)
        self.sweep()
        self._line.sweep()

    def sweep(self) -> None:
        """End the firings that are open though nothing carries them out: their workflows ended, or DBOS lost them."""
        # What has begun is asked for first: a workflow ends after its firing, so a firing that ends meanwhile is over
        # by the time that it would be given up. One that waits may not be queued yet.
        begun, waiting = self._firings.begun(), self._firings.waiting()
        known = durable.under_way(begun + waiting)
        for firing_id in [each for each in begun if not known.get(each, False)] + [
            each for each in waiting if not known.get(each, True)
        ]:
            _log.error("Firing %s is open, but its workflow is over: it is ended as lost", firing_id)
            durable.sweep(self._runner, firing_id)
            self._runner.give_up(firing_id, "The worker lost it: what carried it out ended before it did.")


def main() -> None:
    """Work until told to stop."""
    chosen = settings()
    places = network.read(chosen.home_root / "run" / "network.json")
    logs.set_up(chosen.log_level)
    engine = opened(chosen)
    firings, presence = Firings(engine), Presence(engine)
    token = keys.token(chosen.home_root, "worker_token")
    http = httpx.Client(headers={"Authorization": f"token {token}"}, timeout=60, trust_env=False)
    runner = FiringRunner(firings, http, f"{places.hub_api}/hub/api", places.url)
    fetches = Fetches(engine)
    line = FetchLine(fetches, FetchRunner(fetches, chosen))
    measures = Measures(engine, presence.id, Roots(chosen.catalog_root))
    unsealing = Unsealing(Vault.of(chosen))
    unsealing.look()  # before a fetch goes on that another worker began
    presence.beat()
    durable.launch(chosen, presence.id)
    stopping = _told_to_stop()
    Leftovers(firings, http, f"{places.hub_api}/hub/api").begin(stopping)
    measures.begin(stopping)
    _log.info("Worker %s is ready", presence.id)
    Worker(engine, firings, presence, runner, line, measures, unsealing).work(stopping)
    presence.leave()
    # What is under way goes on in the next worker, as after any other death: waiting for notebooks would take hours.
    logging.shutdown()
    os._exit(0)


def _told_to_stop() -> threading.Event:
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopping


if __name__ == "__main__":
    main()
