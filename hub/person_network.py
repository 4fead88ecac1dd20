"""A person's own Docker network: internal, so that it leads nowhere, and there only while a server of theirs runs.

Where the hub itself runs in a container it joins the network, its proxy too, and the network has no address of the
machine's: nothing else is reached from it. Where the hub runs on the machine, the network's address of the machine is
the way to it, and every port that the machine opens on all its addresses is reached by the same way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakValueDictionary

from docker.errors import APIError

__all__ = ["NO_ADDRESS_OF_THE_MACHINE", "PersonNetwork"]

_log = logging.getLogger("alphapulse.containers")

#: Keeps the machine's own address off the network: it would be a way to whatever listens on the machine.
NO_ADDRESS_OF_THE_MACHINE = {"com.docker.network.bridge.inhibit_ipv4": "true"}

_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

type Ask = Callable[..., Awaitable[Any]]


class PersonNetwork:
    """The network of one person's servers.

    Parameters
    ----------
    ask : callable
        Calls a method of Docker's client by its name, with arguments, and returns an awaitable.
    name : str
        The network's name.
    parts : dict
        The hub's containers that join it, and the name that each has in it; empty where the hub runs on the machine.
    labels : dict
        What the network is marked with.
    """

    def __init__(self, ask: Ask, name: str, parts: dict[str, str], labels: dict[str, str]) -> None:
        self._ask, self.name, self._parts, self._labels = ask, name, parts, labels
        #: Held while a server is put on it, and while it is taken away: one of two servers must not lose it.
        self.lock = _locks.setdefault(name, asyncio.Lock())

    async def make(self) -> str:
        """Make it if it is missing and let the hub's containers join; the machine's address on it."""
        found = await self._found()
        if found is None:
            await self._ask(
                "create_network",
                self.name,
                driver="bridge",
                internal=True,
                check_duplicate=True,
                options=NO_ADDRESS_OF_THE_MACHINE if self._parts else {},
                labels=self._labels,
            )
            found = await self._found()
        await self.join(found)
        return str(found["IPAM"]["Config"][0]["Gateway"]) if found else ""

    async def join(self, found: dict[str, Any] | None = None) -> None:
        """Let the hub's containers join that are not on it, such as one that was made anew."""
        if not self._parts:
            return
        found = found or await self._found()
        there = {told["Name"] for told in found["Containers"].values()} if found else set()
        for part, alias in self._parts.items():
            if found and part not in there:
                await self._ask("connect_container_to_network", part, self.name, aliases=[alias])

    async def remove(self) -> bool:
        """Take it away if nobody's server is on it; whether it is gone."""
        found = await self._found()
        if found is None:
            return True
        there = {told["Name"] for told in found["Containers"].values()}
        if there - set(self._parts):
            return False
        for part in there:
            await self._ask("disconnect_container_from_network", part, self.name, force=True)
        try:
            await self._ask("remove_network", self.name)
        except APIError as refused:  # a server that just ends may still be on it: the next one's end removes it
            _log.warning("The network %s stays: %s", self.name, refused.explanation)
            return False
        return True

    async def _found(self) -> dict[str, Any] | None:
        try:
            return dict(await self._ask("inspect_network", self.name))
        except APIError as refused:
            if refused.status_code == 404:
                return None
            raise
