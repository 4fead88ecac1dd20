"""Ports for servers of tests that others must find again."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import suppress

__all__ = ["free_port"]


#: How many processes run tests side by side, and which of them this is.
_BESIDE = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_OWN = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))

_given: set[int] = set()


def free_port() -> int:
    """A port nobody listens on, and that no system gives to whoever asks for any, while its server is down.

    Nor is it given a second time, here or to tests beside these: a server takes seconds until it listens.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000 // _BESIDE) * _BESIDE + _OWN
        if port in _given:
            continue
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            _given.add(port)
            return port
