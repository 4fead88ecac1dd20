"""Ports for servers of tests that others must find again."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress

__all__ = ["free_port"]


def free_port() -> int:
    """A port nobody listens on, and that no system gives to whoever asks for any, while its server is down."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
