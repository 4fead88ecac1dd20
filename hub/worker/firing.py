"""One firing, from its beginning to its end, in steps that DBOS remembers and that can each be done again."""

from __future__ import annotations

import logging
import time
from typing import Any

import httpx
from dbos import DBOS, DBOSConfiguredInstance
from sqlalchemy import Row

from hub.logs import about
from hub.worker.patience import patiently
from hub.worker.record import Firings
from hub.worker.server import AwayError, JobServer, NotStartedError, RefusedError, SilentError, UnknownJobError

__all__ = ["FiringRunner"]

_log = logging.getLogger("alphapulse.worker")

_LOOK, _LOOK_LONG = 0.3, 2.0  # seconds between two looks at a job, at first and once it has run for long
_LOOK_START = 0.15  # seconds between two looks at a server that starts
_AWAY = 180.0  # seconds that the hub or a server may be away before a firing fails of it
_STARTS = 3  # tries to start a server


@DBOS.dbos_class()
class FiringRunner(DBOSConfiguredInstance):
    """Carries firings out.

    Parameters
    ----------
    firings : Firings
        Where they are recorded.
    http : httpx.Client
        Speaks with the worker's token.
    hub_api, public : str
        Where the hub and the proxy answer.
    """

    def __init__(self, firings: Firings, http: httpx.Client, hub_api: str, public: str) -> None:
        super().__init__("runner")
        self._firings, self._http, self._hub_api, self._public = firings, http, hub_api, public

    @DBOS.workflow()
    def fire(self, firing_id: str) -> None:
        """Run a firing's notebook in a server of its owner, record how it ended, take the server away."""
        if self.begin(firing_id):
            self.record(firing_id, self.carry_out(firing_id))
            self.clear_away(firing_id)

    @DBOS.step()
    def begin(self, firing_id: str) -> bool:
        """Mark it as begun, unless it was cancelled while it waited."""
        return patiently(lambda: self._firings.begin(firing_id))

    @DBOS.step()
    def carry_out(self, firing_id: str) -> dict[str, Any]:
        """Start the server, give it the job, wait for the job's end; all of it again after whatever broke."""
        try:
            firing = patiently(lambda: self._firings.get(firing_id))
            with about(firing.request):
                return self._carry_out(firing)
        except Exception:  # noqa: BLE001  a firing must end: what we did not foresee is its end, and in our log
            _log.exception("Firing %s met a fault of ours", firing_id)
            return {"state": "failed", "error": "The worker met a fault of its own; it is in the worker's log."}

    @DBOS.step()
    def record(self, firing_id: str, job: dict[str, Any]) -> None:
        """Write down how it ended, and tell its owner; that it is lost, where that cannot be written down."""
        try:
            with about(patiently(lambda: self._firings.get(firing_id)).request):
                patiently(lambda: self._firings.end(firing_id, job))
                _log.info("Firing %s ended: %s", firing_id, job["state"])
        except Exception:  # noqa: BLE001  a firing must end, as in `carry_out`
            _log.exception("Firing %s: how it ended could not be recorded", firing_id)
            self.give_up(firing_id, "The worker could not record how it ended; why is in the worker's log.")

    def give_up(self, firing_id: str, detail: str) -> None:
        """End it as lost."""
        try:
            patiently(lambda: self._firings.give_up(firing_id, detail))
        except Exception:  # noqa: BLE001  its server is still to be cleared away, and the sweep tries again
            _log.exception("Firing %s could not be ended", firing_id)

    @DBOS.workflow()
    def sweep(self, firing_id: str) -> None:
        """Take away the server of a firing whose own workflow did not."""
        self.clear_away(firing_id)

    @DBOS.step()
    def clear_away(self, firing_id: str) -> None:
        """Stop the server and let the hub forget it."""
        deadline, said = time.monotonic() + _AWAY, ""
        while time.monotonic() < deadline:
            try:
                server = self._server(firing_id)
                if server.remove() or not server.is_there():
                    return
            except RefusedError:  # the owner is gone, and the server with them
                return
            except AwayError as away:
                _log.warning("Firing %s: %s", firing_id, away)
            except Exception as fault:  # noqa: BLE001  whatever it is, the server must go
                if repr(fault) != said:  # once, not each second
                    said = repr(fault)
                    _log.exception("Firing %s: a fault of ours while its server is stopped", firing_id)
            time.sleep(1)
        _log.error("Firing %s: its server could not be stopped within %.0f s", firing_id, _AWAY)

    def _carry_out(self, firing: Row[Any]) -> dict[str, Any]:
        firing_id = firing.id
        _log.info("Firing %s of %s begins: %s", firing_id, firing.owner, firing.notebook)
        server, tries, said, is_silent = self._server(firing_id), _Tries(), "", False
        job = {
            "notebook": firing.notebook,
            "output": firing.output,
            "parameters": firing.parameters,
            "timeout": firing.timeout,
        }
        while True:
            try:
                if is_silent:
                    is_silent = False
                    tries.look(server)
                if not self._started(server, firing_id, tries):
                    return {"state": "cancelled", "error": "It was cancelled before its notebook ran."}
                # What ran before is asked after, never begun again: its workspace may have forgotten it.
                ran = self._state(firing_id) == "running"
                state, since = server.state() if ran else server.submit(job), time.monotonic()
                while state["state"] == "running":
                    tries.answered()
                    self._keep(firing_id, state)
                    time.sleep(min(_LOOK_LONG, max(_LOOK, (time.monotonic() - since) / 30)))
                    state = server.cancel() if self._is_cancelled(firing_id) else server.state()
                return state
            except RefusedError as refused:
                return {"state": "failed", "error": str(refused)}
            except UnknownJobError:
                why = f"Its workspace knows it no more (.jobs/{firing_id} is gone), and it is not run twice."
                return {"state": "lost", "error": why}
            except NotStartedError as failed:
                _log.warning("Firing %s: its server did not start: %s", firing_id, failed)
                if tries.starts >= _STARTS:
                    why = f"Its server did not start, tried {_STARTS} times ({failed}); the hub's log says why."
                    return {"state": "failed", "error": why}
                time.sleep(2)
            except AwayError as away:
                is_silent = isinstance(away, SilentError)
                if str(away) != said:  # once for each thing that is the matter, not each second
                    said = str(away)
                    _log.warning("Firing %s: %s", firing_id, said)
                if self._is_cancelled(firing_id):
                    why = "It was cancelled while its server did not answer; what runs in it ends with the server."
                    return {"state": "cancelled", "error": why}
                if tries.last_answer < time.monotonic() - _AWAY:
                    return {"state": "failed", "error": f"After {_AWAY:.0f} s of trying, {away}."}
                time.sleep(1)

    def _started(self, server: JobServer, firing_id: str, tries: _Tries) -> bool:
        """Wait until the server answers; false when the firing is cancelled meanwhile."""
        refused: str | None = None  # what the hub had against it, once it was asked
        while not server.is_ready():
            if self._is_cancelled(firing_id):
                return False
            if not server.is_there():
                if refused is not None or tries.starts == _STARTS:
                    raise NotStartedError(refused or "it ended while it started")
                refused = tries.start(server)
            tries.answered()  # the hub's answer; a start may take minutes
            time.sleep(_LOOK_START)
        return True

    def _server(self, firing_id: str) -> JobServer:
        owner = patiently(lambda: self._firings.get(firing_id)).owner
        return JobServer(self._http, self._hub_api, self._public, owner, firing_id)

    def _state(self, firing_id: str) -> str:
        return str(patiently(lambda: self._firings.get(firing_id)).state)

    def _is_cancelled(self, firing_id: str) -> bool:
        return patiently(lambda: self._firings.get(firing_id)).cancel_asked_at is not None

    def _keep(self, firing_id: str, job: dict[str, Any]) -> None:
        held = patiently(lambda: self._firings.get(firing_id))
        now = ("running", job["cells"], job["cells_done"], job["progress"])
        if (held.state, held.cells, held.cells_done, held.progress) != now:
            patiently(lambda: self._firings.progress(firing_id, job))


class _Tries:
    """How often a server was started, and when it or the hub answered last."""

    def __init__(self) -> None:
        self.starts, self.last_answer = 0, time.monotonic()

    def start(self, server: JobServer) -> str:
        """Start it, and count that unless the hub starts none now."""
        try:
            refused = server.start()
        except NotStartedError:
            self.starts += 1
            raise
        self.starts += 1
        return refused

    def look(self, server: JobServer) -> None:
        """Have the hub look whether it runs still; one that ended is started anew, and asked of its job."""
        if self.starts < _STARTS:
            self.starts += 1
            if server.start():
                self.starts -= 1

    def answered(self) -> None:
        """One of them answered now."""
        self.last_answer = time.monotonic()
