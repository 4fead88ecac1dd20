"""What this server uses, told to the hub's API each minute, and when a kernel, a terminal or a job comes or goes."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from datetime import UTC, datetime
from typing import Any

import psutil
from tornado.httpclient import AsyncHTTPClient, HTTPError

from alphapulse_jobs import memory
from alphapulse_jobs.jobs import Jobs
from alphapulse_jobs.room import Room

__all__ = ["Processes", "Usage"]

_log = logging.getLogger("alphapulse.usage")
_LOOK, _TELL, _AGAIN = 5.0, 60.0, 10.0  # seconds


class Processes:
    """This process and all that descend from it: what a person's server is made of, in a container or out of it."""

    def __init__(self) -> None:
        self._root = psutil.Process()
        self._spent: dict[tuple[int, float], float] = {}
        self._measured_at = time.monotonic()

    def measure(self) -> tuple[int, float]:
        """The bytes of memory that they hold, what they share counted once; and the processors used since last time."""
        held, spent = 0, {}
        for each in [self._root, *self._root.children(recursive=True)]:
            try:
                with each.oneshot():
                    times = each.cpu_times()
                    spent[each.pid, each.create_time()] = times.user + times.system
                held += each.memory_full_info().pss
            except psutil.Error:  # it has just ended
                continue
        now = time.monotonic()
        # Of one that was not there last time, all that it spent was spent since.
        used = sum(seconds - self._spent.get(process, 0.0) for process, seconds in spent.items())
        processors = used / max(now - self._measured_at, 0.001) if self._spent else 0.0
        self._spent, self._measured_at = spent, now
        return held, max(0.0, processors)


class Usage:
    """What one server uses.

    Parameters
    ----------
    app : ServerApp
        The server.
    jobs : Jobs
        Its jobs.
    room : Room or None
        The room of its owner, where it is measured here.
    name : str
        Its name; empty for the person's own.
    url, token : str
        Where the API is, and the server's own token.
    """

    def __init__(self, app: Any, jobs: Jobs, room: Room | None, name: str, url: str, token: str) -> None:
        self._app, self._jobs, self._room, self._name = app, jobs, room, name
        self._url, self._token = f"{url}/v1/usage", token
        self._processes = Processes()
        self._told, self._due = (-1, -1, -1), float("-inf")

    async def go_on(self) -> None:
        """Tell it again and again, as long as the server runs."""
        while True:
            counts = self._counts()
            if counts != self._told or time.monotonic() > self._due:
                heard = False
                try:
                    heard = await self.tell()
                except Exception:  # noqa: BLE001  the edge of a task: a server works on though nobody hears what it uses
                    _log.exception("What this server uses could not be told")
                self._told, self._due = counts, time.monotonic() + (_TELL if heard else _AGAIN)
            await asyncio.sleep(_LOOK)

    async def tell(self) -> bool:
        """Tell it now; whether it was heard, which it is not where the API is away."""
        sent = json.dumps(await self.measured())
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            await AsyncHTTPClient().fetch(self._url, method="PUT", body=sent, headers=headers, request_timeout=10)
        except (OSError, HTTPError) as away:
            _log.debug("What this server uses was not heard: %s", away)
            return False
        return True

    async def measured(self) -> dict[str, Any]:
        """What is told."""
        kernels, terminals, jobs = self._counts()
        held, processors = await asyncio.to_thread(self._processes.measure)
        active_at = min(self._app.web_app.last_activity(), datetime.now(UTC))  # a job's is the latest that it may end
        found = {"server": self._name, "kernels": kernels, "terminals": terminals, "jobs": jobs}
        found |= {"memory": held, "memory_limit": memory.limit(), "processors": round(processors, 3)}
        if self._room is not None:
            found |= {"disk": await self._room.taken(), "disk_limit": self._room.limit or None}
        return found | {"active_at": active_at.isoformat()}

    def _counts(self) -> tuple[int, int, int]:
        terminals = self._app.web_app.settings.get("terminal_manager")
        kernels = len(self._app.kernel_manager.list_kernels())  # without one that waits for a page of Voila
        return kernels, len(terminals.terminals) if terminals else 0, self._jobs.count
