"""A server that has just been started, awaited until it answers or has ended.

JupyterHub looks for it too, but at times that it doubles up to five seconds: a person waited two seconds and more
for a server that was there, and minutes for one that had ended.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tornado.web import HTTPError

__all__ = ["awaited", "found"]

_PAUSE = 0.1  # seconds between two looks
_ALIVE = 1.0  # seconds between two questions whether it has ended
_LONGEST = 60.0  # seconds; JupyterHub goes on waiting for a slower one, by its own http_timeout


async def awaited(spawner: Any, address: tuple[str, int]) -> tuple[str, int]:
    """Wait for a server until something listens at its address.

    Parameters
    ----------
    spawner : jupyterhub.spawner.Spawner
        Has started it.
    address : tuple of str and int
        Where it will listen: what the spawner's ``start`` returns, and this too.

    Raises
    ------
    HTTPError
        It has ended meanwhile.
    """
    _keep(spawner, address)
    if (status := await _ended(spawner.poll, address)) is not None:
        raise HTTPError(500, f"The server ended as it started, with status {status}: see its log.")
    return address


async def found(spawner: Any, poll: Callable[[], Awaitable[Any]]) -> Any:
    """How a server ended, ``None`` while it runs; of one that a hub finds as it starts, once that can be told.

    It may have been started a moment before the hub that did so was killed. JupyterHub asks once whether it runs, and
    then waits for it to answer: three minutes for one that ends meanwhile.

    Parameters
    ----------
    spawner : jupyterhub.spawner.Spawner
        Whose ``poll`` this is.
    poll : callable
        Tells how it is at the moment.
    """
    status = await poll()
    if status is None and spawner.pending == "check":  # as JupyterHub looks for what an earlier one left
        return await _ended(poll, (spawner.server.ip, spawner.server.port))
    return status


async def _ended(poll: Callable[[], Awaitable[Any]], address: tuple[str, int]) -> Any:
    """How a server that starts has ended; ``None`` once it listens, or has done neither for long."""
    start = asked = time.monotonic()
    while not await _listens(address) and time.monotonic() - start < _LONGEST:
        if time.monotonic() - asked > _ALIVE:
            asked = time.monotonic()
            if (status := await poll()) is not None:
                return status
        await asyncio.sleep(_PAUSE)
    return None


def _keep(spawner: Any, address: tuple[str, int]) -> None:
    """Let a hub that is killed meanwhile find the server again; JupyterHub keeps the same once it has been awaited."""
    spawner.server.ip, spawner.server.port = address
    spawner.orm_spawner.state = spawner.get_state()
    spawner.db.commit()


async def _listens(address: tuple[str, int]) -> bool:
    try:
        async with asyncio.timeout(_ALIVE):
            _, writer = await asyncio.open_connection(*address)
    except OSError:  # a timeout, too
        return False
    writer.close()
    return True
