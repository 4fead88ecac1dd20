"""What stands for a lock where the kernel has none: an object that its owner writes anew before it expires.

Every write of it is conditional on the version that was read, so that of two who want it one is refused. An owner that
dies stops writing; whoever waits sees the same version for as long as the lease lasts, by its own clock, and takes it
over. No two machines' clocks are compared for that. An owner of this machine whose process is gone is known to be dead
at once.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import psutil

from alphapulse_lib.errors import CatalogBusy, CatalogChanged, CatalogReadOnly, CatalogUnreachable

__all__ = ["Claim", "Held", "Leases", "is_held"]

#: How long an owner that says nothing counts as alive, in seconds.
LEASE = 15.0
_PAUSE = 0.2


@dataclass(frozen=True, slots=True)
class Held:
    """An object as it was read: its content, what names this version of it, when it was written (the store's clock)."""

    content: bytes
    e_tag: str
    written: datetime


class Leases(Protocol):
    """What a lease needs of a store."""

    def get(self, key: str) -> Held | None:
        """The object of a key, if there is one."""

    def put(self, key: str, content: bytes, expected: str | None) -> str:
        """Put content in the place of a version (None: of nothing); the new one. CatalogChanged if it is another."""


class Claim:
    """A lease that this process holds, renewed by a thread of its own until it is given up."""

    def __init__(self, objects: Leases, key: str, what: str) -> None:
        self._objects, self._key, self._what = objects, key, what
        self._owner, self._count = uuid.uuid4().hex, 0
        self._e_tag: str | None = None
        self._lost, self._until = False, 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease of {what}", daemon=True)

    @classmethod
    def wait(cls, objects: Leases, key: str, what: str, limit: float, before: str | None = None) -> Claim:
        """Hold a lease once its owner gave it up or died.

        Parameters
        ----------
        what : str
            What it is of, for messages.
        limit : float
            Seconds to wait.
        before : str, optional
            The version that this process left behind when it gave the lease up: most likely it is still that.

        Raises
        ------
        CatalogBusy
            Its owner did not give it up in time.
        """
        claim, deadline = cls(objects, key, what), time.monotonic() + limit
        if before and claim._take(before):
            return claim
        seen, since = "", 0.0
        while True:
            held = objects.get(key)
            if held is None or _is_free(held):
                if claim._take(held.e_tag if held else None):
                    return claim
            else:
                if held.e_tag != seen:
                    seen, since = held.e_tag, time.monotonic()
                expired = time.monotonic() - since > _told(held).get("lease", LEASE)
                if (expired or _is_gone(held)) and claim._take(held.e_tag):
                    return claim
            if time.monotonic() > deadline:
                owner = _told(held).get("process", "") if held else ""
                raise CatalogBusy(
                    f"Another writer{f' ({owner})' if owner else ''} has held {what} for more than {limit:g} seconds.",
                    "Wait until its import has ended, then try again.",
                )
            time.sleep(min(_PAUSE, max(0.01, limit)))

    def require(self) -> None:
        """Refuse to go on when the lease was lost or ran out.

        Raises
        ------
        CatalogBusy
            Another writer may have taken over.
        """
        if self._lost or time.monotonic() > self._until:
            raise CatalogBusy(
                f"This writer lost {self._what}: it was not heard of for {LEASE:g} seconds. It writes no more.",
                "Import again: what was written already changes nothing.",
            )

    def release(self) -> str | None:
        """Give the lease up; the version that is left behind."""
        self._end.set()
        self._thread.join()
        if self._lost or self._e_tag is None:
            return None
        # Where the store does not answer, or another took over, nothing is left to give up: a lease expires.
        with suppress(CatalogUnreachable, CatalogReadOnly, CatalogChanged):
            return self._objects.put(self._key, json.dumps({"owner": ""}).encode(), self._e_tag)
        return None

    def _take(self, expected: str | None) -> bool:
        began = time.monotonic()
        try:
            self._e_tag = self._objects.put(self._key, self._content(), expected)
        except CatalogChanged:
            return False
        self._until = began + LEASE
        self._thread.start()
        return True

    def _content(self) -> bytes:
        return json.dumps(
            {"owner": self._owner, "renewal": self._count, "lease": LEASE, "process": _process(), "machine": _machine()}
        ).encode()

    def _keep(self) -> None:
        pause = LEASE / 3
        while not self._end.wait(pause):
            began, self._count = time.monotonic(), self._count + 1
            try:
                self._e_tag = self._objects.put(self._key, self._content(), self._e_tag)
                self._until, pause = began + LEASE, LEASE / 3
            except CatalogChanged:
                self._lost = True
                return
            except (CatalogUnreachable, CatalogReadOnly):  # once more, soon; `require` refuses when it is too long
                pause = LEASE / 15


def is_held(held: Held | None) -> bool:
    """Whether an owner is alive, as far as can be told without waiting: by this clock and the store's."""
    if held is None or _is_free(held) or _is_gone(held):
        return False
    age = (datetime.now(UTC) - held.written).total_seconds()
    return age <= float(_told(held).get("lease", LEASE))


def _told(held: Held) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(held.content)
    except ValueError:
        return {}
    return told


def _is_free(held: Held) -> bool:
    return not _told(held).get("owner")


def _is_gone(held: Held) -> bool:
    """Whether its owner was a process of this very machine that is no more."""
    told = _told(held)
    if not _machine() or told.get("machine") != _machine():
        return False
    _, number, born = told["process"].rsplit(":", 2)
    try:
        alive = str(int(psutil.Process(int(number)).create_time())) == born
    except psutil.NoSuchProcess:
        return True
    return not alive


def _process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{int(psutil.Process().create_time())}"


@cache
def _machine() -> str:
    """What tells one running kernel, and within it one container, from all others; empty where that is not known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
